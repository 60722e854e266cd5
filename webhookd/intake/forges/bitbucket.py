"""Bitbucket Cloud (pure).

Headers and payloads: https://support.atlassian.com/bitbucket-cloud/docs/event-payloads/
Signature: https://support.atlassian.com/bitbucket-cloud/docs/manage-webhooks/
"""

import json
from collections.abc import Iterator
from typing import Any

from webhookd.errors import UsageError
from webhookd.intake.forges import Adapter, Reading
from webhookd.intake.payloads import Payload, child, flag, listed_changes, name, object_id, text
from webhookd.intake.proof import HexHeader, Scheme
from webhookd.intake.refs import PREFIXES, push_event
from webhookd.intake.samples import Change, Sample, SampleSpec, made_up_uuid
from webhookd.models.delivery import Kind, PushEvent
from webhookd.models.settings import RefKind

COMMITS_CAP = 5  # of each change, newest first; `truncated` says that there were more

# Elsewhere a header of this name holds SHA-1; here it is SHA-256 over the raw body.
SCHEME = Scheme(header=HexHeader(name="X-Hub-Signature", prefix="sha256="))


def parse(event: str, payload: Payload, repo: str) -> Reading:
    """Interpret a payload: one push has many changes of refs, or none."""
    if event != "repo:push":
        return Reading(kind=Kind.OTHER, repo=repo)
    changes, left_out = listed_changes(child(payload, "push"))
    pushes = tuple(push for change in changes for push in _push(change, payload, repo))
    return Reading(kind=Kind.PUSH, repo=repo, pushes=pushes, reason=left_out)


def guess(payload: Payload) -> str:
    """Infer the event from the payload, which does not name it."""
    push = payload.get("push")
    return "repo:push" if isinstance(push, dict) and "changes" in push else ""


def _push(change: Payload, payload: Payload, repo: str) -> Iterator[PushEvent]:
    old, new = child(change, "old"), child(change, "new")
    side = new or old
    if not side:
        return
    page, target = _page(child(payload, "repository")), child(new, "target")
    yield push_event(
        repo=repo,
        ref=_ref(side),
        before=child(old, "target").get("hash"),
        after=target.get("hash"),
        commit=object_id(target.get("hash")),  # the commit, also of an annotated tag
        created=not old,
        deleted=not new,
        forced=flag(change, "forced"),
        pusher=text(child(payload, "actor"), "nickname", "display_name", "username"),
        message=text(target, "message"),
        compare_url=_page(change),
        clone_url=page and f"{page}.git",
    )


def _ref(side: Payload) -> str:
    """Build the full ref from type and name; `named_branch` is what Mercurial had."""
    short = name(side, "name")
    kind = RefKind.TAG if "tag" in (text(side, "type") or "") else RefKind.BRANCH
    return PREFIXES[kind] + short if short else ""


def _page(thing: Payload) -> str | None:
    return text(child(child(thing, "links"), "html"), "href")


def sample(spec: SampleSpec) -> Sample:
    """Imitate a delivery; Bitbucket Cloud documents no ping and no test button."""
    if spec.event == "ping":
        raise UsageError("Bitbucket Cloud sends no ping", hint="to imitate a push: --event push")
    about = {"repository": _sample_repository(spec), "actor": _sample_user(spec, spec.pusher)}
    if spec.event not in {"push", "delete", "repo:push"}:
        return Sample(event=spec.event, payload=about)
    changes = [_sample_change(spec, change) for change in spec.changes]
    return Sample(event="repo:push", payload={"push": {"changes": changes}, **about})


def headers(event: str, delivery: str) -> dict[str, str]:
    """Return all headers but content type and signature."""
    return {
        "User-Agent": "Bitbucket-Webhooks/2.0",
        "X-Event-Key": event,
        "X-Hook-UUID": made_up_uuid("hook"),
        "X-Request-UUID": delivery,
        "X-Attempt-Number": "1",
    }


def encode(payload: Payload) -> bytes:
    """Write JSON with the spaces that Python puts in."""
    return json.dumps(payload).encode()


def _sample_change(spec: SampleSpec, change: Change) -> dict[str, Any]:
    before, after = change.before, change.after
    count = COMMITS_CAP if spec.truncated else 1
    page = f"{_SITE}/{spec.repo}/branches/compare/{after}..{before}"
    return {
        "old": None if before is None else _sample_side(spec, change, before, "Say hello"),
        "new": None if after is None else _sample_side(spec, change, after, spec.message),
        "links": {"html": {"href": page}},
        "created": before is None,
        "closed": after is None,
        "forced": spec.forced,
        "truncated": spec.truncated,
        "commits": [] if after is None else [_sample_commit(spec, after, spec.message)] * count,
    }


def _sample_side(spec: SampleSpec, change: Change, commit: str, message: str) -> dict[str, Any]:
    return {
        "type": str(change.kind),
        "name": change.name,
        "target": _sample_commit(spec, commit, message),
        "links": {"html": {"href": f"{_SITE}/{spec.repo}/{change.kind}/{change.name}"}},
    }


def _sample_commit(spec: SampleSpec, commit: str, message: str) -> dict[str, Any]:
    return {
        "type": "commit",
        "hash": commit,
        "author": {"type": "author", "raw": f"{spec.pusher} <{spec.author['email']}>"},
        "message": f"{message}\n",
        "date": spec.at.isoformat(),
        "parents": [],
        "links": {"html": {"href": f"{_SITE}/{spec.repo}/commits/{commit}"}},
    }


def _sample_user(spec: SampleSpec, name: str) -> dict[str, Any]:
    return {
        "type": "user",
        "display_name": name.title(),
        "nickname": name,
        "uuid": "{" + made_up_uuid(name) + "}",
        "account_id": f"557058:{made_up_uuid(spec.owner, name)}",
        "links": {"html": {"href": f"{_SITE}/{name}/"}},
    }


def _sample_repository(spec: SampleSpec) -> dict[str, Any]:
    return {
        "type": "repository",
        "scm": "git",
        "name": spec.name,
        "full_name": spec.repo,
        "uuid": "{" + made_up_uuid(spec.repo) + "}",
        "is_private": True,
        "website": "",
        "owner": _sample_user(spec, spec.owner),
        "links": {"html": {"href": f"{_SITE}/{spec.repo}"}},
    }


_SITE = "https://bitbucket.example.com"

ADAPTER = Adapter(
    event_header="X-Event-Key",
    repo_at=(("repository", "full_name"),),
    delivery_headers=("x-request-uuid",),
    scheme=SCHEME,
    pushes=("repo:push",),
    parse=parse,
    guess=guess,
    sample=sample,
    headers=headers,
    encode=encode,
)
