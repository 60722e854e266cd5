"""Supervisors as tests start and watch them: real ones, from a real fork server."""

import hashlib
import os
import select
from collections.abc import Callable
from pathlib import Path
from typing import Any

from harness import wait_for

from webhookd.deploy.job import Job, Result
from webhookd.deploy.launcher import Launcher
from webhookd.deploy.watched import Watched

Run = Callable[..., Result]

INVOCATION = hashlib.sha256(os.urandom(16)).hexdigest()[:32]  # tests run beside each other


def start(
    launcher: Launcher, *argv: str, run: int = 1, attempt: int = 1, lane: str = "lane", **over: Any
) -> Watched:
    folder = launcher.folder(run, attempt)
    lock = launcher.locks.take(lane)
    assert lock is not None
    env = {"PATH": os.environ["PATH"], "WEBHOOKD_INVOCATION": INVOCATION}
    values: dict[str, Any] = {"timeout": 60.0, "grace": 0.3, "cwd": "/", "env": env} | over
    job = Job(run=run, attempt=attempt, invocation=INVOCATION, folder=str(folder), argv=argv, **values)
    watched = launcher.launch(launcher.prepare(job, payload=b'{"ref":"refs/heads/main"}', lock=lock))
    assert watched is not None
    return watched


def finish(launcher: Launcher, watched: Watched, *, run: int = 1, attempt: int = 1) -> Result:
    assert select.select([watched.pidfd], [], [], 30)[0], "the supervisor did not end"
    watched.close()
    result = Result.read(launcher.folder(run, attempt), INVOCATION)
    assert result is not None
    return result


def log(launcher: Launcher) -> bytes:
    path = launcher.folder(1, 1) / "log"
    return path.read_bytes() if path.exists() else b""


def spare(launcher: Launcher) -> int:
    """The supervisor that waits for the next job."""
    children = Path(f"/proc/{launcher.pid}/task/{launcher.pid}/children")
    return int(wait_for(lambda: children.read_text().split(), what="a spare")[0])
