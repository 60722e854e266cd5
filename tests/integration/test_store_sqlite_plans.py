"""No statement walks through the history: each finds what it wants by an index."""

import re
import sqlite3
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType

import pytest

from webhookd.models.run import RunState
from webhookd.queue import Store, accepting, claiming, finishing, heads, operations, pruning, reading

MODULES = (accepting, claiming, finishing, heads, operations, pruning, reading)
COMMANDS = ("SELECT", "INSERT", "UPDATE", "DELETE", "WITH")
# Few runs are running, so their index may be walked; that of what is due is left at the first match.
SMALL = {"run_running", "run_due"}
SMALL_TABLES = {"paused", "turn", "head", "busy", "CONSTANT"}


def statements(module: ModuleType) -> Iterator[tuple[str, str]]:
    for name, value in vars(module).items():
        if isinstance(value, str) and value.strip().startswith(COMMANDS) and not name.startswith("_"):
            yield f"{module.__name__.rpartition('.')[2]}.{name}", value


STATEMENTS = dict(statement for module in MODULES for statement in statements(module)) | {
    f"runs in {state or 'any state'}{' of a target' * target}": reading.runs_sql(target=target, state=state)
    for state in (None, *RunState)
    for target in (False, True)
}


@pytest.fixture(scope="module")
def connection(tmp_path_factory: pytest.TempPathFactory) -> Iterator[sqlite3.Connection]:
    path: Path = tmp_path_factory.mktemp("plans") / "webhookd.db"
    Store.open(path).close()
    opened = sqlite3.connect(path)
    yield opened
    opened.close()


def plan(connection: sqlite3.Connection, sql: str) -> list[str]:
    values = dict.fromkeys(re.findall(r":(\w+)", sql), 1)
    return [step[3] for step in connection.execute(f"EXPLAIN QUERY PLAN {sql}", values)]


def walks(step: str) -> bool:
    """Whether a step of a plan goes through a whole table or index that grows with the history."""
    found = re.match(r"SCAN (\w+)(?: USING (?:COVERING )?INDEX (\w+))?", step)
    return (
        found is not None and found[1] not in SMALL_TABLES - {found[2] and "busy"} and found[2] not in SMALL
    )


def test_the_statements_are_found() -> None:
    assert len(STATEMENTS) > 45


@pytest.mark.parametrize("name", STATEMENTS)
def test_no_statement_scans_the_history(connection: sqlite3.Connection, name: str) -> None:
    assert [step for step in plan(connection, STATEMENTS[name]) if walks(step)] == []


def test_a_full_scan_would_be_noticed(connection: sqlite3.Connection) -> None:
    for sql in (
        "SELECT * FROM run WHERE owner = :owner",
        "SELECT * FROM delivery WHERE event = :hook",
        "SELECT DISTINCT target FROM run",
    ):
        assert any(walks(step) for step in plan(connection, sql))


@pytest.mark.parametrize(
    ("name", "index"),
    [
        ("claiming.NEXT_OF_IDLE", "turn_order"),
        ("claiming.NEXT_OF_IDLE", "run_head (repo=?)"),
        ("claiming.NEXT_OF_BUSY", "run_head (repo=?)"),
        ("claiming.NEXT_DUE", "run_due"),
        ("claiming.CLAIMED", "run_succeeded"),
        ("accepting.SUPERSEDE", "run_waiting"),
        ("accepting.OWN_OF_SLOT", "run_of_delivery"),
        ("finishing.NEWER_WAITING", "run_waiting"),
        ("pruning.OLD_RUNS", "run_age"),
        ("pruning.SURPLUS_BELOW", "run_of_target"),
        ("pruning.OLD_BODIES", "delivery_body_age"),
        ("reading.RUNNING", "run_active"),
        ("runs in queued", "run_active"),
        ("runs in failed", "run_done"),
        ("runs in any state of a target", "run_of_target"),
        ("runs in failed of a target", "run_of_target"),
    ],
)
def test_a_statement_uses_the_index_made_for_it(
    connection: sqlite3.Connection, name: str, index: str
) -> None:
    assert any(index in step for step in plan(connection, STATEMENTS[name]))


def test_only_the_claim_sorts(connection: sqlite3.Connection) -> None:
    sorting = {
        name
        for name, sql in STATEMENTS.items()
        if any("TEMP B-TREE FOR ORDER BY" in step for step in plan(connection, sql))
    }
    assert sorting == {"claiming.NEXT_OF_BUSY"}
