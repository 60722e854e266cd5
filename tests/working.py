"""A real worker with a real store and real supervisors, for tests."""

import json
import threading
from pathlib import Path
from typing import Any

from configfiles import SECRET, load
from harness import DEADLINE, wait_for
from queueing import OWNER, push, queued

from webhookd.deploy.launcher import Launcher
from webhookd.deploy.worker import Worker
from webhookd.models.run import RunState
from webhookd.queue import Store

REPOS = ("octocat/blog", "octocat/shop")
ENDED = {RunState.SUCCEEDED, RunState.FAILED, RunState.CANCELLED, RunState.SUPERSEDED}


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
