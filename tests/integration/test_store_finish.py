"""Where a run goes when an attempt has ended, and who may say so."""

from dataclasses import replace

import pytest
from factories import NOW
from stores import (
    CANCELLED,
    FAILURE,
    INTERRUPTED,
    OWNER,
    SUCCESS,
    end,
    later,
    push,
    queued,
    start,
    states,
)

from webhookd.errors import NotFound, NotPossible
from webhookd.models.run import Attempt, Ending, Outcome, RunState
from webhookd.models.settings import Overlap
from webhookd.queue import Store

TIMED_OUT = Outcome(ending=Ending.TIMED_OUT, signal=15, reason="took longer than 30m")


def test_a_success_ends_the_run(store: Store) -> None:
    push(store, "a")
    run = end(store, start(store), replace(SUCCESS, ended_at=later(5)), now=later(6))
    assert (run.state, run.exit_code, run.ended_at, run.owner) == (RunState.SUCCEEDED, 0, later(5), None)
    assert store.run(1) == run
    assert store.attempts(1) == (
        Attempt(
            run=1,
            attempt=1,
            owner=OWNER,
            started_at=NOW,
            ended_at=later(5),
            ending=Ending.EXITED,
            exit_code=0,
            signal=None,
            reason="",
        ),
    )


def test_without_a_time_in_the_outcome_the_run_ends_now(store: Store) -> None:
    push(store, "a")
    assert end(store, start(store), now=later(7)).ended_at == later(7)


@pytest.mark.parametrize(
    ("outcome", "state"),
    [
        (FAILURE, RunState.FAILED),
        (TIMED_OUT, RunState.TIMED_OUT),
        (Outcome(ending=Ending.SIGNALED, signal=9, reason="ended by SIGKILL"), RunState.FAILED),
        (Outcome(ending=Ending.NOT_STARTED, reason="no such program"), RunState.FAILED),
        (CANCELLED, RunState.CANCELLED),
    ],
)
def test_each_ending_has_its_state(store: Store, outcome: Outcome, state: RunState) -> None:
    push(store, "a")
    run = end(store, start(store), outcome)
    assert (run.state, run.exit_code, run.signal) == (state, outcome.exit_code, outcome.signal)
    assert run.reason


def test_a_failure_is_tried_again_after_the_delay(store: Store) -> None:
    push(store, "a", retries=1)
    run = end(store, start(store), FAILURE, now=later(5), retry_in=10.0)
    assert (run.state, run.attempt, run.not_before) == (RunState.QUEUED, 1, later(15))
    assert (run.started_at, run.ended_at, run.owner) == (None, None, None)
    assert run.reason == "attempt 1 of 2: exit code 1"
    again = start(store, now=later(15))
    assert (again.run.attempt, again.run.reason) == (2, "")
    assert end(store, again, TIMED_OUT, retry_in=10.0).state is RunState.TIMED_OUT
    assert [attempt.ending for attempt in store.attempts(1)] == [Ending.EXITED, Ending.TIMED_OUT]


def test_an_interruption_does_not_double_the_delay(store: Store) -> None:
    push(store, "a", retries=2)
    end(store, start(store), INTERRUPTED)
    assert end(store, start(store), FAILURE, retry_in=10.0).not_before == later(10)
    assert end(store, start(store, now=later(10)), FAILURE, now=later(10), retry_in=10.0).not_before == later(
        30
    )


def test_nothing_is_retried_when_something_newer_waits(store: Store) -> None:
    push(store, "a", retries=1)
    claim = start(store)
    push(store, "b")
    run = end(store, claim, FAILURE, retry_in=0.0)
    assert (run.state, run.superseded_by) == (RunState.FAILED, 2)
    assert run.reason == "exit code 1; not retried because run 2 waits"


def test_a_newer_push_takes_the_place_of_a_waiting_retry(store: Store) -> None:
    push(store, "a", retries=1)
    end(store, start(store), FAILURE, retry_in=10.0)
    push(store, "b")
    assert states(store) == {1: "superseded", 2: "queued"}
    assert store.run(1).attempt == 1


def test_with_queue_a_newer_push_ends_the_wait_for_a_retry(store: Store) -> None:
    push(store, "a", retries=1, overlap=Overlap.QUEUE)
    end(store, start(store), TIMED_OUT, retry_in=10.0)
    push(store, "b", overlap=Overlap.QUEUE, now=later(5))
    first = store.run(1)
    assert (first.state, first.ended_at, first.superseded_by) == (RunState.TIMED_OUT, later(5), None)
    assert first.reason == f"{TIMED_OUT.reason}; not retried because run 2 waits"
    assert start(store, now=later(5)).run.run == 2


def test_with_queue_an_interrupted_run_runs_again_before_a_newer_push(store: Store) -> None:
    push(store, "a", retries=1, overlap=Overlap.QUEUE)
    end(store, start(store), INTERRUPTED)
    push(store, "b", overlap=Overlap.QUEUE)
    push(store, "c", overlap=Overlap.QUEUE)
    assert states(store) == {1: "queued", 2: "queued", 3: "queued"}
    assert start(store).run.run == 1


# interruptions


def test_an_interrupted_run_starts_again_without_using_up_a_retry(store: Store) -> None:
    push(store, "a", retries=1)
    run = end(store, start(store), INTERRUPTED, now=later(5))
    assert (run.state, run.not_before, run.max_attempts) == (RunState.QUEUED, later(5), 3)
    assert run.reason == "attempt 1 was interrupted: its supervisor left no result"
    assert store.attempts(1)[0].reason == "its supervisor left no result"
    end(store, start(store, now=later(5)), FAILURE, retry_in=0.0)
    assert end(store, start(store), FAILURE, retry_in=0.0).state is RunState.FAILED


def test_a_run_that_is_interrupted_again_and_again_waits_longer_each_time(store: Store) -> None:
    push(store, "a")
    waits = []
    for _ in range(5):
        run = end(store, start(store, now=later(1e6)), INTERRUPTED)
        waits.append((run.not_before - NOW).total_seconds())
    assert waits == [0.0, 0.0, 5.0, 10.0, 20.0]


def test_an_interrupted_run_is_superseded_by_a_newer_one(store: Store) -> None:
    push(store, "a")
    claim = start(store)
    push(store, "b")
    run = end(store, claim, INTERRUPTED)
    assert (run.state, run.superseded_by) == (RunState.SUPERSEDED, 2)


def test_with_queue_an_interrupted_run_comes_first_again(store: Store) -> None:
    push(store, "a", overlap=Overlap.QUEUE)
    claim = start(store)
    push(store, "b", overlap=Overlap.QUEUE)
    end(store, claim, INTERRUPTED)
    assert states(store) == {1: "queued", 2: "queued"}
    assert start(store).run.run == 1


def test_a_run_interrupted_while_it_is_being_cancelled_does_not_start_again(store: Store) -> None:
    push(store, "a")
    claim = start(store)
    store.cancel(1, now=NOW)
    assert end(store, claim, INTERRUPTED).state is RunState.CANCELLED


# the fence


def test_a_repeated_report_changes_nothing(store: Store) -> None:
    push(store, "a", retries=1)
    claim = start(store)
    first = end(store, claim, FAILURE, retry_in=10.0)
    assert end(store, claim, FAILURE, now=later(99), retry_in=10.0) == first
    assert len(store.attempts(1)) == 1


def test_an_old_attempt_cannot_end_a_newer_one(store: Store) -> None:
    push(store, "a", retries=1)
    old = start(store)
    end(store, old, FAILURE, retry_in=0.0)
    start(store)
    assert end(store, old, SUCCESS).state is RunState.RUNNING
    assert states(store) == {1: "running"}


@pytest.mark.parametrize(("owner", "attempt"), [("another daemon", 1), (OWNER, 2), (OWNER, 0)])
def test_only_its_owner_can_end_an_attempt(store: Store, owner: str, attempt: int) -> None:
    push(store, "a")
    start(store)
    with pytest.raises(NotPossible, match=f'attempt {attempt} of run 1 is not held by "{owner}"'):
        store.finish(1, owner=owner, attempt=attempt, outcome=SUCCESS, now=NOW)
    assert states(store) == {1: "running"}


def test_a_run_that_was_never_started_cannot_be_ended(store: Store) -> None:
    run = queued(push(store, "a"))
    with pytest.raises(NotPossible, match="attempt 1 of run 1 is not held"):
        store.finish(run, owner=OWNER, attempt=1, outcome=SUCCESS, now=NOW)


def test_a_run_that_is_not_there_cannot_be_ended(store: Store) -> None:
    with pytest.raises(NotFound, match="there is no run 7"):
        store.finish(7, owner=OWNER, attempt=1, outcome=SUCCESS, now=NOW)
