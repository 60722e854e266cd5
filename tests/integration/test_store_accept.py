"""What becomes of a delivery that is new."""

import pytest
from factories import COMMIT, NOW, make_decision, make_delivery, make_match, make_push, make_target
from stores import (
    CANCELLED,
    FAILURE,
    OWNER,
    delivery_of,
    end,
    later,
    push,
    queued,
    start,
    states,
)

from webhookd.models.delivery import Kind
from webhookd.models.run import Run, RunState, StoredDelivery
from webhookd.models.settings import Forge, Overlap
from webhookd.queue import Acceptance, AcceptanceStatus, AcceptedRun, Store


def test_a_delivery_that_matches_queues_a_run(store: Store) -> None:
    acceptance = store.accept(make_decision(), now=NOW)
    assert acceptance == Acceptance(
        status=AcceptanceStatus.QUEUED, runs=(AcceptedRun(run=1, target="octocat/blog@main"),)
    )
    slot = "octocat/blog@main octocat/blog refs/heads/main"
    assert store.run(1) == Run(
        run=1,
        target="octocat/blog@main",
        lane=slot,
        slot=slot,
        state=RunState.QUEUED,
        attempt=0,
        max_attempts=1,
        reason="",
        exit_code=None,
        signal=None,
        hook="github",
        forge=Forge.GITHUB,
        delivery="72d3162e-cc78-11e3-81ab-4c9367dc0958",
        repo="octocat/blog",
        ref="refs/heads/main",
        commit=COMMIT,
        pusher="octocat",
        title="Say hello",
        queued_at=NOW,
        not_before=NOW,
        started_at=None,
        ended_at=None,
        superseded_by=None,
        cancel_requested=False,
    )


def test_only_a_queued_delivery_wakes_the_worker() -> None:
    assert [status for status in AcceptanceStatus if status.wakes] == [AcceptanceStatus.QUEUED]


def test_a_delivery_without_a_match_is_stored_with_its_reason(store: Store) -> None:
    ignored = make_decision(delivery=make_delivery(kind=Kind.PING), matches=(), reason="a ping")
    assert store.accept(ignored, now=NOW) == Acceptance(status=AcceptanceStatus.IGNORED, reason="a ping")
    assert store.deliveries() == (
        StoredDelivery(
            number=1,
            hook="github",
            forge=Forge.GITHUB,
            delivery="72d3162e-cc78-11e3-81ab-4c9367dc0958",
            event="push",
            kind=Kind.PING,
            repo="octocat/blog",
            refs=("refs/heads/main",),
            opened_by="file /etc/webhookd/secret",
            reason="a ping",
            received_at=NOW,
            has_body=True,
            runs=(),
        ),
    )
    assert store.runs() == ()


def test_every_target_that_matches_gets_a_run(store: Store) -> None:
    acceptance = store.accept(delivery_of("a", {"name": "site"}, {"name": "docs"}), now=NOW)
    assert acceptance.runs == (AcceptedRun(run=1, target="site"), AcceptedRun(run=2, target="docs"))


def test_settle_and_retries_of_the_target_are_the_runs(store: Store) -> None:
    run = store.run(queued(push(store, "a", settle=10.0, retries=3)))
    assert (run.not_before, run.max_attempts) == (later(10), 4)


def test_the_same_delivery_id_with_another_body_is_another_delivery(store: Store) -> None:
    for body in (b"{}", b"[]"):
        assert store.accept(make_decision(delivery=make_delivery(body=body)), now=NOW).status.wakes


@pytest.mark.parametrize(("signed", "again"), [(False, "already queued"), (True, "queued")])
def test_another_id_makes_another_delivery_only_where_it_is_signed(
    store: Store,
    signed: bool,  # noqa: FBT001 - parametrized
    again: str,
) -> None:
    found = [
        store.accept(
            make_decision(delivery=make_delivery(delivery_id=name, id_is_signed=signed, body=b"{}")), now=NOW
        )
        for name in "ab"
    ]
    assert [acceptance.status for acceptance in found] == ["queued", again]
    assert len(store.deliveries()) == 1 + signed


@pytest.mark.parametrize(
    "nasty", ["half a pair \ud83d", "nul \0", "line\nbreak", "'; DROP TABLE run; --", "🚀"]
)
def test_text_of_any_kind_is_stored(store: Store, nasty: str) -> None:
    event = make_push(ref=f"refs/heads/{nasty}", pusher=nasty, message=nasty)
    delivery = make_delivery(delivery_id=nasty, event=nasty, pushes=(event,))
    store.accept(make_decision(delivery=delivery, matches=(make_match(push=event),)), now=NOW)
    claim = start(store)
    clean = nasty.replace("\ud83d", "?").replace("\0", "\ufffd")
    assert (claim.run.delivery, claim.run.pusher) == (clean, clean)
    assert (claim.push.branch, claim.run.ref) == (nasty, f"refs/heads/{clean}")


# a newer push of the same target and ref


@pytest.mark.parametrize("overlap", [Overlap.LATEST, Overlap.RESTART])
def test_a_newer_push_takes_the_place_of_the_waiting_one(store: Store, overlap: Overlap) -> None:
    older, newer = (queued(push(store, name, overlap=overlap, now=later(n))) for n, name in enumerate("ab"))
    run = store.run(older)
    assert (run.state, run.superseded_by, run.ended_at) == (RunState.SUPERSEDED, newer, later(1))
    assert run.reason == f"run {newer} took its place"
    assert store.run(newer).state is RunState.QUEUED


def test_five_hundred_pushes_leave_one_waiting_and_each_other_linked(store: Store) -> None:
    runs = [queued(push(store, f"push-{n}")) for n in range(500)]
    assert [store.run(run).superseded_by for run in runs] == [*runs[1:], None]
    assert store.accept(delivery_of("push-0"), now=NOW) == Acceptance(
        status=AcceptanceStatus.ALREADY_QUEUED, runs=(AcceptedRun(run=500, target="octocat/blog@main"),)
    )


def test_with_latest_a_running_run_is_left_alone(store: Store) -> None:
    push(store, "a")
    claim = start(store)
    push(store, "b")
    assert states(store) == {1: "running", 2: "queued"}
    assert not store.run(claim.run.run).cancel_requested


def test_with_queue_every_push_waits(store: Store) -> None:
    for name in "abc":
        push(store, name, overlap=Overlap.QUEUE)
    assert states(store) == {1: "queued", 2: "queued", 3: "queued"}


def test_with_restart_a_newer_push_cancels_the_running_run(store: Store) -> None:
    push(store, "a", overlap=Overlap.RESTART)
    claim = start(store)
    push(store, "b", overlap=Overlap.RESTART)
    assert store.cancel_requested(OWNER) == (1,)
    ended = end(store, claim, CANCELLED)
    assert (ended.state, ended.superseded_by) == (RunState.CANCELLED, 2)
    assert start(store).run.run == 2


def test_with_restart_a_paused_target_keeps_its_running_run(store: Store) -> None:
    push(store, "a", overlap=Overlap.RESTART)
    start(store)
    store.pause("octocat/blog@main", now=NOW)
    push(store, "b", overlap=Overlap.RESTART)
    assert store.cancel_requested(OWNER) == ()
    assert states(store) == {1: "running", 2: "queued"}


def test_a_run_that_succeeds_before_it_could_be_cancelled_is_not_superseded(store: Store) -> None:
    push(store, "a", overlap=Overlap.RESTART)
    claim = start(store)
    push(store, "b", overlap=Overlap.RESTART)
    assert end(store, claim).superseded_by is None


def test_other_refs_targets_and_repositories_are_not_superseded(store: Store) -> None:
    push(store, "a")
    push(store, "b", ref="refs/heads/next")
    push(store, "c", name="other")
    push(store, "d", repo="octocat/shop")
    assert set(states(store).values()) == {"queued"}


def test_repositories_are_compared_case_insensitively(store: Store) -> None:
    push(store, "a", name="x")
    push(store, "b", name="x", repo="Octocat/Blog")
    assert states(store) == {1: "superseded", 2: "queued"}


def test_targets_that_share_a_lock_do_not_supersede_each_other(store: Store) -> None:
    push(store, "a", name="site", lock="web")
    push(store, "b", name="docs", lock="web")
    assert states(store) == {1: "queued", 2: "queued"}
    assert {run.lane for run in store.runs()} == {"lock web"}


def test_with_queue_and_settle_each_push_delays_all_that_wait(store: Store) -> None:
    for seconds, name in enumerate("ab"):
        push(store, name, overlap=Overlap.QUEUE, settle=10.0, now=later(seconds))
    assert [run.not_before for run in store.runs()] == [later(11), later(11)]


def test_without_settle_a_push_delays_no_run_that_waits_before_it(store: Store) -> None:
    push(store, "a", overlap=Overlap.QUEUE)
    before = store.run(1)
    push(store, "b", overlap=Overlap.QUEUE, now=later(1))
    assert store.run(1) == before


def test_two_changes_of_one_ref_in_one_delivery_coalesce_into_the_last(store: Store) -> None:
    matches = tuple(make_match(push=make_push(commit=commit * 40)) for commit in "ab")
    decision = make_decision(matches=matches)
    store.accept(decision, now=NOW)
    assert states(store) == {1: "superseded", 2: "queued"}
    end(store, start(store), FAILURE)
    store.accept(decision, now=NOW)
    assert states(store) == {1: "superseded", 2: "failed", 3: "superseded", 4: "queued"}
    assert store.run(4).commit == "b" * 40


# by hand


def test_a_match_can_be_queued_by_hand(store: Store) -> None:
    run = store.enqueue(make_match(target=make_target(settle=60.0)), forge=Forge.GITHUB, now=NOW)
    assert (run.state, run.not_before, run.hook) == (RunState.QUEUED, NOW, "github")
    assert run.delivery.startswith("manual-")
    claim = start(store)
    assert (claim.run.run, claim.body, claim.push.commit) == (run.run, None, COMMIT)


def test_a_match_that_is_queued_by_hand_runs_each_time(store: Store) -> None:
    for _ in range(2):
        store.enqueue(make_match(), forge=Forge.GITHUB, now=NOW)
    assert states(store) == {1: "superseded", 2: "queued"}
