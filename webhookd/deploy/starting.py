"""From a job to a running command. Standard library only."""

import os
import subprocess

from webhookd.deploy.identity import acting_as, let_read
from webhookd.deploy.job import Job


def spawn(job: Job, output: int) -> int:
    """Start the command in a session of its own and give its pid."""
    if job.uid is not None and job.payload.exists():
        let_read(job.payload, uid=job.uid, gid=job.gid)
    _enter_working_folder(job)
    if job.nice is not None:
        # Of this process, while it still has the right to it; the command inherits it.
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
    os.chdir("/")  # a supervisor keeps no folder busy
    return process.pid


def _enter_working_folder(job: Job) -> None:
    """Go where the command starts, with the rights of its user: the folder may be closed to ours."""
    with acting_as(job.uid, job.gid):
        try:
            os.chdir(job.cwd or job.env.get("HOME", "/"))
        except OSError:
            if job.cwd is not None:
                raise
            os.chdir("/")  # an account without a home


def why(error: Exception, job: Job) -> str:
    """Say in one sentence why the command did not start."""
    if isinstance(error, OSError) and error.filename is not None:
        what = "working folder" if error.filename == job.cwd else "command"
        return f'{what} "{error.filename}": {str(error.strerror).lower()}'
    return f"could not be started: {error}"


def silence() -> None:
    """Let go of the daemon's standard streams: whoever reads them must see them end with the daemon."""
    null = os.open(os.devnull, os.O_RDWR)
    for stream in (0, 1, 2):
        os.dup2(null, stream)
    os.close(null)
