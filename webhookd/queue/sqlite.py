"""The SQLite backend: one writer that groups commits, and readers that never wait for it."""

import contextlib
import sqlite3
import threading
from collections.abc import Callable, Collection
from pathlib import Path

from webhookd.errors import StoreUnavailable
from webhookd.queue.dialect import Result, Row, Transaction, Values
from webhookd.queue.sqlite_errors import store_error
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

    def lock(self, repo: str) -> None:
        """Do nothing: SQLite lets one transaction write at a time."""


class SqliteWriteConnection:
    """The only writing connection; used by one thread."""

    def __init__(
        self,
        connection: sqlite3.Connection | None,
        *,
        reconnect: Callable[[], sqlite3.Connection],
        check_place: Callable[[], None],
    ) -> None:
        """Own *connection* from now on; without one, open it for the first change.

        *check_place* raises when a commit went into a file that nobody will find again.
        """
        self._connection = connection
        self._is_durable = True  # synchronous=FULL is in force
        self._reconnect = reconnect
        self._check_place = check_place

    def begin(self, *, durable: bool, repos: Collection[str]) -> SqliteTransaction:  # noqa: ARG002  see `lock`
        """Begin a transaction; this may wait for another process."""
        if self._connection is None:
            self._connection, self._is_durable = self._reconnect(), True
        if durable != self._is_durable:
            self._connection.execute(f"PRAGMA synchronous = {'FULL' if durable else 'NORMAL'}")
            self._is_durable = durable
        self._connection.execute("BEGIN IMMEDIATE")
        return SqliteTransaction(self._connection)

    def commit(self) -> None:
        """Commit, and check that the file is still in its place."""
        if self._connection is None:
            raise AssertionError("begin comes first")
        self._connection.execute("COMMIT")
        self._check_place()

    def undo(self) -> bool:
        """Undo the transaction; where SQLite has done so itself, its connection is not used again."""
        try:
            if self._connection is not None:
                self._connection.execute("ROLLBACK")
        except sqlite3.Error:
            self.disconnect()
        return True

    def disconnect(self) -> None:
        """Close the connection, which undoes what was not committed; the next transaction opens a new one."""
        connection, self._connection = self._connection, None
        if connection is not None:
            with contextlib.suppress(sqlite3.Error):  # nothing of it is used any more
                connection.close()

    def lost_a_race(self, exc: Exception) -> bool:  # noqa: ARG002  other backends need it
        """Return False: nobody else writes meanwhile."""
        return False


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

    def write(
        self, work: Callable[[Transaction], Result], *, durable: bool = True, repos: Collection[str] = ()
    ) -> Result:
        """Run *work* in the next group of changes and return after its commit."""
        if self._writer is None:
            raise StoreUnavailable("the store was opened for reading only")
        try:
            return self._writer.submit(work, durable=durable, repos=repos)
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
