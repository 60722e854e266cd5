"""What people see: runs, attempts, deliveries, counts (functions over a transaction that change nothing).

Lists go from the newest back and continue below a number (`before`), never by offset. Indexes are partial,
and one serves only a query that repeats its condition: hence `ended_at IS NULL` beside a state.
"""

from collections.abc import Iterable

from webhookd.errors import NotFound, NotPossible, no_run
from webhookd.models.run import RunState
from webhookd.queue import lifecycle, rows
from webhookd.queue.dialect import Row, Transaction, Value

RUNNING = f"{rows.SELECT_RUN} WHERE run.state = 'running' AND run.ended_at IS NULL ORDER BY run.id"

CANCEL_REQUESTED = """
SELECT id FROM run
WHERE state = 'running' AND ended_at IS NULL AND owner = :owner AND cancel_requested = 1
ORDER BY id
"""

ATTEMPTS = "SELECT * FROM attempt WHERE run_id = :run ORDER BY n"

DELIVERY_COLUMNS = """
    id, hook, forge, delivery_id, event, kind, opened_by, reason, received_at, repo, refs,
    body IS NOT NULL AS has_body
"""

DELIVERIES = f"""
SELECT {DELIVERY_COLUMNS} FROM delivery WHERE id < :before ORDER BY id DESC LIMIT :limit
"""  # noqa: S608  constant text

DELIVERY_OF_ID = "SELECT max(id) AS id FROM delivery WHERE hook = :hook AND delivery_id = :name"

RUNS_OF_DELIVERY = "SELECT id FROM run WHERE delivery_id = :delivery ORDER BY id"

COUNTS = """
SELECT (SELECT count(*) FROM run WHERE state = 'queued' AND ended_at IS NULL) AS queued,
    (SELECT count(*) FROM run WHERE state = 'running' AND ended_at IS NULL) AS running
"""

PAUSED = "SELECT target FROM paused ORDER BY target"

NEWEST = 2**63 - 1  # above every number
_DIGITS = 19  # that a number of ours has at most


def load(tx: Transaction, run: int) -> Row:
    """Return the row of *run*, or raise NotFound."""
    row = tx.one(f"{rows.SELECT_RUN} WHERE run.id = :run", {"run": run})
    if row is None:
        raise no_run(run)
    return row


def runs_sql(*, target: bool, state: RunState | None) -> str:
    """Return the query for a list of runs; those of one target are few enough to scan for a state."""
    conditions = ["run.id < :before"]
    if target:
        conditions.append("run.target = :target")
    if state is not None:
        conditions.append(f"run.state = '{state.value}'")
    if state is not None and (not target or state not in lifecycle.ENDED):
        conditions.append(f"run.ended_at IS {'NOT ' * (state in lifecycle.ENDED)}NULL")
    return f"{rows.SELECT_RUN} WHERE {' AND '.join(conditions)} ORDER BY run.id DESC LIMIT :limit"


def runs(
    tx: Transaction, *, target: str | None, state: RunState | None, limit: int, before: int | None
) -> list[Row]:
    """List runs, newest first."""
    values: dict[str, Value] = {"limit": limit, "before": NEWEST if before is None else before}
    if target is not None:
        values["target"] = target
    return tx.all(runs_sql(target=target is not None, state=state), values)


def attempts(tx: Transaction, run: int) -> list[Row]:
    """List the attempts of *run*, or raise NotFound."""
    found = tx.all(ATTEMPTS, {"run": run})
    if not found:
        load(tx, run)
    return found


def delivery(tx: Transaction, name: str, *, hooks: Iterable[str]) -> Row:
    """Return the newest delivery at one of *hooks* with the forge's id *name*, else the one of that number.

    Raises NotFound, and NotPossible where its body is no longer kept.
    """
    found = [row["id"] for hook in hooks for row in tx.all(DELIVERY_OF_ID, {"hook": hook, "name": name})]
    number = max(filter(None, found), default=int(name) if name.isdecimal() and len(name) < _DIGITS else 0)
    row = tx.one("SELECT * FROM delivery WHERE id = :number", {"number": number})
    if row is None:
        raise NotFound(f'there is no delivery "{name}"', hint="`webhookd deliveries` lists them")
    if row["body"] is None:
        raise _without_body(tx, row, name)
    return row


def _without_body(tx: Transaction, row: Row, name: str) -> NotPossible:
    """Return the error for a delivery without a body: it never had one, or is too old."""
    if row["body_sha256"]:
        hint = "`history.bodies` says for how long"
        return NotPossible(f'the payload of delivery "{name}" is no longer kept', hint=hint)
    runs = [run["id"] for run in tx.all(RUNS_OF_DELIVERY, {"delivery": row["id"]})]
    hint = f"`webhookd rerun {runs[-1]}` runs it again" if runs else "run `webhookd deploy` again"
    return NotPossible(f'delivery "{name}" was made by `webhookd deploy` and has no payload', hint=hint)


def deliveries(tx: Transaction, *, limit: int, before: int | None) -> list[tuple[Row, tuple[int, ...]]]:
    """List deliveries with the numbers of their runs, newest first."""
    values = {"limit": limit, "before": NEWEST if before is None else before}
    return [
        (row, tuple(run["id"] for run in tx.all(RUNS_OF_DELIVERY, {"delivery": row["id"]})))
        for row in tx.all(DELIVERIES, values)
    ]
