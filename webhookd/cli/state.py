"""The state directory as commands beside the daemon see it: its store, its logs, its lock."""

import fcntl
import os
from pathlib import Path
from typing import TYPE_CHECKING

import click

from webhookd.cli import output
from webhookd.cli.identity import become_owner
from webhookd.cli.options import state_dir
from webhookd.errors import NotFound, NotPossible

if TYPE_CHECKING:
    from webhookd.queue import Store

DATABASE = "webhookd.db"


def enter_state_dir(ctx: click.Context) -> Path:
    """Find the state directory and, as root, become its owner; nothing in it was opened before."""
    return enter(state_dir(ctx))


def enter(folder: Path) -> Path:
    """Become the owner of *folder*, as root, and make sure that it can be looked into."""
    if not is_there(folder):
        raise NotFound(f'no state directory "{folder}"', hint="it appears when the daemon first starts")
    import webhookd.queue.sqlite_files  # noqa: F401, PLC0415 - now: the owner need not be able to read the program

    become_owner(folder)
    if not os.access(folder, os.R_OK | os.X_OK):
        raise _may_not_read(folder)
    return folder


def is_there(folder: Path) -> bool:
    """Tell whether there is a state directory."""
    try:
        return folder.is_dir()
    except PermissionError:
        raise _may_not_read(folder) from None


def open_reader(folder: Path) -> "Store":
    """Open the store for reading, whether the daemon is up or down."""
    from webhookd.queue import Store  # noqa: PLC0415 - SQLite, only where it is needed

    if not (folder / DATABASE).exists():
        raise NotFound(
            f'no store in "{folder}"',
            hint="has the daemon ever run here? --config or --state-dir names another place",
        )
    return Store.open_reader(folder / DATABASE)


def daemon_pid(folder: Path) -> int | None:
    """Give the process id of the daemon on *folder*: 0 where it cannot be told, None if there is none.

    The shared lock taken to find out is let go at once; a daemon that starts in that moment tries again.
    """
    try:
        with (folder / "daemon.lock").open("rb") as lock:
            try:
                fcntl.flock(lock, fcntl.LOCK_SH | fcntl.LOCK_NB)
            except BlockingIOError:
                return _number(lock.read(32))
    except FileNotFoundError:
        pass
    except PermissionError as exc:
        raise _may_not_read(folder / "daemon.lock") from exc
    return None


def log_file(folder: Path, run: int, attempt: int) -> Path:
    """Give the place of an attempt's output."""
    return folder / "runs" / str(run) / str(attempt) / "log"


def _may_not_read(path: Path) -> NotPossible:
    return NotPossible(f'this user may not read "{path}"', hint="run it as root, or as the daemon's user")


def _number(text: bytes) -> int:
    return int(text) if text.strip().isdigit() else 0


def open_writer(folder: Path) -> "Store":
    """Open the store for a change beside the daemon, or without it."""
    from webhookd.queue import Store  # noqa: PLC0415 - SQLite, only where it is needed

    open_reader(folder).close()  # a missing store is not made here: the daemon does that
    return Store.open(folder / DATABASE)


def wake_daemon(folder: Path) -> bool:
    """Let the daemon look at the store at once; tell whether there is one.

    One that does not answer looks by itself before long: what was asked of the store is done all the same.
    """
    from webhookd.daemon.control import ask  # noqa: PLC0415 - only for commands that change something

    try:
        return ask(folder, "wake") is not None
    except NotPossible as exc:
        output.remark(f"{exc}; it looks at the store by itself within seconds")
        return True


def other_file(folder: Path, named: Path | None) -> Path | None:
    """Give the configuration file of the daemon on *folder*, if somebody has *named* another one."""
    from webhookd.daemon.control import ask  # noqa: PLC0415 - as above

    answer = ask(folder, "file") if named is not None else None
    if named is None or answer is None or "file" not in answer:
        return None
    works_with = Path(answer["file"])
    return None if _is_same(named, works_with) else works_with


def _is_same(one: Path, other: Path) -> bool:
    try:
        return one == other or one.samefile(other)
    except OSError:
        return False
