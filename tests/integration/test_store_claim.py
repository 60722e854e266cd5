"""What runs next, and who holds it."""

import pytest
from factories import COMMIT, NOW, make_decision, make_delivery, make_match, make_push, make_target
from stores import (
    FAILURE,
    INTERRUPTED,
    OWNER,
    SUCCESS,
    delivery_of,
    end,
    later,
    push,
    queued,
    start,
    states,
)

from webhookd.errors import NotFound, NotPossible
from webhookd.models.run import Attempt, RunState
from webhookd.models.settings import Overlap
from webhookd.queue import Store


def claim_all(store: Store) -> list[int]:
    claimed = []
    while (claim := store.claim(owner=OWNER, now=NOW)) is not None:
        claimed.append(claim.run.run)
    return claimed


def test_an_empty_store_has_nothing_to_claim(store: Store) -> None:
    assert store.claim(owner=OWNER, now=NOW) is None
    assert store.next_due(now=NOW) is None


def test_a_claim_starts_an_attempt_and_carries_all_that_the_command_is_told(store: Store) -> None:
    event = make_push(changed_files=("a", "b"), files_complete=True)
    decision = make_decision(delivery=make_delivery(), matches=(make_match(push=event),))
    store.accept(decision, now=NOW)
    claim = store.claim(owner=OWNER, now=later(1))
    assert claim is not None
    run = claim.run
    assert (run.run, run.state, run.attempt, run.owner, run.started_at) == (
        1,
        RunState.RUNNING,
        1,
        OWNER,
        later(1),
    )
    assert store.run(1) == run
    assert claim.push == make_push(changed_files=None, files_complete=True)
    assert (claim.body, claim.content_type) == (make_delivery().body, "application/json")
    assert claim.last_commit is None
    assert store.attempts(1) == (
        Attempt(
            run=1,
            attempt=1,
            owner=OWNER,
            started_at=later(1),
            ended_at=None,
            ending=None,
            exit_code=None,
            signal=None,
            reason="",
        ),
    )


def test_one_run_of_a_lane_at_a_time(store: Store) -> None:
    push(store, "a")
    claim = start(store)
    push(store, "b")
    assert store.claim(owner=OWNER, now=NOW) is None
    end(store, claim)
    assert start(store).run.run == 2


def test_one_run_of_a_lock_at_a_time(store: Store) -> None:
    push(store, "a", name="site", lock="web")
    push(store, "b", name="docs", lock="web")
    claim = start(store)
    assert store.claim(owner=OWNER, now=NOW) is None
    end(store, claim)
    assert start(store).run.target == "docs"


def test_runs_of_other_lanes_run_at_the_same_time(store: Store) -> None:
    push(store, "a")
    push(store, "b", ref="refs/heads/next")
    assert claim_all(store) == [1, 2]


def test_within_a_lane_the_oldest_comes_first(store: Store) -> None:
    for name in "abc":
        push(store, name, overlap=Overlap.QUEUE)
    order = []
    for _ in range(3):
        claim = start(store)
        order.append(claim.run.run)
        end(store, claim)
    assert order == [1, 2, 3]


def test_a_run_does_not_start_before_its_time(store: Store) -> None:
    push(store, "a", settle=10.0)
    assert store.claim(owner=OWNER, now=later(9.999)) is None
    assert store.next_due(now=NOW) == later(10)
    assert start(store, now=later(10)).run.run == 1


def test_what_is_due_already_is_due_now(store: Store) -> None:
    push(store, "a")
    assert store.next_due(now=later(5)) == later(5)


def test_a_clock_that_was_put_back_delays_nothing_that_need_not_wait(store: Store) -> None:
    push(store, "a", now=later(3600))
    push(store, "b", name="settling", settle=10.0, now=later(3600))
    assert store.next_due(now=NOW) == NOW
    assert start(store).run.run == 1
    assert store.claim(owner=OWNER, now=NOW) is None


def test_what_waits_behind_a_running_one_is_not_due(store: Store) -> None:
    push(store, "a")
    start(store)
    push(store, "b")
    assert store.next_due(now=NOW) is None


def test_what_waits_behind_an_older_one_of_its_slot_is_not_due_before_it(store: Store) -> None:
    push(store, "a", overlap=Overlap.QUEUE)
    for _ in range(3):
        end(store, start(store), INTERRUPTED)
    push(store, "b", overlap=Overlap.QUEUE)
    assert store.claim(owner=OWNER, now=NOW) is None
    assert store.next_due(now=NOW) == later(5)


def test_a_busy_repository_does_not_starve_the_others(store: Store) -> None:
    for n in range(5):
        push(store, f"busy-{n}", repo="octocat/busy", ref=f"refs/heads/{n}")
    push(store, "quiet", repo="octocat/quiet")
    push(store, "calm", repo="octocat/calm")
    assert claim_all(store) == [1, 6, 7, 2, 3, 4, 5]


def test_repositories_take_turns_when_one_runs_at_a_time(store: Store) -> None:
    for repo in ("busy", "quiet"):
        for n in range(2):
            push(store, f"{repo}-{n}", repo=f"octocat/{repo}", ref=f"refs/heads/{n}")
    order = []
    for second in range(4):
        claim = start(store, now=later(second))
        order.append(claim.run.repo)
        end(store, claim, now=later(second))
    assert order == ["octocat/busy", "octocat/quiet", "octocat/busy", "octocat/quiet"]


def test_a_repository_that_runs_nothing_comes_before_one_that_waited_longer_but_runs(store: Store) -> None:
    for n in range(2):
        push(store, f"busy-{n}", repo="octocat/busy", ref=f"refs/heads/{n}")
        push(store, f"idle-{n}", repo="octocat/idle", ref=f"refs/heads/{n}")
    assert start(store, now=NOW).run.repo == "octocat/busy"
    end(store, start(store, now=later(1)))
    assert start(store, now=later(2)).run.repo == "octocat/idle"


def test_the_last_commit_is_that_of_the_newest_success_in_the_same_slot(store: Store) -> None:
    for commit, outcome in (("a", SUCCESS), ("b", SUCCESS), ("c", FAILURE)):
        store.accept(delivery_of(commit, commit=commit * 40), now=NOW)
        end(store, start(store), outcome)
    store.accept(delivery_of("elsewhere", ref="refs/heads/next"), now=NOW)
    end(store, start(store))
    store.accept(delivery_of("d"), now=NOW)
    assert start(store).last_commit == "b" * 40


def test_after_a_deletion_there_is_no_last_commit(store: Store) -> None:
    for name, commit in (("a", COMMIT), ("b", None)):
        store.accept(delivery_of(name, commit=commit), now=NOW)
        end(store, start(store))
    store.accept(delivery_of("c"), now=NOW)
    assert start(store).last_commit is None


# paused targets


def test_a_paused_target_waits_and_goes_on_when_resumed(store: Store) -> None:
    assert store.pause("octocat/blog@main", now=NOW)
    push(store, "a")
    assert store.claim(owner=OWNER, now=NOW) is None
    assert store.next_due(now=NOW) is None
    assert store.paused() == ("octocat/blog@main",)
    assert store.resume("octocat/blog@main")
    assert store.paused() == ()
    assert start(store).run.run == 1


def test_pausing_and_resuming_return_whether_anything_changed(store: Store) -> None:
    assert [store.pause("x", now=NOW), store.pause("x", now=NOW)] == [True, False]
    assert [store.resume("x"), store.resume("x")] == [True, False]


def test_a_paused_target_does_not_delay_others_that_share_its_lock(store: Store) -> None:
    store.pause("site", now=NOW)
    push(store, "a", name="site", lock="web")
    push(store, "b", name="docs", lock="web")
    assert claim_all(store) == [2]


def test_a_settling_target_does_not_delay_others_that_share_its_lock(store: Store) -> None:
    push(store, "a", name="site", lock="web", settle=60.0)
    push(store, "b", name="docs", lock="web")
    assert claim_all(store) == [2]


# who holds a run


def test_a_new_daemon_adopts_a_running_run(store: Store) -> None:
    push(store, "a")
    claim = start(store, owner="old")
    (found,) = store.running()
    assert (found.run, found.owner, found.attempt) == (1, "old", 1)
    adopted = store.adopt(1, owner="new", attempt=1)
    assert adopted.owner == "new"
    assert store.attempts(1)[0].owner == "new"
    with pytest.raises(NotPossible, match='attempt 1 of run 1 is not held by "old"'):
        end(store, claim)
    assert store.finish(1, owner="new", attempt=1, outcome=SUCCESS, now=NOW).state is RunState.SUCCEEDED


def test_only_a_running_attempt_can_be_adopted(store: Store) -> None:
    run = queued(push(store, "a"))
    with pytest.raises(NotPossible, match="run 1 is queued at attempt 0"):
        store.adopt(run, owner="new", attempt=1)
    end(store, start(store), FAILURE)
    with pytest.raises(NotPossible, match="run 1 is failed at attempt 1"):
        store.adopt(run, owner="new", attempt=1)
    with pytest.raises(NotFound, match="there is no run 99"):
        store.adopt(99, owner="new", attempt=1)
    assert store.running() == ()
    assert states(store) == {1: "failed"}


def test_two_runs_of_one_branch_are_kept_apart_when_its_lock_has_changed(store: Store) -> None:
    push(store, "a")
    first = start(store)
    push(store, "b")
    store.relane([make_target(lock="web")], now=NOW)
    assert store.claim(owner=OWNER, now=NOW) is None
    assert store.next_due(now=NOW) is None
    end(store, first)
    assert start(store).run.run == 2
