"""Bursts of pushes to ill-behaved commands while every process of webhookd is killed in turn.

What is checked is what the outside sees: the answers that senders got, the marks that commands left, the
processes that live, and what the operator is told.
"""

import contextlib
import os
import random
import signal
import sqlite3
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from daemon import Daemon, push_payload
from harness import wait_for

# `flock` is held by every process a command leaves behind, so a second command beside any of them is noticed.
RULES = """
    plain: {{run: '{guard} sleep 0.05; {mark}'}}
    every: {{overlap: queue, run: '{guard} {mark}'}}
    stubborn: {{timeout: 1s, grace: 1s, run: '{guard} trap "" TERM; while :; do sleep 600; done'}}
    forks: {{grace: 1s, run: '{guard} (setsid sh -c "trap : TERM; sleep 600; sleep 600" &); {mark}'}}
    holds: {{grace: 1s, run: '{guard} sleep 600 & {mark}'}}
    chatty: {{run: '{guard} head -c 30000000 /dev/zero; {mark}'}}
    vanishes: {{run: '{guard} mkdir -p {folder}/gone && cd {folder}/gone && rm -r {folder}/gone; {mark}'}}
"""
GUARD = (
    "exec 9>{folder}/$WEBHOOKD_BRANCH.lock; "
    "flock -n 9 || echo $WEBHOOKD_RUN $WEBHOOKD_ATTEMPT >> {folder}/overlap;"
)
MARK = 'echo "$WEBHOOKD_COMMIT" >> {folder}/$WEBHOOKD_BRANCH.done'
BRANCHES = ("plain", "every", "stubborn", "forks", "holds", "chatty", "vanishes")
ENDED = ("succeeded", "failed", "timed_out")


def rules(folder: Path) -> str:
    return RULES.format(folder=folder, guard=GUARD.format(folder=folder), mark=MARK.format(folder=folder))


class Senders:
    """Threads that push until told to stop, and remember what was acknowledged."""

    def __init__(self, daemon: Daemon) -> None:
        self._daemon = daemon
        self._stop = threading.Event()
        self.acknowledged: list[tuple[str, str, int]] = []  # branch, commit, run
        self._threads = [threading.Thread(target=self._send, args=(seed,)) for seed in range(4)]

    @contextlib.contextmanager
    def sending(self) -> Iterator[None]:
        for thread in self._threads:
            thread.start()
        try:
            yield
        finally:
            self._stop.set()
            for thread in self._threads:
                thread.join()

    def _send(self, seed: int) -> None:
        choose = random.Random(seed)
        while not self._stop.is_set():
            branch = choose.choice(BRANCHES)
            payload = push_payload(branch=branch)
            try:
                answer = self._daemon.push(payload)
            except (OSError, ValueError):
                self._stop.wait(0.05)  # the daemon is down: nothing was acknowledged
                continue
            if answer.status == 202:
                self.acknowledged.append((branch, payload["after"], answer.body["runs"][0]["run"]))
            self._stop.wait(choose.uniform(0, 0.05))


def kill_something(daemon: Daemon, choose: random.Random) -> None:
    """Kill the daemon, or one of its helpers, or all at once; leave a daemon running."""
    assert daemon.process is not None
    children = child_pids(daemon.process.pid)
    victims = choose.choice(("daemon", "fork server", "supervisor", "everything"))
    pids = {
        "daemon": [daemon.process.pid],
        "fork server": children,
        "supervisor": daemon.supervisors()[:1],
        "everything": [daemon.process.pid, *children, *daemon.supervisors()],
    }[victims]
    for pid in pids:
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)
    if daemon.process.pid in pids:
        daemon.process.wait()
        daemon.start()


def child_pids(parent: int) -> list[int]:
    return [int(pid) for pid in Path(f"/proc/{parent}/task/{parent}/children").read_text().split()]


def processes_of(folder: Path) -> list[int]:
    """Processes of commands, found by the lock that each of them holds open."""
    found = []
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            with contextlib.suppress(OSError):
                targets = [str(fd.readlink()) for fd in (entry / "fd").iterdir()]
                if any(target.startswith(f"{folder}/") and target.endswith(".lock") for target in targets):
                    found.append(int(entry.name))
    return found


def last_of_chain(runs: dict[int, dict[str, Any]], number: int) -> dict[str, Any]:
    run = runs[number]
    while run["superseded_by"] is not None:
        run = runs[run["superseded_by"]]
    return run


def test_no_kill_loses_a_push_or_runs_two_commands_of_a_lane(
    start: Callable[..., Daemon], tmp_path: Path, pytestconfig: pytest.Config
) -> None:
    daemon = start(rules(tmp_path), settings="workers: 8\nhistory: {log_limit: 1MiB}")
    senders = Senders(daemon)
    choose = random.Random(26)
    with senders.sending():
        for _ in range(pytestconfig.getoption("--torture-kills")):
            threading.Event().wait(choose.uniform(0.2, 0.8))
            kill_something(daemon, choose)
    runs = {run["run"]: run for run in daemon.wait_until_idle(deadline=300)}

    assert senders.acknowledged
    for branch, commit, number in senders.acknowledged:
        assert (runs[number]["ref"], runs[number]["commit"]) == (f"refs/heads/{branch}", commit)
        assert last_of_chain(runs, number)["state"] in ENDED
    assert not (tmp_path / "overlap").exists(), (tmp_path / "overlap").read_text() + daemon.log
    wait_for(lambda: not processes_of(tmp_path), what="an end of all processes")
    for branch in BRANCHES:
        marks = (tmp_path / f"{branch}.done").read_text().split() if branch != "stubborn" else []
        done = {
            run["commit"] for run in runs.values() if run["state"] == "succeeded" and branch in run["ref"]
        }
        assert done <= set(marks)
    assert all((path.stat().st_size) < 1_100_000 for path in daemon.state_dir.glob("runs/*/*/log"))
    assert daemon.stop() == 0
    with contextlib.closing(sqlite3.connect(daemon.state_dir / "webhookd.db")) as database:
        assert database.execute("PRAGMA integrity_check").fetchall() == [("ok",)]
