"""PostgreSQL: several hosts on one database, its tables, and a server that is away."""

import threading
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import ExitStack, contextmanager

import psycopg
import pytest
from crowd import Crowd
from factories import NOW
from harness import wait_for
from postgres import PostgresServer
from stores import end, later, push, start, states

from webhookd.errors import StoreRefused, StoreUnavailable
from webhookd.models.settings import Secret
from webhookd.queue import Store, claiming, migrations
from webhookd.queue.dialect import Transaction
from webhookd.queue.postgres import open_database

PASSWORD = "hunter2-hunter2"


@contextmanager
def hosts(url: Secret, count: int) -> Iterator[list[Store]]:
    with ExitStack() as stack:
        yield [stack.enter_context(Store.connect(url)) for _ in range(count)]


def execute(url: Secret, sql: str) -> None:
    with psycopg.connect(url.key.decode(), autocommit=True) as connection:
        connection.execute(sql.encode())


def test_on_three_hosts_no_rule_is_broken_and_nothing_is_lost(database_url: Secret) -> None:
    with hosts(database_url, 3) as stores:
        Crowd(*stores).check()


def test_each_host_sees_what_another_has_stored(database_url: Secret) -> None:
    with hosts(database_url, 2) as (one, two):
        push(one, "a")
        claim = start(two, owner="two")
        assert one.claim(owner="one", now=later(1)) is None
        assert [run.owner for run in one.running()] == ["two"]
        end(two, claim)
        assert states(one) == {1: "succeeded"}


def test_hosts_that_change_several_repositories_never_wait_for_each_other(database_url: Secret) -> None:
    """Each begins with the repository that the other needs next; PostgreSQL would end one after a second."""
    begun = threading.Barrier(2)
    tries = []

    def change(store: Store, first: str, second: str) -> None:
        def work(tx: Transaction) -> None:
            tries.append(first)
            tx.lock(first)
            if len(tries) <= 2:
                begun.wait(30)
            tx.lock(second)

        store._db.write(work)  # noqa: SLF001  no operation of the store does this twice in a row

    with hosts(database_url, 2) as (one, two), ThreadPoolExecutor() as pool:
        for change_ in (pool.submit(change, one, "a", "b"), pool.submit(change, two, "b", "a")):
            change_.result(30)
    assert len(tries) > 2


def test_two_hosts_cannot_start_two_repositories_in_one_lane(database_url: Secret) -> None:
    """The second waits for the first, whose claim it could not see, and then takes what is free."""
    with hosts(database_url, 2) as (one, two), ThreadPoolExecutor() as pool:
        for repo in ("a", "b"):
            push(one, repo, repo=repo, name=f"{repo}@main", lock="web")
        one.pause("a@main", now=NOW)  # so that the first one takes b
        claimed, go_on = threading.Event(), threading.Event()

        def claim(tx: Transaction) -> None:
            claiming.claim(tx, owner="one", now=NOW)
            claimed.set()
            go_on.wait(30)

        first = pool.submit(one._db.write, claim)  # noqa: SLF001  to hold the transaction open
        assert claimed.wait(30)
        two.resume("a@main")
        second = pool.submit(two.claim, owner="two", now=NOW)
        wait_for(lambda: is_waiting_for_a_lock(database_url), what="the second host to wait")
        go_on.set()
        first.result(30)
        assert second.result(30) is None
        assert [run.owner for run in one.running()] == ["one"]


def is_waiting_for_a_lock(url: Secret) -> bool:
    with psycopg.connect(url.key.decode(), autocommit=True) as connection:
        return bool(connection.execute("SELECT 1 FROM pg_locks WHERE NOT granted").fetchall())


def test_a_claim_uses_the_indexes_made_for_it(database_url: Secret) -> None:
    def plan(sql: str) -> str:
        rows = store._db.read(lambda tx: tx.all(f"EXPLAIN {sql}", {"now": 1}))  # noqa: SLF001  no data of ours
        return "\n".join(row["QUERY PLAN"] for row in rows)

    def queue(n: int) -> None:
        push(store, f"{n}", repo=f"octocat/{n % 500}", ref=f"refs/heads/{n}")

    with hosts(database_url, 1) as [store], ThreadPoolExecutor(max_workers=32) as pool:
        list(pool.map(queue, range(2000)))
        for _ in range(8):
            start(store)
        execute(database_url, "ANALYZE")
        idle, busy = plan(claiming.NEXT_OF_IDLE), plan(claiming.NEXT_OF_BUSY)
        due = plan(claiming.NEXT_DUE)
    assert "Index Scan using turn_order on turn" in idle
    assert "run_head on run" in idle
    assert "run_head on run" in busy
    assert "run_due on run" in due
    assert "Seq Scan on run" not in f"{idle}{busy}{due}"


def test_hosts_that_start_together_make_the_tables_once(database_url: Secret) -> None:
    with ThreadPoolExecutor() as pool:
        opened: list[Future[Store]] = [pool.submit(Store.connect, database_url) for _ in range(4)]
        stores = [store.result(30) for store in opened]
    push(stores[0], "a")
    assert [states(store) for store in stores] == [{1: "queued"}] * 4
    for store in stores:
        store.close()


def test_a_database_of_a_newer_webhookd_is_refused(database_url: Secret) -> None:
    newest = len(migrations.MIGRATIONS)
    with hosts(database_url, 1) as [older]:
        execute(database_url, f"UPDATE webhookd SET version = {newest + 1}")
        push(older, "a")  # a daemon that runs goes on
    with pytest.raises(StoreRefused) as refused:
        Store.connect(database_url)
    assert str(refused.value) == (
        f"the database was brought up to date by a newer webhookd (version {newest + 1} of its tables)"
    )
    assert refused.value.hint == "install that webhookd on this host too"


def test_a_migration_that_fails_leaves_everything_as_it_was(
    database_url: Secret, monkeypatch: pytest.MonkeyPatch
) -> None:
    Store.connect(database_url).close()
    broken = ("ALTER TABLE run ADD COLUMN note TEXT", "CREATE INDEX nowhere ON absent (name)")
    with monkeypatch.context() as patch:
        patch.setattr(migrations, "MIGRATIONS", (*migrations.MIGRATIONS, broken))
        with pytest.raises(StoreUnavailable, match='relation "absent" does not exist'):
            Store.connect(database_url)
    with hosts(database_url, 1) as [store]:
        push(store, "a")
        assert states(store) == {1: "queued"}


def test_the_tables_of_another_program_are_left_alone(database_url: Secret) -> None:
    execute(database_url, "CREATE TABLE run (miles INTEGER)")
    with pytest.raises(StoreRefused, match="the database belongs to another program"):
        Store.connect(database_url)


@pytest.mark.parametrize(
    ("url", "error"),
    [
        (f"postgresql://webhookd:{PASSWORD}@[::1", StoreRefused),
        (f"host=/nowhere password={PASSWORD} 'quoted", StoreRefused),
        (f"postgresql://webhookd:{PASSWORD}@/webhookd?host=/nowhere", StoreUnavailable),
        (f"postgresql://webhookd:{PASSWORD}@127.0.0.1:1/webhookd", StoreUnavailable),
    ],
)
def test_no_error_shows_the_password(url: str, error: type[Exception]) -> None:
    with pytest.raises(error) as caught:
        Store.connect(Secret(label="a test", key=url.encode()))
    shown = f"{caught.value} {caught.value.hint} {caught.value!r}"  # type: ignore[attr-defined]
    assert PASSWORD not in shown
    assert caught.value.__suppress_context__ or PASSWORD not in str(caught.value.__cause__)


def test_a_role_without_rights_is_told_so(database_url: Secret) -> None:
    execute(database_url, "DROP ROLE IF EXISTS stranger")
    execute(database_url, "CREATE ROLE stranger LOGIN")
    url = database_url.key.decode().replace("webhookd@", "stranger@")
    with pytest.raises(StoreRefused, match="the database refuses webhookd's user"):
        Store.connect(Secret(label="a test", key=url.encode()))


def test_a_store_outlives_a_restart_of_its_server() -> None:
    server = PostgresServer()
    try:
        with Store(open_database(server.empty_database(), patience=4.0)) as store:
            push(store, "a")
            assert states(store) == {1: "queued"}
            server.stop()
            with pytest.raises(StoreUnavailable, match="the database cannot be used"):
                push(store, "b")
            with pytest.raises(StoreUnavailable, match="the database cannot be used"):
                store.runs()
            server.start()
            push(store, "c", ref="refs/heads/next")
            server.stop()
            server.start()
            push(store, "d", ref="refs/heads/other")  # the first to notice
            assert states(store) == {1: "queued", 2: "queued", 3: "queued"}
            assert start(store, now=NOW).run.run == 1
    finally:
        server.close()
