"""Group commit: one thread owns the only writing connection and commits what many threads ask for at once.

A caller hands in a function. The thread runs all functions that have come meanwhile in one transaction, so
that they share one fsync, and wakes their callers after the commit. When one of them fails, the transaction
is undone and each of them gets a transaction of its own. No caller is told of success before the commit,
none waits for ever, and what was cancelled before its transaction began is not written later.
"""

import contextlib
import sqlite3
import threading
from collections.abc import Callable, Sequence
from concurrent.futures import Future
from typing import Generic

from webhookd.errors import StoreError, StoreUnavailable
from webhookd.queue.dialect import Result
from webhookd.queue.sqlite_errors import unavailable


class _Item(Generic[Result]):
    """A function to run in a transaction, and the future of its result."""

    __slots__ = ("durable", "future", "work")

    def __init__(self, work: Callable[[sqlite3.Connection], Result], *, durable: bool) -> None:
        self.work = work
        self.durable = durable
        self.future: Future[Result] = Future()


class GroupCommit:
    """The writer thread with its queue. Never used in a forked child."""

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
        item = _Item(work, durable=durable)
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

    def _await(self, future: "Future[Result]") -> Result:
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
    if isinstance(exc, sqlite3.IntegrityError):
        exc = StoreError(f"the store refuses a change that breaks its rules: {exc}")
    elif isinstance(exc, sqlite3.Error):
        exc = unavailable(exc)
    for item in items:
        item.future.set_exception(exc)
