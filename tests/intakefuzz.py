"""The check and the first inputs for the fuzzer of intake.

An input consists of a forge, a way of sending, an event and a document. Documents are signed, so that they
reach the parsers after the signature check.
"""

import contextlib
from collections.abc import Iterator
from urllib.parse import quote_plus

from factories import KEY, NOW, hook_of, make_repository, make_target, sign_document

from webhookd.errors import Rejected, UsageError
from webhookd.intake import receive
from webhookd.intake.forges import forge
from webhookd.intake.samples import Change, Sample, SampleSpec
from webhookd.intake.signing import SignedDelivery
from webhookd.models.delivery import Decision, Request
from webhookd.models.settings import Forge, Hook, RefKind
from webhookd.queue import rows

FORGES = tuple(Forge)
WAYS = JSON, FORM, UNSIGNED = range(3)
SIGNING_KEYS = {Forge.GITLAB: "whsec_c2VjcmV0IHNlY3JldCBzZWNyZXQ="}  # a key of another form is a token
HOOKS = {name: hook_of(name, SIGNING_KEYS.get(name, KEY)) for name in FORGES}
REPOSITORY = make_repository(
    pattern="**",
    targets=(
        make_target(repo="**", pattern="**", paths=("docs/**",), on_delete="true"),
        make_target(repo="**", pattern="**", ref_kind=RefKind.TAG),
    ),
)


def samples(name: Forge) -> list[Sample]:
    """Return one delivery of each kind that a forge sends."""
    new, old = "a" * 40, "b" * 40
    changes = [Change(before=old, after=new), Change(before=None, after=new), Change(before=old, after=None)]
    changes += [Change(kind=RefKind.TAG, name="v1", before=None, after=new)]
    specs = [SampleSpec(delivery="d-1", changes=(change,)) for change in changes]
    specs += [SampleSpec(delivery="d-1", event="ping")]
    made = []
    for spec in specs:
        with contextlib.suppress(UsageError):  # some forges send no pings
            made.append(forge(name).sample(spec))
    return made


EVENTS = {name: sorted({sample.event for sample in samples(name)}) for name in FORGES}


def try_one(data: bytes) -> None:
    """Pass one input to intake, which must return a decision or a refusal."""
    accepts(data)


def accepts(data: bytes) -> bool:
    """Return whether intake accepts one input."""
    if len(data) < 3:
        return False
    name, way, document = FORGES[data[0] % len(FORGES)], data[1] % len(WAYS), data[3:]
    event, hook = EVENTS[name][data[2] % len(EVENTS[name])], HOOKS[name]
    signed = sign_document(document, hook, event=event)
    decision = judge(request_of(signed, way), hook)
    if decision is None:
        return False
    assert way != UNSIGNED, "an unsigned request was accepted"
    other = judge(request_of(signed, FORM if way == JSON else JSON), hook)
    assert other is None or other.delivery.pushes == decision.delivery.pushes, "the content type decides"
    rows.delivery_values(decision.delivery, reason=decision.reason)  # the store must be able to write it
    for match in decision.matches:
        rows.run_values(match, now=NOW)
    return True


def request_of(signed: SignedDelivery, way: int) -> Request:
    """Return a delivery as a request: as JSON, as a form, or with a wrong signature."""
    request = signed.request()
    if way == FORM:
        headers = {**request.headers, "content-type": "application/x-www-form-urlencoded"}
        return Request(headers=headers, body=request.body)
    if way == UNSIGNED:
        return Request(headers=request.headers, body=request.body + b" ")
    return request


def judge(request: Request, hook: Hook) -> Decision | None:
    """Return the decision about a request; None if it is refused."""
    try:
        return receive(request, hook=hook, repositories=[REPOSITORY], now=NOW)
    except Rejected:
        return None


def seeds() -> Iterator[bytes]:
    """Yield every sample of every forge as an input, for every way of sending."""
    for number, name in enumerate(FORGES):
        for sample in samples(name):
            document = forge(name).encode(sample.payload)
            event = EVENTS[name].index(sample.event)
            yield bytes([number, JSON, event]) + document
            yield bytes([number, FORM, event]) + b"payload=" + quote_plus(document).encode()
            yield bytes([number, UNSIGNED, event]) + document
