"""The running daemon as commands see it: whether it is up, waking it, and why a queued run waits."""

import fcntl
from collections.abc import Iterable
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

from webhookd.cli import output
from webhookd.cli.state import may_not_read
from webhookd.errors import NotPossible
from webhookd.models.layout import StateLayout
from webhookd.models.run import RunState

if TYPE_CHECKING:
    from webhookd.queue import Store
    from webhookd.report import QueueSnapshot

LOOKED_THROUGH = 100  # queued runs, to find one that comes first


def daemon_pid(folder: Path) -> int | None:
    """Return the process id of the daemon on *folder*; 0 if it is unknown, None if no daemon runs.

    This takes a shared lock for a moment; a daemon that starts in that moment tries again.
    """
    try:
        with StateLayout(folder).daemon_lock.open("rb") as lock:
            try:
                fcntl.flock(lock, fcntl.LOCK_SH | fcntl.LOCK_NB)
            except BlockingIOError:
                text = lock.read(32).strip()
                return int(text) if text.isdigit() else 0
    except FileNotFoundError:
        pass
    except PermissionError as exc:
        raise may_not_read(StateLayout(folder).daemon_lock) from exc
    return None


def wake_daemon(folder: Path) -> bool:
    """Make the daemon look at the store at once; return whether one is running.

    A daemon that does not answer will find the change in the store by itself soon.
    """
    from webhookd.daemon.control import ask

    try:
        return ask(folder, "wake") is not None
    except NotPossible as exc:
        output.remark(f"{exc}; it will find the change in the store within seconds")
        return True


def other_config(folder: Path, named: Path | None) -> Path | None:
    """Return the configuration file of the daemon on *folder* if the user *named* another one."""
    from webhookd.daemon.control import ask

    answer = ask(folder, "file") if named is not None else None
    if named is None or answer is None or "file" not in answer:
        return None
    used = Path(answer["file"])
    try:
        return None if used == named or used.samefile(named) else used
    except OSError:
        return used


def announce(store: "Store", folder: Path, message: str, runs: Iterable[int]) -> None:
    """Print *message*, wake the daemon, and print what keeps *runs* from starting.

    The message comes first: if a later step fails, nobody must repeat the command for not having seen it.
    """
    output.remark(message)
    wake_daemon(folder)
    for run in runs:
        explain_waiting(store, folder, run)


def explain_waiting(store: "Store", folder: Path, number: int) -> None:
    """Print on stderr what keeps a queued run from starting, if anything does."""
    from webhookd.report import blockers

    run = store.run(number)
    if run.state is RunState.QUEUED:
        for blocker in blockers(run, queue_snapshot(store, folder)):
            output.remark(f"run {number} waits: {blocker}")


def queue_snapshot(store: "Store", folder: Path) -> "QueueSnapshot":
    """Collect everything that may keep a run from starting."""
    from webhookd.report import QueueSnapshot

    try:
        is_up = daemon_pid(folder) is not None
    except NotPossible:  # this user may not look: assume that it is up, and print nothing about it
        is_up = True
    return QueueSnapshot(
        now=datetime.now(UTC),
        daemon_up=is_up,
        paused=store.paused(),
        running=store.running(),
        queued=store.runs(state=RunState.QUEUED, limit=LOOKED_THROUGH),
    )
