"""Root steps aside: a command on somebody else's state directory goes on as its owner."""

import os
from pathlib import Path


def become_owner(folder: Path) -> None:
    """Become the owner of *folder*, for good, if this is root and the owner is not.

    A file that root left there (a -wal, a log) would lock the daemon out of its own store.
    """
    owner = folder.stat()
    if os.geteuid() != 0 or owner.st_uid == 0:
        return
    groups = _groups(owner.st_uid, fallback=owner.st_gid)
    os.setgroups(groups)
    os.setgid(groups[0])
    os.setuid(owner.st_uid)


def _groups(uid: int, *, fallback: int) -> list[int]:
    """Give the user's groups, the primary one first; an unlisted user has only *fallback*."""
    import pwd  # noqa: PLC0415 - only root comes here

    try:
        user = pwd.getpwuid(uid)
    except KeyError:
        return [fallback]
    others = [group for group in os.getgrouplist(user.pw_name, user.pw_gid) if group != user.pw_gid]
    return [user.pw_gid, *others]
