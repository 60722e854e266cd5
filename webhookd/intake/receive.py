"""Decide what a request runs: verify, parse, match (pure).

The order is that of trust: signature over the raw bytes, content type, JSON, the repository's own secret,
match. Each step raises the `Rejected` that the HTTP side answers with.
"""

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import datetime

from webhookd.errors import BadPayload, UnsupportedContentType
from webhookd.intake import signature
from webhookd.intake.causes import Cause
from webhookd.intake.forges import Adapter, Reading, forge
from webhookd.intake.keyrings import keyrings_for, opening_for
from webhookd.intake.matching import decide, repository_for
from webhookd.intake.payloads import FORM, content_type, json_text, parse_json, payload_field
from webhookd.intake.proof import FormSigning, Scheme
from webhookd.intake.refs import is_ref, is_repository
from webhookd.intake.signature import Opening
from webhookd.models.delivery import Decision, Delivery, Kind, Request
from webhookd.models.settings import Hook, Repository

LONGEST_WORD = 200  # characters of an event's name or a delivery id


def receive(request: Request, *, hook: Hook, repositories: Sequence[Repository], now: datetime) -> Decision:
    """Decide what a request at *hook* runs; raise Rejected for one that is not authentic or not readable."""
    adapter = forge(hook.forge)
    signed = signed_bytes(request, adapter.scheme)
    opened = authenticate(request, signed, hook=hook, repositories=repositories, now=now)
    payload = parse_json(document(request, adapter.scheme, signed))
    event = event_name(request, adapter)
    reading = adapter.read(event, payload)
    repository = repository_for(repositories, hook=hook.name, repo=reading.repo)
    opening = opening_for(opened, reading.repo, repository)
    require_names(reading)
    digest = hashlib.sha256(signed).hexdigest()
    delivery = Delivery(
        hook=hook.name,
        forge=hook.forge,
        delivery_id=delivery_id(request, adapter) or f"sha256-{digest[:32]}",
        id_is_signed=adapter.scheme.id_is_signed,
        body_sha256=digest,
        body=request.body,
        content_type=content_type(request.headers),
        event=event,
        kind=reading.kind,
        pushes=reading.pushes,
        opened_by=opening.label,
        received_at=now,
    )
    matches, reason = decide(event, reading, repository)
    return Decision(delivery=delivery, matches=matches, reason=reason)


def receive_again(delivery: Delivery, *, hook: Hook, repositories: Sequence[Repository]) -> Decision:
    """Decide again what a stored delivery runs; it was authentic when it arrived.

    Raises BadPayload if the forge's module no longer accepts it.
    """
    adapter = forge(delivery.forge)
    payload = parse_json(json_text(delivery.body, delivery.content_type))
    reading = adapter.read(delivery.event, payload)
    require_names(reading)
    repository = repository_for(repositories, hook=hook.name, repo=reading.repo)
    matches, reason = decide(delivery.event, reading, repository)
    again = replace(
        delivery, kind=reading.kind, pushes=reading.pushes, id_is_signed=adapter.scheme.id_is_signed
    )
    return Decision(delivery=again, matches=matches, reason=reason)


def precheck(headers: Mapping[str, str], *, hook: Hook, repositories: Sequence[Repository]) -> None:
    """Raise NotAuthentic when the headers alone show that no body can make the request authentic."""
    scheme = forge(hook.forge).scheme
    signature.check_headers(headers, scheme, keyrings=keyrings_for(hook, repositories))


def authenticate(
    request: Request, signed: bytes, *, hook: Hook, repositories: Sequence[Repository], now: datetime
) -> tuple[Opening, ...]:
    """Return what opens the *signed* bytes of the request; raise NotAuthentic when nothing does."""
    scheme, keyrings = forge(hook.forge).scheme, keyrings_for(hook, repositories, body=request.body)
    return signature.verify(request.headers, signed, scheme=scheme, keyrings=keyrings, now=now)


def signed_bytes(request: Request, scheme: Scheme) -> bytes:
    """Return what the signature covers: the body, or the JSON in its form where the forge signs that."""
    if scheme.form is FormSigning.FIELD and content_type(request.headers) == FORM:
        try:
            return payload_field(request.body)
        except BadPayload:
            return request.body  # then no signature can be right, and that is reported first
    return request.body


def document(request: Request, scheme: Scheme, signed: bytes) -> bytes:
    """Return the JSON of a request; no header may turn signed JSON into a form where no forms are sent."""
    media_type = content_type(request.headers)
    if media_type == FORM and scheme.form is FormSigning.NEVER:
        raise UnsupportedContentType("the forge sends no forms", cause=Cause.CONTENT_TYPE)
    return json_text(request.body, media_type) if signed is request.body else signed


def event_name(request: Request, adapter: Adapter) -> str:
    """Return the forge's own name of the event; raise BadPayload when there is none."""
    event = adapter.event(request.headers)
    if not event or len(event) > LONGEST_WORD or not event.isprintable():
        raise BadPayload(f'there is no usable "{adapter.event_header}" header', cause=Cause.NO_EVENT)
    return event


def require_names(reading: Reading) -> None:
    """Refuse a push that does not say which ref of which repository changed, with names that git accepts."""
    if reading.kind is not Kind.PUSH:
        return
    if not is_repository(reading.repo) or not all(is_ref(push.ref) for push in reading.pushes):
        message = "the push has no valid name of a repository or of a ref"
        raise BadPayload(message, cause=Cause.MALFORMED_PAYLOAD)


def delivery_id(request: Request, adapter: Adapter) -> str:
    """Return the forge's id of the delivery; "" when there is none that can be stored and printed."""
    signed = () if adapter.scheme.header else ("webhook-id",)  # the id that Standard Webhooks signs
    values = (request.headers.get(key.lower(), "") for key in (*signed, *adapter.delivery_headers))
    return next((v for v in values if v and len(v) <= LONGEST_WORD and v.isascii() and v.isprintable()), "")
