"""How an attempt ended, and where its run goes from there (functions over a transaction)."""

from datetime import datetime

from webhookd.errors import NotPossible
from webhookd.models.run import Ending, Outcome, RunState
from webhookd.models.settings import Overlap
from webhookd.queue import lifecycle, reading, rows
from webhookd.queue.dialect import Row, Transaction

NEWER_WAITING = "SELECT max(id) AS id FROM run WHERE slot = :slot AND state = 'queued' AND id > :run"

INTERRUPTIONS_IN_A_ROW = """
SELECT count(*) AS n FROM attempt
WHERE run_id = :run AND ending = 'interrupted'
AND n > (SELECT coalesce(max(n), 0) FROM attempt WHERE run_id = :run AND ending <> 'interrupted')
"""

END_ATTEMPT = """
UPDATE attempt SET ended_at = :ended_at, ending = :ending, exit_code = :exit_code, signal = :signal,
    reason = :reason
WHERE run_id = :run AND n = :attempt
"""

END_RUN = """
UPDATE run SET state = :state, ended_at = :ended_at, exit_code = :exit_code, signal = :signal,
    reason = :reason, superseded_by = :superseded_by, cancel_requested = 0, owner = NULL
WHERE id = :run AND ended_at IS NULL
"""

QUEUE_AGAIN = """
UPDATE run SET state = 'queued', not_before = :not_before, started_at = NULL, reason = :reason,
    interruptions = interruptions + :interrupted, owner = NULL
WHERE id = :run AND state = 'running'
"""

FIRST_IN_LINE = """
SELECT attempt.run_id, attempt.ending, attempt.exit_code, attempt.signal, attempt.reason
FROM run JOIN attempt ON attempt.run_id = run.id AND attempt.n = run.attempt
WHERE run.id = (SELECT id FROM run WHERE slot = :slot AND state = 'queued' ORDER BY id LIMIT 1)
AND attempt.ending <> 'interrupted'
"""
"""The last attempt of the oldest waiting run, if it failed; no other waiting run can have failed before."""


def finish(  # noqa: PLR0913  each is a fact of its own
    tx: Transaction,
    run: int,
    *,
    owner: str,
    attempt: int,
    outcome: Outcome,
    now: datetime,
    retry_in: float | None,
) -> Row:
    """Record how an attempt ended, move its run on, and return the run's row."""
    row = reading.load(tx, run)
    if not _holds(row, owner=owner, attempt=attempt):
        _check_repeated(tx, row, owner=owner, attempt=attempt)
        return row
    tx.lock(row["lane"])
    newer = tx.one(NEWER_WAITING, {"slot": row["slot"], "run": run})
    interruptions = tx.one(INTERRUPTIONS_IN_A_ROW, {"run": run})
    situation = _situation(
        row,
        newer=newer["id"] if newer else None,
        interruptions=interruptions["n"] if interruptions else 0,
        retry_in=retry_in,
    )
    move = lifecycle.next_move(outcome, situation)
    ended_at = rows.to_us(outcome.ended_at or now)
    _end_attempt(tx, row, outcome, ended_at=ended_at)
    if move.state is RunState.QUEUED:
        _queue_again(tx, row, move, outcome=outcome, now=rows.to_us(now))
    else:
        _end(tx, row, move, outcome=outcome, ended_at=ended_at)
    return reading.load(tx, run)


def _holds(row: Row, *, owner: str, attempt: int) -> bool:
    return bool(row["state"] == RunState.RUNNING and row["owner"] == owner and row["attempt"] == attempt)


def _check_repeated(tx: Transaction, row: Row, *, owner: str, attempt: int) -> None:
    """Accept the same report from the same owner, which may not have seen the first answer; refuse others."""
    known = tx.one(
        "SELECT owner, ending FROM attempt WHERE run_id = :run AND n = :attempt",
        {"run": row["id"], "attempt": attempt},
    )
    if known is None or known["owner"] != owner or known["ending"] is None:
        raise NotPossible(f'attempt {attempt} of run {row["id"]} is not held by "{owner}"')


def _situation(
    row: Row, *, newer: int | None, interruptions: int = 0, retry_in: float | None
) -> lifecycle.Situation:
    return lifecycle.Situation(
        overlap=Overlap(row["overlap"]),
        attempt=row["attempt"],
        max_attempts=rows.max_attempts(row),
        failures=row["attempt"] - 1 - row["interruptions"],
        interruptions=interruptions,
        cancel_requested=bool(row["cancel_requested"]),
        replaced_by=row["superseded_by"],
        newer=newer,
        retry_in=retry_in,
    )


def _end_attempt(tx: Transaction, row: Row, outcome: Outcome, *, ended_at: int) -> None:
    values = {
        "run": row["id"],
        "attempt": row["attempt"],
        "ended_at": ended_at,
        "ending": outcome.ending.value,
        "exit_code": outcome.exit_code,
        "signal": outcome.signal,
        "reason": rows.clean(outcome.reason),
    }
    tx.execute(END_ATTEMPT, values)


def _end(tx: Transaction, row: Row, move: lifecycle.Move, *, outcome: Outcome, ended_at: int) -> None:
    values = {
        "run": row["id"],
        "state": move.state.value,
        "ended_at": ended_at,
        "exit_code": outcome.exit_code,
        "signal": outcome.signal,
        "reason": rows.clean(move.reason),
        "superseded_by": move.superseded_by,
    }
    tx.execute(END_RUN, values)


def _queue_again(tx: Transaction, row: Row, move: lifecycle.Move, *, outcome: Outcome, now: int) -> None:
    """Put a run back into the queue."""
    values = {
        "run": row["id"],
        "not_before": now + rows.microseconds(move.delay),
        "reason": rows.clean(move.reason),
        "interrupted": int(outcome.ending is Ending.INTERRUPTED),
    }
    tx.execute(QUEUE_AGAIN, values)


def give_up_retry(tx: Transaction, slot: str, *, newer: int, now: int) -> None:
    """End what waits in *slot* for its retry, because *newer* waits behind it; *now* is a column value."""
    failed = tx.one(FIRST_IN_LINE, {"slot": slot})
    if failed is None:
        return
    row = reading.load(tx, failed["run_id"])
    outcome = Outcome(
        ending=Ending(failed["ending"]),
        exit_code=failed["exit_code"],
        signal=failed["signal"],
        reason=failed["reason"],
    )
    move = lifecycle.next_move(outcome, _situation(row, newer=newer, retry_in=0.0))
    _end(tx, row, move, outcome=outcome, ended_at=now)
