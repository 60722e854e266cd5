"""A real worker between a real store and real supervisors."""

import json
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from configfiles import SECRET, load
from harness import wait_for
from queueing import OWNER, push, push_in_vain, queued

from webhookd.deploy.launcher import Launcher
from webhookd.deploy.worker import Worker
from webhookd.errors import StoreError
from webhookd.models import Ending, RunState
from webhookd.queue import Store

REPOS = ("octocat/blog", "octocat/shop")
OVER = {RunState.SUCCEEDED, RunState.FAILED, RunState.CANCELLED}


class AtWork:
    """A store with a worker. Every command is a script; a run of it leaves a file with its number."""

    def __init__(self, store: Store, launcher: Launcher, folder: Path) -> None:
        self.store = store
        self.launcher = launcher
        self.state = launcher.folder(1, 1).parents[2]
        self.ran = folder / "ran"
        self.ran.mkdir()
        self.script = folder / "script"
        self.script.write_text(f"touch {self.ran}/$WEBHOOKD_RUN")
        self.folder = folder
        self.configure()
        self.worker = Worker(store=store, launcher=launcher, config=lambda: self.config, owner=OWNER)

    def configure(self, **keys: object) -> None:
        """Put a configuration in force whose targets have these *keys*."""
        target = {"run": f". {self.script}"} | keys
        text = SECRET + json.dumps({"repos": {repo: {"main": target} for repo in REPOS}})[1:-1]
        self.config = load(self.folder, text)

    def push(self, delivery_id: str, repo: str = REPOS[0], **target: Any) -> int:
        """Accept a push, as the daemon does it; give its run."""
        run = queued(push(self.store, delivery_id, repo=repo, **target))
        self.worker.wake()
        return run

    def end_of(self, run: int) -> RunState:
        """Give the state that *run* ends in."""
        wait_for(lambda: self.store.run(run).state in OVER, what=f"the end of run {run}")
        return self.store.run(run).state


@pytest.fixture
def at_work(store: Store, launcher: Launcher, tmp_path: Path) -> Iterator[AtWork]:
    made = AtWork(store, launcher, tmp_path)
    thread = threading.Thread(target=made.worker.run)
    thread.start()
    yield made
    made.worker.drain()
    thread.join()
    made.worker.close()


def test_nothing_starts_and_nothing_is_left_of_a_claim_whose_commit_fails(
    at_work: AtWork, caplog: pytest.LogCaptureFixture
) -> None:
    def fail() -> bool:
        with pytest.raises(StoreError, match="FOREIGN KEY"):
            push_in_vain(at_work.store, "lost")
        at_work.worker.wake()
        return "store unavailable" in caplog.text

    wait_for(fail, what="a push that the worker got ready for")
    payload = at_work.launcher.folder(1, 1) / "payload"
    wait_for(lambda: not payload.exists(), what="the end of its payload")
    assert at_work.store.runs() == ()
    assert list(at_work.ran.iterdir()) == []
    assert at_work.end_of(at_work.push("kept")) is RunState.SUCCEEDED  # so its lane is free as well
    assert [path.name for path in at_work.ran.iterdir()] == ["1"]


def test_a_run_that_waits_again_does_so_under_the_rules_of_now(at_work: AtWork) -> None:
    at_work.configure(retries=1, retry_delay="1s")
    at_work.script.write_text(
        f"until test -e {at_work.folder}/go; do sleep 0.01; done; test $WEBHOOKD_ATTEMPT = 2"
    )
    run = at_work.push("d-1", retries=1)
    wait_for(lambda: at_work.store.run(run).state is RunState.RUNNING, what="its start")
    at_work.configure(retries=1, retry_delay="1s", lock="shared")
    (at_work.folder / "go").touch()
    assert at_work.end_of(run) is RunState.SUCCEEDED
    assert (at_work.store.run(run).attempt, at_work.store.run(run).lane) == (2, "lock shared")


@pytest.mark.parametrize("text", ["", "no JSON", "[]", '{"invocation": 1}', "{}"])
def test_a_result_that_no_supervisor_wrote_is_none(at_work: AtWork, text: str) -> None:
    result = f"{at_work.state}/runs/$WEBHOOKD_RUN/$WEBHOOKD_ATTEMPT/result.json"
    at_work.script.write_text(
        f"test $WEBHOOKD_ATTEMPT = 2 || {{ echo '{text}' > {result}; kill -KILL $PPID; sleep 600; }}"
    )
    run = at_work.push("d-1")
    assert at_work.end_of(run) is RunState.SUCCEEDED
    assert [attempt.ending for attempt in at_work.store.attempts(run)] == [Ending.INTERRUPTED, Ending.EXITED]


@pytest.mark.parametrize("name", ["runs", "locks"])
def test_what_cannot_be_laid_out_is_tried_again_and_holds_nothing_else_up(at_work: AtWork, name: str) -> None:
    folder, away = at_work.state / name, at_work.state / "away"
    folder.rename(away)
    folder.write_bytes(b"in the way")
    hindered = at_work.push("d-1")
    wait_for(lambda: any(known.reason for known in at_work.store.attempts(hindered)), what="a try")
    folder.unlink()
    away.rename(folder)
    assert at_work.end_of(at_work.push("d-2", REPOS[1])) is RunState.SUCCEEDED
    assert at_work.store.run(hindered).state not in {RunState.FAILED, RunState.CANCELLED}
    assert at_work.store.attempts(hindered)[0].reason.startswith("no supervisor could be started: ")
