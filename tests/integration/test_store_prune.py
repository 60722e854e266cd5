"""What housekeeping takes away, and what it leaves."""

from datetime import datetime

import pytest
from factories import NOW, make_decision, make_delivery
from stores import FAILURE, delivery_of, end, later, push, start, states

from webhookd.errors import NotFound
from webhookd.models.settings import History
from webhookd.queue import Pruned, Store

DAY = 86400.0
ALL = History(keep=1e9, runs_per_target=1000, bodies=1e9)


def run_through(store: Store, name: str, *, now: datetime = NOW, **values: str) -> None:
    push(store, name, now=now, **values)
    end(store, start(store, now=now), FAILURE, now=now)


def test_nothing_is_removed_within_the_limits(store: Store) -> None:
    run_through(store, "a")
    assert store.prune(ALL, now=later(DAY)) == Pruned()


def test_old_runs_and_their_deliveries_are_removed(store: Store) -> None:
    run_through(store, "old")
    run_through(store, "young", now=later(5 * DAY))
    history = History(keep=2 * DAY, bodies=1e9)
    assert store.prune(history, now=later(6 * DAY)) == Pruned(runs=(1,))
    assert store.prune(history, now=later(6 * DAY)) == Pruned(deliveries=(1,))
    assert store.prune(history, now=later(6 * DAY)) == Pruned()
    assert states(store) == {2: "failed"}
    assert [known.delivery for known in store.deliveries()] == ["young"]
    with pytest.raises(NotFound):
        store.attempts(1)


def test_only_the_newest_runs_of_each_target_are_kept(store: Store) -> None:
    for n in range(5):
        run_through(store, f"blog-{n}")
        run_through(store, f"shop-{n}", repo="octocat/shop")
    pruned = store.prune(History(keep=1e9, runs_per_target=2, bodies=1e9), now=NOW)
    assert sorted(pruned.runs) == [1, 2, 3, 4, 5, 6]
    assert set(states(store)) == {7, 8, 9, 10}


def test_waiting_and_running_runs_are_kept_however_old(store: Store) -> None:
    push(store, "a")
    start(store)
    push(store, "b")
    history = History(keep=0.0, runs_per_target=0, bodies=0.0)
    assert store.prune(history, now=later(365 * DAY)) == Pruned()
    assert [known.has_body for known in store.deliveries()] == [True, True]


def test_waiting_runs_do_not_count_against_the_ended_ones(store: Store) -> None:
    run_through(store, "a")
    push(store, "b")
    assert store.prune(History(keep=1e9, runs_per_target=1, bodies=1e9), now=NOW) == Pruned()


def test_bodies_are_removed_before_the_rest(store: Store) -> None:
    run_through(store, "a")
    history = History(keep=1e9, bodies=DAY)
    assert store.prune(history, now=later(2 * DAY)) == Pruned(bodies=(1,))
    assert [known.has_body for known in store.deliveries()] == [False]
    assert states(store) == {1: "failed"}
    store.rerun(1, now=later(2 * DAY))
    assert start(store, now=later(2 * DAY)).body is None


def test_a_body_that_is_needed_does_not_keep_another(store: Store) -> None:
    push(store, "needed")
    start(store)
    run_through(store, "over", ref="refs/heads/next")
    assert store.prune(History(keep=1e9, bodies=DAY), now=later(2 * DAY), limit=1).bodies == (2,)
    assert [known.has_body for known in store.deliveries()] == [False, True]


def test_a_redelivery_restores_the_body(store: Store) -> None:
    run_through(store, "a")
    store.prune(History(keep=1e9, bodies=DAY), now=later(2 * DAY))
    push(store, "a", now=later(2 * DAY))
    assert start(store, now=later(2 * DAY)).body == make_delivery(delivery_id="a").body


def test_old_ignored_deliveries_are_removed(store: Store) -> None:
    store.accept(make_decision(matches=(), reason="a ping"), now=NOW)
    assert store.prune(History(keep=DAY), now=later(2 * DAY)) == Pruned(deliveries=(1,))


def test_each_call_removes_a_limited_number(store: Store) -> None:
    for n in range(5):
        run_through(store, f"push-{n}")
    rounds = []
    while pruned := store.prune(History(keep=0.0), now=later(1), limit=2):
        rounds.append((len(pruned.runs), len(pruned.deliveries)))
    assert rounds == [(2, 0), (2, 2), (1, 2), (0, 1)]
    assert (states(store), store.deliveries()) == ({}, ())


def test_numbers_are_never_used_twice(store: Store) -> None:
    run_through(store, "a")
    store.prune(History(keep=0.0), now=later(1))
    assert store.accept(delivery_of("b"), now=NOW).runs[0].run == 2


def test_a_delivery_whose_runs_are_pruned_is_still_known_as_an_older_one(store: Store) -> None:
    run_through(store, "a")
    run_through(store, "b")
    assert store.prune(History(keep=1e9, runs_per_target=1, bodies=1e9), now=NOW).runs == (1,)
    assert not store.accept(delivery_of("a"), now=NOW).status.wakes
