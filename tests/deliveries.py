"""Deliveries as the forges send them, made by webhookd itself, for tests that hand them to somebody else."""

import json
from datetime import datetime

from factories import NOW, make_hook, make_secret

from webhookd.intake import signing
from webhookd.intake.forges import forge
from webhookd.intake.samples import Change, Wish
from webhookd.intake.signature import hook_keyring
from webhookd.models import Forge, Hook

KEY = "correct horse battery stäple"


def hook_of(name: Forge = Forge.GITHUB, key: str = KEY) -> Hook:
    """A hook with one secret that signs."""
    return make_hook(forge=name, secrets=(make_secret(key),))


def sign_document(
    document: bytes, hook: Hook, *, event: str = "push", form: bool = False, now: datetime = NOW
) -> signing.Signed:
    """Sign any JSON as the hook's forge would."""
    adapter = forge(hook.forge)
    keyring = hook_keyring(hook)
    return signing.sign(
        document, adapter=adapter, keyring=keyring, event=event, delivery="d-1", now=now, form=form
    )


def sign_sample(
    hook: Hook,
    *,
    event: str = "push",
    form: bool = False,
    now: datetime = NOW,
    message: str = "Grüße & <b> 100 %",
) -> signing.Signed:
    """Make up a delivery of the hook's forge."""
    change = Change(before="b" * 40, after="a" * 40)
    sample = forge(hook.forge).sample(Wish(delivery="d-1", event=event, changes=(change,), message=message))
    document = forge(hook.forge).encode(sample.payload)
    return sign_document(document, hook, event=sample.event, form=form, now=now)


def as_document(payload: object) -> bytes:
    """Write JSON as GitHub does."""
    return json.dumps(payload, ensure_ascii=False, separators=(",", ":")).encode("utf-8", "surrogatepass")
