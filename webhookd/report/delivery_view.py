"""Deliveries as a table and as JSON values. Pure."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from webhookd.models.run import StoredDelivery
from webhookd.report.text import printable, table
from webhookd.report.times import age, rfc3339

_HEADINGS = ("NUMBER", "DELIVERY", "HOOK", "EVENT", "RECEIVED", "RUNS", "WHY NOTHING RAN")


def deliveries_table(deliveries: Sequence[StoredDelivery], *, now: datetime, width: int | None = None) -> str:
    """Lay out *deliveries* as a table with headings, no line wider than *width*."""
    rows = [tuple(map(printable, _cells(delivery, now=now))) for delivery in deliveries]
    return "\n".join(table([_HEADINGS, *rows], width=width))


def delivery_json(delivery: StoredDelivery) -> dict[str, Any]:
    """Return what `deliveries --json` prints for *delivery*."""
    return {
        "number": delivery.number,
        "delivery": delivery.delivery,
        "hook": delivery.hook,
        "forge": delivery.forge.value,
        "event": delivery.event,
        "kind": delivery.kind.value,
        "opened_by": delivery.opened_by,
        "received_at": rfc3339(delivery.received_at),
        "has_body": delivery.has_body,
        "runs": list(delivery.runs),
        "reason": delivery.reason,
    }


def _cells(delivery: StoredDelivery, *, now: datetime) -> tuple[str, ...]:
    return (
        str(delivery.number),
        delivery.delivery,
        delivery.hook,
        delivery.event,
        age(delivery.received_at, now=now),
        ", ".join(map(str, delivery.runs)),
        delivery.reason,
    )
