"""The layout of the state directory: which file lies where (pure, standard library only)."""

from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True, slots=True)
class AttemptFolder:
    """The files of one attempt; its command may write only its log."""

    path: Path

    @property
    def log(self) -> Path:
        """What the command printed."""
        return self.path / "log"

    @property
    def payload(self) -> Path:
        """The payload that the command may read; removed when it ends."""
        return self.path / "payload"

    @property
    def result(self) -> Path:
        """How the attempt ended, written by its supervisor."""
        return self.path / "result.json"


@dataclass(frozen=True, slots=True)
class StateLayout:
    """The state directory at `root`."""

    root: Path

    @property
    def database(self) -> Path:
        """The SQLite file of the store."""
        return self.root / "webhookd.db"

    @property
    def daemon_lock(self) -> Path:
        """Locked by the daemon while it lives; holds its process id."""
        return self.root / "daemon.lock"

    @property
    def control_socket(self) -> Path:
        """Where the daemon answers commands."""
        return self.root / "control.sock"

    @property
    def locks(self) -> Path:
        """One lock file for each lane."""
        return self.root / "locks"

    @property
    def runs(self) -> Path:
        """One folder for each run, in it one for each attempt."""
        return self.root / "runs"

    @property
    def spare_run(self) -> Path:
        """A folder made in advance, which the next run takes by renaming it."""
        return self.runs / ".spare"

    def run(self, run: int) -> Path:
        """Return the folder of a run."""
        return self.runs / str(run)

    def attempt(self, run: int, attempt: int) -> AttemptFolder:
        """Return the folder of an attempt."""
        return AttemptFolder(self.run(run) / str(attempt))
