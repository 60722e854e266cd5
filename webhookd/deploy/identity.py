"""What a supervisor does for another user whom it may become. Standard library only.

Under a service manager root may have the right to become another (CAP_SETUID,
CAP_SETGID) and none to what belongs to others (CAP_DAC_OVERRIDE, CAP_CHOWN).
"""

import contextlib
import os
import struct
from collections.abc import Iterator
from pathlib import Path

# Source: acl(5), linux/posix_acl_xattr.h: a version, then tag, permissions and id of each entry, in order.
_VERSION = struct.pack("<I", 2)
_USER_OBJ, _USER, _GROUP_OBJ, _MASK, _OTHER = 0x01, 0x02, 0x04, 0x10, 0x20
_READ, _WRITE, _NOBODY = 4, 2, 0xFFFFFFFF


@contextlib.contextmanager
def acting_as(uid: int | None, gid: int | None) -> Iterator[None]:
    """Let the kernel check files as it would for this user; None leaves it as it is.

    Where nothing changes nothing is asked for: a sandbox may forbid the very question.
    """
    before = os.geteuid(), os.getegid()
    if gid is not None:
        os.setegid(gid)
    if uid is not None:
        os.seteuid(uid)
    try:
        yield
    finally:
        if uid is not None:
            os.seteuid(before[0])
        if gid is not None:
            os.setegid(before[1])


def let_read(path: Path, *, uid: int, gid: int | None) -> None:
    """Let the user *uid*, and nobody else, read the file *path* of ours."""
    try:
        os.chown(path, uid, -1 if gid is None else gid)
    except PermissionError:
        os.setxattr(path, "system.posix_acl_access", _access_list(uid))


def _access_list(reader: int) -> bytes:
    entries = (
        (_USER_OBJ, _READ | _WRITE, _NOBODY),
        (_USER, _READ, reader),
        (_GROUP_OBJ, 0, _NOBODY),
        (_MASK, _READ, _NOBODY),
        (_OTHER, 0, _NOBODY),
    )
    return _VERSION + b"".join(struct.pack("<HHI", *entry) for entry in entries)
