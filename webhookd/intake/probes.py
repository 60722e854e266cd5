"""Deliveries that only ask whether they arrive as they were sent: authentic, running nothing (pure).

Their event is one that no forge has, so they are answered as any other event that concerns nobody.
"""

from collections.abc import Mapping
from datetime import datetime
from enum import StrEnum

from webhookd.intake import signature, signing
from webhookd.intake.forges import forge
from webhookd.models import Hook

EVENT = "webhookd_doctor"
LARGE = 2 * 1024**2  # bytes; web servers refuse 1 MiB and more until somebody tells them otherwise


class Probe(StrEnum):
    """What a body is good for, from the harmless to what proxies stumble over."""

    PLAIN = "plain"
    DELICATE = "delicate"  # what is written anew comes out otherwise
    LARGE = "large"


def body(probe: Probe) -> bytes:
    """Give the body of a probe: the same bytes each time."""
    match probe:
        case Probe.PLAIN:
            return b'{"webhookd":"doctor"}'
        case Probe.DELICATE:
            return '{ "b": 1.0e2,\r\n\t"a": "ü \\u00fc \\/ +%2B&=<\\u003c", "b": 1 }\n'.encode()
        case Probe.LARGE:
            return b'{"webhookd":"' + b"x" * (LARGE - 15) + b'"}'


def sign(probe: Probe, *, hook: Hook, now: datetime) -> Mapping[str, str]:
    """Give the headers with which *hook* takes the body of a probe for authentic.

    The delivery's id is the same each time: however often somebody looks, it is stored once.
    """
    signed = signing.sign(
        body(probe),
        adapter=forge(hook.forge),
        keyring=signature.hook_keyring(hook),
        event=EVENT,
        delivery=f"webhookd-doctor-{probe}",
        now=now,
    )
    return signed.headers
