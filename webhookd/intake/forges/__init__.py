"""One module per forge, named as its member of `Forge` with "_" for "-"; each has an `ADAPTER` (pure)."""

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cache
from importlib import import_module

from webhookd.errors import BadPayload
from webhookd.intake.causes import Cause
from webhookd.intake.payloads import Payload, repository_name
from webhookd.intake.proof import Scheme
from webhookd.intake.samples import Sample, SampleSpec
from webhookd.models.delivery import Kind, PushEvent
from webhookd.models.settings import Forge


@dataclass(frozen=True, slots=True, kw_only=True)
class Reading:
    """What a payload means."""

    kind: Kind
    repo: str = ""  # full name, the same as in each push; "" when the payload has none
    pushes: tuple[PushEvent, ...] = ()
    reason: str = ""  # why this is not a push, if it looks like one; or what of it was left out


@dataclass(frozen=True, slots=True, kw_only=True)
class Adapter:
    """All that is known about one forge; header names are spelled as the forge spells them."""

    event_headers: tuple[str, ...]  # which all have the event; the first counts
    delivery_headers: tuple[str, ...]  # which all have the delivery's id; the first that is present counts
    other_headers: Mapping[str, str]  # sent beside them, and beside content type and signature
    repo_at: tuple[tuple[str, ...], ...]  # path of keys to each part of the repository's full name
    scheme: Scheme
    parse: Callable[[str, Payload, str], Reading]  # event, payload, repository's name -> what they mean
    guess: Callable[[Payload], str]  # payload -> its event, for a file without headers; "" when unclear
    sample: Callable[[SampleSpec], Sample]  # imitates a delivery; raises UsageError for what is never sent
    pushes: tuple[str, ...] = ()  # the events that can be a push, if `parse` leaves that check to `read`
    indent: int | None = None  # of the JSON that the forge writes; None: no white space

    @property
    def event_header(self) -> str:
        """The header that names the event."""
        return self.event_headers[0]

    def event(self, headers: Mapping[str, str]) -> str:
        """Return the forge's own name of the event; "" when the headers have none."""
        return headers.get(self.event_header.lower(), "")

    def read(self, event: str, payload: Payload) -> Reading:
        """Interpret a payload; refuse one of another event: the header that names the event is not signed."""
        if event in self.pushes and self.guess(payload) != event:
            raise other_event(event)
        return self.parse(event, payload, repository_name(payload, self.repo_at))

    def headers(self, event: str, delivery: str) -> dict[str, str]:
        """Return the headers of a delivery, all but content type and signature."""
        return {
            **self.other_headers,
            **dict.fromkeys(self.event_headers, event),
            **dict.fromkeys(self.delivery_headers, delivery),
        }

    def encode(self, payload: Payload) -> bytes:
        """Write JSON as the forge does."""
        separators = (",", ": " if self.indent else ":")
        return json.dumps(payload, ensure_ascii=False, indent=self.indent, separators=separators).encode()


def other_event(event: str) -> BadPayload:
    """Return the refusal of a payload that is not one of *event*."""
    return BadPayload(f'the payload is not one of event "{event}"', cause=Cause.MALFORMED_PAYLOAD)


@cache
def forge(name: Forge) -> Adapter:
    """Return the adapter of a forge; only those that are used are imported."""
    adapter: Adapter = import_module(f"{__name__}.{name.replace('-', '_')}").ADAPTER
    return adapter
