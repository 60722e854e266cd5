"""A state directory with runs in it, for tests of the commands that read it."""

import fcntl
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta
from pathlib import Path

from click.testing import CliRunner, Result
from factories import NOW, make_decision, make_delivery, make_match, make_push, make_target

from webhookd.cli import main
from webhookd.models.run import Ending, Outcome
from webhookd.models.settings import Target
from webhookd.queue import Store

OWNER = "daemon-1"


class StateFolder:
    """A directory with a real store; each step advances the time by one second."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.store = Store.open(path / "webhookd.db")
        self.now = NOW
        self.pushed = 0

    def tick(self) -> datetime:
        """Advance the time by one second and return it."""
        self.now += timedelta(seconds=1)
        return self.now

    def push(self, target: Target | None = None, **push: object) -> int:
        """Accept a push and return the number of its run."""
        self.pushed += 1
        match = make_match(push=make_push(**push), target=target or make_target())
        delivery = make_delivery(delivery_id=f"delivery-{self.pushed}", pushes=(match.push,))
        accepted = self.store.accept(make_decision(delivery=delivery, matches=(match,)), now=self.tick())
        return accepted.runs[0].run

    def start(self) -> int:
        """Claim the next run and return its number."""
        claim = self.store.claim(owner=OWNER, now=self.tick())
        assert claim is not None
        return claim.run.run

    def end(self, run: int, exit_code: int = 0, *, retry_in: float | None = None) -> None:
        """Record that the command of *run* has exited."""
        reason = f"exited with {exit_code}" if exit_code else ""
        outcome = Outcome(ending=Ending.EXITED, exit_code=exit_code, reason=reason, ended_at=self.tick())
        attempt = self.store.run(run).attempt
        self.store.finish(run, owner=OWNER, attempt=attempt, outcome=outcome, now=self.now, retry_in=retry_in)

    def write_log(self, run: int, output: bytes, *, attempt: int = 1) -> Path:
        """Append to the log of an attempt and return its path."""
        log = self.path / "runs" / str(run) / str(attempt) / "log"
        log.parent.mkdir(parents=True, exist_ok=True)
        with log.open("ab") as file:
            file.write(output)
        return log

    def webhookd(self, command: str, *args: str) -> Result:
        """Run a command on this directory."""
        return webhookd_on(self.path, command, *args)


def webhookd_on(folder: Path, command: str, *args: str) -> Result:
    """Run a command on any state directory."""
    return CliRunner().invoke(main, [command, "--state-dir", str(folder), *args])


@contextmanager
def locked(folder: Path, text: str = "4711\n") -> Iterator[None]:
    """Hold the daemon's lock, as a running daemon does."""
    with (folder / "daemon.lock").open("w") as lock:
        lock.write(text)
        lock.flush()
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield
