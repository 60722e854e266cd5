"""Group commit: one thread that owns the writing connection of a backend."""

import contextlib
import threading
from collections.abc import Callable, Collection, Sequence
from concurrent.futures import Future
from dataclasses import dataclass, field
from typing import Generic, Protocol

from webhookd.errors import StoreUnavailable
from webhookd.queue.dialect import Result, Transaction

TRIES = 5  # of a change that keeps losing against the transactions of other hosts


class Contended(Exception):
    """Another host has *repo* locked, and to wait for it with other locks in hand could be for ever.

    The change is tried again with *repo* among the locks that it begins with.
    """

    def __init__(self, repo: str) -> None:
        super().__init__(repo)
        self.repo = repo


class WriteConnection(Protocol):
    """The writing connection of a backend, which opens it when it is needed."""

    def begin(self, *, durable: bool, repos: Collection[str]) -> Transaction:
        """Begin a transaction in which *repos* are locked; this may wait for others."""

    def commit(self) -> None:
        """Commit; after an error the changes may or may not be stored."""

    def undo(self) -> bool:
        """Undo the transaction without raising; return whether another can begin at once."""

    def disconnect(self) -> None:
        """Close the connection without raising, which undoes what was not committed."""

    def lost_a_race(self, exc: Exception) -> bool:
        """Return whether another host's transaction caused *exc*: then a second try may succeed."""


@dataclass(slots=True, kw_only=True, eq=False)
class _Item(Generic[Result]):
    """A function to run in a transaction, and the future of its result."""

    work: Callable[[Transaction], Result]
    durable: bool
    repos: set[str]
    future: Future[Result] = field(default_factory=Future)


class GroupCommit:
    """The thread that owns the only writing connection and commits what many threads ask for at once.

    A caller hands in a function. The thread runs all functions that have come meanwhile in one transaction,
    so that they share one fsync, and wakes their callers after the commit. When one of them fails, the
    transaction is undone and each of them gets a transaction of its own. No caller is told of success before
    the commit, none waits for ever, and what was cancelled before its transaction began is not written later.
    Never used in a forked child.
    """

    def __init__(self, connection: WriteConnection, *, patience: float) -> None:
        """Own *connection* from now on; *patience* is how many seconds a caller waits at most."""
        self._connection = connection
        self._patience = patience
        self._waiting: list[_Item[object]] = []
        self._closed = False
        self._changed = threading.Condition()
        self._thread = threading.Thread(target=self._work, name="store-writer", daemon=True)
        self._thread.start()

    def submit(
        self, work: Callable[[Transaction], Result], *, durable: bool = True, repos: Collection[str] = ()
    ) -> Result:
        """Run *work* in a transaction, and return its result after the commit or raise what it raised.

        A power cut may undo what is not *durable*; it does not wait for the disk.
        """
        item = _Item(work=work, durable=durable, repos=set(repos))
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
        self._connection.disconnect()

    def _next_batch(self) -> list[_Item[object]]:
        with self._changed:
            while not self._waiting and not self._closed:
                self._changed.wait()
            batch, self._waiting = self._waiting, []
            return batch

    def _commit(self, batch: Sequence[_Item[object]], *, tries: int = TRIES) -> None:
        """Commit *batch* as one transaction, or item by item when one of them fails."""
        taken: list[_Item[object]] = []
        try:
            # This may wait for another process. Until then, callers can cancel.
            transaction = self._connection.begin(
                durable=any(item.durable for item in batch),
                repos={repo for item in batch for repo in item.repos},
            )
            taken = _take(batch)
            results = [item.work(transaction) for item in taken]
        except Exception as exc:  # noqa: BLE001  whatever it is, no caller may be left waiting
            usable = self._connection.undo()
            if usable and len(taken) > 1:
                for item in taken:
                    self._commit([item])
            elif usable and isinstance(exc, Contended):
                taken[0].repos.add(exc.repo)
                self._commit(taken)
            elif usable and tries > 1 and self._connection.lost_a_race(exc):
                self._commit(taken, tries=tries - 1)
            else:
                _fail(taken or _take(batch), exc)
            return
        try:
            self._connection.commit()
        except Exception as exc:  # noqa: BLE001  as above
            self._connection.disconnect()
            _fail(taken, exc)
            return
        for item, result in zip(taken, results, strict=True):
            item.future.set_result(result)


def _take(batch: Sequence[_Item[object]]) -> list[_Item[object]]:
    """Return the items that were not cancelled; from now on they cannot be."""
    return [item for item in batch if item.future.running() or item.future.set_running_or_notify_cancel()]


def _fail(items: Sequence[_Item[object]], exc: Exception) -> None:
    for item in items:
        item.future.set_exception(exc)
