"""What runs next, and who holds it (functions over a transaction)."""

from datetime import datetime

from webhookd.errors import NotPossible
from webhookd.models.run import Claim, RunState
from webhookd.queue import reading, rows
from webhookd.queue.dialect import Row, Transaction, Values

FREE = """
WITH RECURSIVE head (id) AS (
    SELECT (SELECT id FROM run WHERE state = 'queued' ORDER BY slot, id LIMIT 1)
    UNION ALL
    SELECT (
        SELECT id FROM run
        WHERE state = 'queued' AND slot > (SELECT slot FROM run WHERE id = head.id)
        ORDER BY slot, id LIMIT 1
    )
    FROM head WHERE head.id IS NOT NULL
), free (id, repo, not_before) AS (
    SELECT run.id, run.repo, CASE WHEN run.not_before <= run.queued_at THEN 0 ELSE run.not_before END
    FROM head JOIN run ON run.id = head.id
    WHERE run.lane NOT IN (SELECT lane FROM run WHERE state = 'running')
    AND run.slot NOT IN (SELECT slot FROM run WHERE state = 'running')
    AND run.target NOT IN (SELECT target FROM paused)
)
"""
"""The oldest waiting run of each slot that is free, as its lane is, and whose target is not paused.

`head` jumps from slot to slot in the index, so that ten thousand runs in one slot cost as much as one. The
oldest of each slot, not of each lane: where targets share a lock, one that is paused, settling or waiting for
its retry does not hold up the others. A run that began before a reload may be in the lane that its slot had
then, so both have to be free. What waits for nothing is due even if the clock was put back since.
"""

NEXT = f"""
{FREE}, busy (repo, runs) AS (
    SELECT repo, count(*) FROM run WHERE state = 'running' GROUP BY repo
)
SELECT free.id
FROM free LEFT JOIN busy ON busy.repo = free.repo LEFT JOIN turn ON turn.repo = free.repo
WHERE free.not_before <= :now
ORDER BY coalesce(busy.runs, 0), coalesce(turn.started_at, 0), free.id
LIMIT 1
"""  # noqa: S608  constant text
"""The oldest that may start, of the repository with the fewest running, then the longest without a turn."""

NEXT_DUE = f"{FREE} SELECT min(not_before) AS due FROM free"  # noqa: S608  constant text

START = """
UPDATE run SET state = 'running', attempt = attempt + 1, owner = :owner, started_at = :now, ended_at = NULL,
    exit_code = NULL, signal = NULL, reason = ''
WHERE id = :run AND state = 'queued'
"""

START_ATTEMPT = """
INSERT INTO attempt (run_id, n, owner, started_at)
SELECT id, attempt, owner, started_at FROM run WHERE id = :run
"""

TAKE_TURN = """
INSERT INTO turn (repo, started_at) SELECT repo, :now FROM run WHERE id = :run
ON CONFLICT (repo) DO UPDATE SET started_at = excluded.started_at
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
    ready = tx.one(NEXT, {"now": at})
    if ready is None:
        return None
    run = ready["id"]
    tx.execute(START, {"run": run, "owner": owner, "now": at})
    tx.execute(START_ATTEMPT, {"run": run})
    tx.execute(TAKE_TURN, {"run": run, "now": at})
    return rows.to_claim(tx.all(CLAIMED, {"run": run})[0])


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
