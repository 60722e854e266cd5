"""What an operator, a reload and a check of health ask of the store (functions over a transaction)."""

from collections.abc import Collection, Iterable
from datetime import datetime

from webhookd.models.run import RunState
from webhookd.models.settings import Target
from webhookd.queue import accepting, lifecycle, reading, rows
from webhookd.queue.dialect import Row, Transaction, Values

CANCEL_QUEUED = """
UPDATE run SET state = 'cancelled', ended_at = :now, reason = :reason WHERE id = :run AND state = 'queued'
"""

REQUEST_CANCEL = "UPDATE run SET cancel_requested = 1 WHERE id = :run AND state = 'running'"

PAUSE = "INSERT INTO paused (target, since) VALUES (:target, :now) ON CONFLICT (target) DO NOTHING"

RESUME = "DELETE FROM paused WHERE target = :target"

WAITING = """
SELECT id, target, slot, lane, overlap, retries FROM run
WHERE state = 'queued' AND ended_at IS NULL ORDER BY id
"""

SUPERSEDE = "UPDATE run SET state = 'superseded', ended_at = :now WHERE id = :run AND state = 'queued'"

RELANE = "UPDATE run SET lane = :lane, overlap = :overlap, retries = :retries WHERE id = :run"

PROBE = "UPDATE probe SET written_at = :now WHERE id = 1"


def cancel(tx: Transaction, run: int, *, now: datetime) -> Row:
    """Cancel a waiting run at once, ask the owner of a running one to end it; refuse an ended one."""
    row = reading.load(tx, run)
    state, attempt = RunState(row["state"]), row["attempt"]
    lifecycle.check_cancel(run, state, attempt=attempt)
    if state is RunState.QUEUED:
        when = f"after attempt {attempt}" if attempt else "before it started"
        _cancel_queued(tx, run, reason=f"cancelled {when}", now=now)
    else:
        tx.execute(REQUEST_CANCEL, {"run": run})
    return reading.load(tx, run)


def take_over(tx: Transaction, targets: Collection[Target], *, now: datetime) -> tuple[list[Row], int]:
    """Put what waits under the rules of *targets*, which are all there are.

    Returns the rows of the runs that were cancelled because their target is gone, and how many changed.
    """
    known = {target.name for target in targets}
    gone = [row["id"] for row in tx.all(WAITING, {}) if row["target"] not in known]
    for run in gone:
        _cancel_queued(tx, run, reason="its target is no longer configured", now=now)
    changed = relane(tx, targets, now=now)
    return [reading.load(tx, run) for run in gone], changed


def relane(tx: Transaction, targets: Iterable[Target], *, now: datetime) -> int:
    """Put what waits under the lane, overlap and retries that its target has now; return how many changed.

    Where several waited in line and now only the newest may wait, it takes the place of the others.
    """
    rules = {target.name: target for target in targets}
    waiting = [row for row in tx.all(WAITING, {}) if row["target"] in rules]
    newest = {row["slot"]: row["id"] for row in waiting}  # the last one stays
    changed = 0
    for row in waiting:
        target = rules[row["target"]]
        newer = newest[row["slot"]]
        if newer != row["id"] and lifecycle.coalesces(target.overlap):
            changed += tx.execute(SUPERSEDE, {"run": row["id"], "now": rows.to_us(now)})
            accepting.link(tx, row["id"], newer=newer)
            continue
        values: Values = {
            "lane": target.lane(row["slot"]),
            "overlap": target.overlap.value,
            "retries": target.retries,
        }
        if any(row[name] != value for name, value in values.items()):
            changed += tx.execute(RELANE, {**values, "run": row["id"]})
    return changed


def pause(tx: Transaction, target: str, *, now: datetime) -> bool:
    """Start no more runs of *target*; return whether that is new."""
    return tx.execute(PAUSE, {"target": target, "now": rows.to_us(now)}) > 0


def resume(tx: Transaction, target: str) -> bool:
    """Start runs of *target* again; return whether it was paused."""
    return tx.execute(RESUME, {"target": target}) > 0


def probe(tx: Transaction, *, now: datetime) -> None:
    """Write something of no importance, to see whether that is possible."""
    tx.execute(PROBE, {"now": rows.to_us(now)})


def _cancel_queued(tx: Transaction, run: int, *, reason: str, now: datetime) -> None:
    tx.execute(CANCEL_QUEUED, {"run": run, "now": rows.to_us(now), "reason": reason})
