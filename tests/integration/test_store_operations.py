"""Cancel, rerun, and what a reload does to what waits."""

import pytest
from factories import NOW, make_target
from stores import CANCELLED, FAILURE, OWNER, end, later, push, queued, start, states

from webhookd.errors import NotFound, NotPossible
from webhookd.models.run import RunState
from webhookd.models.settings import Overlap
from webhookd.queue import Store


def test_a_waiting_run_is_cancelled_at_once(store: Store) -> None:
    push(store, "a")
    run = store.cancel(1, now=later(3))
    assert (run.state, run.ended_at, run.reason) == (
        RunState.CANCELLED,
        later(3),
        "cancelled before it started",
    )
    assert store.claim(owner=OWNER, now=NOW) is None


def test_a_running_run_is_asked_to_end(store: Store) -> None:
    push(store, "a")
    claim = start(store)
    for _ in range(2):
        assert store.cancel(1, now=NOW).cancel_requested
    assert store.cancel_requested(OWNER) == (1,)
    assert store.cancel_requested("another daemon") == ()
    run = end(store, claim, CANCELLED)
    assert (run.state, run.cancel_requested, run.superseded_by) == (RunState.CANCELLED, False, None)
    assert store.cancel_requested(OWNER) == ()


def test_a_run_that_is_replaced_and_cancelled_still_names_its_successor(store: Store) -> None:
    push(store, "a", overlap=Overlap.RESTART)
    claim = start(store)
    push(store, "b", overlap=Overlap.RESTART)
    store.cancel(1, now=NOW)
    assert end(store, claim, CANCELLED).superseded_by == 2


def test_a_cancelled_run_is_not_retried(store: Store) -> None:
    push(store, "a", retries=3)
    claim = start(store)
    store.cancel(1, now=NOW)
    assert end(store, claim, FAILURE, retry_in=0.0).state is RunState.FAILED


def test_an_ended_run_cannot_be_cancelled(store: Store) -> None:
    push(store, "a")
    end(store, start(store))
    with pytest.raises(NotPossible, match="run 1 has ended already: succeeded") as refused:
        store.cancel(1, now=NOW)
    assert refused.value.hint == "see `webhookd logs 1`"


def test_a_run_that_never_started_has_no_log_to_point_to(store: Store) -> None:
    push(store, "a")
    push(store, "b")
    with pytest.raises(NotPossible, match="run 1 has ended already: superseded") as refused:
        store.cancel(1, now=NOW)
    assert refused.value.hint == ""


def test_an_unknown_run_cannot_be_cancelled(store: Store) -> None:
    with pytest.raises(NotFound, match="there is no run 1"):
        store.cancel(1, now=NOW)


def test_a_run_that_waits_for_its_retry_is_cancelled_after_the_attempt_it_had(store: Store) -> None:
    push(store, "a", retries=1)
    end(store, start(store), FAILURE, retry_in=10.0)
    assert store.cancel(1, now=NOW).reason == "cancelled after attempt 1"


# rerun


def test_an_ended_run_runs_again_as_a_new_one(store: Store) -> None:
    push(store, "a", settle=10.0, retries=2)
    before = end(store, start(store, now=later(10)), FAILURE)
    run = store.rerun(1, now=later(60))
    assert (run.run, run.state, run.attempt, run.max_attempts) == (2, RunState.QUEUED, 0, 3)
    assert (run.queued_at, run.not_before) == (later(60), later(60))
    assert (run.delivery, run.commit, run.slot) == (before.delivery, before.commit, before.slot)
    assert store.run(1) == before
    claim = start(store, now=later(60))
    assert claim.body is not None
    assert [delivery.runs for delivery in store.deliveries()] == [(1, 2)]


def test_a_rerun_takes_the_place_of_what_waits_in_its_slot(store: Store) -> None:
    push(store, "a")
    end(store, start(store), FAILURE)
    push(store, "b")
    store.rerun(1, now=NOW)
    assert states(store) == {1: "failed", 2: "superseded", 3: "queued"}


def test_a_rerun_with_restart_makes_the_running_one_end(store: Store) -> None:
    push(store, "a", overlap=Overlap.RESTART)
    end(store, start(store), FAILURE)
    push(store, "b", overlap=Overlap.RESTART)
    start(store)
    store.rerun(1, now=NOW)
    assert store.cancel_requested(OWNER) == (2,)


def test_a_rerun_follows_the_rules_that_its_target_has_now(store: Store) -> None:
    push(store, "a")
    end(store, start(store), FAILURE)
    target = make_target(lock="web", retries=4, settle=10.0, overlap=Overlap.QUEUE)
    run = store.rerun(1, now=NOW, target=target)
    assert (run.lane, run.max_attempts, run.not_before) == ("lock web", 5, NOW)


@pytest.mark.parametrize("running", [False, True])
def test_a_run_that_has_not_ended_cannot_be_rerun(store: Store, *, running: bool) -> None:
    push(store, "a")
    if running:
        start(store)
    with pytest.raises(NotPossible, match=r"run 1 is (queued|running)"):
        store.rerun(1, now=NOW)


def test_an_unknown_run_cannot_be_rerun(store: Store) -> None:
    with pytest.raises(NotFound, match="there is no run 1"):
        store.rerun(1, now=NOW)


# reload


def test_waiting_runs_of_a_removed_target_are_cancelled(store: Store) -> None:
    push(store, "a", name="kept")
    push(store, "b", name="gone")
    push(store, "c", name="gone", ref="refs/heads/next")
    push(store, "d", name="running")
    running = start_of(store, "running")
    cancelled, _ = store.take_over([make_target(name="kept")], now=later(1))
    assert [run.run for run in cancelled] == [2, 3]
    assert {run.reason for run in cancelled} == {"its target is no longer configured"}
    assert states(store) == {1: "queued", 2: "cancelled", 3: "cancelled", running: "running"}


def start_of(store: Store, target: str) -> int:
    for other in ("kept", "gone"):
        store.pause(other, now=NOW)
    claim = start(store)
    assert claim.run.target == target
    return claim.run.run


def test_with_all_targets_known_nothing_is_cancelled(store: Store) -> None:
    push(store, "a")
    assert store.take_over([make_target()], now=NOW) == ((), 0)


def test_a_waiting_run_moves_to_the_lane_its_target_has_now(store: Store) -> None:
    run = queued(push(store, "a"))
    slot = store.run(run).lane
    assert store.relane([make_target(lock="web")], now=NOW) == 1
    assert store.run(run).lane == "lock web"
    assert store.relane([make_target(lock="web"), make_target(name="other")], now=NOW) == 0
    assert store.relane([make_target()], now=NOW) == 1
    assert store.run(run).lane == slot


def test_when_only_one_run_may_wait_the_newest_supersedes_the_others(store: Store) -> None:
    for delivery in "abc":
        push(store, delivery, overlap=Overlap.QUEUE)
    push(store, "d", ref="refs/heads/dev", overlap=Overlap.QUEUE)
    assert store.relane([make_target()], now=NOW) == 4
    assert states(store) == {1: "superseded", 2: "superseded", 3: "queued", 4: "queued"}
    assert [store.run(run).superseded_by for run in (1, 2)] == [3, 3]
    push(store, "e")
    assert store.run(3).state is RunState.SUPERSEDED


def test_after_a_change_to_queue_more_runs_may_wait(store: Store) -> None:
    push(store, "a")
    store.relane([make_target(overlap=Overlap.QUEUE)], now=NOW)
    push(store, "b", overlap=Overlap.QUEUE)
    assert states(store) == {1: "queued", 2: "queued"}


def test_a_waiting_run_gets_the_retries_its_target_has_now(store: Store) -> None:
    run = queued(push(store, "a"))
    store.relane([make_target(retries=2)], now=NOW)
    assert store.run(run).max_attempts == 3


def test_a_running_run_stays_in_its_lane(store: Store) -> None:
    push(store, "a")
    start(store)
    assert store.relane([make_target(lock="web")], now=NOW) == 0
