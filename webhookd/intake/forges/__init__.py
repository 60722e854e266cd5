"""One module per forge, named as its member of `Forge` with "_" for "-"; each has an `ADAPTER` (pure)."""

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
    """All that is known about one forge."""

    event_header: str  # as the forge spells it
    delivery_headers: tuple[str, ...]  # the first that is present has the delivery id
    repo_at: tuple[tuple[str, ...], ...]  # path of keys to each part of the repository's full name
    scheme: Scheme
    parse: Callable[[str, Payload, str], Reading]  # event, payload, repository's name -> what they mean
    guess: Callable[[Payload], str]  # payload -> its event, for a file without headers; "" when unclear
    sample: Callable[[SampleSpec], Sample]  # imitates a delivery; raises UsageError for what is never sent
    headers: Callable[[str, str], Mapping[str, str]]  # event and delivery id -> all but type and signature
    encode: Callable[[Payload], bytes]  # how the forge writes JSON
    pushes: tuple[str, ...] = ()  # the events that can be a push, if `parse` leaves that check to `read`

    def event(self, headers: Mapping[str, str]) -> str:
        """Return the forge's own name of the event; "" when the headers have none."""
        return headers.get(self.event_header.lower(), "")

    def read(self, event: str, payload: Payload) -> Reading:
        """Interpret a payload; refuse one of another event: the header that names the event is not signed."""
        if event in self.pushes and self.guess(payload) != event:
            raise other_event(event)
        return self.parse(event, payload, repository_name(payload, self.repo_at))


def other_event(event: str) -> BadPayload:
    """Return the refusal of a payload that is not one of *event*."""
    return BadPayload(f'the payload is not one of event "{event}"', cause=Cause.MALFORMED_PAYLOAD)


@cache
def forge(name: Forge) -> Adapter:
    """Return the adapter of a forge; only those that are used are imported."""
    adapter: Adapter = import_module(f"{__name__}.{name.replace('-', '_')}").ADAPTER
    return adapter
