"""Bursts of pushes to misbehaving commands, while processes of webhookd are killed at random.

The test checks only what is visible from outside: the answers, the files that commands wrote, the running
processes, and the lists of runs.
"""

import contextlib
import os
import random
import signal
import sqlite3
import subprocess
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from daemon import Daemon, push_payload
from harness import wait_for

# Every process that a command leaves behind holds the `flock`, so a second command beside it is detected.
RULES = """
    plain: {{run: '{guard} sleep 0.05; {mark}'}}
    every: {{overlap: queue, run: '{guard} {mark}'}}
    stubborn: {{timeout: 1s, grace: 1s, run: '{guard} trap "" TERM; while :; do sleep 600; done'}}
    forks: {{grace: 1s, run: '{guard} (setsid sh -c "trap : TERM; sleep 600; sleep 600" &); {mark}'}}
    holds: {{grace: 1s, run: '{guard} sleep 600 & {mark}'}}
    chatty: {{run: '{guard} for i in $(seq 16); do head -c 4M /dev/zero; sleep 0.3; done; {mark}'}}
    vanishes: {{run: '{guard} mkdir -p {folder}/gone && cd {folder}/gone && rm -r {folder}/gone; {mark}'}}
"""
GUARD = (
    "exec 9>{folder}/$WEBHOOKD_BRANCH.lock; "
    "flock -n 9 || echo $WEBHOOKD_RUN $WEBHOOKD_ATTEMPT >> {folder}/overlap;"
)
MARK = 'echo "$WEBHOOKD_COMMIT" >> {folder}/$WEBHOOKD_BRANCH.done'
BRANCHES = ("plain", "every", "stubborn", "forks", "holds", "chatty", "vanishes")
ENDED = ("succeeded", "failed", "timed_out")
SETTINGS = "workers: 8\nhistory: {log_limit: 1MiB}"
KILLS_OF_A_ROUND = 6


def rules(folder: Path) -> str:
    return RULES.format(folder=folder, guard=GUARD.format(folder=folder), mark=MARK.format(folder=folder))


class Senders:
    """Threads that push until stopped, and record the acknowledged pushes."""

    def __init__(self, daemon: Daemon) -> None:
        self._daemon = daemon
        self._stop = threading.Event()
        self.acknowledged: list[tuple[str, str, int]] = []  # branch, commit, run
        self.refused = 0  # answered 503
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
            self.refused += answer.status == 503
            self._stop.wait(choose.uniform(0, 0.05))


def kill_something(daemon: Daemon, choose: random.Random) -> None:
    """Kill the daemon, one of its child processes, or all of them; then start the daemon again if needed."""
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
        wait_for(lambda: has_started(daemon), what="a daemon that starts", deadline=120)


def has_started(daemon: Daemon) -> bool:
    """Start the daemon; return false if the disk is full just now."""
    try:
        daemon.start()
    except AssertionError as error:
        if "the disk is full" in str(error):
            return False
        raise
    return True


def child_pids(parent: int) -> list[int]:
    return [int(pid) for pid in Path(f"/proc/{parent}/task/{parent}/children").read_text().split()]


def processes_of(folder: Path) -> list[int]:
    """Return the processes of commands, found by the lock file that each of them has open."""
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


@pytest.fixture
def marks(tmp_path: Path) -> Path:
    """The folder for files of commands."""
    folder = tmp_path / "marks"
    folder.mkdir()
    return folder


@pytest.fixture
def daemon(tmp_path: Path, marks: Path) -> Iterator[Daemon]:
    """A daemon with a small disk for its state, if the test can mount one."""
    made = Daemon(tmp_path / "daemon", f"  octocat/blog:\n{rules(marks)}", settings=SETTINGS)
    made.state_dir.mkdir(parents=True)
    if os.geteuid() == 0:
        options = "size=256m,mode=700"
        subprocess.run(["mount", "-t", "tmpfs", "-o", options, "tmpfs", made.state_dir], check=True)
    yield made.start()
    made.close()
    if os.geteuid() == 0:
        subprocess.run(["umount", "--lazy", made.state_dir], check=True)


def fill_the_disk(daemon: Daemon, senders: Senders) -> None:
    """Fill the disk until a sender gets a 503, then free it."""
    if os.geteuid() != 0:
        return
    ballast, before = daemon.state_dir / "ballast", senders.refused
    while senders.refused == before:
        with contextlib.suppress(OSError), ballast.open("ab", buffering=0) as file:
            while file.write(bytes(65536)):
                pass
    ballast.unlink()


def torture(daemon: Daemon, choose: random.Random, *, kills: int) -> Senders:
    """Push, kill processes, fill the disk, and wait until all pushes are sent."""
    senders = Senders(daemon)
    with senders.sending():
        for _ in range(kills):
            threading.Event().wait(choose.uniform(0.2, 0.8))
            kill_something(daemon, choose)
        fill_the_disk(daemon, senders)
    return senders


def check_round(daemon: Daemon, senders: Senders, folder: Path) -> None:
    """Compare the answers to senders with the work of the commands."""
    runs = {run["run"]: run for run in daemon.wait_until_idle(deadline=300)}
    assert senders.acknowledged
    for branch, commit, number in senders.acknowledged:
        assert (runs[number]["ref"], runs[number]["commit"]) == (f"refs/heads/{branch}", commit)
        assert last_of_chain(runs, number)["state"] in ENDED
    assert not (folder / "overlap").exists(), (folder / "overlap").read_text() + daemon.log
    wait_for(lambda: not processes_of(folder), what="an end of all processes")
    for branch in set(BRANCHES) - {"stubborn"}:
        path = folder / f"{branch}.done"
        marks = path.read_text().split() if path.exists() else []
        done = {
            run["commit"] for run in runs.values() if run["state"] == "succeeded" and branch in run["ref"]
        }
        assert done <= set(marks)
    for log in daemon.state_dir.glob("runs/*/*/log"):
        assert log.stat().st_blocks * 512 < 1_200_000, (
            log
        )  # a log that the full disk kept too long has a hole
    with contextlib.closing(sqlite3.connect(daemon.state_dir / "webhookd.db")) as database:
        assert database.execute("PRAGMA integrity_check").fetchall() == [("ok",)]


def test_no_kill_loses_a_push_or_runs_two_commands_of_a_lane(
    daemon: Daemon, marks: Path, pytestconfig: pytest.Config
) -> None:
    choose = random.Random(26)
    left: int = pytestconfig.getoption("--torture-kills")
    while left:
        kills = min(left, KILLS_OF_A_ROUND)
        check_round(daemon, torture(daemon, choose, kills=kills), marks)
        left -= kills
    assert daemon.stop() == 0
