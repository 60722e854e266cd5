"""A retry that nobody wants any more: something newer waits behind it (functions over a transaction)."""

from webhookd.models import Ending, Outcome, Overlap
from webhookd.queue import lifecycle, rows
from webhookd.queue.dialect import Transaction, Value, Values

FIRST_IN_LINE = """
SELECT run.id, run.overlap, run.attempt, run.retries, run.interruptions, attempt.ending, attempt.exit_code,
    attempt.signal, attempt.reason
FROM run JOIN attempt ON attempt.run_id = run.id AND attempt.n = run.attempt
WHERE run.id = (SELECT id FROM run WHERE slot = :slot AND state = 'queued' ORDER BY id LIMIT 1)
AND attempt.ending <> 'interrupted'
"""
"""The oldest that waits, if it has failed before; in a line only that one can have."""

GIVE_UP = """
UPDATE run SET state = :state, ended_at = :now, exit_code = :exit_code, signal = :signal, reason = :reason
WHERE id = :run AND state = 'queued'
"""


def give_up(tx: Transaction, slot: str, *, newer: int, now: Value) -> None:
    """End what waits in *slot* for its retry: from *now* on (as a column has it) *newer* waits behind it."""
    row = tx.one(FIRST_IN_LINE, {"slot": slot})
    if row is None:
        return
    outcome = Outcome(
        ending=Ending(row["ending"]),
        exit_code=row["exit_code"],
        signal=row["signal"],
        reason=row["reason"],
    )
    situation = lifecycle.Situation(
        overlap=Overlap(row["overlap"]),
        attempt=row["attempt"],
        max_attempts=rows.max_attempts(row),
        newer=newer,
        retry_in=0.0,
    )
    move = lifecycle.next_move(outcome, situation)
    values: Values = {"run": row["id"], "state": move.state.value, "now": now}
    kept = {name: row[name] for name in ("exit_code", "signal")}
    tx.execute(GIVE_UP, {**values, **kept, "reason": rows.clean(move.reason)})
