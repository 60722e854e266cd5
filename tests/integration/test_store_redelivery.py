"""What becomes of a delivery that comes again."""

from dataclasses import replace
from typing import Any

import pytest
from factories import NOW, make_decision, make_delivery, make_match, make_push
from stores import (
    CANCELLED,
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

from webhookd.models.delivery import Kind
from webhookd.models.run import Outcome
from webhookd.models.settings import Overlap
from webhookd.queue import Acceptance, AcceptanceStatus, AcceptedRun, Store


def test_a_redelivery_does_not_take_the_place_of_a_newer_push(store: Store) -> None:
    push(store, "a")
    end(store, start(store), FAILURE)
    push(store, "b")
    start(store)
    push(store, "c")
    again = push(store, "a")
    assert (again.status, queued(again)) == (AcceptanceStatus.ALREADY_QUEUED, 3)
    assert states(store) == {1: "failed", 2: "running", 3: "queued"}


def test_a_redelivery_with_restart_does_not_end_a_newer_push(store: Store) -> None:
    push(store, "a", overlap=Overlap.RESTART)
    end(store, start(store), FAILURE)
    push(store, "b", overlap=Overlap.RESTART)
    start(store)
    again = push(store, "a", overlap=Overlap.RESTART)
    assert (again.status, queued(again)) == (AcceptanceStatus.ALREADY_QUEUED, 2)
    assert store.cancel_requested(OWNER) == ()
    assert states(store) == {1: "failed", 2: "running"}


@pytest.mark.parametrize("overlap", Overlap)
@pytest.mark.parametrize("outcome", [SUCCESS, FAILURE, CANCELLED], ids=lambda outcome: outcome.ending)
def test_a_redelivery_does_not_roll_back_a_newer_push(
    store: Store, overlap: Overlap, outcome: Outcome
) -> None:
    push(store, "a", overlap=overlap)
    end(store, start(store))
    push(store, "b", overlap=overlap)
    end(store, start(store), outcome)
    assert push(store, "a", overlap=overlap, now=later(9999)) == Acceptance(
        status=AcceptanceStatus.IGNORED, reason="a newer push came after this one: run 2"
    )
    assert len(states(store)) == 2


def test_the_newest_push_runs_again_and_again(store: Store) -> None:
    for name in "abb":
        assert push(store, name, now=later(9999)).status.wakes
        end(store, start(store, now=later(9999)))


def test_an_operator_can_still_go_back_to_an_older_push(store: Store) -> None:
    for name in "ab":
        push(store, name)
        end(store, start(store))
    store.rerun(1, now=NOW)
    end(store, start(store))
    assert push(store, "b", now=later(9999)).status is AcceptanceStatus.IGNORED  # nobody undoes that


def test_pushing_one_commit_another_and_the_first_again_deploys_three_times(store: Store) -> None:
    """Bitbucket Cloud writes no time into the body: the third push has the bytes of the first."""
    ids = {"A": "a" * 40, "B": "b" * 40}
    for name, before, after in (("there", "A", "B"), ("back", "B", "A"), ("there", "A", "B")):
        decision = delivery_of(name, before=ids[before], after=ids[after], commit=ids[after])
        assert store.accept(decision, now=NOW).status.wakes
    assert store.runs()[0].commit == ids["B"]


def test_a_branch_that_is_deleted_and_made_again_is_deployed_again(store: Store) -> None:
    for name in ("create", "delete", "create"):
        over: dict[str, Any] = (
            {"before": None, "created": True}
            if name == "create"
            else {"after": None, "commit": None, "deleted": True}
        )
        assert store.accept(delivery_of(name, **over), now=NOW).status.wakes
        end(store, start(store))


def test_a_redelivery_keeps_the_headers_that_came_with_the_body_that_runs(store: Store) -> None:
    other = {"kind": Kind.OTHER, "event": "issues", "content_type": "application/x-www-form-urlencoded"}
    body = b'{"ref": "refs/heads/main"}'
    known = make_delivery(delivery_id="x", body=b"payload=...", **other)
    known = replace(known, body_sha256=make_delivery(body=body).body_sha256)
    store.accept(make_decision(delivery=known, matches=(), reason="not a push"), now=NOW)
    store.accept(make_decision(delivery=make_delivery(body=body)), now=NOW)
    claim = start(store)
    assert (claim.body, claim.content_type) == (body, "application/json")
    [stored] = store.deliveries()
    assert (stored.event, stored.kind, stored.reason) == ("push", Kind.PUSH, "")


def test_two_changes_of_one_ref_sent_again_report_the_waiting_run_once(store: Store) -> None:
    decision = make_decision(matches=tuple(make_match(push=make_push(commit=c * 40)) for c in "ab"))
    store.accept(decision, now=NOW)
    assert store.accept(decision, now=NOW).runs == (AcceptedRun(run=2, target="octocat/blog@main"),)


def again(store: Store, *, seconds: float = 0.0) -> tuple[str, tuple[int, ...]]:
    acceptance = push(store, "same", now=later(seconds))
    return acceptance.status.value, tuple(run.run for run in acceptance.runs)


def test_a_redelivery_while_its_run_waits_is_already_queued(store: Store) -> None:
    again(store)
    assert again(store) == ("already queued", (1,))
    assert states(store) == {1: "queued"}


def test_a_redelivery_while_its_run_is_running_is_already_queued(store: Store) -> None:
    again(store)
    start(store)
    assert again(store) == ("already queued", (1,))
    assert states(store) == {1: "running"}


def test_a_redelivery_just_after_success_is_a_duplicate(store: Store) -> None:
    again(store)
    end(store, start(store), now=later(10))
    assert again(store, seconds=69) == ("duplicate", (1,))
    assert states(store) == {1: "succeeded"}


def test_a_redelivery_long_after_success_runs_again(store: Store) -> None:
    again(store)
    end(store, start(store), now=later(10))
    assert again(store, seconds=70) == ("queued", (2,))
    assert states(store) == {1: "succeeded", 2: "queued"}


@pytest.mark.parametrize("outcome", [FAILURE, CANCELLED], ids=lambda outcome: outcome.ending)
def test_a_redelivery_after_failure_or_cancellation_runs_again(store: Store, outcome: Outcome) -> None:
    again(store)
    end(store, start(store), outcome)
    assert again(store, seconds=1) == ("queued", (2,))


def test_a_redelivery_after_an_interruption_is_already_queued(store: Store) -> None:
    again(store)
    end(store, start(store), INTERRUPTED)
    assert again(store, seconds=1) == ("already queued", (1,))


def test_a_redelivery_while_its_successor_waits_is_already_queued(store: Store) -> None:
    again(store)
    push(store, "newer")
    assert again(store) == ("already queued", (2,))


def test_a_redelivery_while_its_run_is_being_replaced_is_already_queued(store: Store) -> None:
    push(store, "same", overlap=Overlap.RESTART)
    start(store)
    push(store, "newer", overlap=Overlap.RESTART)
    assert again(store) == ("already queued", (2,))


def test_a_redelivery_after_its_successor_failed_runs_again(store: Store) -> None:
    again(store)
    push(store, "newer")
    end(store, start(store), FAILURE)
    assert again(store) == ("ignored", ())


def test_a_redelivery_after_a_rerun_is_judged_by_the_rerun(store: Store) -> None:
    again(store)
    end(store, start(store), FAILURE)
    store.rerun(1, now=NOW)
    assert again(store) == ("already queued", (2,))


def test_a_redelivery_is_judged_for_each_of_its_runs(store: Store) -> None:
    decision = delivery_of("same", {"name": "good"}, {"name": "bad"}, {"name": "waiting"})
    store.accept(decision, now=NOW)
    end(store, start(store), SUCCESS)
    end(store, start(store), FAILURE)
    acceptance = store.accept(decision, now=NOW)
    assert acceptance.status is AcceptanceStatus.QUEUED
    assert acceptance.runs == (
        AcceptedRun(run=1, target="good"),
        AcceptedRun(run=4, target="bad"),
        AcceptedRun(run=3, target="waiting"),
    )


def test_a_redelivery_with_one_success_and_one_waiting_run_is_already_queued(store: Store) -> None:
    decision = delivery_of("same", {"name": "good"}, {"name": "waiting"})
    store.accept(decision, now=NOW)
    end(store, start(store), SUCCESS)
    assert store.accept(decision, now=NOW).status is AcceptanceStatus.ALREADY_QUEUED


def test_a_redelivery_with_a_new_target_runs_that_one(store: Store) -> None:
    delivery = make_delivery()
    store.accept(make_decision(delivery=delivery, matches=(), reason="no target"), now=NOW)
    acceptance = store.accept(make_decision(delivery=delivery), now=NOW)
    assert acceptance.status is AcceptanceStatus.QUEUED
    assert [known.reason for known in store.deliveries()] == [""]


def test_a_redelivery_without_a_target_is_ignored_again(store: Store) -> None:
    ignored = make_decision(matches=(), reason="no target")
    store.accept(ignored, now=NOW)
    assert store.accept(ignored, now=NOW) == Acceptance(status=AcceptanceStatus.IGNORED, reason="no target")


def test_with_restart_pushing_the_first_commit_again_cancels_the_second(store: Store) -> None:
    for name, before, after in (("there", "A", "B"), ("back", "B", "A"), ("there", "A", "B")):
        decision = delivery_of(name, {"overlap": Overlap.RESTART}, before=before * 40, after=after * 40)
        store.accept(decision, now=NOW)
        if name == "back":
            start(store)
    assert store.cancel_requested(OWNER) == (2,)
