"""`Store`: the operations on deliveries and runs, the only access to the database.

Every call may come from any thread and blocks until it is done; a change is durable when its call returns.
The store wakes nobody: a caller that accepted (`queued`), cancelled, reran or resumed wakes the worker.
A forked child must not use it.
"""

from collections.abc import Collection, Iterable
from datetime import datetime
from functools import partial
from pathlib import Path
from types import TracebackType
from typing import Self

from webhookd.models.delivery import Decision, Delivery, Match
from webhookd.models.run import Attempt, Claim, Counts, Outcome, Run, RunState, StoredDelivery
from webhookd.models.settings import Forge, History, Secret, Target
from webhookd.queue import accepting, claiming, finishing, operations, pruning, reading, rows
from webhookd.queue.accepting import Acceptance
from webhookd.queue.dialect import Database, Values
from webhookd.queue.pruning import Pruned


class Store:
    """Deliveries, runs and attempts in one database."""

    def __init__(self, database: Database) -> None:
        """Use *database*, which is closed with the store."""
        self._db = database

    @classmethod
    def open(cls, path: Path) -> Self:
        """Open the SQLite file *path* for reading and writing; create it (0600) or bring it up to date.

        Raises StoreRefused when it is damaged, not ours or newer, StoreUnavailable when it cannot be opened.
        """
        from webhookd.queue.sqlite_files import open_database  # noqa: PLC0415  the backend in use, and no other

        return cls(open_database(path))

    @classmethod
    def connect(cls, url: Secret) -> Self:
        """Open the PostgreSQL database at *url*, its tables brought up to date.

        Raises StoreRefused when it is not ours, newer or too old, StoreUnavailable when it cannot be reached.
        """
        from webhookd.queue.postgres import open_database  # noqa: PLC0415  the backend in use, and no other

        return cls(open_database(url))

    @classmethod
    def open_reader(cls, path: Path) -> Self:
        """Open the SQLite file *path* for reading only, with or without a daemon at work on it.

        Raises NotFound when nothing has been stored yet. It must be able to read the `-wal` and `-shm` beside
        the file, and to create them where no daemon is up.
        """
        from webhookd.queue.sqlite_files import open_for_reading  # noqa: PLC0415  the backend in use, and no other

        return cls(open_for_reading(path))

    def close(self) -> None:
        """Finish what was asked before and refuse everything after."""
        self._db.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, value: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    # intake

    def accept(self, decision: Decision, *, now: datetime) -> Acceptance:
        """Store a delivery and queue its runs; the same delivery again follows the rules for redeliveries.

        Raises StoreUnavailable when it could not be stored. Then nothing of it is, unless the message says
        that the commit may still come through.
        """
        delivery = rows.delivery_values(decision.delivery, reason=decision.reason)
        wanted = [rows.run_values(match, now=now) for match in decision.matches]
        return self._db.write(
            partial(accepting.accept, delivery=delivery, wanted=wanted), repos={run["repo"] for run in wanted}
        )

    def enqueue(self, match: Match, *, forge: Forge, now: datetime) -> Run:
        """Queue *match* because a person asks for it, with a delivery that no forge sent."""
        accepted = self.accept(accepting.manual(match, forge=forge, now=now), now=now)
        return self.run(accepted.runs[0].run)

    def rerun(self, run: int, *, now: datetime, target: Target | None = None) -> Run:
        """Queue an ended run's push once more as a new run, under the rules *target* has now if it is given.

        Raises NotFound, and NotPossible for a run that has not ended.
        """
        return self.run(self._db.write(partial(accepting.rerun, run=run, target=target, now=now)))

    # worker

    def claim(self, *, owner: str, now: datetime) -> Claim | None:
        """Start the next run for *owner*: lane free, target not paused, due, and in turn.

        It does not wait for the disk: a power cut that undoes the claim has ended the command as well.
        """
        return self._db.write(partial(claiming.claim, owner=owner, now=now), durable=False)

    def next_due(self, *, now: datetime) -> datetime | None:
        """Return the earliest moment, not before *now*, at which `claim` will find a run in a free lane."""
        row = self._db.read(lambda tx: tx.one(claiming.NEXT_DUE, {}))
        return None if row is None else max(now, rows.to_time(row["due"]))

    def finish(  # noqa: PLR0913  each is a fact of its own
        self,
        run: int,
        *,
        owner: str,
        attempt: int,
        outcome: Outcome,
        now: datetime,
        retry_in: float | None = None,
    ) -> Run:
        """Record how an attempt ended and move the run on, to its end or back into the queue.

        Only the holder of that very attempt may; a repeated call changes nothing. Raises NotPossible when
        somebody else holds the attempt. Without *retry_in* (seconds) nothing is retried; it is doubled for
        each earlier failure.
        """
        work = partial(
            finishing.finish,
            run=run,
            owner=owner,
            attempt=attempt,
            outcome=outcome,
            now=now,
            retry_in=retry_in,
        )
        return rows.to_run(self._db.write(work))

    def running(self) -> tuple[Run, ...]:
        """List what is running, with owner and attempt."""
        return tuple(map(rows.to_run, self._db.read(lambda tx: tx.all(reading.RUNNING, {}))))

    def adopt(self, run: int, *, owner: str, attempt: int) -> Run:
        """Make *owner* the only holder of a running attempt; raises NotPossible when it is not running."""
        return rows.to_run(self._db.write(partial(claiming.adopt, run=run, owner=owner, attempt=attempt)))

    def cancel_requested(self, owner: str) -> tuple[int, ...]:
        """Return the running runs of *owner* that are to be cancelled."""
        found = self._db.read(lambda tx: tx.all(reading.CANCEL_REQUESTED, {"owner": owner}))
        return tuple(row["id"] for row in found)

    # operator

    def cancel(self, run: int, *, now: datetime) -> Run:
        """Cancel a waiting run at once, ask for the end of a running one.

        Raises NotFound, and NotPossible for a run that has ended.
        """
        return rows.to_run(self._db.write(partial(operations.cancel, run=run, now=now)))

    def pause(self, target: str, *, now: datetime) -> bool:
        """Start no more runs of *target*: what is pushed waits. Returns whether that is new."""
        values: Values = {"target": target, "now": rows.to_us(now)}
        return self._db.write(lambda tx: tx.execute(operations.PAUSE, values)) > 0

    def resume(self, target: str) -> bool:
        """Start runs of *target* again. Returns whether it was paused."""
        return self._db.write(lambda tx: tx.execute(operations.RESUME, {"target": target})) > 0

    def paused(self) -> tuple[str, ...]:
        """Return the paused targets."""
        return tuple(row["target"] for row in self._db.read(lambda tx: tx.all(reading.PAUSED, {})))

    def take_over(self, targets: Collection[Target], *, now: datetime) -> tuple[tuple[Run, ...], int]:
        """Put what waits under the rules of *targets*, which are all there are.

        Returns the runs that were cancelled because their target is gone, and how many others changed.
        """
        cancelled, changed = self._db.write(partial(operations.take_over, targets=targets, now=now))
        return tuple(map(rows.to_run, cancelled)), changed

    def relane(self, targets: Iterable[Target], *, now: datetime) -> int:
        """Put what waits under the lane, overlap and retries of *targets*; return how many runs changed."""
        return self._db.write(partial(operations.relane, targets=tuple(targets), now=now))

    # readers

    def run(self, run: int) -> Run:
        """Return one run; raises NotFound."""
        return rows.to_run(self._db.read(lambda tx: reading.load(tx, run)))

    def runs(
        self,
        *,
        target: str | None = None,
        state: RunState | None = None,
        limit: int = 50,
        before: int | None = None,
    ) -> tuple[Run, ...]:
        """List runs, newest first, of one target or state if wanted, below the number *before*."""
        query = partial(reading.runs, target=target, state=state, limit=limit, before=before)
        return tuple(map(rows.to_run, self._db.read(query)))

    def attempts(self, run: int) -> tuple[Attempt, ...]:
        """List the attempts of *run*, first to last; raises NotFound."""
        return tuple(map(rows.to_attempt, self._db.read(partial(reading.attempts, run=run))))

    def deliveries(self, *, limit: int = 50, before: int | None = None) -> tuple[StoredDelivery, ...]:
        """List deliveries, newest first, below the number *before*."""
        found = self._db.read(partial(reading.deliveries, limit=limit, before=before))
        return tuple(rows.to_delivery(row, runs=runs) for row, runs in found)

    def delivery(self, name: str, *, hooks: Collection[str]) -> Delivery:
        """Return the newest delivery at one of *hooks* with the forge's id *name*, else the one so numbered.

        It comes without its pushes, which are in its body. Raises NotFound, and NotPossible where the body is
        no longer kept.
        """
        return rows.to_whole_delivery(self._db.read(partial(reading.delivery, name=name, hooks=hooks)))

    def counts(self) -> Counts:
        """Count what waits and runs now; what has ended is never counted."""
        [row] = self._db.read(lambda tx: tx.all(reading.COUNTS, {}))
        return Counts(queued=row["queued"], running=row["running"])

    # housekeeping

    def prune(self, history: History, *, now: datetime, limit: int = 200) -> Pruned:
        """Remove a little of what *history* no longer keeps; call again while it removed something.

        The caller removes the log folders of the runs that are gone.
        """
        found = self._db.read(partial(pruning.surplus, history=history, now=now, limit=limit))
        if found:
            self._db.write(partial(pruning.remove, found=found))
        return found

    def probe(self, *, now: datetime) -> None:
        """Check with a small durable change that the store takes writes; raises StoreUnavailable."""
        self._db.write(lambda tx: tx.execute(operations.PROBE, {"now": rows.to_us(now)}))

    def check(self) -> tuple[str, ...]:
        """Check the whole database for damage and return what was found. Slow on a large one."""
        return self._db.check()
