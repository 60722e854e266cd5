"""The life of a run: its states, the moves between them, and what decides each of them (pure).

::

    accept ──► queued ──claim──► running ──► succeeded
                │ ▲ ▲              │ │ │
                │ │ └────retry─────┘ │ ├───► failed
                │ └───interrupted────┘ ├───► timed_out
                ├──► cancelled ◄───────┤
                └──► superseded ◄──────┘ interrupted while a newer one waits

An ended run never moves again: a redelivery or a rerun is a new run.
"""

from dataclasses import dataclass

from webhookd.errors import NotPossible
from webhookd.models.run import Ending, Outcome, RunState
from webhookd.models.settings import Overlap

ENDED = frozenset(set(RunState) - {RunState.QUEUED, RunState.RUNNING})
"""The states that no run leaves."""

FREE_INTERRUPTIONS = 2
"""This many interruptions start again at once; further ones wait, longer each time."""

FIRST_PAUSE = 5.0  # seconds, doubled at every further interruption
LONGEST_PAUSE = 300.0  # seconds

LONGEST_DELAY = 86400.0  # seconds; however often `retry_delay` has doubled


@dataclass(frozen=True, slots=True, kw_only=True)
class Situation:
    """What the store knows of a running run when its attempt has ended."""

    overlap: Overlap
    attempt: int
    max_attempts: int
    interruptions: int = 0  # of earlier attempts
    cancel_requested: bool = False
    replaced_by: int | None = None  # the run that asked it to make room (overlap `restart`)
    newer: int | None = None  # the newest run that waits in the same slot
    retry_in: float | None = None  # seconds until the first retry may start; None: no retry


@dataclass(frozen=True, slots=True, kw_only=True)
class Move:
    """Where a run goes, and what is recorded with it."""

    state: RunState
    reason: str = ""
    superseded_by: int | None = None
    delay: float = 0.0  # seconds until it may start again; only for `queued`


def coalesces(overlap: Overlap) -> bool:
    """Return whether at most one run of a slot waits under *overlap*."""
    return overlap is not Overlap.QUEUE


def next_move(outcome: Outcome, situation: Situation) -> Move:
    """Decide where a running run goes when its attempt ended with *outcome*."""
    if outcome.succeeded:
        return Move(state=RunState.SUCCEEDED, reason=outcome.reason)
    if outcome.ending is Ending.CANCELLED:
        return _cancelled(outcome.reason, situation)
    if outcome.ending is Ending.INTERRUPTED:
        return _interrupted(outcome.reason, situation)
    return _failed(outcome, situation)


def check_cancel(run: int, state: RunState, *, attempt: int) -> None:
    """Raise NotPossible when *run* can no longer be cancelled."""
    if state in ENDED:
        hint = f"see `webhookd logs {run}`" if attempt else ""
        raise NotPossible(f"run {run} has ended already: {state}", hint=hint)


def check_rerun(run: int, state: RunState) -> None:
    """Raise NotPossible when *run* has not ended."""
    if state not in ENDED:
        raise NotPossible(f"run {run} is {state}", hint=f"wait for its end, or `webhookd cancel {run}`")


def _cancelled(reason: str, situation: Situation) -> Move:
    if situation.replaced_by is not None:
        reason = f"run {situation.replaced_by} took its place"
    return Move(state=RunState.CANCELLED, reason=reason or "cancelled", superseded_by=situation.replaced_by)


def _interrupted(reason: str, situation: Situation) -> Move:
    if situation.cancel_requested:
        return _cancelled(reason, situation)
    if situation.newer is not None and coalesces(situation.overlap):
        return Move(
            state=RunState.SUPERSEDED,
            reason=f"interrupted, and run {situation.newer} took its place",
            superseded_by=situation.newer,
        )
    return Move(
        state=RunState.QUEUED,
        reason=f"attempt {situation.attempt} was interrupted: {reason or 'its outcome is unknown'}",
        delay=_pause(situation.interruptions + 1),
    )


def _failed(outcome: Outcome, situation: Situation) -> Move:
    state = RunState.TIMED_OUT if outcome.ending is Ending.TIMED_OUT else RunState.FAILED
    reason = outcome.reason
    may_retry = situation.attempt < situation.max_attempts and not situation.cancel_requested
    if not may_retry or situation.retry_in is None:
        return Move(state=state, reason=reason)
    if situation.newer is None:
        failures = situation.attempt - 1 - situation.interruptions
        return Move(
            state=RunState.QUEUED,
            reason=f"attempt {situation.attempt} of {situation.max_attempts}: {reason}",
            delay=min(LONGEST_DELAY, situation.retry_in * 2 ** min(failures, 30)),
        )
    return Move(
        state=state,
        reason=f"{reason}; not retried because run {situation.newer} waits",
        superseded_by=situation.newer if coalesces(situation.overlap) else None,
    )


def _pause(interruptions: int) -> float:
    """Return the seconds to wait after so many interruptions: a command may be what kills the daemon."""
    extra = interruptions - FREE_INTERRUPTIONS
    return 0.0 if extra <= 0 else min(LONGEST_PAUSE, FIRST_PAUSE * 2 ** min(extra - 1, 16))
