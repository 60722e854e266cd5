"""The intake side of the store: deliveries in, runs queued (functions over a transaction).

Columns are made in the caller's thread (`rows`), so that the transaction itself only talks to the database.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from enum import StrEnum
from uuid import uuid4

from webhookd.models.delivery import Decision, Delivery, Kind, Match
from webhookd.models.run import RunState
from webhookd.models.settings import Forge, Overlap, Target
from webhookd.queue import heads, lifecycle, reading, rows
from webhookd.queue.dialect import Row, Transaction
from webhookd.queue.rows import Columns

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
    not_before, queued_at, head)
VALUES (:delivery, :target, :slot, :lane, :overlap, :repo, :ref, :commit_id, :pusher, :push, 'queued',
    :retries, :not_before, :queued_at, CASE
        WHEN EXISTS (SELECT 1 FROM run WHERE slot = :slot AND state = 'queued') THEN 0
        WHEN EXISTS (SELECT 1 FROM run WHERE slot = :slot AND state = 'running') THEN 0
        ELSE 1
    END)
RETURNING id, head
"""

SUPERSEDE = """
UPDATE run SET state = 'superseded', ended_at = :now, head = 0 WHERE slot = :slot AND state = 'queued'
RETURNING id
"""

LINK = "UPDATE run SET superseded_by = :newer, reason = :reason WHERE id = :run"

POSTPONE = """
UPDATE run SET not_before = :not_before WHERE slot = :slot AND state = 'queued' AND not_before < :not_before
"""

MAKE_ROOM = """
UPDATE run SET cancel_requested = 1, superseded_by = :newer
WHERE slot = :slot AND state = 'running' AND target NOT IN (SELECT target FROM paused)
"""

GIVE_UP_RETRY = """
UPDATE run SET state = CASE attempt.ending WHEN 'timed_out' THEN 'timed_out' ELSE 'failed' END,
    ended_at = :now, head = 0, exit_code = attempt.exit_code, signal = attempt.signal,
    reason = attempt.reason || :because
FROM attempt
WHERE run.id = (SELECT id FROM run WHERE slot = :slot AND state = 'queued' ORDER BY id LIMIT 1)
AND attempt.run_id = run.id AND attempt.n = run.attempt AND attempt.ending <> 'interrupted'
"""
"""End the oldest waiting run if its last attempt failed; no other waiting run can have failed before."""

NEWEST_OF_SLOT = """
SELECT id, delivery_id, state, push FROM run WHERE target = :target AND slot = :slot ORDER BY id DESC LIMIT 1
"""

OWN_OF_SLOT = """
SELECT id, superseded_by, state, ended_at FROM run
WHERE delivery_id = :delivery AND slot = :slot ORDER BY id DESC LIMIT 1
"""

RESTORE = """
UPDATE delivery SET delivery_id = :delivery_id, body = :body, content_type = :content_type, event = :event,
    kind = :kind, repo = :repo, refs = :refs, reason = :reason
WHERE uid = :uid
"""
"""Of the same signed bytes, keep what is not signed as it came when they ran."""


SOON = rows.microseconds(60)
"""How long after a success the same delivery is a forge's repetition, not a request to run again."""


class AcceptanceStatus(StrEnum):
    """What became of a delivery or of one of its runs, in the words of the HTTP answer.

    A delivery with several runs has the first of these that one of them has.
    """

    QUEUED = "queued"  # a new run
    ALREADY_QUEUED = "already queued"  # it waits or is running
    DUPLICATE = "duplicate"  # it succeeded a moment ago
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


def accept(tx: Transaction, delivery: Columns, wanted: Sequence[Columns]) -> Acceptance:
    """Store a delivery and queue the *wanted* runs; of a known delivery, see what became of its runs."""
    row = tx.one(INSERT_DELIVERY, delivery)
    if not wanted:
        return Acceptance(status=AcceptanceStatus.IGNORED, reason=delivery["reason"])
    if row is None:
        return _accept_again(tx, delivery, wanted)
    queued = tuple(queue(tx, run, delivery=row["id"]) for run in wanted)
    return Acceptance(status=AcceptanceStatus.QUEUED, runs=queued, reason=delivery["reason"])


def queue(tx: Transaction, run: Columns, *, delivery: int) -> AcceptedRun:
    """Queue one run under the rules of its slot."""
    slot, repo, now = run["slot"], run["repo"], run["queued_at"]
    tx.lock(repo)
    replaced: list[Row] = []
    if coalesces := lifecycle.coalesces(Overlap(run["overlap"])):
        replaced = tx.all(SUPERSEDE, {"slot": slot, "now": now})
    elif run["not_before"]:
        tx.execute(POSTPONE, {"slot": slot, "not_before": run["not_before"]})
    inserted = tx.all(INSERT_RUN, {**run, "delivery": delivery})[0]
    new = inserted["id"]
    if inserted["head"] and not replaced:  # else the repository is in line with the run that was replaced
        heads.get_in_line(tx, repo)
    for older in replaced:
        tx.execute(LINK, {"run": older["id"], "newer": new, "reason": f"run {new} took its place"})
    if not coalesces:
        because = f"; not retried because run {new} waits"
        if tx.execute(GIVE_UP_RETRY, {"slot": slot, "now": now, "because": because}):
            heads.advance(tx, slot=slot, repo=repo)
    if run["overlap"] == Overlap.RESTART:
        tx.execute(MAKE_ROOM, {"slot": slot, "newer": new})
    return AcceptedRun(run=new, target=run["target"])


def rerun(tx: Transaction, run: int, *, target: Target | None, now: datetime) -> int:
    """Queue an ended run's push once more and return the new run's number."""
    row = reading.load(tx, run)
    lifecycle.check_rerun(run, RunState(row["state"]))
    if target is None:
        at = rows.to_us(now)
        again = {name: row[name] for name in rows.KEPT} | {"not_before": 0, "queued_at": at}
    else:
        match = Match(push=rows.push_from_json(row["push"]), target=replace(target, settle=0.0), reason="")
        again = rows.run_values(match, now=now)
    return queue(tx, again, delivery=row["delivery_number"]).run


# the same delivery again


def _accept_again(tx: Transaction, delivery: Columns, wanted: Sequence[Columns]) -> Acceptance:
    """Handle a delivery that is stored already, each of its runs by itself."""
    number = tx.all("SELECT id FROM delivery WHERE uid = :uid", {"uid": delivery["uid"]})[0]["id"]
    # Every verdict comes before the first new run, which the later ones would take for an old one.
    verdicts = [_verdict(tx, run, delivery=number) for run in wanted]
    status = next(each for each in AcceptanceStatus if each in {verdict for verdict, _ in verdicts})
    if status is AcceptanceStatus.QUEUED:
        tx.execute(RESTORE, delivery)
    runs = [
        AcceptedRun(run=known, target=run["target"]) if known else queue(tx, run, delivery=number)
        for run, (_, known) in zip(wanted, verdicts, strict=True)
    ]
    if status is AcceptanceStatus.IGNORED:
        return Acceptance(status=status, reason=f"a newer push came after this one: run {runs[0].run}")
    return Acceptance(status=status, runs=tuple(dict.fromkeys(runs)))


def _verdict(tx: Transaction, run: Columns, *, delivery: int) -> tuple[AcceptanceStatus, int]:
    """Decide whether the delivery runs again in this slot; if not, return the run that stands for it."""
    newest = tx.one(NEWEST_OF_SLOT, {"target": run["target"], "slot": run["slot"]})
    if newest is None or (newest["delivery_id"] != delivery and _continues(run, newest)):
        return AcceptanceStatus.QUEUED, 0
    own = tx.one(OWN_OF_SLOT, {"delivery": delivery, "slot": run["slot"]})
    if own is not None and own["state"] not in lifecycle.ENDED:
        return AcceptanceStatus.ALREADY_QUEUED, own["superseded_by"] or own["id"]
    if own is not None and own["state"] == RunState.SUCCEEDED and run["queued_at"] - own["ended_at"] < SOON:
        return AcceptanceStatus.DUPLICATE, own["id"]
    if newest["delivery_id"] == delivery:
        return AcceptanceStatus.QUEUED, 0
    ended = newest["state"] in lifecycle.ENDED
    return AcceptanceStatus.IGNORED if ended else AcceptanceStatus.ALREADY_QUEUED, newest["id"]


def _continues(run: Columns, newest: Row) -> bool:
    """Return whether a push begins where the *newest* one of its slot ended.

    Then it is no old one: where the forge writes no time into the body, pushing A, B and A again makes the
    same bytes.
    """
    push, last = rows.push_from_json(run["push"]), rows.push_from_json(newest["push"])
    if push.before is None:
        return push.created and last.deleted
    return push.before == last.after
