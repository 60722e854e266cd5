"""Deliveries as the forges send them, made by webhookd's own `sign`."""

import json
from datetime import datetime

from factories import NOW, make_hook, make_secret

from webhookd.intake.samples import Change, SampleSpec
from webhookd.intake.signing import SignedDelivery, sign_delivery
from webhookd.intake.signing import sign_sample as sign_spec
from webhookd.models.settings import Forge, Hook

KEY = "correct horse battery stäple"


def hook_of(name: Forge = Forge.GITHUB, key: str = KEY) -> Hook:
    """Return a hook with one secret."""
    return make_hook(forge=name, secrets=(make_secret(key),))


def sign_document(
    document: bytes, hook: Hook, *, event: str = "push", form: bool = False, now: datetime = NOW
) -> SignedDelivery:
    """Sign any document as the hook's forge would."""
    return sign_delivery(document, hook=hook, event=event, delivery="d-1", now=now, form=form)


def sign_sample(
    hook: Hook,
    *,
    event: str = "push",
    form: bool = False,
    now: datetime = NOW,
    message: str = "Grüße & <b> 100 %",
) -> SignedDelivery:
    """Return a sample delivery of the hook's forge."""
    change = Change(before="b" * 40, after="a" * 40)
    spec = SampleSpec(delivery="d-1", event=event, changes=(change,), message=message)
    return sign_spec(spec, hook=hook, now=now, form=form)


def as_document(payload: object) -> bytes:
    """Return JSON as GitHub writes it."""
    return json.dumps(payload, ensure_ascii=False, separators=(",", ":")).encode("utf-8", "surrogatepass")
