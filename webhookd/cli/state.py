"""The state directory as commands use it: as root they become its owner, then they open its store."""

import os
from pathlib import Path
from typing import TYPE_CHECKING

import click

from webhookd.cli.configuration import state_dir
from webhookd.errors import NotFound, NotPossible
from webhookd.models.layout import StateLayout

if TYPE_CHECKING:
    from webhookd.queue import Store


def enter_state_dir(ctx: click.Context) -> Path:
    """Find the state directory and enter it; nothing in it may be opened before."""
    return enter(state_dir(ctx))


def enter(folder: Path) -> Path:
    """Become the owner of *folder*, if this is root, and check that it can be read."""
    if not is_there(folder):
        raise NotFound(f'no state directory "{folder}"', hint="it appears when the daemon first starts")
    import webhookd.queue.sqlite_files  # noqa: F401 - now: the owner may not be allowed to read the program

    become_owner(folder)
    if not os.access(folder, os.R_OK | os.X_OK):
        raise may_not_read(folder)
    return folder


def is_there(folder: Path) -> bool:
    """Return whether there is a state directory."""
    try:
        return folder.is_dir()
    except PermissionError:
        raise may_not_read(folder) from None


def open_reader(folder: Path) -> "Store":
    """Open the store for reading, whether the daemon is up or down."""
    from webhookd.queue import Store

    database = StateLayout(folder).database
    if not database.exists():
        raise NotFound(
            f'no store in "{folder}"',
            hint="has the daemon ever run here? --config or --state-dir names another place",
        )
    return Store.open_reader(database)


def open_writer(folder: Path) -> "Store":
    """Open the store for a change, with or without a daemon."""
    from webhookd.queue import Store

    open_reader(folder).close()  # a missing store is not created here: the daemon does that
    return Store.open(StateLayout(folder).database)


def may_not_read(path: Path) -> NotPossible:
    """Return the error for a *path* that this user may not read."""
    return NotPossible(f'this user may not read "{path}"', hint="run it as root, or as the daemon's user")


def become_owner(folder: Path) -> None:
    """Become the owner of *folder* for the rest of the process, if this is root and the owner is not.

    A file that root created there (a -wal, a log) would lock the daemon out of its own store.
    """
    owner = folder.stat()
    if os.geteuid() != 0 or owner.st_uid == 0:
        return
    groups = _groups(owner.st_uid, fallback=owner.st_gid)
    os.setgroups(groups)
    os.setgid(groups[0])
    os.setuid(owner.st_uid)


def _groups(uid: int, *, fallback: int) -> list[int]:
    """Return the user's groups, the primary one first; a user without an entry has only *fallback*."""
    import pwd

    try:
        user = pwd.getpwuid(uid)
    except KeyError:
        return [fallback]
    others = [group for group in os.getgrouplist(user.pw_name, user.pw_gid) if group != user.pw_gid]
    return [user.pw_gid, *others]
