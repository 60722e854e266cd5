"""The intake side of the store: deliveries in, runs queued (functions over a transaction).

`Order` is made in the caller's thread, so that the transaction itself only talks to the database.
"""

from collections.abc import Collection
from dataclasses import dataclass, replace
from datetime import datetime
from enum import StrEnum
from uuid import uuid4

from webhookd.errors import no_run
from webhookd.models.delivery import Decision, Delivery, Kind, Match
from webhookd.models.run import RunState
from webhookd.models.settings import Forge, Overlap, Target
from webhookd.queue import finishing, lifecycle, rows
from webhookd.queue.dialect import Row, Transaction, Value, Values

INSERT_DELIVERY = """
INSERT INTO delivery (uid, hook, forge, delivery_id, body_sha256, body, content_type, event, kind, opened_by,
    reason, received_at, repo, refs)
VALUES (:uid, :hook, :forge, :delivery_id, :body_sha256, :body, :content_type, :event, :kind, :opened_by,
    :reason, :received_at, :repo, :refs)
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
"""Ask the running one to end; one of a newer delivery only if a person wants that."""

NEWEST_OF_SLOT = """
SELECT id, delivery_id, state, push FROM run WHERE target = :target AND slot = :slot ORDER BY id DESC LIMIT 1
"""

CURRENT_OF_DELIVERY = """
WITH RECURSIVE chain (id, superseded_by) AS (
    SELECT id, superseded_by FROM run
    WHERE id = (SELECT max(id) FROM run WHERE delivery_id = :delivery AND slot = :slot)
    UNION ALL
    SELECT run.id, run.superseded_by FROM chain JOIN run ON run.id = chain.superseded_by
)
SELECT id, target, state, ended_at FROM run WHERE id = (SELECT max(id) FROM chain)
"""
"""The newest run of a delivery in a slot, or the last of those that took its place."""

RESTORE = """
UPDATE delivery SET delivery_id = :delivery_id, body = :body, content_type = :content_type, event = :event,
    kind = :kind, repo = :repo, refs = :refs, reason = :reason
WHERE uid = :uid
"""
"""Of the same signed bytes, keep what is not signed as it came when they ran."""


class AcceptanceStatus(StrEnum):
    """What became of a delivery, in the words of the HTTP answer."""

    QUEUED = "queued"  # at least one new run
    ALREADY_QUEUED = "already queued"  # its runs wait or are running
    DUPLICATE = "duplicate"  # its runs succeeded a moment ago
    IGNORED = "ignored"  # nothing to run

    @property
    def wakes(self) -> bool:
        """Whether the worker has something new to look at."""
        return self is AcceptanceStatus.QUEUED


@dataclass(frozen=True, slots=True, kw_only=True)
class AcceptedRun:
    """A run that will carry out, carries out or has carried out what was pushed."""

    run: int
    target: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Acceptance:
    """The answer to a delivery."""

    status: AcceptanceStatus
    runs: tuple[AcceptedRun, ...] = ()
    reason: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Candidate:
    """A run that may be queued, as columns."""

    values: dict[str, Value]
    target: str
    slot: str
    overlap: Overlap
    settles: bool
    queued_at: int

    @property
    def coalesces(self) -> bool:
        """Whether it takes the place of the run that waits in its slot."""
        return lifecycle.coalesces(self.overlap)


@dataclass(frozen=True, slots=True, kw_only=True)
class Order:
    """A decision as columns."""

    delivery: dict[str, Value]
    candidates: tuple[Candidate, ...]
    reason: str
    now: datetime


def order(decision: Decision, *, now: datetime) -> Order:
    """Return *decision* as columns (pure)."""
    return Order(
        delivery=rows.delivery_values(decision.delivery, reason=decision.reason),
        candidates=tuple(candidate(match, now=now) for match in decision.matches),
        reason=decision.reason,
        now=now,
    )


def candidate(match: Match, *, now: datetime) -> Candidate:
    """Return *match* as columns (pure)."""
    push, target = match.push, match.target
    slot = rows.clean(match.slot)
    queued_at = rows.to_us(now)
    values: dict[str, Value] = {
        "target": target.name,
        "slot": slot,
        "lane": target.lane(slot),
        "overlap": target.overlap.value,
        "repo": rows.clean(push.repo),
        "ref": rows.clean(push.ref),
        "commit_id": rows.clean_optional(push.commit),
        "pusher": rows.clean_optional(push.pusher),
        "push": rows.push_to_json(push),
        "retries": target.retries,
        "not_before": queued_at + rows.microseconds(target.settle),
        "queued_at": queued_at,
    }
    return Candidate(
        values=values,
        target=target.name,
        slot=slot,
        overlap=target.overlap,
        settles=target.settle > 0,
        queued_at=queued_at,
    )


def manual(match: Match, *, forge: Forge, now: datetime) -> Decision:
    """Return the decision to run *match* because a person asks for it, with a delivery that no forge sent."""
    delivery = Delivery(
        hook=match.target.hook,
        forge=forge,
        delivery_id=f"manual-{uuid4().hex}",
        id_is_signed=True,
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
    """Store a delivery and queue its runs; for one that is stored already, see what became of its runs."""
    row = tx.one(INSERT_DELIVERY, order.delivery)
    if not order.candidates:
        return Acceptance(status=AcceptanceStatus.IGNORED, reason=order.reason)
    if row is None:
        return _accept_again(tx, order)
    queued = tuple(queue(tx, wanted, delivery=row["id"]) for wanted in order.candidates)
    return Acceptance(status=AcceptanceStatus.QUEUED, runs=queued, reason=order.reason)


def queue(tx: Transaction, wanted: Candidate, *, delivery: int, overrides: bool = False) -> AcceptedRun:
    """Queue one run under the rules of its slot; with *overrides* it may replace newer ones."""
    tx.lock(str(wanted.values["lane"]))
    replaced = tx.all(SUPERSEDE, {"slot": wanted.slot, "now": wanted.queued_at}) if wanted.coalesces else []
    if wanted.settles and not wanted.coalesces:
        tx.execute(POSTPONE, {"slot": wanted.slot, "not_before": wanted.values["not_before"]})
    row = tx.one(INSERT_RUN, {**wanted.values, "delivery": delivery})
    if row is None:
        raise AssertionError("an insert without conflict returns its row")
    run = int(row["id"])
    for older in replaced:
        link(tx, older["id"], newer=run)
    if not wanted.coalesces:
        finishing.give_up_retry(tx, wanted.slot, newer=run, now=wanted.queued_at)
    if wanted.overlap is Overlap.RESTART:
        values: Values = {
            "slot": wanted.slot,
            "newer": run,
            "delivery": delivery,
            "overrides": int(overrides),
        }
        tx.execute(MAKE_ROOM, values)
    return AcceptedRun(run=run, target=wanted.target)


def link(tx: Transaction, run: int, *, newer: int) -> None:
    """Record which run took the place of a superseded one."""
    tx.execute(LINK, {"run": run, "newer": newer, "reason": f"run {newer} took its place"})


def rerun(tx: Transaction, run: int, *, target: Target | None, now: datetime) -> int:
    """Queue an ended run's push once more and return the new run's number."""
    row = tx.one("SELECT * FROM run WHERE id = :run", {"run": run})
    if row is None:
        raise no_run(run)
    lifecycle.check_rerun(run, RunState(row["state"]))
    wanted = _same_again(row, target=target, now=now)
    return queue(tx, wanted, delivery=row["delivery_id"], overrides=True).run  # it may go back to an old push


def _same_again(row: Row, *, target: Target | None, now: datetime) -> Candidate:
    """Make a candidate of a stored run, under the rules that *target* has now, else under its old ones."""
    if target is not None:
        match = Match(push=rows.push_from_json(row["push"]), target=replace(target, settle=0.0), reason="")
        return candidate(match, now=now)
    kept = ("target", "slot", "lane", "overlap", "repo", "ref", "commit_id", "pusher", "push", "retries")
    at = rows.to_us(now)
    return Candidate(
        values={**{name: row[name] for name in kept}, "not_before": at, "queued_at": at},
        target=row["target"],
        slot=row["slot"],
        overlap=Overlap(row["overlap"]),
        settles=False,
        queued_at=at,
    )


# the same delivery again


def _accept_again(tx: Transaction, order: Order) -> Acceptance:
    """Handle a delivery that is stored already, each of its runs by itself."""
    stored = tx.one("SELECT id FROM delivery WHERE uid = :uid", {"uid": order.delivery["uid"]})
    if stored is None:
        raise AssertionError("a delivery that conflicts is stored")
    delivery = stored["id"]
    # Every verdict comes before the first new run, which the later ones would take for an old one.
    verdicts = [_verdict(tx, wanted, delivery=delivery, now=order.now) for wanted in order.candidates]
    status = _status({verdict for verdict, _ in verdicts})
    if status is AcceptanceStatus.QUEUED:
        tx.execute(RESTORE, order.delivery)
    runs = [
        known or queue(tx, wanted, delivery=delivery)
        for wanted, (_, known) in zip(order.candidates, verdicts, strict=True)
    ]
    if status is AcceptanceStatus.IGNORED:
        return Acceptance(status=status, reason=f"a newer push came after this one: run {runs[0].run}")
    return Acceptance(status=status, runs=tuple(dict.fromkeys(runs)))


def _status(verdicts: Collection[lifecycle.Redelivery]) -> AcceptanceStatus:
    """Return the answer to a delivery with these *verdicts* on its runs."""
    if lifecycle.Redelivery.AGAIN in verdicts:
        return AcceptanceStatus.QUEUED
    if lifecycle.Redelivery.ACTIVE in verdicts:
        return AcceptanceStatus.ALREADY_QUEUED
    if lifecycle.Redelivery.DUPLICATE in verdicts:
        return AcceptanceStatus.DUPLICATE
    return AcceptanceStatus.IGNORED


def _verdict(
    tx: Transaction, wanted: Candidate, *, delivery: int, now: datetime
) -> tuple[lifecycle.Redelivery, AcceptedRun | None]:
    """Decide whether the delivery runs again in this slot; if not, return the run that stands for it."""
    newest = tx.one(NEWEST_OF_SLOT, {"target": wanted.target, "slot": wanted.slot})
    if newest is None or (newest["delivery_id"] != delivery and _continues(wanted, newest)):
        return lifecycle.Redelivery.AGAIN, None
    row = tx.one(CURRENT_OF_DELIVERY, {"delivery": delivery, "slot": wanted.slot})
    if row is not None:
        ended_at = rows.to_optional_time(row["ended_at"])
        verdict = lifecycle.redelivered(RunState(row["state"]), ended_at=ended_at, now=now)
        if verdict is not lifecycle.Redelivery.AGAIN:
            return verdict, AcceptedRun(run=row["id"], target=row["target"])
    if newest["delivery_id"] == delivery:
        return lifecycle.Redelivery.AGAIN, None
    ended = RunState(newest["state"]) in lifecycle.ENDED
    verdict = lifecycle.Redelivery.OUTDATED if ended else lifecycle.Redelivery.ACTIVE
    return verdict, AcceptedRun(run=newest["id"], target=wanted.target)


def _continues(wanted: Candidate, newest: Row) -> bool:
    """Return whether a push begins where the *newest* one of its slot ended.

    Then it is no old one: where the forge writes no time into the body, pushing A, B and A again makes the
    same bytes.
    """
    push, last = rows.push_from_json(str(wanted.values["push"])), rows.push_from_json(newest["push"])
    if push.before is None:
        return push.created and last.deleted
    return push.before == last.after
