"""Inspect a request for `verify`: is it authentic, what is it, what would it run (pure).

Unlike `receive` it does not stop at an error: somebody has a file, perhaps without headers, and asks what
it is.
"""

from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import datetime

from webhookd.errors import NotAuthentic, Rejected, printable
from webhookd.intake import matching, payloads
from webhookd.intake.diagnose import Diagnosis, case_of, diagnose
from webhookd.intake.forges import Adapter, Reading, forge
from webhookd.intake.keyrings import opening_for
from webhookd.intake.receive import (
    authenticate,
    delivery_id,
    document,
    event_name,
    require_names,
    signed_bytes,
)
from webhookd.intake.signing import guess_event
from webhookd.models.delivery import Kind, Match, Request
from webhookd.models.settings import Forge, Hook, Repository, Secret

# In this order: Forgejo also sends the headers of the next three, Gitea of two, Gogs of one.
_BY_EVENT_HEADER = (Forge.FORGEJO, Forge.GITEA, Forge.GOGS, Forge.GITHUB, Forge.GITLAB)


@dataclass(frozen=True, slots=True, kw_only=True)
class Inspection:
    """All that is known about a request."""

    verified: bool
    opened_by: str = ""
    forge: Forge
    event: str
    delivery: str
    reading: Reading
    matches: tuple[Match, ...]
    explanation: tuple[str, ...]
    diagnosis: Diagnosis | None = None


def infer_forge(headers: Mapping[str, str]) -> Forge | None:
    """Infer the sender from its headers, for a person who asks; the daemon goes by the hook alone."""
    for name in _BY_EVENT_HEADER:
        if forge(name).event(headers):
            return name
    key = headers.get("x-event-key", "")
    if not key:
        return None
    cloud = key == "repo:push" or key.startswith(("issue:", "pullrequest:")) or "x-hook-uuid" in headers
    return Forge.BITBUCKET if cloud else Forge.BITBUCKET_DC


def inspect(
    request: Request,
    *,
    hook: Hook,
    repositories: Sequence[Repository],
    now: datetime,
    others: Sequence[Secret] = (),
) -> Inspection:
    """Inspect *request* as if it came to *hook*; *others* are keys configured elsewhere, for a diagnosis."""
    adapter = forge(hook.forge)
    request, notes = _completed(request, adapter)
    reading, problem = _read(request, adapter)
    event = adapter.event(request.headers)
    repository = matching.repository_for(repositories, hook=hook.name, repo=reading.repo)
    opened_by, diagnosis = "", None
    try:
        signed = signed_bytes(request, adapter.scheme)
        opened = authenticate(request, signed, hook=hook, repositories=repositories, now=now)
        opened_by = opening_for(opened, reading.repo, repository).label
    except NotAuthentic as failure:
        case = case_of(request, failure, hook=hook, repositories=repositories, others=others)
        diagnosis = diagnose(case)
    matches, reason = matching.decide(event, reading, repository)
    mine = matching.repositories_of(hook.name, repositories)
    if problem:  # the daemon reports it only when nothing else is wrong
        answer = "" if diagnosis else f": the daemon answers {problem.status.value}"
        notes.append(f"{problem}{answer}")
    for push in reading.pushes:
        for rule in matching.explain_push(push, mine):
            notes.append(f"{rule.target.name} {'runs' if rule.matched else 'does not run'}: {rule.reason}")
    if reason and not problem and (mine or not reading.pushes):
        notes.append(reason)
    return Inspection(
        verified=diagnosis is None,
        opened_by=opened_by,
        forge=hook.forge,
        event=event,
        delivery=delivery_id(request, adapter),
        reading=reading,
        matches=matches,
        explanation=tuple(notes),
        diagnosis=diagnosis,
    )


def _completed(request: Request, adapter: Adapter) -> tuple[Request, list[str]]:
    """Add the headers that a file alone does not have, as far as they follow from its content."""
    headers, notes = dict(request.headers), []
    if "content-type" not in headers:
        is_form = request.body.startswith(b"payload=")
        headers["content-type"] = payloads.FORM if is_form else payloads.JSON
        notes.append(f"no Content-Type header: read as {'a form' if is_form else 'JSON'}")
    key = adapter.event_header.lower()
    if key not in headers:
        headers[key] = ""
        with suppress(Rejected):
            headers[key] = guess_event(_json_text(replace(request, headers=headers), adapter), adapter)
        guessed = printable(headers[key])
        words = f'taken for "{guessed}" by its content' if guessed else "the event is unknown"
        notes.append(f"no {adapter.event_header} header: {words}")
    return replace(request, headers=headers), notes


def _json_text(request: Request, adapter: Adapter) -> bytes:
    return document(request, adapter.scheme, signed_bytes(request, adapter.scheme))


def _read(request: Request, adapter: Adapter) -> tuple[Reading, Rejected | None]:
    """Read as much as possible, and return what `receive` would refuse."""
    reading = Reading(kind=Kind.OTHER)
    try:
        payload = payloads.parse_json(_json_text(request, adapter))
        reading = adapter.read(event_name(request, adapter), payload)
        require_names(reading)
    except Rejected as exc:
        return reading, exc
    return reading, None
