"""Why a queued run has not started, as the store and the daemon's lock tell it."""

from collections.abc import Iterable
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

from webhookd.cli import output
from webhookd.cli.state import daemon_pid, wake_daemon
from webhookd.errors import NotPossible
from webhookd.models import RunState
from webhookd.report import QueueSnapshot, blockers

if TYPE_CHECKING:
    from webhookd.queue import Store

LOOKED_THROUGH = 100  # queued runs, for one that comes first


def announce(store: "Store", folder: Path, said: str, runs: Iterable[int]) -> None:
    """Say what was done, have the daemon look at it, and say what keeps *runs* from starting.

    In this order: whatever comes after, nobody shall do it again for not having been told.
    """
    output.remark(said)
    wake_daemon(folder)
    for run in runs:
        say_why(store, folder, run)


def say_why(store: "Store", folder: Path, number: int) -> None:
    """Say on stderr what keeps a run from starting, if anything does."""
    run = store.run(number)
    if run.state is RunState.QUEUED:
        for blocker in blockers(run, look_around(store, folder)):
            output.remark(f"run {number} waits: {blocker}")


def look_around(store: "Store", folder: Path) -> QueueSnapshot:
    """Look at what may keep a run from starting."""
    return QueueSnapshot(
        now=datetime.now(UTC),
        daemon_up=_is_up(folder),
        paused=store.paused(),
        running=store.running(),
        queued=store.runs(state=RunState.QUEUED, limit=LOOKED_THROUGH),
    )


def _is_up(folder: Path) -> bool:
    try:
        return daemon_pid(folder) is not None
    except NotPossible:  # this user may not look: nothing is said of it
        return True
