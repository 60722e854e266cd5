"""Databases of earlier versions open for ever, and a migration happens whole or not at all."""

import sqlite3
from pathlib import Path

import pytest
from factories import NOW
from stores import end, later, push, start, states

from webhookd.errors import StoreError
from webhookd.models.run import RunState
from webhookd.queue import Store, migrations

VERSION_1 = Path(__file__).parent / "data" / "store-version-1.sql"


def build(path: Path, dump: Path) -> Path:
    connection = sqlite3.connect(path)
    connection.executescript(dump.read_text())
    connection.close()
    return path


def tables(path: Path) -> list[tuple[str, str]]:
    connection = sqlite3.connect(path)
    found = connection.execute("SELECT name, sql FROM sqlite_master ORDER BY name").fetchall()
    connection.close()
    return [(name, " ".join((sql or "").split())) for name, sql in found]


def version(path: Path) -> int:
    connection = sqlite3.connect(path)
    (number,) = connection.execute("PRAGMA user_version").fetchone()
    connection.close()
    return int(number)


def test_a_database_of_version_1_works_like_a_new_one(tmp_path: Path) -> None:
    old = build(tmp_path / "old.db", VERSION_1)
    assert version(old) == 1
    with Store.open(old) as store:
        assert states(store) == {1: "failed", 2: "succeeded", 3: "queued"}
        assert store.attempts(2)[0].exit_code == 0
        claim = start(store, now=later(120))
        assert (claim.run.run, claim.push.message, claim.last_commit) == (3, "Say hello", claim.push.commit)
        assert end(store, claim).state is RunState.SUCCEEDED
        push(store, "new")
        assert store.check() == ()
    Store.open(tmp_path / "new.db").close()
    assert tables(old) == tables(tmp_path / "new.db")
    assert version(old) == len(migrations.MIGRATIONS)


def test_a_new_version_is_one_more_entry(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = build(tmp_path / "webhookd.db", VERSION_1)
    added = "ALTER TABLE run ADD COLUMN note TEXT NOT NULL DEFAULT 'none'"
    monkeypatch.setattr(migrations, "MIGRATIONS", (migrations.VERSION_1, (added,)))
    with Store.open(path) as store:
        assert len(states(store)) == 3
    assert version(path) == 2
    connection = sqlite3.connect(path)
    assert connection.execute("SELECT DISTINCT note FROM run").fetchall() == [("none",)]
    connection.close()


def test_a_migration_that_fails_leaves_everything_as_it_was(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = build(tmp_path / "webhookd.db", VERSION_1)
    before = tables(path)
    broken = ("ALTER TABLE run ADD COLUMN note TEXT", "CREATE INDEX nowhere ON absent (name)")
    with monkeypatch.context() as patch:
        patch.setattr(migrations, "MIGRATIONS", (migrations.VERSION_1, broken))
        with pytest.raises(StoreError, match="no such table"):
            Store.open(path)
    assert (tables(path), version(path)) == (before, 1)
    with Store.open(path) as store:
        store.probe(now=NOW)
