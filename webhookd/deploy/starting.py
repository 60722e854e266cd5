"""Starts the command of a job, also as another user. Standard library only.

Under a service manager root may have the right to become another user (CAP_SETUID, CAP_SETGID) but no right
to files that belong to others (CAP_DAC_OVERRIDE, CAP_CHOWN).
"""

import contextlib
import os
import struct
import subprocess
from collections.abc import Iterator
from pathlib import Path

from webhookd.deploy.job import Job

# Source: acl(5), linux/posix_acl_xattr.h: a version, then tag, permissions and id of each entry, in order.
_VERSION = struct.pack("<I", 2)
_USER_OBJ, _USER, _GROUP_OBJ, _MASK, _OTHER = 0x01, 0x02, 0x04, 0x10, 0x20
_READ, _WRITE, _NOBODY = 4, 2, 0xFFFFFFFF


def spawn(job: Job, output: int) -> int:
    """Start the command in a session of its own and return its pid."""
    if job.uid is not None and job.files.payload.exists():
        let_read(job.files.payload, uid=job.uid, gid=job.gid)
    _enter_working_folder(job)
    if job.nice is not None:
        # For this process, while it still has the right to; the command inherits it.
        os.setpriority(os.PRIO_PROCESS, 0, job.nice)
    process = subprocess.Popen(
        job.argv,
        env=job.env,
        stdin=subprocess.DEVNULL,
        stdout=output,
        stderr=output,
        start_new_session=True,
        user=job.uid,
        group=job.gid,
        extra_groups=None if job.uid is None and job.gid is None else [],
        umask=-1 if job.umask is None else job.umask,
    )
    process.returncode = 0  # it is reaped by the supervisor's loop, with all the others
    os.chdir("/")  # a supervisor must not keep a file system busy
    return process.pid


def _enter_working_folder(job: Job) -> None:
    """Enter the working folder as the user of the command: it may be closed to this one."""
    with acting_as(job.uid, job.gid):
        try:
            os.chdir(job.cwd or job.env.get("HOME", "/"))
        except OSError:
            if job.cwd is not None:
                raise
            os.chdir("/")  # an account without a home


def why(error: Exception, job: Job) -> str:
    """Return in one sentence why the command did not start."""
    if isinstance(error, OSError) and error.filename is not None:
        what = "working folder" if error.filename == job.cwd else "command"
        return f'{what} "{error.filename}": {str(error.strerror).lower()}'
    return f"could not be started: {error}"


@contextlib.contextmanager
def acting_as(uid: int | None, gid: int | None) -> Iterator[None]:
    """Make the kernel check files as it would for this user; None changes nothing.

    For None no system call is made: a sandbox may forbid it.
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
    """Make our file *path* readable for the user *uid* and nobody else."""
    try:
        os.lchown(path, uid, -1 if gid is None else gid)
    except PermissionError:
        os.setxattr(path, "system.posix_acl_access", _access_list(uid), follow_symlinks=False)


def _access_list(reader: int) -> bytes:
    entries = (
        (_USER_OBJ, _READ | _WRITE, _NOBODY),
        (_USER, _READ, reader),
        (_GROUP_OBJ, 0, _NOBODY),
        (_MASK, _READ, _NOBODY),
        (_OTHER, 0, _NOBODY),
    )
    return _VERSION + b"".join(struct.pack("<HHI", *entry) for entry in entries)
