from datetime import timedelta

import pytest
from factories import NOW, make_run

from webhookd.models import Run, RunState
from webhookd.report import Surroundings, hindrances

RUNNING = make_run(run=9, state=RunState.RUNNING, started_at=NOW)


def why(run: Run, **around: object) -> list[str]:
    values = {"now": NOW, "daemon_up": True, "paused": (), "running": (), "queued": (run,)}
    return [str(hindrance) for hindrance in hindrances(run, Surroundings(**(values | around)))]  # type: ignore[arg-type]


def test_nothing_hinders_a_run_whose_turn_it_is() -> None:
    assert why(make_run()) == []


@pytest.mark.parametrize("state", sorted(set(RunState) - {RunState.QUEUED}))
def test_nothing_hinders_a_run_that_does_not_wait(state: RunState) -> None:
    assert why(make_run(state=state), daemon_up=False, paused=("octocat/blog@main",)) == []


def test_everything_that_hinders_is_told_with_the_way_out() -> None:
    assert why(make_run(), daemon_up=False, paused=("octocat/blog@main",), running=(RUNNING,)) == [
        "the daemon is down (`systemctl start webhookd` or `webhookd serve` starts it)",
        "its target is paused (`webhookd resume octocat/blog@main` ends that)",
        "run 9 is running in its lane",
    ]


def test_a_lane_is_busy_with_whatever_shares_its_lock_or_had_its_slot_before_a_reload() -> None:
    locked = make_run(lane="lock site")
    assert why(locked, running=(make_run(run=8, slot="other", lane="lock site"),)) == [
        "run 8 is running in its lane"
    ]
    assert why(locked, running=(RUNNING,)) == ["run 9 is running in its lane"]
    assert why(locked, running=(make_run(run=8, slot="other", lane="other"),)) == []


def test_a_run_that_has_started_since_does_not_hinder_itself() -> None:
    assert why(make_run(), running=(make_run(state=RunState.RUNNING),)) == []


def test_the_oldest_that_waits_in_line_comes_first() -> None:
    line = (make_run(), make_run(run=11), make_run(run=10), make_run(run=3, slot="other"))
    assert why(make_run(), queued=line) == ["run 10 comes first"]


@pytest.mark.parametrize(
    ("attempt", "said"),
    [(0, "it settles, and starts in 1m05s"), (1, "the next attempt comes in 1m05s")],
)
def test_a_time_to_wait_for_is_told(attempt: int, said: str) -> None:
    run = make_run(attempt=attempt, not_before=NOW + timedelta(seconds=65))
    assert why(run) == [said]
    assert why(run, now=NOW + timedelta(seconds=65)) == []


def test_a_clock_that_was_put_back_since_holds_nothing_up() -> None:
    assert why(make_run(), now=NOW - timedelta(hours=1)) == []


def test_the_way_out_can_be_pasted_into_a_shell() -> None:
    run = make_run(target="octocat/blog@preview/*")
    assert why(run, paused=("octocat/blog@preview/*",)) == [
        "its target is paused (`webhookd resume 'octocat/blog@preview/*'` ends that)"
    ]
