"""The intake side of the store: deliveries in, runs queued (functions over a transaction).

`Order` is made in the caller's thread, so that the transaction itself only talks to the database.
"""

from collections.abc import Collection, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from uuid import uuid4

from webhookd.errors import no_run
from webhookd.models import Decision, Delivery, Forge, Kind, Match, Overlap, RunState, Target
from webhookd.queue import lifecycle, retrying, rows
from webhookd.queue.dialect import Row, Transaction, Value, Values
from webhookd.queue.values import Acceptance, AcceptanceStatus, AcceptedRun

INSERT_DELIVERY = """
INSERT INTO delivery (uid, hook, forge, delivery_id, body_sha256, body, content_type, event, kind, opened_by,
    reason, received_at)
VALUES (:uid, :hook, :forge, :delivery_id, :body_sha256, :body, :content_type, :event, :kind, :opened_by,
    :reason, :received_at)
ON CONFLICT (uid) DO NOTHING
RETURNING id
"""

INSERT_RUN = """
INSERT INTO run (delivery_id, target, slot, lane, overlap, repo, ref, commit_id, pusher, push, state, retries,
    not_before, queued_at)
VALUES (:delivery, :target, :slot, :lane, :overlap, :repo, :ref, :commit_id, :pusher, :push, 'queued',
    :retries, :not_before, :queued_at)
RETURNING id
"""

SUPERSEDE = """
UPDATE run SET state = 'superseded', ended_at = :now WHERE slot = :slot AND state = 'queued' RETURNING id
"""

LINK = "UPDATE run SET superseded_by = :newer, reason = :reason WHERE id = :run"

POSTPONE = """
UPDATE run SET not_before = :not_before WHERE slot = :slot AND state = 'queued' AND not_before < :not_before
"""

MAKE_ROOM = """
UPDATE run SET cancel_requested = 1, superseded_by = :newer
WHERE slot = :slot AND state = 'running' AND (delivery_id <= :delivery OR :overrides = 1)
AND target NOT IN (SELECT target FROM paused)
"""
"""Ask what runs to end, for a run that may then start; of a newer delivery only if a person wants that."""

NEWER_WAITING = """
SELECT max(id) AS id FROM run WHERE slot = :slot AND state = 'queued' AND delivery_id > :delivery
"""

NEWEST_OF_DELIVERY = """
SELECT max(id) AS id FROM run WHERE delivery_id = :delivery AND slot = :slot
"""

SUCCESSOR = """
WITH RECURSIVE chain (id, superseded_by) AS (
    SELECT id, superseded_by FROM run WHERE id = :run
    UNION ALL
    SELECT run.id, run.superseded_by FROM chain JOIN run ON run.id = chain.superseded_by
)
SELECT id, target, state, ended_at FROM run WHERE id = (SELECT max(id) FROM chain)
"""
"""The run that finally stands for another: `superseded_by` always leads to a later one."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Candidate:
    """A run that may be queued: its columns, and what the rules of its slot need."""

    values: dict[str, Value]
    slot: str
    target: str
    overlap: Overlap
    settles: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Order:
    """A decision as columns."""

    delivery: dict[str, Value]
    candidates: tuple[Candidate, ...]
    reason: str
    now: datetime


def order(decision: Decision, *, now: datetime) -> Order:
    """Write *decision* down as columns (pure)."""
    return Order(
        delivery=rows.delivery_values(decision.delivery, reason=decision.reason),
        candidates=tuple(candidate(match, now=now) for match in decision.matches),
        reason=decision.reason,
        now=now,
    )


def candidate(match: Match, *, now: datetime) -> Candidate:
    """Write *match* down as columns (pure)."""
    push, target = match.push, match.target
    slot = rows.clean(match.slot)
    queued_at = rows.to_us(now)
    values: dict[str, Value] = {
        "target": target.name,
        "slot": slot,
        "lane": rows.clean(match.lane),
        "overlap": target.overlap.value,
        "repo": rows.clean(push.repo),
        "ref": rows.clean(push.ref),
        "commit_id": rows.clean_optional(push.commit),
        "pusher": rows.clean_optional(push.pusher),
        "push": rows.push_to_json(push),
        "retries": target.retries,
        "not_before": queued_at + rows.seconds(target.settle),
        "queued_at": queued_at,
    }
    return Candidate(
        values=values, slot=slot, target=target.name, overlap=target.overlap, settles=target.settle > 0
    )


def manual(match: Match, *, forge: Forge, now: datetime) -> Decision:
    """Make a decision to run *match* because a person asks for it, with a delivery that no forge sent."""
    delivery = Delivery(
        hook=match.target.hook,
        forge=forge,
        delivery_id=f"manual-{uuid4().hex}",
        body_sha256="",
        body=b"",
        content_type="application/json",
        event="manual",
        kind=Kind.OTHER,
        pushes=(match.push,),
        received_at=now,
    )
    at_once = replace(match, target=replace(match.target, settle=0.0))
    return Decision(delivery=delivery, matches=(at_once,))


def accept(tx: Transaction, order: Order) -> Acceptance:
    """Store a delivery and queue its runs, or see what has become of them when it came before."""
    row = tx.one(INSERT_DELIVERY, order.delivery)
    if row is None:
        return _accept_again(tx, order)
    if not order.candidates:
        return Acceptance(status=AcceptanceStatus.IGNORED, reason=order.reason)
    queued = tuple(queue(tx, wanted, delivery=row["id"]) for wanted in order.candidates)
    return Acceptance(status=AcceptanceStatus.QUEUED, runs=queued)


def queue(tx: Transaction, wanted: Candidate, *, delivery: int, overrides: bool = False) -> AcceptedRun:
    """Queue one run under the rules of its slot; it *overrides* newer ones only if a person says so here."""
    tx.lock(str(wanted.values["lane"]))
    replaced = _supersede_waiting(tx, wanted)
    if wanted.settles and not lifecycle.coalesces(wanted.overlap):
        tx.execute(POSTPONE, {"slot": wanted.slot, "not_before": wanted.values["not_before"]})
    row = tx.one(INSERT_RUN, {**wanted.values, "delivery": delivery})
    if row is None:
        raise AssertionError("an insert without conflict gives its row")
    run = int(row["id"])
    for older in replaced:
        link(tx, older["id"], newer=run)
    if not lifecycle.coalesces(wanted.overlap):
        retrying.give_up(tx, wanted.slot, newer=run, now=wanted.values["queued_at"])
    if wanted.overlap is Overlap.RESTART:
        values: Values = {"slot": wanted.slot, "newer": run, "delivery": delivery}
        tx.execute(MAKE_ROOM, {**values, "overrides": int(overrides)})
    return AcceptedRun(run=run, target=wanted.target)


def link(tx: Transaction, run: int, *, newer: int) -> None:
    """Record which run took the place of a superseded one."""
    tx.execute(LINK, {"run": run, "newer": newer, "reason": f"run {newer} took its place"})


def rerun(tx: Transaction, run: int, *, target: Target | None, now: datetime) -> int:
    """Queue an ended run's push once more and give the new run's number."""
    row = tx.one("SELECT * FROM run WHERE id = :run", {"run": run})
    if row is None:
        raise no_run(run)
    lifecycle.check_rerun(run, RunState(row["state"]))
    wanted = _same_again(row, target=target, now=now)
    return queue(tx, wanted, delivery=row["delivery_id"], overrides=True).run  # a way back, say


def _supersede_waiting(tx: Transaction, wanted: Candidate) -> Sequence[Row]:
    if not lifecycle.coalesces(wanted.overlap):
        return ()
    return tx.all(SUPERSEDE, {"slot": wanted.slot, "now": wanted.values["queued_at"]})


def _newer_waiting(tx: Transaction, wanted: Candidate, *, delivery: int) -> int | None:
    """Name the run of a newer delivery that waits where only one may: the same again does not displace it."""
    if not lifecycle.coalesces(wanted.overlap):
        return None
    row = tx.one(NEWER_WAITING, {"slot": wanted.slot, "delivery": delivery})
    return None if row is None or row["id"] is None else int(row["id"])


def _same_again(row: Row, *, target: Target | None, now: datetime) -> Candidate:
    """Make a candidate of a stored run, under the rules that *target* has now, else under its old ones."""
    if target is not None:
        match = Match(push=rows.push_from_json(row["push"]), target=replace(target, settle=0.0), reason="")
        return candidate(match, now=now)
    kept = ("target", "slot", "lane", "overlap", "repo", "ref", "commit_id", "pusher", "push", "retries")
    at = rows.to_us(now)
    return Candidate(
        values={**{name: row[name] for name in kept}, "not_before": at, "queued_at": at},
        slot=row["slot"],
        target=row["target"],
        overlap=Overlap(row["overlap"]),
        settles=False,
    )


def _accept_again(tx: Transaction, order: Order) -> Acceptance:
    """Handle a delivery that is stored already, each of its runs by itself."""
    delivery = _stored(tx, order)
    if not order.candidates:
        return Acceptance(status=AcceptanceStatus.IGNORED, reason=order.reason)
    # Every verdict comes before the first new run, which the later ones would take for an old one.
    verdicts = [_verdict(tx, wanted, delivery=delivery, now=order.now) for wanted in order.candidates]
    new = any(kind is lifecycle.Redelivery.AGAIN for kind, _ in verdicts)
    if new:
        tx.execute(
            "UPDATE delivery SET body = :body, reason = '' WHERE id = :delivery",
            {"body": order.delivery["body"], "delivery": delivery},
        )
    runs = [
        queue(tx, wanted, delivery=delivery) if standing is None else standing
        for wanted, (_, standing) in zip(order.candidates, verdicts, strict=True)
    ]
    return Acceptance(status=_status({kind for kind, _ in verdicts}), runs=tuple(dict.fromkeys(runs)))


def _status(verdicts: Collection[lifecycle.Redelivery]) -> AcceptanceStatus:
    """Give the answer to a delivery whose runs have come to these."""
    if lifecycle.Redelivery.AGAIN in verdicts:
        return AcceptanceStatus.QUEUED
    if lifecycle.Redelivery.ACTIVE in verdicts:
        return AcceptanceStatus.ALREADY_QUEUED
    return AcceptanceStatus.DUPLICATE


def _stored(tx: Transaction, order: Order) -> int:
    row = tx.one("SELECT id FROM delivery WHERE uid = :uid", {"uid": order.delivery["uid"]})
    if row is None:
        raise AssertionError("a delivery that conflicts is stored")
    return int(row["id"])


def _verdict(
    tx: Transaction, wanted: Candidate, *, delivery: int, now: datetime
) -> tuple[lifecycle.Redelivery, AcceptedRun | None]:
    """Tell what the delivery's run in this slot has come to and which run stands for it, if any does."""
    newest = tx.one(NEWEST_OF_DELIVERY, {"delivery": delivery, "slot": wanted.slot})
    if newest is None or newest["id"] is None:
        return lifecycle.Redelivery.AGAIN, None
    standing = tx.one(SUCCESSOR, {"run": newest["id"]})
    if standing is None:
        raise AssertionError("a chain begins with its own run")
    verdict = lifecycle.redelivered(
        RunState(standing["state"]), ended_at=rows.to_optional_time(standing["ended_at"]), now=now
    )
    if verdict is not lifecycle.Redelivery.AGAIN:
        return verdict, AcceptedRun(run=standing["id"], target=standing["target"])
    newer = _newer_waiting(tx, wanted, delivery=delivery)
    if newer is not None:
        return lifecycle.Redelivery.ACTIVE, AcceptedRun(run=newer, target=wanted.target)
    return verdict, None
