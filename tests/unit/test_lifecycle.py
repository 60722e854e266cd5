"""Every move that a run can make, and what decides it."""

from dataclasses import replace
from itertools import product

import pytest
from stores import CANCELLED, FAILURE, INTERRUPTED, SUCCESS, TRANSITIONS

from webhookd.errors import NotPossible
from webhookd.models.run import Ending, Outcome, RunState
from webhookd.models.settings import Overlap
from webhookd.queue import lifecycle
from webhookd.queue.lifecycle import ENDED, Move, Situation, next_move

USUAL = Situation(overlap=Overlap.LATEST, attempt=1, max_attempts=1)
RETRY = replace(USUAL, max_attempts=3, retry_in=10.0)
FAILURES = (
    FAILURE,
    Outcome(ending=Ending.SIGNALED, signal=9, reason="ended by SIGKILL"),
    Outcome(ending=Ending.TIMED_OUT, reason="took longer than 30m"),
    Outcome(ending=Ending.NOT_STARTED, reason="no such program"),
)
SITUATIONS = [
    Situation(
        overlap=overlap,
        attempt=attempt,
        max_attempts=2,
        interruptions=interruptions,
        cancel_requested=cancel or replaced_by is not None,
        replaced_by=replaced_by,
        newer=newer,
        retry_in=retry_in,
    )
    for overlap, attempt, interruptions, cancel, replaced_by, newer, retry_in in product(
        Overlap, (1, 2), (0, 2, 3, 99), (False, True), (None, 8), (None, 9), (None, 0.0, 10.0)
    )
]


def failed_state(outcome: Outcome) -> RunState:
    return RunState.TIMED_OUT if outcome.ending is Ending.TIMED_OUT else RunState.FAILED


@pytest.mark.parametrize("outcome", [SUCCESS, INTERRUPTED, CANCELLED, *FAILURES], ids=lambda o: o.ending)
def test_every_move_is_one_of_the_table_and_complete(outcome: Outcome) -> None:
    for situation in SITUATIONS:
        move = next_move(outcome, situation)
        assert move.state in TRANSITIONS[RunState.RUNNING]
        assert move.delay == 0.0 or move.state is RunState.QUEUED
        assert move.superseded_by in {None, situation.newer, situation.replaced_by}
        assert move.reason or move.state is RunState.SUCCEEDED
        if move.state is RunState.SUPERSEDED:
            assert move.superseded_by == situation.newer


def test_success_is_success_whatever_else_is_going_on() -> None:
    assert {next_move(SUCCESS, situation) for situation in SITUATIONS} == {Move(state=RunState.SUCCEEDED)}


@pytest.mark.parametrize("outcome", FAILURES, ids=lambda o: o.ending)
def test_a_failure_without_retries_is_the_end(outcome: Outcome) -> None:
    assert next_move(outcome, USUAL) == Move(state=failed_state(outcome), reason=outcome.reason)


@pytest.mark.parametrize("outcome", FAILURES, ids=lambda o: o.ending)
def test_a_failure_with_retries_left_waits_for_its_retry(outcome: Outcome) -> None:
    move = next_move(outcome, RETRY)
    assert (move.state, move.delay) == (RunState.QUEUED, 10.0)
    assert move.reason.startswith("attempt 1 of 3: ")


@pytest.mark.parametrize("outcome", FAILURES, ids=lambda o: o.ending)
def test_the_last_attempt_is_not_retried(outcome: Outcome) -> None:
    assert next_move(outcome, replace(RETRY, attempt=3)).state is failed_state(outcome)


@pytest.mark.parametrize("overlap", Overlap)
def test_nothing_is_retried_while_something_newer_waits(overlap: Overlap) -> None:
    move = next_move(FAILURE, replace(RETRY, overlap=overlap, newer=9))
    superseded_by = None if overlap is Overlap.QUEUE else 9
    assert move == Move(
        state=RunState.FAILED,
        reason="exit code 1; not retried because run 9 waits",
        superseded_by=superseded_by,
    )


def test_a_failure_without_retries_is_not_explained_by_what_waits() -> None:
    assert next_move(FAILURE, replace(USUAL, newer=9)) == Move(state=RunState.FAILED, reason="exit code 1")


def test_a_command_that_fails_while_it_is_being_cancelled_is_not_retried() -> None:
    assert next_move(FAILURE, replace(RETRY, cancel_requested=True)).state is RunState.FAILED


@pytest.mark.parametrize(("failures", "delay"), [(0, 10.0), (1, 20.0), (3, 80.0), (99, 86400.0)])
def test_the_delay_doubles_with_each_failure_up_to_a_day(failures: int, delay: float) -> None:
    for interruptions in (0, 2):  # which are no failures
        earlier = failures + interruptions
        situation = replace(RETRY, attempt=1 + earlier, max_attempts=9**9, interruptions=interruptions)
        assert next_move(FAILURE, situation).delay == delay


def test_without_a_delay_nothing_is_retried() -> None:
    assert next_move(FAILURE, replace(RETRY, retry_in=None)).state is RunState.FAILED


def test_a_cancelled_run_ends_as_cancelled() -> None:
    move = next_move(CANCELLED, replace(RETRY, cancel_requested=True))
    assert move == Move(state=RunState.CANCELLED, reason="cancelled")


def test_a_run_that_made_room_names_the_run_it_made_room_for() -> None:
    move = next_move(CANCELLED, replace(RETRY, cancel_requested=True, replaced_by=8))
    assert move == Move(state=RunState.CANCELLED, reason="run 8 took its place", superseded_by=8)


def test_an_interrupted_run_starts_again_and_uses_up_no_retry() -> None:
    move = next_move(INTERRUPTED, USUAL)
    assert move == Move(
        state=RunState.QUEUED, reason="attempt 1 was interrupted: its supervisor left no result"
    )


@pytest.mark.parametrize(
    ("before", "pause"), [(0, 0.0), (1, 0.0), (2, 5.0), (3, 10.0), (4, 20.0), (8, 300.0), (10**6, 300.0)]
)
def test_from_the_third_interruption_on_it_waits_longer_each_time(before: int, pause: float) -> None:
    assert next_move(INTERRUPTED, replace(USUAL, interruptions=before)).delay == pause


@pytest.mark.parametrize("overlap", [Overlap.LATEST, Overlap.RESTART])
def test_an_interrupted_run_is_superseded_by_a_newer_one(overlap: Overlap) -> None:
    move = next_move(INTERRUPTED, replace(USUAL, overlap=overlap, newer=9))
    assert move == Move(
        state=RunState.SUPERSEDED, reason="interrupted, and run 9 took its place", superseded_by=9
    )


def test_where_every_push_runs_an_interrupted_run_keeps_its_place() -> None:
    assert next_move(INTERRUPTED, replace(USUAL, overlap=Overlap.QUEUE, newer=9)).state is RunState.QUEUED


def test_a_run_interrupted_while_it_is_being_cancelled_does_not_start_again() -> None:
    move = next_move(INTERRUPTED, replace(USUAL, cancel_requested=True))
    assert move == Move(state=RunState.CANCELLED, reason="its supervisor left no result")


@pytest.mark.parametrize("state", RunState)
def test_only_what_has_not_ended_can_be_cancelled(state: RunState) -> None:
    if state in ENDED:
        with pytest.raises(NotPossible, match=f"run 12 has ended already: {state}"):
            lifecycle.check_cancel(12, state, attempt=1)
    else:
        lifecycle.check_cancel(12, state, attempt=1)


@pytest.mark.parametrize("state", RunState)
def test_only_what_has_ended_can_be_run_again(state: RunState) -> None:
    if state in ENDED:
        lifecycle.check_rerun(12, state)
    else:
        with pytest.raises(NotPossible, match=f"run 12 is {state}"):
            lifecycle.check_rerun(12, state)
