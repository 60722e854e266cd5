"""Disk full, read-only, locked by somebody else: 503 now, and everything works again without a restart."""

import os
import resource
import sqlite3
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from signal import SIG_IGN, SIGXFSZ, signal

import pytest
from factories import NOW, make_decision, make_delivery
from stores import push, states

from webhookd.errors import StoreUnavailable
from webhookd.models.delivery import Decision
from webhookd.queue import Store, sqlite_files
from webhookd.queue.sqlite_errors import store_error

BIG = b"x" * 100_000


def big(number: int) -> Decision:
    return make_decision(delivery=make_delivery(delivery_id=f"big-{number}", body=b"%d" % number + BIG))


def fill(store: Store) -> tuple[list[int], StoreUnavailable]:
    """Store large deliveries until no more fits; give their runs and the error."""
    stored: list[int] = []
    for number in range(10_000):
        try:
            (run,) = store.accept(big(number), now=NOW).runs
        except StoreUnavailable as error:
            return stored, error
        stored.append(run.run)
    raise AssertionError("it never became full")


def check_whole(path: Path, stored: list[int]) -> None:
    """What was acknowledged is there, and nothing else, not even half a delivery."""
    with Store.open_reader(path) as reader:
        assert list(states(reader)) == stored
        assert [known.runs for known in reversed(reader.deliveries(limit=10_000))] == [
            (run,) for run in stored
        ]
        assert reader.check() == ()


def limit_pages(store: Store, pages: int) -> None:
    """Limit the size of the database to *pages*, until its connection is replaced."""
    writer = store._db._writer  # type: ignore[attr-defined]  # noqa: SLF001
    writer.submit(lambda tx: tx.all(f"PRAGMA max_page_count = {pages}", {}))


def test_a_full_database_refuses_and_takes_more_when_there_is_room(tmp_path: Path) -> None:
    path = tmp_path / "webhookd.db"
    with Store.open(path) as store:
        limit_pages(store, 200)
        stored, error = fill(store)
        assert str(error) == f'"{path}": the disk is full (SQLITE_FULL: database or disk is full)'
        assert error.hint == "free some space"
        check_whole(path, stored)
        limit_pages(store, 10_000)
        assert store.accept(big(len(stored)), now=NOW).status.wakes


@contextmanager
def file_size_limit(size: int) -> Iterator[None]:
    """Limit the files of this process to *size* bytes."""
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    before = signal(SIGXFSZ, SIG_IGN)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
        signal(SIGXFSZ, before)


def test_a_write_that_fails_at_the_commit_stores_nothing_and_later_ones_work(tmp_path: Path) -> None:
    path = tmp_path / "webhookd.db"
    with Store.open(path) as store:
        push(store, "before")
        wal = path.with_name("webhookd.db-wal")
        with file_size_limit(wal.stat().st_size + 50_000), pytest.raises(StoreUnavailable):
            store.accept(big(0), now=NOW)
        check_whole(path, [1])
        assert store.accept(big(0), now=NOW).status.wakes
        assert states(store) == {1: "superseded", 2: "queued"}


needs_mount = pytest.mark.skipif(os.geteuid() != 0, reason="only root can mount a small disk")


@needs_mount
def test_a_full_disk_refuses_and_takes_more_when_there_is_room(small_disk: Path) -> None:
    path = small_disk / "webhookd.db"
    ballast = small_disk / "ballast"
    ballast.write_bytes(bytes(1024**2))
    with Store.open(path) as store:
        stored, _ = fill(store)
        assert stored
        with pytest.raises(StoreUnavailable):
            store.accept(big(len(stored)), now=NOW)
        check_whole(path, stored)
        ballast.unlink()
        (run,) = store.accept(big(len(stored)), now=NOW).runs
        check_whole(path, [*stored, run.run])
    with Store.open(path) as store:
        assert list(states(store)) == [*stored, run.run]


@needs_mount
def test_a_full_disk_is_still_read(small_disk: Path) -> None:
    with Store.open(small_disk / "webhookd.db") as store:
        stored, _ = fill(store)
        assert store.counts().queued == 1
        assert len(store.runs(limit=1000)) == len(stored)


@needs_mount
def test_a_disk_that_became_read_only_refuses_until_it_takes_writes_again(small_disk: Path) -> None:
    path = small_disk / "webhookd.db"
    with Store.open(path) as store:
        push(store, "a")
    subprocess.run(["mount", "-o", "remount,ro", small_disk], check=True)
    with pytest.raises(StoreUnavailable, match="the database"):
        Store.open(path)
    subprocess.run(["mount", "-o", "remount,rw", small_disk], check=True)
    with Store.open(path) as store:
        push(store, "b")


HOLD = """
import sqlite3, sys
connection = sqlite3.connect(sys.argv[1], isolation_level=None)
connection.execute("BEGIN IMMEDIATE")
print("held", flush=True)
sys.stdin.read()
"""


@pytest.mark.parametrize("replaced", [False, True])
def test_a_database_that_was_removed_refuses_writes(tmp_path: Path, replaced: bool) -> None:  # noqa: FBT001
    path, away = tmp_path / "webhookd.db", tmp_path / "away.db"
    with Store.open(path) as store:
        push(store, "a")
        path.rename(away)
        if replaced:
            path.write_bytes(away.read_bytes())
        for _ in range(2):  # the second time over a new connection
            with pytest.raises(StoreUnavailable, match="was removed or replaced"):
                push(store, "b")
        away.rename(path)
        push(store, "c")
    with Store.open_reader(path) as reader:
        assert {known.delivery for known in reader.deliveries()} >= {"a", "c"}


def test_a_database_whose_folder_was_moved_refuses_writes(tmp_path: Path) -> None:
    folder, away = tmp_path / "state", tmp_path / "away"
    with Store.open(folder / "webhookd.db") as store:
        folder.rename(away)
        folder.touch()
        with pytest.raises(StoreUnavailable, match="was removed or replaced"):
            push(store, "a")
        folder.unlink()
        away.rename(folder)
        push(store, "b")


def test_a_database_locked_by_another_process_refuses_until_it_is_free(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sqlite_files, "BUSY_TIMEOUT", 0.05)
    path = tmp_path / "webhookd.db"
    with Store.open(path) as store:
        with subprocess.Popen(
            [sys.executable, "-c", HOLD, path], stdin=subprocess.PIPE, stdout=subprocess.PIPE
        ) as other:
            assert other.stdout is not None
            assert other.stdout.readline() == b"held\n"
            with pytest.raises(StoreUnavailable, match="another process holds the database"):
                push(store, "a")
            assert store.counts().queued == 0  # readers do not wait
        push(store, "a")
        assert states(store) == {1: "queued"}


def test_two_processes_may_write_in_turn(tmp_path: Path) -> None:
    path = tmp_path / "webhookd.db"
    with Store.open(path) as daemon, Store.open(path) as command:
        push(daemon, "a")
        command.cancel(1, now=NOW)
        push(daemon, "b")
        assert states(command) == {1: "cancelled", 2: "queued"}


def test_a_failure_names_what_sqlite_said() -> None:
    error = sqlite3.OperationalError("disk I/O error")
    error.sqlite_errorcode = sqlite3.SQLITE_IOERR_FSYNC
    error.sqlite_errorname = "SQLITE_IOERR_FSYNC"
    assert str(store_error(error, path="x")) == (
        '"x": the disk reports an error (SQLITE_IOERR_FSYNC: disk I/O error)'
    )
