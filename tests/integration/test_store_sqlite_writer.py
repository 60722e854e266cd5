"""Group commit: who is answered when, and what happens to one that fails, is late or comes after the end."""

import contextlib
import sqlite3
import threading
from collections.abc import Callable, Collection, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path

import pytest
from harness import wait_for

from webhookd.errors import NotPossible, StoreUnavailable
from webhookd.queue.dialect import Transaction
from webhookd.queue.sqlite import SqliteWriteConnection
from webhookd.queue.writer import Contended, GroupCommit

Work = Callable[[Transaction], object]
INSERT = "INSERT INTO item (n) VALUES (:n)"


class Rig:
    """A writer on a table of its own, with a record of the transactions that it ran."""

    def __init__(self, path: Path, *, patience: float = 30.0) -> None:
        self.path = path
        self.log: list[str] = []
        self.connection = self.connect()
        self.connection.execute("PRAGMA journal_mode = WAL")
        self.connection.execute("CREATE TABLE item (n INTEGER PRIMARY KEY)")
        self.connections = 1
        self.writing = SqliteWriteConnection(
            self.connection, reconnect=self.reconnect, check_place=lambda: None
        )
        self.writer = GroupCommit(self.writing, patience=patience)
        self.pool = ThreadPoolExecutor(max_workers=32)

    def connect(self) -> sqlite3.Connection:
        connection = sqlite3.connect(self.path, isolation_level=None, check_same_thread=False)
        connection.row_factory = sqlite3.Row
        connection.set_trace_callback(self.log.append)
        return connection

    def reconnect(self) -> sqlite3.Connection:
        self.connections += 1
        return self.connect()

    def submit(self, work: Work) -> "Future[object]":
        return self.pool.submit(self.writer.submit, work)

    def insert(self, number: int) -> "Future[object]":
        return self.submit(lambda tx: tx.execute(INSERT, {"n": number}))

    @contextlib.contextmanager
    def held(self) -> Iterator[None]:
        """Keep the writer busy with one item, so that what comes meanwhile is one batch."""
        started, go_on = threading.Event(), threading.Event()

        def hold(_: Transaction) -> None:
            started.set()
            assert go_on.wait(30)

        first = self.submit(hold)
        assert started.wait(30)
        self.log.clear()
        try:
            yield
        finally:
            go_on.set()
        first.result(30)

    def waiting(self, number: int) -> None:
        wait_for(lambda: len(self.writer._waiting) == number, what=f"{number} items to wait")  # noqa: SLF001

    def stored(self) -> list[int]:
        connection = sqlite3.connect(self.path)
        rows = connection.execute("SELECT n FROM item ORDER BY n").fetchall()
        connection.close()
        return [number for (number,) in rows]

    def close(self) -> None:
        self.writer.close()
        self.pool.shutdown()


@pytest.fixture
def rig(tmp_path: Path) -> Iterator[Rig]:
    rig = Rig(tmp_path / "items.db")
    yield rig
    rig.close()


@pytest.fixture
def impatient(tmp_path: Path) -> Iterator[Rig]:
    rig = Rig(tmp_path / "items.db", patience=0.05)
    yield rig
    rig.close()


def test_concurrent_writes_share_one_transaction(rig: Rig) -> None:
    with rig.held():
        answers = [rig.insert(n) for n in range(20)]
        rig.waiting(20)
    assert [answer.result(30) for answer in answers] == [1] * 20
    assert rig.stored() == list(range(20))
    assert rig.log.count("BEGIN IMMEDIATE") == 1
    assert rig.log.count("COMMIT") == 2  # that of the item that held it, and theirs


def test_no_caller_is_answered_before_the_commit(rig: Rig) -> None:
    seen: list[list[int]] = []
    with rig.held():
        answers = [rig.insert(n) for n in range(2)]
        rig.waiting(2)
        late = rig.submit(lambda _: seen.append(rig.stored()))
        rig.waiting(3)
        assert not any(answer.done() for answer in answers)
    late.result(30)
    assert seen == [[]]
    assert rig.stored() == [0, 1]


@pytest.mark.parametrize(
    ("broken", "error", "message"),
    [
        (NotPossible("run 1 is queued"), NotPossible, "run 1 is queued"),
        (sqlite3.OperationalError("no such thing"), sqlite3.OperationalError, "no such thing"),
        (ZeroDivisionError("ours"), ZeroDivisionError, "ours"),
    ],
)
def test_only_the_write_that_fails_is_undone(
    rig: Rig, broken: Exception, error: type[Exception], message: str
) -> None:
    def fail(tx: Transaction) -> None:
        tx.execute(INSERT, {"n": 99})
        raise broken

    with rig.held():
        good = [rig.insert(n) for n in range(3)]
        bad = rig.submit(fail)
        more = [rig.insert(n) for n in range(3, 6)]
        rig.waiting(7)
    with pytest.raises(error, match=message):
        bad.result(30)
    assert [answer.result(30) for answer in good + more] == [1] * 6
    assert rig.stored() == list(range(6))
    assert rig.connections == 1


def test_when_the_database_rolls_back_only_the_failed_write_is_lost(rig: Rig) -> None:
    def roll_back(tx: Transaction) -> None:
        tx.execute("ROLLBACK", {})  # as SQLite does by itself on some errors
        raise sqlite3.OperationalError("disk I/O error")

    with rig.held():
        answers = [rig.insert(1), rig.submit(roll_back), rig.insert(2)]
        rig.waiting(3)
    with pytest.raises(sqlite3.OperationalError, match="disk I/O error"):
        answers[1].result(30)
    assert [answers[0].result(30), answers[2].result(30), rig.insert(3).result(30)] == [1, 1, 1]
    assert rig.stored() == [1, 2, 3]


def test_a_commit_that_fails_stores_nothing_and_the_next_batch_works(rig: Rig) -> None:
    def break_at_commit(tx: Transaction) -> None:
        tx.execute("PRAGMA defer_foreign_keys = ON", {})
        tx.execute("INSERT INTO child (item) VALUES (12345)", {})

    rig.submit(lambda tx: tx.execute("CREATE TABLE child (item REFERENCES item (n))", {})).result(30)
    rig.connection.execute("PRAGMA foreign_keys = ON")
    with rig.held():
        answers = [rig.insert(1), rig.submit(break_at_commit)]
        rig.waiting(2)
    for answer in answers:
        with pytest.raises(sqlite3.IntegrityError, match="FOREIGN KEY constraint failed"):
            answer.result(30)
    assert rig.stored() == []
    assert rig.insert(2).result(30) == 1


def test_without_a_connection_every_caller_gets_the_error(rig: Rig, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse() -> sqlite3.Connection:
        raise sqlite3.OperationalError("unable to open database file")

    with monkeypatch.context() as patch:
        patch.setattr(rig.writing, "_reconnect", refuse)
        rig.writing.disconnect()  # as after an error
        with pytest.raises(sqlite3.OperationalError, match="unable to open database file"):
            rig.insert(1).result(30)
    assert rig.insert(2).result(30) == 1
    assert rig.stored() == [2]


# patience


def test_a_write_that_timed_out_before_its_transaction_is_never_stored(impatient: Rig) -> None:
    go_on = threading.Event()
    first = impatient.submit(lambda _: go_on.wait(30))
    wait_for(lambda: "BEGIN IMMEDIATE" in impatient.log, what="the first to begin")
    late = impatient.insert(1)
    with pytest.raises(StoreUnavailable, match=r"the store took no write for 0\.05 s"):
        late.result(30)
    with pytest.raises(StoreUnavailable, match="may still come through"):
        first.result(30)
    go_on.set()
    wait_for(lambda: impatient.log.count("COMMIT") == 2, what="both transactions")
    assert impatient.stored() == []


def test_a_write_that_timed_out_in_its_transaction_says_that_it_may_be_stored(impatient: Rig) -> None:
    go_on = threading.Event()

    def slow(tx: Transaction) -> None:
        tx.execute(INSERT, {"n": 1})
        assert go_on.wait(30)

    answer = impatient.submit(slow)
    with pytest.raises(StoreUnavailable, match="may still come through"):
        answer.result(30)
    go_on.set()
    wait_for(lambda: impatient.stored() == [1], what="the commit")


# the end


def test_closing_commits_what_was_asked_before(rig: Rig) -> None:
    with rig.held():
        answers = [rig.insert(n) for n in range(5)]
        rig.waiting(5)
        closing = rig.pool.submit(rig.writer.close)
        wait_for(lambda: rig.writer._closed, what="the writer to be closed")  # noqa: SLF001
    closing.result(30)
    assert [answer.result(30) for answer in answers] == [1] * 5
    assert rig.stored() == list(range(5))


def test_a_change_that_lacks_a_lock_is_tried_again_with_it(rig: Rig, monkeypatch: pytest.MonkeyPatch) -> None:
    locked: list[set[str]] = []
    begin = rig.writing.begin

    def record(*, durable: bool, repos: Collection[str]) -> Transaction:
        locked.append(set(repos))
        return begin(durable=durable, repos=repos)

    def work(tx: Transaction) -> int:
        if len(locked) <= 8:
            raise Contended(f"repo {len(locked)}")
        return tx.execute(INSERT, {"n": 1})

    monkeypatch.setattr(rig.writing, "begin", record)
    assert rig.writer.submit(work, repos={"first"}) == 1
    assert locked == [{"first"} | {f"repo {n + 1}" for n in range(tries)} for tries in range(9)]
    assert rig.stored() == [1]


def test_after_closing_no_write_is_taken(rig: Rig) -> None:
    rig.writer.close()
    with pytest.raises(StoreUnavailable, match="the store is closed"):
        rig.writer.submit(lambda _: None)
    rig.writer.close()


def synchronous(tx: Transaction) -> int:
    """Return how the transaction commits: 2 waits for the disk, 1 does not (SQLite's PRAGMA synchronous)."""
    row = tx.one("PRAGMA synchronous", {})
    assert row is not None
    return int(row["synchronous"])


def test_only_a_batch_without_a_durable_change_does_not_wait_for_the_disk(rig: Rig) -> None:
    assert rig.writer.submit(synchronous, durable=False) == 1
    assert rig.writer.submit(synchronous) == 2
    with rig.held():
        relaxed = rig.pool.submit(rig.writer.submit, synchronous, durable=False)
        durable = rig.submit(synchronous)
        rig.waiting(2)
    assert (relaxed.result(30), durable.result(30)) == (2, 2)
