"""What a module in `intake/forges` says about its forge (pure)."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from webhookd.intake.fields import Payload
from webhookd.intake.samples import Sample, Wish
from webhookd.intake.schemes import Scheme
from webhookd.models import Kind, PushEvent


@dataclass(frozen=True, slots=True, kw_only=True)
class Reading:
    """What a payload means."""

    kind: Kind
    repo: str = ""  # full name; "" where the payload names none
    pushes: tuple[PushEvent, ...] = ()
    reason: str = ""  # why this is not a push, where it could be taken for one


@dataclass(frozen=True, slots=True, kw_only=True)
class Adapter:
    """One forge."""

    event_header: str  # as the forge spells it
    delivery_headers: tuple[str, ...]  # the first that is there names the delivery
    scheme: Scheme
    parse: Callable[[str, Payload], Reading]  # event and payload -> what they mean
    guess: Callable[[Payload], str]  # payload -> its event, for a file without headers; "" where unclear
    sample: Callable[[Wish], Sample]  # imitates a delivery; raises UsageError for what the forge never sends
    headers: Callable[[str, str], Mapping[str, str]]  # event and delivery id -> all but type and signature
    encode: Callable[[Payload], bytes]  # how the forge writes JSON
