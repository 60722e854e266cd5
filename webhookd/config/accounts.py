"""Users and groups of this machine, and the target keys that need root."""

import grp
import pwd
from collections.abc import Callable
from pathlib import Path

from webhookd.config.document import Document, KeyPath
from webhookd.config.schema import TargetKeys
from webhookd.config.wording import pasted, quoted

SERVICE_USER = "webhookd"  # of systemd/webhookd.service


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
