"""What an operator, a reload and a check of health ask of the store (functions over a transaction)."""

from collections.abc import Collection, Iterable
from datetime import datetime

from webhookd.models.run import RunState
from webhookd.models.settings import Target
from webhookd.queue import finishing, lifecycle, reading, rows
from webhookd.queue.dialect import Row, Transaction, Values
from webhookd.queue.lifecycle import Move

REQUEST_CANCEL = "UPDATE run SET cancel_requested = 1 WHERE id = :run AND state = 'running'"

PAUSE = "INSERT INTO paused (target, since) VALUES (:target, :now) ON CONFLICT (target) DO NOTHING"

RESUME = "DELETE FROM paused WHERE target = :target"

WAITING = """
SELECT id, target, slot, lane, repo, overlap, retries FROM run
WHERE state = 'queued' AND ended_at IS NULL ORDER BY id
"""

RELANE = "UPDATE run SET lane = :lane, overlap = :overlap, retries = :retries WHERE id = :run"

PROBE = "UPDATE probe SET written_at = :now WHERE id = 1"


def cancel(tx: Transaction, run: int, *, now: datetime) -> Row:
    """Cancel a waiting run at once, ask the owner of a running one to end it; refuse an ended one."""
    tx.lock(reading.load(tx, run)["repo"])
    row = reading.load(tx, run)
    state, attempt = RunState(row["state"]), row["attempt"]
    lifecycle.check_cancel(run, state, attempt=attempt)
    if state is RunState.QUEUED:
        reason = f"cancelled after attempt {attempt}" if attempt else "cancelled before it started"
        finishing.end(tx, row, Move(state=RunState.CANCELLED, reason=reason), at=rows.to_us(now))
    else:
        tx.execute(REQUEST_CANCEL, {"run": run})
    return reading.load(tx, run)


def take_over(tx: Transaction, targets: Collection[Target], *, now: datetime) -> tuple[list[Row], int]:
    """Put what waits under the rules of *targets*, which are all there are.

    Returns the rows of the runs that were cancelled because their target is gone, and how many changed.
    """
    known = {target.name for target in targets}
    gone = [row for row in tx.all(WAITING, {}) if row["target"] not in known]
    move = Move(state=RunState.CANCELLED, reason="its target is no longer configured")
    for run in gone:
        finishing.end(tx, run, move, at=rows.to_us(now))
    changed = relane(tx, targets, now=now)
    return [reading.load(tx, run["id"]) for run in gone], changed


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
            reason = f"run {newer} took its place"
            move = Move(state=RunState.SUPERSEDED, reason=reason, superseded_by=newer)
            finishing.end(tx, row, move, at=rows.to_us(now))
            changed += 1
            continue
        values: Values = {
            "lane": target.lane(row["slot"]),
            "overlap": target.overlap.value,
            "retries": target.retries,
        }
        if any(row[name] != value for name, value in values.items()):
            changed += tx.execute(RELANE, {**values, "run": row["id"]})
    return changed
