"""Look at a request from all sides, for `verify`: is it authentic, what is it, what would it run (pure).

Unlike `receive` it stops at nothing: an operator has a file, perhaps without headers, and wants to know.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import TYPE_CHECKING

from webhookd.errors import NotAuthentic, Rejected
from webhookd.intake import documents, matching
from webhookd.intake.adapter import Adapter, Reading
from webhookd.intake.decide import decide
from webhookd.intake.forges import forge
from webhookd.intake.receive import (
    authenticate,
    delivery_id,
    event_name,
    require_names,
    rightful,
    signed_field,
)
from webhookd.intake.signing import guess_event
from webhookd.models import Forge, Hook, Kind, Match, PushEvent, Repository, Request, Secret

if TYPE_CHECKING:
    from webhookd.intake.diagnose import Diagnosis

_FORGE_HEADERS = (  # in this order: Forgejo sends all of the first four, Gitea three, Gogs two of them
    ("x-forgejo-event", Forge.FORGEJO),
    ("x-gitea-event", Forge.GITEA),
    ("x-gogs-event", Forge.GOGS),
    ("x-github-event", Forge.GITHUB),
    ("x-gitlab-event", Forge.GITLAB),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Inspection:
    """All that can be said of a request."""

    verified: bool
    opened_by: str = ""
    forge: Forge
    event: str
    delivery: str
    reading: Reading
    matches: tuple[Match, ...]
    explanation: tuple[str, ...]
    diagnosis: "Diagnosis | None" = None


def infer_forge(headers: Mapping[str, str]) -> Forge | None:
    """Tell the sender by its headers, for a person who asks; the daemon goes by the hook alone."""
    for header, name in _FORGE_HEADERS:
        if header in headers:
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
    """Judge *request* as one that came to *hook*; *others* are keys configured elsewhere, for a diagnosis."""
    adapter = forge(hook.forge)
    mine = [repository for repository in repositories if repository.hook == hook.name]
    request, notes = _completed(request, adapter)
    reading, problem = _read(request, adapter)
    event = request.headers.get(adapter.event_header.lower(), "")
    opened_by, failure = _judge(request, reading.repo, hook=hook, repositories=mine, now=now)
    matches, reason = decide(event, reading, mine, hook)
    rules = [line for push in reading.pushes for line in _rules(push, mine, hook)]
    return Inspection(
        verified=failure is None,
        opened_by=opened_by,
        forge=hook.forge,
        event=event,
        delivery=delivery_id(request, adapter),
        reading=reading,
        matches=matches,
        explanation=(
            *notes,
            *([_told(problem, authentic=failure is None)] if problem else []),
            *rules,
            *([reason] if reason and not problem and (mine or not reading.pushes) else []),
        ),
        diagnosis=_diagnosis(request, failure, hook=hook, repositories=mine, others=others)
        if failure
        else None,
    )


def _completed(request: Request, adapter: Adapter) -> tuple[Request, list[str]]:
    """Add the headers that a file alone does not have, as far as its content tells them."""
    headers, notes = dict(request.headers), []
    if "content-type" not in headers:
        is_form = request.body.startswith(b"payload=")
        headers["content-type"] = documents.FORM if is_form else documents.JSON
        notes.append(f"no Content-Type header: read as {'a form' if is_form else 'JSON'}")
    key = adapter.event_header.lower()
    if key not in headers:
        headers[key] = guess_event(_document(replace(request, headers=headers)), adapter)
        words = f'taken for "{headers[key]}" by its content' if headers[key] else "the event is unknown"
        notes.append(f"no {adapter.event_header} header: {words}")
    return replace(request, headers=headers), notes


def _document(request: Request) -> bytes:
    try:
        return documents.json_text(request)
    except Rejected:
        return b""


def _read(request: Request, adapter: Adapter) -> tuple[Reading, Rejected | None]:
    """Read as much as can be read, and give what `receive` would refuse."""
    try:
        reading = adapter.parse(event_name(request, adapter), documents.parse(documents.json_text(request)))
    except Rejected as exc:
        return Reading(kind=Kind.OTHER), exc
    try:
        require_names(reading)
    except Rejected as exc:
        return reading, exc
    return reading, None


def _told(problem: Rejected, *, authentic: bool) -> str:
    """Say what cannot be read; the daemon comes to it only if nothing else is wrong."""
    return f"{problem}: the daemon answers {problem.status.value}" if authentic else str(problem)


def _judge(
    request: Request, repo: str, *, hook: Hook, repositories: Sequence[Repository], now: datetime
) -> tuple[str, NotAuthentic | None]:
    """Give the label of the key that opens the request, or why none does."""
    try:
        field = signed_field(request, forge(hook.forge))
        opened = authenticate(request, field, hook=hook, repositories=repositories, now=now)
        return rightful(opened, repo, repositories, hook).label, None
    except NotAuthentic as exc:
        return "", exc


def _diagnosis(
    request: Request,
    failure: NotAuthentic,
    *,
    hook: Hook,
    repositories: Sequence[Repository],
    others: Sequence[Secret],
) -> "Diagnosis":
    from webhookd.intake.diagnose import case_of, diagnose  # noqa: PLC0415 - only where something is wrong

    return diagnose(case_of(request, failure, hook=hook, repositories=repositories, others=others))


def _rules(push: PushEvent, repositories: Sequence[Repository], hook: Hook) -> list[str]:
    """Say rule by rule what happens to one push event."""
    verdicts = matching.explain(repositories, hook=hook.name, repo=push.repo, ref=push.ref)
    lines = []
    for verdict in verdicts:
        reason = verdict.matched and matching.skipped(push, verdict.target)
        word = "runs" if verdict.matched and not reason and not push.test else "does not run"
        lines.append(f"{verdict.target.name} {word}: {reason or verdict.reason}")
    return lines
