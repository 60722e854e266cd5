"""Killed in the middle of a burst: what was acknowledged is there, whole, and every move was a legal one."""

import os
import signal
import sqlite3
import subprocess
import sys
from pathlib import Path

import pytest
from factories import NOW
from stores import FAILURE, INTERRUPTED, OWNER, TRANSITIONS, end, later, push, start

from webhookd.models.run import RunState
from webhookd.models.settings import Overlap
from webhookd.queue import Store

TESTS = Path(__file__).parent.parent

BURST = """
import os, sys, threading
from pathlib import Path
from stores import push
from webhookd.queue import Store

store = Store.open(Path(sys.argv[1]))

def burst(number):
    for n in range(10_000):
        name = f"{sys.argv[2]}-{number}-{n}"
        push(store, name, repo=f"octocat/{number}")
        os.write(1, f"{name}\\n".encode())

for number in range(8):
    threading.Thread(target=burst, args=(number,)).start()
"""


def burst(path: Path, *, round_: int, until: int) -> list[str]:
    """Kill a child that accepts in eight threads after *until* answers; return the answered deliveries."""
    with subprocess.Popen(
        [sys.executable, "-c", BURST, path, str(round_)],
        stdout=subprocess.PIPE,
        env={**os.environ, "PYTHONPATH": str(TESTS)},
    ) as child:
        assert child.stdout is not None
        answered = [child.stdout.readline() for _ in range(until)]
        child.send_signal(signal.SIGKILL)
        answered += child.stdout.readlines()
    assert child.returncode == -signal.SIGKILL
    return [line.decode().strip() for line in answered if line.endswith(b"\n")]


@pytest.mark.parametrize("until", [1, 25, 200])
def test_no_acknowledged_delivery_is_lost_by_kill_9(tmp_path: Path, until: int) -> None:
    path = tmp_path / "webhookd.db"
    answered: set[str] = set()
    for round_ in range(3):
        answered.update(burst(path, round_=round_, until=until))
        with Store.open(path) as store:
            stored = {known.delivery: known.runs for known in store.deliveries(limit=100_000)}
            assert store.check() == ()
        assert answered <= set(stored)
        assert {len(runs) for runs in stored.values()} == {1}  # none without its run


def test_what_was_running_when_the_daemon_was_killed_is_found_again(tmp_path: Path) -> None:
    path = tmp_path / "webhookd.db"
    script = BURST.partition("def burst")[0] + (
        "from factories import NOW\n"
        "push(store, 'a')\n"
        "store.claim(owner='the killed one', now=NOW)\n"
        "os.kill(os.getpid(), 9)\n"
    )
    environment = {**os.environ, "PYTHONPATH": str(TESTS)}
    child = subprocess.run([sys.executable, "-c", script, path, "0"], env=environment, check=False)
    assert child.returncode == -signal.SIGKILL
    with Store.open(path) as store:
        (run,) = store.running()
        assert (run.owner, run.attempt) == ("the killed one", 1)
        store.adopt(run.run, owner=OWNER, attempt=1)
        again = store.finish(run.run, owner=OWNER, attempt=1, outcome=INTERRUPTED, now=NOW)
        assert again.state is RunState.QUEUED


WATCH = """
CREATE TABLE moves (run, before, after);
CREATE TRIGGER watch AFTER UPDATE OF state ON run WHEN old.state <> new.state
BEGIN INSERT INTO moves VALUES (old.id, old.state, new.state); END;
"""


def test_every_move_in_the_database_is_one_of_the_table(tmp_path: Path) -> None:
    path = tmp_path / "webhookd.db"
    Store.open(path).close()
    connection = sqlite3.connect(path)
    connection.executescript(WATCH)
    with Store.open(path) as store:
        for n in range(6):
            push(store, f"a{n}", overlap=Overlap.RESTART, retries=3)
            claim = start(store, now=later(1e6))
            end(store, claim, FAILURE, retry_in=0.0)
            push(store, f"b{n}", overlap=Overlap.RESTART, retries=3)
            claim = start(store, now=later(1e6))
            push(store, f"c{n}", overlap=Overlap.RESTART, retries=3)
            end(store, claim, INTERRUPTED)
            store.cancel(max(run.run for run in store.runs(state=RunState.QUEUED)), now=NOW)
            push(store, f"d{n}")
            end(store, start(store, now=later(1e6)))
    moves = connection.execute("SELECT DISTINCT before, after FROM moves").fetchall()
    connection.close()
    assert len(moves) >= 6
    assert [move for move in moves if RunState(move[1]) not in TRANSITIONS.get(RunState(move[0]), ())] == []
