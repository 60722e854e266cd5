"""Deliveries as a table and as JSON values. Pure."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from webhookd.errors import printable
from webhookd.models.run import StoredDelivery
from webhookd.report.run_view import json_of, short_ref
from webhookd.report.text import age, table

_HEADINGS = (
    *("NUMBER", "RECEIVED", "HOOK", "EVENT", "REPOSITORY", "REF", "RUNS"),
    *("DELIVERY", "WHY NOTHING RAN"),
)
_KEYS = (
    *("number", "delivery", "hook", "forge", "event", "kind", "opened_by", "repo", "refs", "received_at"),
    *("has_body", "runs", "reason"),
)
_DISPENSABLE = tuple(map(_HEADINGS.index, ("DELIVERY", "HOOK", "EVENT")))  # on a narrow terminal


def deliveries_table(deliveries: Sequence[StoredDelivery], *, now: datetime, width: int | None = None) -> str:
    """Lay out *deliveries* as a table with headings, no line wider than *width*."""
    rows = [tuple(map(printable, _cells(delivery, now=now))) for delivery in deliveries]
    return "\n".join(table([_HEADINGS, *rows], width=width, dispensable=_DISPENSABLE))


def delivery_json(delivery: StoredDelivery) -> dict[str, Any]:
    """Return what `deliveries --json` prints for *delivery*."""
    return json_of(delivery, _KEYS) | {"repo": delivery.repo or None}


def _cells(delivery: StoredDelivery, *, now: datetime) -> tuple[str, ...]:
    return (
        str(delivery.number),
        age(delivery.received_at, now=now),
        delivery.hook,
        delivery.event,
        delivery.repo,
        ", ".join(map(short_ref, delivery.refs)),
        ", ".join(map(str, delivery.runs)),
        delivery.delivery,
        delivery.reason,
    )
