"""Who else can change a file or folder: by its owner, its mode, and those of the folders above it."""

import grp
import os
import stat
from collections.abc import Collection, Iterator
from dataclasses import dataclass
from pathlib import Path

from webhookd.config.accounts import user_name
from webhookd.config.wording import pasted, quoted, quoted_path

_ROOT = 0


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
    elif mode & stat.S_IWGRP and is_near and not _is_private(status):
        message = f"{shown} can be changed by the group {quoted(_group_name(status.st_gid))}"
        yield Exposure(message=message, hint=f"chmod g-w {pasted(place)}", is_doubtful=True)


def _group_name(gid: int) -> str:
    try:
        return grp.getgrgid(gid).gr_name
    except KeyError:
        return str(gid)


def _is_private(status: os.stat_result) -> bool:
    """Return whether the group is the owner's own, as most systems make one for each user."""
    owner = user_name(status.st_uid)
    try:
        group = grp.getgrgid(status.st_gid)
    except KeyError:
        return False
    return group.gr_name == owner and set(group.gr_mem) <= {owner}
