"""The SQLite backend: one writer that groups commits, and readers that never wait for it."""

import contextlib
import sqlite3
import threading
from collections.abc import Callable, Sequence
from concurrent.futures import Future
from dataclasses import dataclass, field
from pathlib import Path
from typing import Generic

from webhookd.errors import StoreUnavailable
from webhookd.queue.dialect import Result, Row, Transaction, Values
from webhookd.queue.sqlite_errors import store_error


class SqliteTransaction:
    """The statements of one transaction on one connection."""

    __slots__ = ("_connection",)

    def __init__(self, connection: sqlite3.Connection) -> None:
        self._connection = connection

    def execute(self, sql: str, values: Values) -> int:
        """Run one statement and return the number of rows that it changed."""
        return self._connection.execute(sql, values).rowcount

    def one(self, sql: str, values: Values) -> Row | None:
        """Return the first row."""
        cursor = self._connection.execute(sql, values)
        row: Row | None = cursor.fetchone()
        cursor.close()  # a statement left open would keep the transaction from ending
        return row

    def all(self, sql: str, values: Values) -> list[Row]:
        """Return all rows."""
        return self._connection.execute(sql, values).fetchall()

    def lock(self, repo: str) -> None:
        """Do nothing: SQLite lets one transaction write at a time."""


@dataclass(slots=True, kw_only=True, eq=False)
class _Item(Generic[Result]):
    """A function to run in a transaction, and the future of its result."""

    work: Callable[[sqlite3.Connection], Result]
    durable: bool
    future: Future[Result] = field(default_factory=Future)


class GroupCommit:
    """The thread that owns the only writing connection and commits what many threads ask for at once.

    A caller hands in a function. The thread runs all functions that have come meanwhile in one transaction,
    so that they share one fsync, and wakes their callers after the commit. When one of them fails, the
    transaction is undone and each of them gets a transaction of its own. No caller is told of success before
    the commit, none waits for ever, and what was cancelled before its transaction began is not written later.
    Never used in a forked child.
    """

    def __init__(
        self,
        connection: sqlite3.Connection | None,
        *,
        reconnect: Callable[[], sqlite3.Connection],
        check_place: Callable[[], None],
        patience: float,
    ) -> None:
        """Own *connection* from now on; without one, open it for the first change.

        *check_place* raises when a commit went into a file that nobody will find again; *patience* is how
        many seconds a caller waits at most.
        """
        self._connection = connection
        self._is_durable = True  # synchronous=FULL is in force
        self._reconnect = reconnect
        self._check_place = check_place
        self._patience = patience
        self._waiting: list[_Item[object]] = []
        self._closed = False
        self._changed = threading.Condition()
        self._thread = threading.Thread(target=self._work, name="store-writer", daemon=True)
        self._thread.start()

    def submit(self, work: Callable[[sqlite3.Connection], Result], *, durable: bool = True) -> Result:
        """Run *work* in a transaction, and return its result after the commit or raise what it raised.

        A power cut may undo what is not *durable*; it does not wait for the disk.
        """
        item = _Item(work=work, durable=durable)
        with self._changed:
            if self._closed:
                raise StoreUnavailable("the store is closed")
            self._waiting.append(item)  # type: ignore[arg-type]
            self._changed.notify()
        return self._await(item.future)

    def close(self) -> None:
        """Commit what was asked before, then end the thread and close the connection."""
        with self._changed:
            self._closed = True
            self._changed.notify()
        self._thread.join()

    def _await(self, future: Future[Result]) -> Result:
        """Wait for the commit; once the transaction has begun, as long again."""
        with contextlib.suppress(TimeoutError):
            future.exception(self._patience)
        if future.cancel():
            raise StoreUnavailable(
                f"the store took no write for {self._patience:g} s", hint="see whether the disk hangs"
            )
        try:
            future.exception(self._patience)
        except TimeoutError as exc:
            raise StoreUnavailable(
                f"a commit takes longer than {self._patience:g} s: it may still come through",
                hint="see whether the disk hangs",
            ) from exc
        return future.result()

    def _work(self) -> None:
        while batch := self._next_batch():
            self._commit(batch)
        self._disconnect()

    def _next_batch(self) -> list[_Item[object]]:
        with self._changed:
            while not self._waiting and not self._closed:
                self._changed.wait()
            batch, self._waiting = self._waiting, []
            return batch

    def _commit(self, batch: Sequence[_Item[object]]) -> None:
        """Commit *batch* as one transaction, or item by item when one of them fails."""
        taken: list[_Item[object]] = []
        try:
            # This may wait for another process. Until then, callers can cancel.
            connection = self._begin(durable=any(item.durable for item in batch))
            taken = _take(batch)
            results = [item.work(connection) for item in taken]
        except Exception as exc:  # noqa: BLE001  whatever it is, no caller may be left waiting
            self._undo()
            if len(taken) > 1:
                for item in taken:
                    self._commit([item])
            else:
                _fail(taken or _take(batch), exc)
            return
        try:
            connection.execute("COMMIT")
            self._check_place()
        except Exception as exc:  # noqa: BLE001  as above
            self._disconnect()
            _fail(taken, exc)
            return
        for item, result in zip(taken, results, strict=True):
            item.future.set_result(result)

    def _begin(self, *, durable: bool) -> sqlite3.Connection:
        if self._connection is None:
            self._connection, self._is_durable = self._reconnect(), True
        if durable != self._is_durable:
            self._connection.execute(f"PRAGMA synchronous = {'FULL' if durable else 'NORMAL'}")
            self._is_durable = durable
        self._connection.execute("BEGIN IMMEDIATE")
        return self._connection

    def _undo(self) -> None:
        """Undo the transaction; where SQLite has done so itself, its connection is not used again."""
        if self._connection is not None:
            with contextlib.suppress(sqlite3.Error):
                self._connection.execute("ROLLBACK")
                return
        self._disconnect()

    def _disconnect(self) -> None:
        """Close the connection, which undoes what was not committed; the next batch opens a new one."""
        connection, self._connection = self._connection, None
        if connection is not None:
            with contextlib.suppress(sqlite3.Error):  # nothing of it is used any more
                connection.close()


def _take(batch: Sequence[_Item[object]]) -> list[_Item[object]]:
    """Return the items that were not cancelled; from now on they cannot be."""
    return [item for item in batch if item.future.running() or item.future.set_running_or_notify_cancel()]


def _fail(items: Sequence[_Item[object]], exc: Exception) -> None:
    for item in items:
        item.future.set_exception(exc)


class SqliteDatabase:
    """One database file: readers as many as there are threads, and at most one writer."""

    def __init__(
        self, path: Path, *, reader: Callable[[], sqlite3.Connection], writer: GroupCommit | None
    ) -> None:
        self._path = path
        self._reader = reader
        self._writer = writer
        self._idle: list[sqlite3.Connection] = []
        self._guard = threading.Lock()
        self._closed = False

    def write(self, work: Callable[[Transaction], Result], *, durable: bool = True) -> Result:
        """Run *work* in the next group of changes and return after its commit."""
        if self._writer is None:
            raise StoreUnavailable("the store was opened for reading only")
        try:
            return self._writer.submit(
                lambda connection: work(SqliteTransaction(connection)), durable=durable
            )
        except sqlite3.Error as exc:
            raise store_error(exc, path=str(self._path)) from exc

    def read(self, query: Callable[[Transaction], Result]) -> Result:
        """Run *query* on one consistent state; a connection that failed is not used again."""
        with self._guard:
            if self._closed:
                raise StoreUnavailable("the store is closed")
            connection = self._idle.pop() if self._idle else None
        try:
            connection = connection or self._reader()
            connection.execute("BEGIN")
            result = query(SqliteTransaction(connection))
            connection.execute("COMMIT")
        except BaseException as exc:
            if connection is not None:
                connection.close()
            if isinstance(exc, sqlite3.Error):
                raise store_error(exc, path=str(self._path)) from exc
            raise
        self._take_back(connection)
        return result

    def check(self) -> tuple[str, ...]:
        """Check the whole file for damage."""
        rows = self.read(lambda tx: tx.all("PRAGMA integrity_check", {}))
        return tuple(text for row in rows if (text := str(row["integrity_check"])) != "ok")

    def close(self) -> None:
        """Commit what was asked before, then close every connection."""
        if self._writer is not None:
            self._writer.close()
        with self._guard:
            self._closed = True
            while self._idle:
                self._idle.pop().close()

    def _take_back(self, connection: sqlite3.Connection) -> None:
        with self._guard:
            if self._closed:
                connection.close()
            else:
                self._idle.append(connection)
