"""Bitbucket Cloud (pure).

Headers and payloads: https://support.atlassian.com/bitbucket-cloud/docs/event-payloads/
Signature: https://support.atlassian.com/bitbucket-cloud/docs/manage-webhooks/
"""

from collections.abc import Iterator
from typing import Any

from webhookd.errors import UsageError
from webhookd.intake.forges import Adapter, Reading
from webhookd.intake.payloads import Payload, child, flag, listed_changes, name, object_id, text
from webhookd.intake.proof import HexHeader, Scheme
from webhookd.intake.refs import PREFIXES, push_event
from webhookd.intake.samples import SITE, Change, Sample, SampleSpec, made_up_uuid
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
    repository = {"name": spec.name, "full_name": spec.repo, "is_private": True, "scm": "git"}
    about = {
        "repository": _sample_thing("repository", spec.repo) | repository,
        "actor": _sample_thing("user", spec.pusher)
        | {"nickname": spec.pusher, "display_name": spec.pusher.title()},
    }
    if spec.event not in {"push", "delete", "repo:push"}:
        return Sample(event=spec.event, payload=about)
    changes = [_sample_change(spec, change) for change in spec.changes]
    return Sample(event="repo:push", payload={"push": {"changes": changes}, **about})


def _sample_thing(kind: str, name: str) -> dict[str, Any]:
    return {"type": kind, "uuid": f"{{{made_up_uuid(name)}}}", "links": {"html": {"href": f"{SITE}/{name}"}}}


def _sample_change(spec: SampleSpec, change: Change) -> dict[str, Any]:
    before, after = change.before, change.after
    count = COMMITS_CAP if spec.truncated else 1
    return {
        "old": None if before is None else _sample_side(spec, change, before, "Say hello"),
        "new": None if after is None else _sample_side(spec, change, after, spec.message),
        "links": {"html": {"href": f"{spec.page}/branches/compare/{after}..{before}"}},
        "created": before is None,
        "closed": after is None,
        "forced": spec.forced,
        "truncated": spec.truncated,
        "commits": [] if after is None else [_sample_commit(spec, after, spec.message)] * count,
    }


def _sample_side(spec: SampleSpec, change: Change, commit: str, message: str) -> dict[str, Any]:
    target = _sample_commit(spec, commit, message)
    return {"type": str(change.kind), "name": change.name, "target": target}


def _sample_commit(spec: SampleSpec, commit: str, message: str) -> dict[str, Any]:
    return {
        "type": "commit",
        "hash": commit,
        "author": {"type": "author", "raw": f"{spec.pusher} <{spec.author['email']}>"},
        "message": f"{message}\n",
        "date": spec.at.isoformat(),
        "links": {"html": {"href": f"{spec.page}/commits/{commit}"}},
    }


ADAPTER = Adapter(
    event_headers=("X-Event-Key",),
    delivery_headers=("X-Request-UUID",),
    other_headers={
        "User-Agent": "Bitbucket-Webhooks/2.0",
        "X-Hook-UUID": "d5f0c1de-1f3c-4a57-8d4e-6b2f8f1f7e0a",
        "X-Attempt-Number": "1",
    },
    repo_at=(("repository", "full_name"),),
    scheme=SCHEME,
    pushes=("repo:push",),
    parse=parse,
    guess=guess,
    sample=sample,
)
