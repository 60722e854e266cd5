"""Users and groups of this machine, and what only root may ask for."""

import grp
import pwd
from collections.abc import Iterator
from pathlib import Path

from webhookd.config.document import KeyPath
from webhookd.config.schema import Target
from webhookd.config.wording import pasted, quoted

Complaint = tuple[KeyPath, str, str]  # where, what, the way out


def user_name(uid: int) -> str:
    """Give the name of a user, or the number where there is none."""
    try:
        return pwd.getpwuid(uid).pw_name
    except KeyError:
        return str(uid)


def let_read(path: Path, *, uid: int) -> str:
    """Say what helps a user who may not read *path*: to be another one, or to own it."""
    user = user_name(uid)
    return f"run this as root or as the daemon's user; if that is {user}: chown {user} {pasted(path)}"


def complaints(path: KeyPath, target: Target, *, uid: int) -> Iterator[Complaint]:
    """Say which wishes of *target* a webhookd that runs as *uid* cannot fulfil."""
    for key, name, known in (("user", target.user, _has_user), ("group", target.group, _has_group)):
        if name is not None and not known(name):
            yield (*path, key), f"there is no {key} {quoted(name)}", f"make it, or write another {key}'s name"
        elif name is not None and uid != 0:
            yield (*path, key), f"only root may run a command as another {key}", _way_out(uid)
    if target.nice is not None and target.nice < 0 and uid != 0:
        yield (*path, "nice"), "only root may go below 0", _way_out(uid)


def _way_out(uid: int) -> str:
    return f"start webhookd as root, or remove this key: commands run as {quoted(user_name(uid))}"


def _has_user(name: str) -> bool:
    try:
        pwd.getpwnam(name)
    except KeyError:
        return False
    return True


def _has_group(name: str) -> bool:
    try:
        grp.getgrnam(name)
    except KeyError:
        return False
    return True
