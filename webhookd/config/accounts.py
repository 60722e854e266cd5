"""Users and groups of this machine: what they may do, and who else can change a file or folder."""

import grp
import os
import pwd
import stat
from collections.abc import Callable, Collection, Iterator
from dataclasses import dataclass
from pathlib import Path

from webhookd.config.document import Document, KeyPath
from webhookd.config.schema import TargetKeys
from webhookd.config.wording import pasted, quoted, quoted_path

SERVICE_USER = "webhookd"  # of systemd/webhookd.service
_ROOT = 0


def user_name(uid: int) -> str:
    """Return the name of a user, or the number if it has none."""
    try:
        return pwd.getpwuid(uid).pw_name
    except KeyError:
        return str(uid)


def is_service(uid: int) -> bool:
    """Return whether this is the user of the systemd unit."""
    return user_name(uid) == SERVICE_USER


def reading_hint(path: Path, *, uid: int) -> str:
    """Return what to do if this user may not read *path*."""
    user = user_name(uid)
    return f"run this as root or as the daemon's user; if that is {user}: chown {user} {pasted(path)}"


def check_rights(document: Document, at: KeyPath, target: TargetKeys, *, uid: int) -> None:
    """Check that `user` and `group` exist, and that a webhookd running as *uid* may use them and `nice`."""
    root_only = f"start webhookd as root, or remove this key: commands run as {quoted(user_name(uid))}"
    for key, name, find in (("user", target.user, pwd.getpwnam), ("group", target.group, grp.getgrnam)):
        if name is not None and not _exists(find, name):
            hint = f"make it, or write another {key}'s name"
            document.error((*at, key), f"there is no {key} {quoted(name)}", hint)
        elif name is not None and uid != 0:
            document.error((*at, key), f"only root may run a command as another {key}", root_only)
    if target.nice is not None and target.nice < 0 and uid != 0:
        document.error((*at, "nice"), "only root may go below 0", root_only)


def _exists(find: Callable[[str], object], name: str) -> bool:
    try:
        find(name)
    except KeyError:
        return False
    return True


@dataclass(frozen=True, slots=True, kw_only=True)
class Exposure:
    """Something that lets others change a file; `is_doubtful` where these others may be meant to."""

    message: str
    hint: str
    is_doubtful: bool = False


def exposures(path: Path, *, trusted: Collection[int]) -> Iterator[Exposure]:
    """Yield what lets users other than root and the *trusted* ones change or replace *path*.

    A symbolic link is followed, and what is on the way to it counts as well.
    """
    allowed = {_ROOT, *trusted}
    named, real = path.absolute(), Path(os.path.realpath(path))
    near = {named, real, named.parent, real.parent}
    for place in dict.fromkeys((named, real, *named.parents, *real.parents)):
        try:
            status = place.lstat()
        except OSError:
            continue  # reported where the file is opened
        yield from _of(place, status, allowed, is_end=place == real, is_near=place in near)


def _of(
    place: Path, status: os.stat_result, allowed: Collection[int], *, is_end: bool, is_near: bool
) -> Iterator[Exposure]:
    shown, mode = quoted_path(place), status.st_mode
    if status.st_uid not in allowed:
        message = f"{shown} belongs to the user {quoted(user_name(status.st_uid))}, who can change it"
        yield Exposure(message=message, hint="chown it to root or to the daemon's user")
    protects_files = stat.S_ISDIR(mode) and mode & stat.S_ISVTX and not is_end  # of one user from another
    if stat.S_ISLNK(mode) or protects_files:
        return
    if mode & stat.S_IWOTH:
        message = f"{shown} can be changed by every user of this machine"
        yield Exposure(message=message, hint=f"chmod o-w {pasted(place)}")
    elif mode & stat.S_IWGRP and is_near and (group := _shared_group(status)):
        message = f"{shown} can be changed by the group {quoted(group)}"
        yield Exposure(message=message, hint=f"chmod g-w {pasted(place)}", is_doubtful=True)


def _shared_group(status: os.stat_result) -> str:
    """Return the group's name; "" if it is the owner's own, as most systems make one for each user."""
    owner = user_name(status.st_uid)
    try:
        group = grp.getgrgid(status.st_gid)
    except KeyError:
        return str(status.st_gid)
    return "" if group.gr_name == owner and set(group.gr_mem) <= {owner} else group.gr_name
