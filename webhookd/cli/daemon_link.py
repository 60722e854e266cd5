"""The running daemon as commands see it: whether it is up, waking it, and why a queued run waits."""

import fcntl
import os
from collections.abc import Iterable, Mapping
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from webhookd.cli import output
from webhookd.cli.configuration import find_target, no_such_target, readable_config, state_dir, target_names
from webhookd.cli.options import CONFIG, STATE_DIR
from webhookd.cli.state import may_not_read
from webhookd.errors import NotPossible, WebhookdError
from webhookd.models.layout import StateLayout
from webhookd.models.run import RunState

if TYPE_CHECKING:
    from webhookd.queue import Store
    from webhookd.report.blockers import QueueSnapshot

PATIENCE = 3.0  # seconds for an answer that a command can do without
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


def daemon_status(folder: Path) -> Mapping[str, Any]:
    """Return the status of the daemon on *folder*; empty if none answers in time."""
    from webhookd.daemon.control import ask

    try:
        answer = ask(folder, "status", patience=PATIENCE) or {}
    except NotPossible:
        return {}
    return {} if "error" in answer else answer  # of another version, say


def known_targets(ctx: click.Context) -> tuple[str, ...] | None:
    """Return the names of the targets in force, without a daemon those of the file; None if it is unreadable.

    Call it before root becomes the owner of the state directory, who may not be allowed to read the file.
    """
    with suppress(WebhookdError):  # no state directory is known
        if (names := daemon_status(state_dir(ctx)).get("targets")) is not None:
            return tuple(map(str, names))
    config = readable_config(ctx)
    return None if config is None else target_names(config)


def check_in_force(ctx: click.Context, target: str) -> None:
    """Raise NotFound if the daemon, or the file without one, has no *target*."""
    known = known_targets(ctx)
    if known is None:
        find_target(ctx, target)  # raises the error that says why nothing is known
    elif target not in known:
        error, config = no_such_target(target, known), readable_config(ctx)
        if config is not None and config.target(target) is not None:
            error.hint = "the file has it, but it is not in force: `webhookd reload`"
        raise error


def other_config(ctx: click.Context, folder: Path) -> str:
    """Return a sentence if the user named another file than the daemon on *folder* uses, else "".

    $WEBHOOKD_CONFIG names one only without `--state-dir`.
    """
    variable = None if STATE_DIR in ctx.meta else os.environ.get("WEBHOOKD_CONFIG")
    named, used = ctx.meta.get(CONFIG) or variable, daemon_status(folder).get("file")
    if not named or used is None or os.path.realpath(used) == os.path.realpath(named):
        return ""
    return f'the daemon on "{folder}" uses "{used}", not "{Path(named).absolute()}"'


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
    from webhookd.report.blockers import blockers

    run = store.run(number)
    if run.state is RunState.QUEUED:
        for blocker in blockers(run, queue_snapshot(store, folder)):
            output.remark(f"run {number} waits: {blocker}")


def queue_snapshot(store: "Store", folder: Path) -> "QueueSnapshot":
    """Collect everything that may keep a run from starting."""
    from webhookd.report.blockers import QueueSnapshot

    is_up = daemon_pid(folder) is not None
    return QueueSnapshot(
        now=datetime.now(UTC),
        daemon_up=is_up,
        stopping=is_up and daemon_status(folder).get("stopping") is True,
        paused=store.paused(),
        running=store.running(),
        queued=store.runs(state=RunState.QUEUED, limit=LOOKED_THROUGH),
    )
