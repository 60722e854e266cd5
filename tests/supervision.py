"""Real supervisors for tests, from a real fork server."""

import hashlib
import os
import select
from collections.abc import Callable
from pathlib import Path
from typing import Any

from harness import wait_for

from webhookd.deploy.job import Job, Result
from webhookd.deploy.launcher import Launcher
from webhookd.deploy.locks import RunningSupervisor

Run = Callable[..., Result]

INVOCATION = hashlib.sha256(os.urandom(16)).hexdigest()[:32]  # tests run in parallel


def start(
    launcher: Launcher, *argv: str, run: int = 1, attempt: int = 1, lane: str = "lane", **over: Any
) -> RunningSupervisor:
    folder = launcher.layout.attempt(run, attempt).path
    lock = launcher.locks.take(lane)
    assert lock is not None
    env = {"PATH": os.environ["PATH"], "WEBHOOKD_INVOCATION": INVOCATION}
    values: dict[str, Any] = {"timeout": 60.0, "grace": 0.3, "cwd": "/", "env": env} | over
    job = Job(run=run, attempt=attempt, invocation=INVOCATION, folder=str(folder), argv=argv, **values)
    supervisor = launcher.launch(launcher.prepare(job, payload=b'{"ref":"refs/heads/main"}', lock=lock))
    assert supervisor is not None
    return supervisor


def finish(launcher: Launcher, supervisor: RunningSupervisor, *, run: int = 1, attempt: int = 1) -> Result:
    assert select.select([supervisor.pidfd], [], [], 30)[0], "the supervisor did not end"
    supervisor.close()
    result = Result.read(launcher.layout.attempt(run, attempt).path, INVOCATION)
    assert result is not None
    return result


def log(launcher: Launcher) -> bytes:
    path = launcher.layout.attempt(1, 1).log
    return path.read_bytes() if path.exists() else b""


def spare(launcher: Launcher) -> int:
    """Return the pid of the supervisor that waits for the next job."""
    children = Path(f"/proc/{launcher.pid}/task/{launcher.pid}/children")
    return int(wait_for(lambda: children.read_text().split(), what="a spare")[0])
