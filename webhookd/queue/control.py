"""What an operator and a reload ask of the store (functions over a transaction)."""

from collections.abc import Collection, Iterable
from datetime import datetime

from webhookd.models import RunState, Target
from webhookd.queue import accepting, lifecycle, reading, rows
from webhookd.queue.dialect import Row, Transaction, Values

CANCEL_QUEUED = """
UPDATE run SET state = 'cancelled', ended_at = :now, reason = :reason WHERE id = :run AND state = 'queued'
"""

REQUEST_CANCEL = "UPDATE run SET cancel_requested = 1 WHERE id = :run AND state = 'running'"

PAUSE = "INSERT INTO paused (target, since) VALUES (:target, :now) ON CONFLICT (target) DO NOTHING"

RESUME = "DELETE FROM paused WHERE target = :target"

WAITING = "SELECT id, target FROM run WHERE state = 'queued' AND ended_at IS NULL ORDER BY id"

OVERTAKEN = """
SELECT id, (SELECT max(id) FROM run AS newer WHERE newer.slot = run.slot AND newer.state = 'queued') AS newest
FROM run WHERE target = :target AND state = 'queued' AND ended_at IS NULL ORDER BY id
"""
"""What waits for a target, each with the newest run that waits in its slot."""

SUPERSEDE = "UPDATE run SET state = 'superseded', ended_at = :now WHERE id = :run AND state = 'queued'"

RELANE = """
UPDATE run SET lane = CASE WHEN :lock = '' THEN slot ELSE :lock END, overlap = :overlap, retries = :retries
WHERE target = :target AND state = 'queued' AND ended_at IS NULL AND (
    lane <> CASE WHEN :lock = '' THEN slot ELSE :lock END OR overlap <> :overlap OR retries <> :retries
)
"""


def cancel(tx: Transaction, run: int, *, now: datetime) -> Row:
    """Cancel a waiting run at once, ask the owner of a running one to end it; refuse an ended one."""
    row = reading.load(tx, run)
    state = RunState(row["state"])
    lifecycle.check_cancel(run, state, attempt=row["attempt"])
    if state is RunState.QUEUED:
        cancel_queued(tx, run, reason=_when(row["attempt"]), now=now)
    else:
        tx.execute(REQUEST_CANCEL, {"run": run})
    return reading.load(tx, run)


def _when(attempts: int) -> str:
    return f"cancelled after attempt {attempts}" if attempts else "cancelled before it started"


def cancel_queued(tx: Transaction, run: int, *, reason: str, now: datetime) -> None:
    """End a waiting run."""
    tx.execute(CANCEL_QUEUED, {"run": run, "now": rows.to_us(now), "reason": reason})


def cancel_targets(tx: Transaction, known: Collection[str], *, now: datetime) -> list[Row]:
    """Cancel what waits for targets that are not *known*; give the rows of those runs."""
    waiting = [row["id"] for row in tx.all(WAITING, {}) if row["target"] not in known]
    for run in waiting:
        cancel_queued(tx, run, reason="its target is no longer configured", now=now)
    return [reading.load(tx, run) for run in waiting]


def take_over(tx: Transaction, targets: Collection[Target], *, now: datetime) -> tuple[list[Row], int]:
    """Put what waits under the rules of *targets*, all there are; give the cancelled, count the changed."""
    cancelled = cancel_targets(tx, {target.name for target in targets}, now=now)
    return cancelled, relane(tx, targets, now=now)


def relane(tx: Transaction, targets: Iterable[Target], *, now: datetime) -> int:
    """Put what waits under the lane, overlap and retries that its target has now; give how many changed.

    Where several waited in line and now only the newest may wait, it takes the place of the others.
    """
    waiting = {row["target"] for row in tx.all(WAITING, {})}
    return sum(_relane(tx, target, now=now) for target in targets if target.name in waiting)


def _relane(tx: Transaction, target: Target, *, now: datetime) -> int:
    replaced = 0
    if lifecycle.coalesces(target.overlap):
        for row in tx.all(OVERTAKEN, {"target": target.name}):
            if row["id"] != row["newest"]:
                replaced += tx.execute(SUPERSEDE, {"run": row["id"], "now": rows.to_us(now)})
                accepting.link(tx, row["id"], newer=row["newest"])
    values: Values = {
        "target": target.name,
        "lock": _lock(target),
        "overlap": target.overlap.value,
        "retries": target.retries,
    }
    return replaced + tx.execute(RELANE, values)


def _lock(target: Target) -> str:
    return "" if target.lock is None else f"lock {target.lock}"


def pause(tx: Transaction, target: str, *, now: datetime) -> bool:
    """Let nothing of *target* start; tell whether that is new."""
    return tx.execute(PAUSE, {"target": target, "now": rows.to_us(now)}) > 0


def resume(tx: Transaction, target: str) -> bool:
    """Let runs of *target* start again; tell whether it was paused."""
    return tx.execute(RESUME, {"target": target}) > 0
