"""The state directory as commands use it: as root they become its owner, then they open its store."""

import os
import pwd
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING

import click

from webhookd.cli.configuration import state_dir
from webhookd.errors import ConfigError, NotFound, NotPossible
from webhookd.models.layout import StateLayout

if TYPE_CHECKING:
    from webhookd.queue import Store


def enter_state_dir(ctx: click.Context) -> Path:
    """Find the state directory and enter it; nothing in it may be opened before."""
    return _enter(state_dir(ctx))


def enter_daemon_dir(ctx: click.Context) -> Path:
    """Enter the state directory of this daemon, which the file may not name and which may not be there."""
    from webhookd import config

    try:
        folder = state_dir(ctx)
    except ConfigError:
        folder = config.default_state_dir(env=os.environ, uid=os.getuid())
    with suppress(NotFound):
        _enter(folder)
    return folder


def _enter(folder: Path) -> Path:
    """Become the owner of *folder*, if this is root, and check that it can be read."""
    import webhookd.queue.sqlite_files  # noqa: F401 - now: the owner may not be allowed to read the program

    try:
        become_owner(folder)
    except PermissionError:
        raise may_not_read(folder) from None
    except (FileNotFoundError, NotADirectoryError):
        hint = "it appears when the daemon first starts"
        raise NotFound(f'no state directory "{folder}"', hint=hint) from None
    if not os.access(folder, os.R_OK | os.X_OK):
        raise may_not_read(folder)
    return folder


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

    open_reader(folder).close()  # only the daemon may create a store, or bring an older one up to date
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
    try:
        user = pwd.getpwuid(owner.st_uid)
    except KeyError:  # a user without an entry has only the group of the folder
        os.setgroups([owner.st_gid])
        os.setgid(owner.st_gid)
    else:
        os.initgroups(user.pw_name, user.pw_gid)
        os.setgid(user.pw_gid)
    os.setuid(owner.st_uid)
