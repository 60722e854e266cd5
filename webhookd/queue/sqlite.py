"""The SQLite backend: one writer that groups commits, and readers that never wait for it."""

import contextlib
import sqlite3
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

from webhookd.errors import StoreUnavailable
from webhookd.queue.dialect import Result, Row, Transaction, Values
from webhookd.queue.sqlite_errors import refused
from webhookd.queue.writer import GroupCommit


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

    def lock(self, lane: str) -> None:
        """Do nothing: SQLite lets one transaction write at a time."""


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
        return self._writing().submit(lambda connection: work(SqliteTransaction(connection)), durable=durable)

    def read(self, query: Callable[[Transaction], Result]) -> Result:
        """Run *query* on one consistent state."""
        try:
            with self._borrowed() as connection:
                connection.execute("BEGIN")
                result = query(SqliteTransaction(connection))
                connection.execute("COMMIT")
                return result
        except sqlite3.Error as exc:
            raise refused(exc, path=str(self._path)) from exc

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
            idle, self._idle = self._idle, []
        for connection in idle:
            connection.close()

    def _writing(self) -> GroupCommit:
        if self._writer is None:
            raise StoreUnavailable("the store was opened for reading only")
        return self._writer

    @contextlib.contextmanager
    def _borrowed(self) -> Iterator[sqlite3.Connection]:
        """Lend a reading connection to one thread; one that failed is not used again."""
        with self._guard:
            if self._closed:
                raise StoreUnavailable("the store is closed")
            connection = self._idle.pop() if self._idle else None
        connection = connection or self._reader()
        try:
            yield connection
        except BaseException:
            connection.close()
            raise
        self._take_back(connection)

    def _take_back(self, connection: sqlite3.Connection) -> None:
        with self._guard:
            if not self._closed:
                self._idle.append(connection)
                return
        connection.close()
