"""What keeps a queued run from starting."""

from datetime import timedelta

import pytest
from factories import NOW, make_run

from webhookd.models.run import Run, RunState
from webhookd.report.blockers import QueueSnapshot, blockers

RUNNING = make_run(run=9, state=RunState.RUNNING, started_at=NOW)


def why(run: Run, **over: object) -> list[str]:
    values = {"now": NOW, "daemon_up": True, "paused": (), "running": (), "queued": (run,)}
    return [str(blocker) for blocker in blockers(run, QueueSnapshot(**(values | over)))]  # type: ignore[arg-type]


def test_nothing_blocks_the_next_run() -> None:
    assert why(make_run()) == []


@pytest.mark.parametrize("state", sorted(set(RunState) - {RunState.QUEUED}))
def test_nothing_blocks_a_run_that_is_not_queued(state: RunState) -> None:
    assert why(make_run(state=state), daemon_up=False, paused=("octocat/blog@main",)) == []


def test_every_blocker_is_shown_with_its_hint() -> None:
    assert why(make_run(), daemon_up=False, paused=("octocat/blog@main",), running=(RUNNING,)) == [
        "the daemon is down (`systemctl start webhookd` or `webhookd serve` starts it)",
        "its target is paused (`webhookd resume octocat/blog@main` ends that)",
        "run 9 is running in its lane",
    ]


def test_a_run_with_the_same_lock_or_the_same_slot_before_a_reload_keeps_the_lane_busy() -> None:
    locked = make_run(lane="lock site")
    assert why(locked, running=(make_run(run=8, slot="other", lane="lock site"),)) == [
        "run 8 is running in its lane"
    ]
    assert why(locked, running=(RUNNING,)) == ["run 9 is running in its lane"]
    assert why(locked, running=(make_run(run=8, slot="other", lane="other"),)) == []


def test_a_run_that_has_just_started_does_not_block_itself() -> None:
    assert why(make_run(), running=(make_run(state=RunState.RUNNING),)) == []


def test_the_oldest_queued_run_comes_first() -> None:
    line = (make_run(), make_run(run=11), make_run(run=10), make_run(run=3, slot="other"))
    assert why(make_run(), queued=line) == ["run 10 comes first"]


@pytest.mark.parametrize(
    ("attempt", "said"),
    [(0, "it waits for further pushes, and starts in 1m05s"), (1, "the next attempt starts in 1m05s")],
)
def test_the_time_until_the_start_is_shown(attempt: int, said: str) -> None:
    run = make_run(attempt=attempt, not_before=NOW + timedelta(seconds=65))
    assert why(run) == [said]
    assert why(run, now=NOW + timedelta(seconds=65)) == []


def test_a_clock_that_was_set_back_blocks_nothing() -> None:
    assert why(make_run(), now=NOW - timedelta(hours=1)) == []


def test_the_hint_can_be_pasted_into_a_shell() -> None:
    run = make_run(target="octocat/blog@preview/*")
    assert why(run, paused=("octocat/blog@preview/*",)) == [
        "its target is paused (`webhookd resume 'octocat/blog@preview/*'` ends that)"
    ]
