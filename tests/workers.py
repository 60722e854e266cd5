"""Real supervisors for tests, from a real fork server, and a real worker with a real store."""

import hashlib
import json
import os
import select
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

from configfiles import SECRET, load
from harness import DEADLINE, wait_for
from stores import OWNER, push, queued

from webhookd.deploy.job import Job, Result
from webhookd.deploy.launcher import Launcher
from webhookd.deploy.locks import RunningSupervisor
from webhookd.deploy.worker import Worker
from webhookd.models.run import RunState
from webhookd.queue import Store

Run = Callable[..., Result]

INVOCATION = hashlib.sha256(os.urandom(16)).hexdigest()[:32]  # tests run in parallel
REPOS = ("octocat/blog", "octocat/shop")
ENDED = {RunState.SUCCEEDED, RunState.FAILED, RunState.CANCELLED, RunState.SUPERSEDED}


def start(
    launcher: Launcher, *argv: str, run: int = 1, attempt: int = 1, lane: str = "lane", **over: Any
) -> RunningSupervisor:
    folder = launcher.layout.attempt(run, attempt).path
    lock = launcher.locks.take(lane)
    assert lock is not None
    env = {"PATH": os.environ["PATH"], "WEBHOOKD_INVOCATION": INVOCATION}
    values: dict[str, Any] = {"timeout": 60.0, "grace": 0.3, "cwd": "/", "env": env} | over
    job = Job(run=run, attempt=attempt, invocation=INVOCATION, folder=str(folder), argv=argv, **values)
    supervisor = launcher.launch(job, payload=b'{"ref":"refs/heads/main"}', lock=lock)
    os.close(lock)
    assert supervisor is not None
    return supervisor


def finish(launcher: Launcher, supervisor: RunningSupervisor, *, run: int = 1, attempt: int = 1) -> Result:
    assert select.select([supervisor.pidfd], [], [], 30)[0], "the supervisor did not end"
    supervisor.close()
    result = Result.read(launcher.layout.attempt(run, attempt), INVOCATION)
    assert result is not None
    return result


def log(launcher: Launcher) -> bytes:
    path = launcher.layout.attempt(1, 1).log
    return path.read_bytes() if path.exists() else b""


def spare(launcher: Launcher) -> int:
    """Return the pid of the supervisor that waits for the next job."""
    children = Path(f"/proc/{launcher.pid}/task/{launcher.pid}/children")
    return int(wait_for(lambda: children.read_text().split(), what="a spare")[0])


class AtWork:
    """A store with a worker. Every command is a script that makes a file named after its run."""

    def __init__(self, store: Store, launcher: Launcher, folder: Path) -> None:
        self.store = store
        self.launcher = launcher
        self.state = launcher.layout.root
        self.folder = folder
        self.ran = folder / "ran"
        self.ran.mkdir()
        self.script = folder / "script"
        self.script.write_text(f"touch {self.ran}/$WEBHOOKD_RUN")
        self.configure()
        self.begin()

    def configure(self, *, workers: int = 4, **keys: object) -> None:
        """Use a new configuration whose targets have these *keys*."""
        target = {"run": f". {self.script}"} | keys
        repos = json.dumps({repo: {"main": target} for repo in REPOS})
        self.config = load(self.folder, f"{SECRET}workers: {workers}\nrepos: {repos}")

    def begin(self) -> None:
        """Start a new worker, as a starting daemon does."""
        self.worker = Worker(
            store=self.store, launcher=self.launcher, config=lambda: self.config, owner=OWNER
        )
        self.thread = threading.Thread(target=self.worker.run)
        self.thread.start()

    def end(self) -> None:
        """Stop the worker when its commands have ended; interrupt them if they take too long."""
        self.worker.drain()
        self.thread.join(DEADLINE)
        if self.thread.is_alive():
            self.worker.interrupt()
            self.thread.join(DEADLINE)
        self.worker.leave()
        self.thread.join()
        self.worker.close()

    def is_blocked(self) -> bool:
        """Return whether the worker is blocked."""
        return self.worker.is_blocked

    def push(self, delivery_id: str, repo: str = REPOS[0], **target: Any) -> int:
        """Accept a push as the daemon does, and return its run."""
        run = queued(push(self.store, delivery_id, repo=repo, **target))
        self.worker.wake()
        return run

    def end_of(self, run: int) -> RunState:
        """Wait for the end of *run* and return its state."""
        wait_for(lambda: self.store.run(run).state in ENDED, what=f"the end of run {run}")
        return self.store.run(run).state
