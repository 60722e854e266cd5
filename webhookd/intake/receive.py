"""What to make of a request: verify, parse, match, decide (pure).

The order is that of trust: signature over the raw bytes, content type, JSON, the repository's own secret,
match. Each step raises the `Rejected` that the HTTP side answers with.
"""

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import datetime

from webhookd.errors import BadPayload, NotAuthentic
from webhookd.intake import documents, matching, signature
from webhookd.intake.adapter import Adapter, Reading
from webhookd.intake.causes import Cause
from webhookd.intake.claims import Claims
from webhookd.intake.decide import decide
from webhookd.intake.forges import forge
from webhookd.intake.keyrings import keyrings_for
from webhookd.intake.schemes import Form
from webhookd.intake.signature import Opening
from webhookd.models import Decision, Delivery, Hook, Kind, Repository, Request

LONGEST_WORD = 200  # characters of an event's name or a delivery id


def receive(request: Request, *, hook: Hook, repositories: Sequence[Repository], now: datetime) -> Decision:
    """Decide what a request at *hook* runs; raise Rejected for one that is not authentic or not readable."""
    adapter = forge(hook.forge)
    mine = [repository for repository in repositories if repository.hook == hook.name]
    field = signed_field(request, adapter)
    opened = authenticate(request, field, hook=hook, repositories=mine, now=now)
    payload = documents.parse(documents.json_text(request) if field is None else field)
    event = event_name(request, adapter)
    reading = adapter.parse(event, payload)
    opening = rightful(opened, reading.repo, mine, hook)
    require_names(reading)
    digest = hashlib.sha256(request.body).hexdigest()
    delivery = Delivery(
        hook=hook.name,
        forge=hook.forge,
        delivery_id=delivery_id(request, adapter) or f"sha256-{digest[:32]}",
        body_sha256=digest,
        body=request.body,
        content_type=documents.content_type(request.headers),
        event=event,
        kind=reading.kind,
        pushes=reading.pushes,
        opened_by=opening.label,
        received_at=now,
    )
    matches, reason = decide(event, reading, mine, hook)
    return Decision(delivery=delivery, matches=matches, reason=reason)


def receive_again(delivery: Delivery, *, hook: Hook, repositories: Sequence[Repository]) -> Decision:
    """Decide anew what a stored delivery runs; it was authentic when it came.

    Raises BadPayload where the forge's module no longer reads it.
    """
    mine = [repository for repository in repositories if repository.hook == hook.name]
    request = Request(headers={"content-type": delivery.content_type}, body=delivery.body)
    reading = forge(delivery.forge).parse(delivery.event, documents.parse(documents.json_text(request)))
    require_names(reading)
    matches, reason = decide(delivery.event, reading, mine, hook)
    again = replace(delivery, kind=reading.kind, pushes=reading.pushes)
    return Decision(delivery=again, matches=matches, reason=reason)


def precheck(headers: Mapping[str, str], *, hook: Hook, repositories: Sequence[Repository]) -> None:
    """Raise NotAuthentic when the headers alone show that no body can make the request authentic."""
    mine = [repository for repository in repositories if repository.hook == hook.name]
    scheme = forge(hook.forge).scheme
    signature.precheck(Claims(headers, scheme), keyrings_for(hook, mine, scheme))


def signed_field(request: Request, adapter: Adapter) -> bytes | None:
    """Give the JSON inside a form where that is what the forge signs; None where it signs the body."""
    if adapter.scheme.form is not Form.FIELD or documents.content_type(request.headers) != documents.FORM:
        return None
    try:
        return documents.payload_field(request.body)
    except BadPayload:
        return None  # then no signature can be right, and that is what is said first


def authenticate(
    request: Request, field: bytes | None, *, hook: Hook, repositories: Sequence[Repository], now: datetime
) -> tuple[Opening, ...]:
    """Give what opens the request; raise NotAuthentic if nothing does."""
    scheme = forge(hook.forge).scheme
    claims = Claims(request.headers, scheme)
    keyrings = keyrings_for(hook, repositories, scheme, body=request.body)
    signed = request.body if field is None else field
    return signature.verify(claims, signed, keyrings=keyrings, now=now)


def event_name(request: Request, adapter: Adapter) -> str:
    """Give the forge's own name of the event."""
    event = request.headers.get(adapter.event_header.lower(), "")
    if not event or len(event) > LONGEST_WORD or not event.isprintable():
        raise BadPayload(f'there is no usable "{adapter.event_header}" header', cause=Cause.NO_EVENT)
    return event


def rightful(opened: Sequence[Opening], repo: str, repositories: Sequence[Repository], hook: Hook) -> Opening:
    """Give the opening that counts: a repository with secrets of its own is opened by those alone."""
    if not repo:
        return opened[0]
    repository = matching.repository_for(repositories, hook=hook.name, repo=repo)
    owner = repository.pattern if repository is not None and repository.secrets else ""
    right = next((opening for opening in opened if opening.repository == owner), None)
    if right is None and owner:
        raise NotAuthentic(
            "the repository has a secret of its own, and another was used",
            cause=Cause.OWN_SECRET_NOT_USED,
            hint=f'set the secret of "{owner}" in the forge\'s webhook settings',
        )
    if right is None:
        raise NotAuthentic(
            "a secret that belongs to another repository was used",
            cause=Cause.FOREIGN_SECRET_USED,
            hint="set the hook's secret in the forge's webhook settings",
        )
    return right


def require_names(reading: Reading) -> None:
    """Refuse a push that does not say which ref of which repository changed."""
    if reading.kind is Kind.PUSH and not (reading.repo and all(push.ref for push in reading.pushes)):
        raise BadPayload("the push names no repository or no ref", cause=Cause.MALFORMED_PAYLOAD)


def delivery_id(request: Request, adapter: Adapter) -> str:
    """Give the forge's id of the delivery; "" where it has none that can be stored and printed."""
    values = (request.headers.get(header, "") for header in adapter.delivery_headers)
    return next((v for v in values if v and len(v) <= LONGEST_WORD and v.isascii() and v.isprintable()), "")
