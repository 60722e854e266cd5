"""What runs next, and who holds it (functions over a transaction)."""

from datetime import datetime

from webhookd.errors import NotPossible
from webhookd.models.run import Claim, RunState
from webhookd.queue import heads, reading, rows
from webhookd.queue.dialect import Row, Transaction, Values

MAY_START = """
    run.not_before <= :now
    AND NOT EXISTS (SELECT 1 FROM run AS other WHERE other.lane = run.lane AND other.state = 'running')
    AND run.target NOT IN (SELECT target FROM paused)
"""
"""Of a head: it is due, its lane is free, its target is not paused.

Targets that share a lock are in one lane: one of them that is paused, settling or waiting for its retry does
not hold up the others.
"""

_HEAD = f"""
SELECT run.id FROM run WHERE run.repo = turn.repo AND run.head = 1 AND {MAY_START} ORDER BY run.id LIMIT 1
"""  # noqa: S608  constant text

NEXT_OF_IDLE = f"""
SELECT id, repo FROM (
    SELECT turn.place, turn.repo, ({_HEAD}) AS id FROM turn
    WHERE turn.repo NOT IN (SELECT repo FROM run WHERE state = 'running')
    AND (SELECT min(not_before) FROM run WHERE head = 1) <= :now
) AS head
WHERE id IS NOT NULL ORDER BY place LIMIT 1
"""  # noqa: S608  constant text
"""The oldest head of the next repository of which nothing runs: the search ends with the first."""

NEXT_OF_BUSY = f"""
SELECT id, repo FROM (
    SELECT busy.runs, turn.place, turn.repo, ({_HEAD}) AS id
    FROM (SELECT repo, count(*) AS runs FROM run WHERE state = 'running' GROUP BY repo) AS busy
    JOIN turn ON turn.repo = busy.repo
) AS head
WHERE id IS NOT NULL ORDER BY runs, place LIMIT 1
"""  # noqa: S608  constant text
"""The oldest head of the repository with the fewest running, then of the next in line."""

NEXT_DUE = """
SELECT not_before AS due FROM run
WHERE head = 1 AND target NOT IN (SELECT target FROM paused)
AND NOT EXISTS (SELECT 1 FROM run AS other WHERE other.lane = run.lane AND other.state = 'running')
ORDER BY not_before LIMIT 1
"""

START = """
UPDATE run SET state = 'running', attempt = attempt + 1, owner = :owner, started_at = :now, ended_at = NULL,
    exit_code = NULL, signal = NULL, reason = '', head = 0
WHERE id = :run AND head = 1
AND NOT EXISTS (SELECT 1 FROM run AS other WHERE other.lane = run.lane AND other.state = 'running')
"""

START_ATTEMPT = """
INSERT INTO attempt (run_id, n, owner, started_at)
SELECT id, attempt, owner, started_at FROM run WHERE id = :run
"""

CLAIMED = f"""
SELECT {rows.RUN_COLUMNS}, delivery.body, delivery.content_type, (
    SELECT last.commit_id FROM run AS last
    WHERE last.slot = run.slot AND last.state = 'succeeded' ORDER BY last.id DESC LIMIT 1
) AS last_commit
FROM run JOIN delivery ON delivery.id = run.delivery_id WHERE run.id = :run
"""  # noqa: S608  constant text


def claim(tx: Transaction, *, owner: str, now: datetime) -> Claim | None:
    """Start the next run, if any may start."""
    at = rows.to_us(now)
    while (head := tx.one(NEXT_OF_IDLE, {"now": at}) or tx.one(NEXT_OF_BUSY, {"now": at})) is not None:
        run = head["id"]
        tx.lock(head["repo"])
        if tx.execute(START, {"run": run, "owner": owner, "now": at}):  # else another host was first
            break
    else:
        return None
    tx.execute(START_ATTEMPT, {"run": run})
    row = tx.all(CLAIMED, {"run": run})[0]
    heads.take_turn(tx, row["repo"])
    return rows.to_claim(row)


def adopt(tx: Transaction, run: int, *, owner: str, attempt: int) -> Row:
    """Make *owner* the holder of a running attempt; the former holder can no longer finish it."""
    row = reading.load(tx, run)
    if row["state"] != RunState.RUNNING or row["attempt"] != attempt:
        raise NotPossible(
            f"run {run} is {row['state']} at attempt {row['attempt']}, not running attempt {attempt}"
        )
    values: Values = {"run": run, "owner": owner, "attempt": attempt}
    tx.execute("UPDATE run SET owner = :owner WHERE id = :run AND attempt = :attempt", values)
    tx.execute("UPDATE attempt SET owner = :owner WHERE run_id = :run AND n = :attempt", values)
    return reading.load(tx, run)
