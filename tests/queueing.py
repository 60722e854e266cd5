"""Shared by tests of the store: the steps push, start and end, with their details as arguments."""

from datetime import datetime, timedelta
from typing import Any

from factories import NOW, make_decision, make_delivery, make_match, make_push, make_target

from webhookd.models.delivery import Decision
from webhookd.models.run import Claim, Ending, Outcome, Run
from webhookd.queue import Acceptance, Store, accepting
from webhookd.queue.dialect import Transaction

OWNER = "this daemon"
SUCCESS = Outcome(ending=Ending.EXITED, exit_code=0)
FAILURE = Outcome(ending=Ending.EXITED, exit_code=1)
INTERRUPTED = Outcome(ending=Ending.INTERRUPTED, reason="its supervisor left no result")
CANCELLED = Outcome(ending=Ending.CANCELLED)


def later(seconds: float) -> datetime:
    """Return the time *seconds* after NOW."""
    return NOW + timedelta(seconds=seconds)


def delivery_of(delivery_id: str, *targets: dict[str, Any], **push: Any) -> Decision:
    """Return a decision about one push that matches each of *targets* (changed fields of a target)."""
    event = make_push(**push)
    matches = tuple(make_match(push=event, target=make_target(**values)) for values in targets or ({},))
    return make_decision(delivery=make_delivery(delivery_id=delivery_id, pushes=(event,)), matches=matches)


def push(
    store: Store,
    delivery_id: str,
    *,
    now: datetime = NOW,
    repo: str = "octocat/blog",
    ref: str = "refs/heads/main",
    **target: Any,
) -> Acceptance:
    """Accept a delivery of one push to one target, named after the repository."""
    decision = delivery_of(delivery_id, {"name": f"{repo}@main", "repo": repo, **target}, repo=repo, ref=ref)
    return store.accept(decision, now=now)


def push_with_failing_commit(store: Store, delivery_id: str) -> None:
    """Accept a push in a transaction whose commit fails."""
    order = accepting.order(delivery_of(delivery_id), now=NOW)

    def work(tx: Transaction) -> None:
        tx.execute("PRAGMA defer_foreign_keys = ON", {})
        accepting.accept(tx, order)
        tx.execute("INSERT INTO attempt (run_id, n, owner, started_at) VALUES (99, 1, '', 0)", {})

    store._db.write(work)  # noqa: SLF001 - the store itself has no such failure


def queued(acceptance: Acceptance) -> int:
    """Return the number of the queued run."""
    (run,) = acceptance.runs
    return run.run


def start(store: Store, *, now: datetime = NOW, owner: str = OWNER) -> Claim:
    """Claim a run; there must be one."""
    claim = store.claim(owner=owner, now=now)
    assert claim is not None, "nothing could be claimed"
    return claim


def end(
    store: Store,
    claim: Claim,
    outcome: Outcome = SUCCESS,
    *,
    now: datetime = NOW,
    retry_in: float | None = None,
) -> Run:
    """Finish a claimed run."""
    run = claim.run
    return store.finish(
        run.run, owner=run.owner or "", attempt=run.attempt, outcome=outcome, now=now, retry_in=retry_in
    )


def states(store: Store) -> dict[int, str]:
    """Return the state of every run."""
    return {run.run: run.state.value for run in reversed(store.runs(limit=1000))}
