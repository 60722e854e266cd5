"""How an attempt ended, and where its run goes from there (functions over a transaction)."""

from datetime import datetime

from webhookd.errors import NotPossible
from webhookd.models.run import Ending, Outcome, RunState
from webhookd.models.settings import Overlap
from webhookd.queue import heads, lifecycle, reading, rows
from webhookd.queue.dialect import Row, Transaction
from webhookd.queue.rows import Columns

NEWER_WAITING = "SELECT max(id) AS id FROM run WHERE slot = :slot AND state = 'queued' AND id > :run"

END_ATTEMPT = """
UPDATE attempt SET ended_at = :ended_at, ending = :ending, exit_code = :exit_code, signal = :signal,
    reason = :reason
WHERE run_id = :run AND n = :attempt
"""

END_RUN = """
UPDATE run SET state = :state, ended_at = :ended_at, exit_code = :exit_code, signal = :signal,
    reason = :reason, superseded_by = :superseded_by, cancel_requested = 0, owner = NULL,
    head = 0
WHERE id = :run AND ended_at IS NULL
"""

QUEUE_AGAIN = """
UPDATE run SET state = 'queued', not_before = :not_before, started_at = NULL, reason = :reason,
    interruptions = interruptions + :interrupted, owner = NULL
WHERE id = :run AND state = 'running'
"""


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
    if (row["state"], row["owner"], row["attempt"]) != (RunState.RUNNING, owner, attempt):
        _check_repeated(tx, run, owner=owner, attempt=attempt)
        return row
    tx.lock(row["repo"])
    situation = lifecycle.Situation(
        overlap=Overlap(row["overlap"]),
        attempt=attempt,
        max_attempts=rows.max_attempts(row),
        interruptions=row["interruptions"],
        cancel_requested=bool(row["cancel_requested"]),
        replaced_by=row["superseded_by"],
        newer=tx.all(NEWER_WAITING, {"slot": row["slot"], "run": run})[0]["id"],
        retry_in=retry_in,
    )
    move = lifecycle.next_move(outcome, situation)
    ended_at = rows.to_us(outcome.ended_at or now)
    ended: Columns = {
        "run": run,
        "ended_at": ended_at,
        "exit_code": outcome.exit_code,
        "signal": outcome.signal,
        "reason": rows.clean(outcome.reason),
    }
    tx.execute(END_ATTEMPT, ended | {"attempt": attempt, "ending": outcome.ending.value})
    if move.state is RunState.QUEUED:
        again: Columns = {
            "run": run,
            "not_before": rows.to_us(now) + rows.microseconds(move.delay),
            "reason": rows.clean(move.reason),
            "interrupted": int(outcome.ending is Ending.INTERRUPTED),
        }
        tx.execute(QUEUE_AGAIN, again)
        heads.advance(tx, slot=row["slot"], repo=row["repo"])
    else:
        end(tx, row, move, at=ended_at, exit_code=outcome.exit_code, signal=outcome.signal)
    return reading.load(tx, run)


def end(  # noqa: PLR0913  each is a fact of its own
    tx: Transaction,
    run: Row,
    move: lifecycle.Move,
    *,
    at: int,
    exit_code: int | None = None,
    signal: int | None = None,
) -> None:
    """End a run, which waits or is running, as *move* has it; *at* is a column value."""
    values: Columns = {
        "run": run["id"],
        "state": move.state.value,
        "ended_at": at,
        "exit_code": exit_code,
        "signal": signal,
        "reason": rows.clean(move.reason),
        "superseded_by": move.superseded_by,
    }
    tx.execute(END_RUN, values)
    heads.advance(tx, slot=run["slot"], repo=run["repo"])


def _check_repeated(tx: Transaction, run: int, *, owner: str, attempt: int) -> None:
    """Accept the same report from the same owner, which may not have seen the first answer; refuse others."""
    known = tx.one(
        "SELECT owner, ending FROM attempt WHERE run_id = :run AND n = :attempt",
        {"run": run, "attempt": attempt},
    )
    if known is None or known["owner"] != owner or known["ending"] is None:
        raise NotPossible(f'attempt {attempt} of run {run} is not held by "{owner}"')
