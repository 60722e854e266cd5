"""Group commit: one thread owns the only writing connection and commits what many threads ask for at once.

A caller hands in a function and blocks. The thread takes all that has come meanwhile into one transaction,
with a savepoint per item so that one that fails leaves the others alone, and wakes the callers after the
commit: one fsync for all of them. No caller is told of success before the commit, none waits for ever, and
what was given up before its transaction began is not written later.
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
    """One function to run, and the caller that waits for it."""

    __slots__ = ("_done", "_fate", "failure", "relaxed", "result", "work")

    def __init__(self, work: Callable[[sqlite3.Connection], Result], *, relaxed: bool) -> None:
        self.work = work
        self.relaxed = relaxed
        self.result: Result | None = None
        self.failure: Exception | None = None
        self._fate = threading.Lock()  # who gets it decides: the writer takes it, or the caller gives up
        self._done = threading.Lock()  # released once the outcome is certain
        self._done.acquire()

    def decide(self) -> bool:
        """Take it, or give it up; tell whether nobody did before."""
        return self._fate.acquire(blocking=False)

    def wait(self, seconds: float) -> bool:
        return self._done.acquire(timeout=seconds)

    def settle(self) -> None:
        self._done.release()


class _PromisedItem(_Item[Result]):
    """One function to run for a caller that does not wait: its future holds the outcome after the commit."""

    __slots__ = ("future",)

    def __init__(self, work: Callable[[sqlite3.Connection], Result]) -> None:
        super().__init__(work, relaxed=False)
        self.future: Future[Result] = Future()

    def decide(self) -> bool:
        return self.future.set_running_or_notify_cancel()

    def settle(self) -> None:
        if self.failure is not None:
            self.future.set_exception(self.failure)
        else:
            self.future.set_result(self.result)  # type: ignore[arg-type]


class _StandingItem(_PromisedItem[Result]):
    """One function to run with the batches of others until it gives what *foretell* then hears first."""

    __slots__ = ("foretell",)

    def __init__(
        self, work: Callable[[sqlite3.Connection], Result], *, foretell: Callable[[Result], None]
    ) -> None:
        super().__init__(work)
        self.foretell = foretell


class GroupCommit:
    """The writer thread with its queue. Never used in a forked child."""

    def __init__(
        self,
        connection: sqlite3.Connection,
        *,
        reconnect: Callable[[], sqlite3.Connection],
        check_place: Callable[[], None],
        patience: float,
    ) -> None:
        """Own *connection* from now on.

        *check_place* raises where a commit went into a file that nobody will find again; *patience* is how
        many seconds a caller waits at most.
        """
        self._connection: sqlite3.Connection | None = connection
        self._reconnect = reconnect
        self._check_place = check_place
        self._patience = patience
        self._durable = True  # synchronous=FULL is in force
        self._waiting: list[_Item[object]] = []
        self._standing: _StandingItem[object] | None = None
        self._closed = False
        self._changed = threading.Condition()
        self._thread = threading.Thread(target=self._work, name="store-writer", daemon=True)
        self._thread.start()

    def submit(self, work: Callable[[sqlite3.Connection], Result], *, relaxed: bool = False) -> Result:
        """Run *work* in a transaction, give its result after the commit, raise what it raised."""
        item = _Item(work, relaxed=relaxed)
        self._enqueue(item)
        self._await(item)
        if item.failure is not None:
            raise item.failure
        return item.result  # type: ignore[return-value]

    def submit_soon(self, work: Callable[[sqlite3.Connection], Result]) -> "Future[Result]":
        """Run *work* in a transaction without waiting for it.

        The future is done after the commit, in the writer's thread; it can be cancelled until the
        transaction begins.
        """
        item = _PromisedItem(work)
        self._enqueue(item)
        return item.future

    def submit_with_next(
        self, work: Callable[[sqlite3.Connection], Result | None], *, foretell: Callable[[Result], None]
    ) -> "Future[Result]":
        """Run *work* at the end of each durable batch, in its transaction, until it gives something.

        The future is done after that commit, and can be cancelled until *foretell* is told what *work* has
        given, which is just before the commit. Only the last one submitted stands.
        """
        item: _StandingItem[Result] = _StandingItem(work, foretell=foretell)  # type: ignore[arg-type]
        with self._changed:
            self._standing = item  # type: ignore[assignment]
        return item.future

    def close(self) -> None:
        """Commit what was asked before, then end the thread and close the connection."""
        with self._changed:
            self._closed = True
            self._changed.notify()
        self._thread.join()

    def _enqueue(self, item: _Item[Result]) -> None:
        with self._changed:
            if self._closed:
                raise StoreUnavailable("the store is closed")
            self._waiting.append(item)  # type: ignore[arg-type]
            self._changed.notify()

    def _await(self, item: _Item[Result]) -> None:
        """Wait for the outcome; an item whose transaction has begun gets as long again."""
        if item.wait(self._patience):
            return
        if item.decide():
            raise StoreUnavailable(
                f"the store took no write for {self._patience:g} s", hint="see whether the disk hangs"
            )
        if not item.wait(self._patience):
            raise StoreUnavailable(
                f"a commit takes longer than {self._patience:g} s: it may still come through",
                hint="see whether the disk hangs",
            )

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
        taken: list[_Item[object]] = []
        undecided = list(batch)  # each is decided once
        try:
            connection = self._begin(durable=not all(item.relaxed for item in batch))
            taken, undecided = [item for item in undecided if item.decide()], []
            for item in taken:
                _run(connection, item)
            if not all(item.relaxed for item in taken):
                taken = self._run_standing(connection) + taken  # it hears of the commit first
            connection.execute("COMMIT")
            self._check_place()
        except Exception as exc:  # noqa: BLE001  whatever it is, no caller may be left waiting
            self._disconnect()
            taken += [item for item in undecided if item.decide()]
            taken += self._standing_that_was_decided()
            for item in taken:
                item.failure = item.failure or unavailable(exc)
        for item in taken:
            item.settle()

    def _run_standing(self, connection: sqlite3.Connection) -> list[_Item[object]]:
        """Run what waits for a batch like this one; give it when it has found something to do."""
        item = self._standing
        if item is None:
            return []
        stays = not item.future.cancelled() and _run(
            connection, item, wanted=lambda: item.result is not None and item.decide()
        )
        if item.failure is not None:
            stays = item.decide()
        elif stays:
            item.foretell(item.result)
        if stays or item.future.cancelled():
            with self._changed:
                self._standing = None if self._standing is item else self._standing
        return [item] if stays else []

    def _standing_that_was_decided(self) -> list[_Item[object]]:
        """Give what stands if it has been decided and the database failed before it could be taken down."""
        item = self._standing
        if item is None or not item.future.running():
            return []
        self._standing = None
        return [item]

    def _begin(self, *, durable: bool) -> sqlite3.Connection:
        if self._connection is None:
            self._connection, self._durable = self._reconnect(), True
        if durable != self._durable:
            self._connection.execute(f"PRAGMA synchronous = {'FULL' if durable else 'NORMAL'}")
            self._durable = durable
        self._connection.execute("BEGIN IMMEDIATE")
        return self._connection

    def _disconnect(self) -> None:
        """Close the connection, which undoes what was not committed; the next batch opens a new one."""
        connection, self._connection = self._connection, None
        if connection is not None:
            with contextlib.suppress(sqlite3.Error):  # nothing of it is used any more
                connection.close()


def _run(
    connection: sqlite3.Connection, item: _Item[object], *, wanted: Callable[[], bool] = lambda: True
) -> bool:
    """Run one item; when it fails, or is not *wanted* then, undo it alone. Tell whether it stays.

    Raises what it raised where the database has undone everything already.
    """
    connection.execute("SAVEPOINT item")
    try:
        item.result = item.work(connection)
    except Exception as exc:
        if not connection.in_transaction:
            raise
        connection.execute("ROLLBACK TO item")
        item.failure = _as_store_error(exc)
    stays = item.failure is not None or wanted()
    if not stays:
        connection.execute("ROLLBACK TO item")
    connection.execute("RELEASE item")
    return stays


def _as_store_error(exc: Exception) -> Exception:
    if isinstance(exc, sqlite3.IntegrityError):
        return StoreError(f"the store refuses a change that breaks its rules: {exc}")
    return unavailable(exc) if isinstance(exc, sqlite3.Error) else exc
