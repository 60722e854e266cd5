"""Old runs, deliveries and bodies out of the store, a little at a time (functions over a transaction).

A reader finds what goes; the transaction that removes it names rows by their number, so that it is short and
no accept waits for it.
"""

from dataclasses import dataclass
from datetime import datetime

from webhookd.models.settings import History
from webhookd.queue import rows
from webhookd.queue.dialect import Transaction

OLD_RUNS = "SELECT id FROM run WHERE ended_at < :before ORDER BY ended_at LIMIT :limit"

NEXT_TARGET = "SELECT min(target) AS target FROM run WHERE target > :target"

SURPLUS_BELOW = """
SELECT id FROM run WHERE target = :target AND ended_at IS NOT NULL ORDER BY id DESC LIMIT 1 OFFSET :keep
"""
"""The newest run of a target that is one too many."""

SURPLUS = """
SELECT id FROM run WHERE target = :target AND ended_at IS NOT NULL AND id <= :newest ORDER BY id LIMIT :limit
"""

OLD_DELIVERIES = """
SELECT id FROM delivery WHERE received_at < :before
AND NOT EXISTS (SELECT 1 FROM run WHERE run.delivery_id = delivery.id)
ORDER BY received_at LIMIT :limit
"""

OLD_BODIES = """
SELECT id FROM delivery WHERE body IS NOT NULL AND received_at < :before
AND NOT EXISTS (SELECT 1 FROM run WHERE run.delivery_id = delivery.id AND run.ended_at IS NULL)
ORDER BY received_at LIMIT :limit
"""

DELETE_RUN = "DELETE FROM run WHERE id = :id AND ended_at IS NOT NULL"

DELETE_DELIVERY = """
DELETE FROM delivery WHERE id = :id AND NOT EXISTS (SELECT 1 FROM run WHERE run.delivery_id = delivery.id)
"""

DELETE_BODY = """
UPDATE delivery SET body = NULL WHERE id = :id
AND NOT EXISTS (SELECT 1 FROM run WHERE run.delivery_id = delivery.id AND run.ended_at IS NULL)
"""

DELETE_TURNS = "DELETE FROM turn WHERE started_at < :before"


@dataclass(frozen=True, slots=True, kw_only=True)
class Pruned:
    """What one round removed."""

    runs: tuple[int, ...] = ()  # their logs go too
    deliveries: int = 0
    bodies: int = 0
    more: bool = False  # another round would find more


@dataclass(frozen=True, slots=True, kw_only=True)
class Surplus:
    """What may be removed: numbers of runs, of deliveries, and of deliveries whose body goes."""

    runs: tuple[int, ...]
    deliveries: tuple[int, ...]
    bodies: tuple[int, ...]
    before: int  # what is older, in microseconds since 1970, is past its time
    more: bool

    def __bool__(self) -> bool:
        return bool(self.runs or self.deliveries or self.bodies)


def surplus(tx: Transaction, history: History, *, now: datetime, limit: int) -> Surplus:
    """Find what *history* no longer keeps, at most *limit* of each kind."""
    at = rows.to_us(now)
    before = at - rows.microseconds(history.keep)
    runs = _old(tx, OLD_RUNS, before=before, limit=limit)
    if len(runs) < limit:
        runs = tuple(dict.fromkeys(runs + _beyond_count(tx, keep=history.runs_per_target, limit=limit)))[
            :limit
        ]
    deliveries = _old(tx, OLD_DELIVERIES, before=before, limit=limit)
    bodies = _old(tx, OLD_BODIES, before=at - rows.microseconds(history.bodies), limit=limit)
    more = limit in {len(runs), len(deliveries), len(bodies)}
    return Surplus(runs=runs, deliveries=deliveries, bodies=bodies, before=before, more=more)


def remove(tx: Transaction, found: Surplus) -> Pruned:
    """Remove what was *found*, except what is in use again."""
    tx.execute(DELETE_TURNS, {"before": found.before})
    return Pruned(
        runs=tuple(run for run in found.runs if tx.execute(DELETE_RUN, {"id": run})),
        deliveries=sum(tx.execute(DELETE_DELIVERY, {"id": number}) for number in found.deliveries),
        bodies=sum(tx.execute(DELETE_BODY, {"id": number}) for number in found.bodies),
        more=found.more or bool(found.runs),  # deliveries may have lost their last run
    )


def _old(tx: Transaction, sql: str, *, before: int, limit: int) -> tuple[int, ...]:
    return tuple(row["id"] for row in tx.all(sql, {"before": before, "limit": limit}))


def _beyond_count(tx: Transaction, *, keep: int, limit: int) -> tuple[int, ...]:
    """Find ended runs that are not among the *keep* newest of their target."""
    found: list[int] = []
    target = _next_target(tx, "")
    while target is not None and len(found) < limit:
        newest = tx.one(SURPLUS_BELOW, {"target": target, "keep": keep})
        if newest is not None:
            values = {"target": target, "newest": newest["id"], "limit": limit - len(found)}
            found.extend(row["id"] for row in tx.all(SURPLUS, values))
        target = _next_target(tx, target)
    return tuple(found)


def _next_target(tx: Transaction, target: str) -> str | None:
    row = tx.one(NEXT_TARGET, {"target": target})
    return None if row is None else row["target"]
