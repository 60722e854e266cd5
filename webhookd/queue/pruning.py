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


@dataclass(frozen=True, slots=True, kw_only=True)
class Pruned:
    """What one round removes: numbers of runs, of deliveries, and of deliveries whose body goes."""

    runs: tuple[int, ...] = ()  # their logs go too
    deliveries: tuple[int, ...] = ()
    bodies: tuple[int, ...] = ()

    def __bool__(self) -> bool:
        return bool(self.runs or self.deliveries or self.bodies)


def surplus(tx: Transaction, history: History, *, now: datetime, limit: int) -> Pruned:
    """Find what *history* no longer keeps, at most *limit* of each kind."""
    before = _before(history.keep, now=now)
    return Pruned(
        runs=_old(tx, OLD_RUNS, before=before, limit=limit)
        or _beyond_count(tx, keep=history.runs_per_target, limit=limit),
        deliveries=_old(tx, OLD_DELIVERIES, before=before, limit=limit),
        bodies=_old(tx, OLD_BODIES, before=_before(history.bodies, now=now), limit=limit),
    )


def remove(tx: Transaction, found: Pruned) -> None:
    """Remove what was *found*, except what is in use again."""
    for sql, numbers in (
        (DELETE_RUN, found.runs),
        (DELETE_DELIVERY, found.deliveries),
        (DELETE_BODY, found.bodies),
    ):
        for number in numbers:
            tx.execute(sql, {"id": number})


def _before(seconds: float, *, now: datetime) -> int:
    return rows.to_us(now) - rows.microseconds(seconds)


def _old(tx: Transaction, sql: str, *, before: int, limit: int) -> tuple[int, ...]:
    return tuple(row["id"] for row in tx.all(sql, {"before": before, "limit": limit}))


def _beyond_count(tx: Transaction, *, keep: int, limit: int) -> tuple[int, ...]:
    """Find ended runs that are not among the *keep* newest of their target."""
    found: list[int] = []
    target = ""
    while len(found) < limit and (target := tx.all(NEXT_TARGET, {"target": target})[0]["target"]):
        newest = tx.one(SURPLUS_BELOW, {"target": target, "keep": keep})
        if newest is not None:
            values = {"target": target, "newest": newest["id"], "limit": limit - len(found)}
            found.extend(row["id"] for row in tx.all(SURPLUS, values))
    return tuple(found)
