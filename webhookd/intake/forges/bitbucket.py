"""Bitbucket Cloud (pure).

Headers and payloads: https://support.atlassian.com/bitbucket-cloud/docs/event-payloads/
Signature: https://support.atlassian.com/bitbucket-cloud/docs/manage-webhooks/
"""

import json
from collections.abc import Iterator
from typing import Any

from webhookd.errors import UsageError
from webhookd.intake.adapter import Adapter, Reading
from webhookd.intake.fields import Payload, child, children, flag, mentioned_name, name, object_id, text
from webhookd.intake.refs import PREFIXES, push_event
from webhookd.intake.samples import Change, Sample, Wish, made_up_uuid
from webhookd.intake.schemes import Mark, Scheme
from webhookd.models import Kind, PushEvent, RefKind

COMMITS_CAP = 5  # of each change, newest first; `truncated` tells that there were more

# Elsewhere a header of this name holds SHA-1; here it is SHA-256 over the raw body.
SCHEME = Scheme(mark=Mark(header="X-Hub-Signature", prefix="sha256="))


def parse(event: str, payload: Payload) -> Reading:
    """Read a payload: one push has many changes of refs, or none."""
    if event != "repo:push":
        return Reading(kind=Kind.OTHER, repo=mentioned_name(payload, "repository", "full_name"))
    repository, actor = child(payload, "repository"), child(payload, "actor")
    changes = children(child(payload, "push"), "changes")
    pushes = tuple(push for change in changes for push in _push(change, repository, actor))
    return Reading(kind=Kind.PUSH, repo=name(repository, "full_name"), pushes=pushes)


def guess(payload: Payload) -> str:
    """Tell the event from the payload, which does not name it."""
    push = payload.get("push")
    return "repo:push" if isinstance(push, dict) and "changes" in push else ""


def _push(change: Payload, repository: Payload, actor: Payload) -> Iterator[PushEvent]:
    old, new = child(change, "old"), child(change, "new")
    side = new or old
    if not side:
        return
    page = text(child(child(repository, "links"), "html"), "href")
    target = child(new, "target")
    commits, truncated = children(change, "commits"), flag(change, "truncated")
    yield push_event(
        repo=name(repository, "full_name"),
        ref=_ref(side),
        before=child(old, "target").get("hash"),
        after=target.get("hash"),
        commit=object_id(target.get("hash")),  # the commit, also of an annotated tag
        created=not old,
        deleted=not new,
        forced=flag(change, "forced"),
        pusher=text(actor, "nickname") or text(actor, "display_name") or text(actor, "username"),
        message=text(target, "message"),
        compare_url=text(child(child(change, "links"), "html"), "href"),
        clone_url=page and f"{page}.git",
        html_url=page,
        commit_count=None if truncated else len(commits),
    )


def _ref(side: Payload) -> str:
    """Build the full ref from type and name; `named_branch` is what Mercurial had."""
    short = name(side, "name")
    kind = RefKind.TAG if "tag" in (text(side, "type") or "") else RefKind.BRANCH
    return PREFIXES[kind] + short if short else ""


def sample(wish: Wish) -> Sample:
    """Imitate a delivery; Bitbucket Cloud documents no ping and no test button."""
    if wish.event == "ping":
        raise UsageError("Bitbucket Cloud sends no ping", hint="to imitate a push: --event push")
    about = {"repository": _sample_repository(wish), "actor": _sample_user(wish, wish.pusher)}
    if wish.event not in {"push", "delete", "repo:push"}:
        return Sample(event=wish.event, payload=about)
    changes = [_sample_change(wish, change) for change in wish.changes]
    return Sample(event="repo:push", payload={"push": {"changes": changes}, **about})


def headers(event: str, delivery: str) -> dict[str, str]:
    """Give the headers of a delivery but content type and signature."""
    return {
        "User-Agent": "Bitbucket-Webhooks/2.0",
        "X-Event-Key": event,
        "X-Hook-UUID": made_up_uuid("hook"),
        "X-Request-UUID": delivery,
        "X-Attempt-Number": "1",
    }


def encode(payload: Payload) -> bytes:
    """Write JSON with the blanks that Python puts in."""
    return json.dumps(payload).encode()


def _sample_change(wish: Wish, change: Change) -> dict[str, Any]:
    before, after = change.before, change.after
    count = COMMITS_CAP if wish.truncated else 1
    page = f"{_SITE}/{wish.repo}/branches/compare/{after}..{before}"
    return {
        "old": None if before is None else _sample_side(wish, change, before, "Say hello"),
        "new": None if after is None else _sample_side(wish, change, after, wish.message),
        "links": {"html": {"href": page}},
        "created": before is None,
        "closed": after is None,
        "forced": wish.forced,
        "truncated": wish.truncated,
        "commits": [] if after is None else [_sample_commit(wish, after, wish.message)] * count,
    }


def _sample_side(wish: Wish, change: Change, commit: str, message: str) -> dict[str, Any]:
    return {
        "type": str(change.kind),
        "name": change.name,
        "target": _sample_commit(wish, commit, message),
        "links": {"html": {"href": f"{_SITE}/{wish.repo}/{change.kind}/{change.name}"}},
    }


def _sample_commit(wish: Wish, commit: str, message: str) -> dict[str, Any]:
    author = {"type": "author", "raw": f"{wish.pusher} <{wish.pusher}@example.com>"}
    return {
        "type": "commit",
        "hash": commit,
        "author": author,
        "message": f"{message}\n",
        "date": wish.at.isoformat(),
        "parents": [],
        "links": {"html": {"href": f"{_SITE}/{wish.repo}/commits/{commit}"}},
    }


def _sample_user(wish: Wish, name: str) -> dict[str, Any]:
    return {
        "type": "user",
        "display_name": name.title(),
        "nickname": name,
        "uuid": "{" + made_up_uuid(name) + "}",
        "account_id": f"557058:{made_up_uuid(wish.owner, name)}",
        "links": {"html": {"href": f"{_SITE}/{name}/"}},
    }


def _sample_repository(wish: Wish) -> dict[str, Any]:
    return {
        "type": "repository",
        "scm": "git",
        "name": wish.name,
        "full_name": wish.repo,
        "uuid": "{" + made_up_uuid(wish.repo) + "}",
        "is_private": True,
        "website": "",
        "owner": _sample_user(wish, wish.owner),
        "links": {"html": {"href": f"{_SITE}/{wish.repo}"}},
    }


_SITE = "https://bitbucket.example.com"

ADAPTER = Adapter(
    event_header="X-Event-Key",
    delivery_headers=("x-request-uuid",),
    scheme=SCHEME,
    parse=parse,
    guess=guess,
    sample=sample,
    headers=headers,
    encode=encode,
)
