"""Lists and counts."""

import pytest
from factories import NOW, make_decision, make_delivery
from stores import FAILURE, SUCCESS, end, later, push, start

from webhookd.errors import NotFound
from webhookd.models.run import Counts, RunState
from webhookd.queue import Store


def fill(store: Store) -> None:
    """Runs 1 and 2 of blog and 3 of shop have ended, 4 of blog runs, 5 of blog and 6 of shop wait."""
    for name, repo, outcome in (("a", "blog", SUCCESS), ("b", "blog", FAILURE), ("c", "shop", FAILURE)):
        push(store, name, repo=f"octocat/{repo}")
        end(store, start(store), outcome)
    push(store, "d")
    start(store)
    push(store, "e")
    push(store, "f", repo="octocat/shop")


def numbers(store: Store, **wanted: object) -> list[int]:
    return [run.run for run in store.runs(**wanted)]  # type: ignore[arg-type]


def test_an_empty_store_lists_nothing(store: Store) -> None:
    assert (store.runs(), store.deliveries(), store.running(), store.paused()) == ((), (), (), ())
    assert store.counts() == Counts(queued=0, running=0)


def test_runs_come_newest_first(store: Store) -> None:
    fill(store)
    assert numbers(store) == [6, 5, 4, 3, 2, 1]
    assert store.counts() == Counts(queued=2, running=1)


def test_runs_of_one_target(store: Store) -> None:
    fill(store)
    assert numbers(store, target="octocat/shop@main") == [6, 3]
    assert numbers(store, target="octocat/none@main") == []


@pytest.mark.parametrize(
    ("state", "expected"),
    [
        (RunState.QUEUED, [6, 5]),
        (RunState.RUNNING, [4]),
        (RunState.SUCCEEDED, [1]),
        (RunState.FAILED, [3, 2]),
        (RunState.TIMED_OUT, []),
        (RunState.CANCELLED, []),
        (RunState.SUPERSEDED, []),
    ],
)
def test_runs_in_one_state(store: Store, state: RunState, expected: list[int]) -> None:
    fill(store)
    assert numbers(store, state=state) == expected


def test_runs_of_one_target_in_one_state(store: Store) -> None:
    fill(store)
    assert numbers(store, target="octocat/blog@main", state=RunState.FAILED) == [2]
    assert numbers(store, target="octocat/blog@main", state=RunState.QUEUED) == [5]


def test_a_list_continues_below_a_number(store: Store) -> None:
    fill(store)
    assert numbers(store, limit=2) == [6, 5]
    assert numbers(store, limit=2, before=5) == [4, 3]
    assert numbers(store, before=1) == []


def test_an_unknown_run_is_not_found(store: Store) -> None:
    for look in (store.run, store.attempts):
        with pytest.raises(NotFound, match="there is no run 1"):
            look(1)


def test_a_run_that_waits_has_no_attempts(store: Store) -> None:
    push(store, "a")
    assert store.attempts(1) == ()


def test_deliveries_come_newest_first_with_their_runs(store: Store) -> None:
    push(store, "a")
    store.accept(make_decision(delivery=make_delivery(), matches=(), reason="a ping"), now=later(1))
    push(store, "b", now=later(2))
    assert [(known.number, known.runs) for known in store.deliveries()] == [(3, (2,)), (2, ()), (1, (1,))]
    assert [known.number for known in store.deliveries(limit=1, before=3)] == [2]


def test_an_intact_store_has_no_damage(store: Store) -> None:
    fill(store)
    assert store.check() == ()


def test_a_probe_writes_and_changes_nothing_visible(store: Store) -> None:
    fill(store)
    before = store.runs()
    store.probe(now=NOW)
    assert store.runs() == before
