"""Rows to values and back (pure): a row never leaves this room."""

import json
from collections.abc import Callable, Mapping
from dataclasses import fields
from datetime import UTC, datetime, timedelta
from types import MappingProxyType
from typing import Any, TypeVar

from webhookd.models.delivery import Delivery, Kind, Match, PushEvent
from webhookd.models.run import Attempt, Claim, Ending, Run, RunState, StoredDelivery
from webhookd.models.settings import Forge
from webhookd.queue.dialect import Row

V = TypeVar("V")
Columns = dict[str, Any]  # a row to insert

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND = timedelta(microseconds=1)
_TITLE = 72  # characters of a commit's title that people see
_REFS = 8  # of a delivery that are kept for its line in a list
_PUSH_FIELDS = {field.name: field.default for field in fields(PushEvent)}

RUN_COLUMNS = """
    run.id, run.target, run.lane, run.slot, run.overlap, run.state, run.attempt, run.retries,
    run.interruptions, run.reason, run.exit_code, run.signal, run.repo, run.ref, run.commit_id, run.pusher,
    run.queued_at, CASE run.not_before WHEN 0 THEN run.queued_at ELSE run.not_before END AS not_before,
    run.started_at, run.ended_at, run.superseded_by, run.cancel_requested,
    run.owner, run.push, delivery.hook, delivery.forge, delivery.delivery_id,
    delivery.id AS delivery_number
"""
"""What `to_run` reads, from `run` joined with `delivery`."""

SELECT_RUN = f"SELECT {RUN_COLUMNS} FROM run JOIN delivery ON delivery.id = run.delivery_id"  # noqa: S608  constant


def to_us(moment: datetime) -> int:
    """Convert *moment*, which must be aware, to microseconds since 1970."""
    return (moment - _EPOCH) // _MICROSECOND


def to_time(us: int) -> datetime:
    """Convert microseconds since 1970 to a time in UTC."""
    return _EPOCH + timedelta(microseconds=us)


def to_optional_time(us: int | None) -> datetime | None:
    """Convert microseconds since 1970 to a time in UTC; None stays None."""
    return None if us is None else to_time(us)


def microseconds(seconds: float) -> int:
    """Convert *seconds* to whole microseconds."""
    return round(seconds * 1_000_000)


def clean(text: str) -> str:
    """Replace what no database stores: halves of surrogate pairs and NUL."""
    return text.encode("utf-8", "replace").decode("utf-8").replace("\0", "\N{REPLACEMENT CHARACTER}")


def clean_optional(text: str | None) -> str | None:
    """Clean *text*; None stays None."""
    return None if text is None else clean(text)


def push_to_json(push: PushEvent) -> str:
    """Return what differs from the defaults, without the changed files, which only matching needs."""
    known = {name: getattr(push, name) for name in _PUSH_FIELDS if name != "changed_files"}
    return json.dumps({name: value for name, value in known.items() if value != _PUSH_FIELDS[name]})


def push_from_json(text: str) -> PushEvent:
    """Read what `push_to_json` of this or another version wrote."""
    values: dict[str, Any] = json.loads(text)
    return PushEvent(**{name: value for name, value in values.items() if name in _PUSH_FIELDS})


def delivery_values(delivery: Delivery, *, reason: str) -> Columns:
    """Return the columns of *delivery*."""
    return {
        "uid": clean(delivery.uid),
        "hook": delivery.hook,
        "forge": delivery.forge.value,
        "delivery_id": clean(delivery.delivery_id),
        "body_sha256": delivery.body_sha256,
        "body": delivery.body or None,
        "content_type": clean(delivery.content_type),
        "event": clean(delivery.event),
        "kind": delivery.kind.value,
        "opened_by": delivery.opened_by,
        "reason": clean(reason),
        "received_at": to_us(delivery.received_at),
        "repo": clean(delivery.pushes[0].repo) if delivery.pushes else "",
        "refs": json.dumps([push.ref for push in delivery.pushes[:_REFS]]),
    }


def run_values(match: Match, *, now: datetime) -> Columns:
    """Return the columns of a run that carries out *match*."""
    push, target = match.push, match.target
    slot = clean(match.slot)
    queued_at = to_us(now)
    return {
        "target": target.name,
        "slot": slot,
        "lane": target.lane(slot),
        "overlap": target.overlap.value,
        "repo": clean(push.repo),
        "ref": clean(push.ref),
        "commit_id": clean_optional(push.commit),
        "pusher": clean_optional(push.pusher),
        "push": push_to_json(push),
        "retries": target.retries,
        "not_before": queued_at + microseconds(target.settle) if target.settle else 0,  # 0: at once
        "queued_at": queued_at,
    }


KEPT = ("target", "slot", "lane", "overlap", "repo", "ref", "commit_id", "pusher", "push", "retries")
"""The columns that a run and its rerun have in common."""


def to_run(row: Row) -> Run:
    """Convert a row of RUN_COLUMNS."""
    columns = {"run": "id", "delivery": "delivery_id", "commit": "commit_id"}
    return _convert(
        Run, row, columns, max_attempts=max_attempts(row), title=_title(push_from_json(row["push"]))
    )


def _title(push: PushEvent) -> str | None:
    """Return the first line of the commit's message, shortened."""
    title = (push.message or "").strip().partition("\n")[0].strip()
    return (title if len(title) <= _TITLE else f"{title[: _TITLE - 1]}…") or None


def max_attempts(row: Row) -> int:
    """Return how often a run may be tried: an interruption uses up no retry."""
    return 1 + int(row["retries"]) + int(row["interruptions"])


def to_claim(row: Row) -> Claim:
    """Convert a row of `claiming.CLAIMED`."""
    return _convert(Claim, row, run=to_run(row), push=push_from_json(row["push"]))


def to_attempt(row: Row) -> Attempt:
    """Convert a row of `attempt`."""
    return _convert(Attempt, row, {"run": "run_id", "attempt": "n"})


def to_whole_delivery(row: Row) -> Delivery:
    """Convert a row of `delivery` with its body; the pushes are in the body."""
    return _convert(Delivery, row, pushes=(), id_is_signed=False)


def to_delivery(row: Row, *, runs: tuple[int, ...]) -> StoredDelivery:
    """Convert a row of `delivery` that has `has_body` in place of its body."""
    columns = {"number": "id", "delivery": "delivery_id"}
    return _convert(StoredDelivery, row, columns, refs=tuple(json.loads(row["refs"])), runs=runs)


_CONVERTERS: Mapping[Any, Callable[[Any], Any]] = MappingProxyType(
    {
        bool: bool,
        datetime: to_time,
        datetime | None: to_optional_time,
        Ending | None: lambda text: None if text is None else Ending(text),
        Forge: Forge,
        Kind: Kind,
        RunState: RunState,
    }
)
"""From a column to a field of each type; a column of any other type is the field's value already."""


def _convert(
    kind: type[V], row: Row, columns: Mapping[str, str] = MappingProxyType({}), **computed: object
) -> V:
    """Make a *kind* of a row: a field is *computed*, or in the column of its name or as *columns* has it."""
    values = dict(computed)
    for field in fields(kind):  # type: ignore[arg-type]
        if field.name not in computed:
            value = row[columns.get(field.name, field.name)]
            convert = _CONVERTERS.get(field.type)
            values[field.name] = convert(value) if convert else value
    return kind(**values)
