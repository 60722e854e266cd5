"""A real worker between a real store and real supervisors, as tests put it to work."""

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
OVER = {RunState.SUCCEEDED, RunState.FAILED, RunState.CANCELLED, RunState.SUPERSEDED}


class AtWork:
    """A store with a worker. Every command is a script; a run of it leaves a file with its number."""

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
        """Put a configuration in force whose targets have these *keys*."""
        target = {"run": f". {self.script}"} | keys
        repos = json.dumps({repo: {"main": target} for repo in REPOS})
        self.config = load(self.folder, f"{SECRET}workers: {workers}\nrepos: {repos}")

    def begin(self) -> None:
        """Put a new worker to work, as a daemon does that starts."""
        self.worker = Worker(
            store=self.store, launcher=self.launcher, config=lambda: self.config, owner=OWNER
        )
        self.thread = threading.Thread(target=self.worker.run)
        self.thread.start()

    def end(self) -> None:
        """Let the worker end once its commands have, or without them where a test has failed."""
        self.worker.drain()
        self.thread.join(DEADLINE)
        if self.thread.is_alive():
            self.worker.interrupt()
            self.thread.join(DEADLINE)
        self.worker.leave()
        self.thread.join()
        self.worker.close()

    def is_blocked(self) -> bool:
        """Tell what the worker says of itself."""
        return self.worker.is_blocked

    def push(self, delivery_id: str, repo: str = REPOS[0], **target: Any) -> int:
        """Accept a push, as the daemon does it; give its run."""
        run = queued(push(self.store, delivery_id, repo=repo, **target))
        self.worker.wake()
        return run

    def end_of(self, run: int) -> RunState:
        """Give the state that *run* ends in."""
        wait_for(lambda: self.store.run(run).state in OVER, what=f"the end of run {run}")
        return self.store.run(run).state
