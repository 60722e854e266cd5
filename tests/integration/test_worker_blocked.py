"""A worker whose store takes no writes: it waits without haste, and a stop has an end all the same."""

import contextlib
import sqlite3
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
import structlog
from harness import is_alive, read_pids, wait_for
from structlog.typing import EventDict
from workers import REPOS, AtWork

from webhookd.deploy.launcher import Launcher
from webhookd.models.layout import StateLayout
from webhookd.models.run import RunState
from webhookd.queue import Store
from webhookd.queue.sqlite_files import open_database

NO_WRITES = "store unavailable"


@pytest.fixture
def on_small_disk(small_disk: Path) -> Iterator[AtWork]:
    launcher = Launcher(StateLayout(small_disk / "state"))
    launcher.start()
    with Store(open_database(small_disk / "webhookd.db", patience=0.2)) as store:
        made = AtWork(store, launcher, small_disk)
        yield made
        made.end()
    launcher.stop()


def fill(folder: Path) -> Path:
    """Leave no byte of room in *folder*; give the file that takes it."""
    ballast = folder / "ballast"
    for size in (4096, 1):
        with ballast.open("ab", buffering=0) as file:
            try:
                while file.write(bytes(size)):
                    pass
            except OSError:
                continue
    return ballast


@contextlib.contextmanager
def locked(folder: Path) -> Iterator[None]:
    """Keep all others from writing to the database in *folder*."""
    with contextlib.closing(sqlite3.connect(folder / "webhookd.db", isolation_level=None)) as locker:
        locker.execute("BEGIN IMMEDIATE")
        yield
        locker.execute("ROLLBACK")


def test_on_a_full_disk_the_worker_tries_once_a_second(
    on_small_disk: AtWork, small_disk: Path, logged: list[EventDict]
) -> None:
    structlog.get_config()["processors"].insert(0, structlog.processors.TimeStamper())
    on_small_disk.configure(workers=1)
    begun, go = small_disk / "begun", small_disk / "go"
    on_small_disk.script.write_text(f"touch {begun}; until test -e {go}; do sleep 0.01; done")
    on_small_disk.push("d-1", REPOS[1])
    wait_for(begun.exists, what="the command that keeps the next one waiting")
    run = on_small_disk.push("d-2")
    ballast = fill(small_disk)
    on_small_disk.config = replace(on_small_disk.config, workers=2)
    on_small_disk.worker.wake()

    def told() -> list[float]:
        return [entry["timestamp"] for entry in logged if entry["event"] == NO_WRITES]

    wait_for(lambda: len(told()) > 2, what="three errors")
    first, second = told()[1:3]  # before, somebody may have woken it
    assert second - first > 0.9
    ballast.unlink()
    go.touch()
    assert on_small_disk.end_of(run) is RunState.SUCCEEDED


def test_a_stop_reaches_commands_while_the_store_is_locked(on_small_disk: AtWork, small_disk: Path) -> None:
    on_small_disk.script.write_text(f"echo $$ > {small_disk}/$WEBHOOKD_RUN.pid; exec sleep 600")
    run = on_small_disk.push("d-1")
    (pid,) = wait_for(lambda: read_pids(small_disk), what="the command")
    with locked(small_disk):
        on_small_disk.worker.drain()
        on_small_disk.worker.interrupt()
        wait_for(lambda: not is_alive(pid), what="the end of the command")
    on_small_disk.thread.join()
    assert on_small_disk.store.run(run).state is RunState.QUEUED


def test_a_result_that_cannot_be_recorded_is_left_to_the_next_daemon(
    on_small_disk: AtWork, small_disk: Path, logged: list[EventDict]
) -> None:
    go = small_disk / "go"
    on_small_disk.script.write_text(
        f"touch {on_small_disk.ran}/$WEBHOOKD_RUN; until test -e {go}; do sleep 0.01; done; exit 3"
    )
    run = on_small_disk.push("d-1")
    wait_for((on_small_disk.ran / str(run)).exists, what="the command")
    with locked(small_disk):
        go.touch()
        wait_for(lambda: NO_WRITES in {each["event"] for each in logged}, what="an end that is not recorded")
        on_small_disk.worker.drain()
        on_small_disk.worker.leave()
        on_small_disk.thread.join()
        assert on_small_disk.worker.running == (REPOS[0] + "@main",)
    on_small_disk.worker.close()
    on_small_disk.begin()
    assert on_small_disk.end_of(run) is RunState.FAILED
    assert on_small_disk.store.run(run).exit_code == 3
    assert len(on_small_disk.store.attempts(run)) == 1
