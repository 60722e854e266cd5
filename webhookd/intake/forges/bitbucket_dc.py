"""Bitbucket Data Center, formerly Server (pure).

https://confluence.atlassian.com/bitbucketserver/event-payload-938025882.html
https://confluence.atlassian.com/bitbucketserver/manage-webhooks-938025878.html
"""

from typing import Any

from webhookd.intake.forges import Adapter, Reading
from webhookd.intake.payloads import Payload, child, children, listed_changes, name, object_id, text
from webhookd.intake.proof import HexHeader, Scheme
from webhookd.intake.refs import push_event, split_ref
from webhookd.intake.samples import HOST, SITE, Change, Sample, SampleSpec
from webhookd.models.delivery import Kind, PushEvent
from webhookd.models.settings import RefKind

SCHEME = Scheme(header=HexHeader(name="X-Hub-Signature", prefix="sha256="))  # SHA-256 over the raw body

_PUSH = "repo:refs_changed"
_PING = "diagnostics:ping"  # the button "Test connection"


def parse(event: str, payload: Payload, repo: str) -> Reading:
    """Interpret a payload: one push has many changes of refs."""
    if event == _PING:
        return Reading(kind=Kind.PING)
    if event == _PUSH:
        changes, left_out = listed_changes(payload)
        pushes = tuple(_push(change, payload, repo, alone=len(changes) == 1) for change in changes)
        return Reading(kind=Kind.PUSH, repo=repo, pushes=pushes, reason=left_out)
    mirrored = f'event "{event}": a mirror caught up with a push that was sent before'
    reason = mirrored if event == "mirror:repo_synchronized" else ""
    return Reading(kind=Kind.OTHER, repo=repo, reason=reason)


def guess(payload: Payload) -> str:
    """Infer the event from the payload, which names it in all but the oldest versions."""
    if payload == {"test": True}:
        return _PING
    refs_changed = {"changes", "repository"} <= payload.keys()
    return text(payload, "eventKey") or (_PUSH if refs_changed else "")


def _push(change: Payload, payload: Payload, repo: str, *, alone: bool) -> PushEvent:
    links = children(child(child(payload, "repository"), "links"), "clone")
    clone = {text(link, "name"): text(link, "href") for link in links}
    ref = name(change, "refId") or name(child(change, "ref"), "id")
    newest = child(payload, "toCommit") if alone else {}  # 8.0 and newer
    # Of an annotated tag, `toHash` is the tag and `toCommit` the commit.
    tagged = newest.get("id") if split_ref(ref)[0] is RefKind.TAG else None
    return push_event(
        repo=repo,
        ref=ref,
        before=change.get("fromHash"),
        after=change.get("toHash"),
        commit=object_id(tagged) or object_id(change.get("toHash")),
        created=change.get("type") == "ADD" or None,
        deleted=change.get("type") == "DELETE" or None,
        pusher=text(child(payload, "actor"), "name"),
        message=text(newest, "message"),
        clone_url=clone.get("http") or clone.get("https"),
    )


def sample(spec: SampleSpec) -> Sample:
    """Imitate a delivery."""
    if spec.event in {"ping", _PING}:
        return Sample(event=_PING, payload={"test": True})
    event = _PUSH if spec.event in {"push", "delete"} else spec.event
    payload: dict[str, Any] = {
        "eventKey": event,
        "date": spec.at.strftime("%Y-%m-%dT%H:%M:%S%z"),
        "actor": _sample_user(spec),
        "repository": _sample_repository(spec),
    }
    if event == _PUSH:
        payload["changes"] = [_sample_change(change) for change in spec.changes]
        commits = [_sample_commit(spec, c) for c in spec.changes if c.after is not None]
        if len(spec.changes) == 1 and commits:
            payload |= {"commits": commits, "toCommit": commits[0]}
    return Sample(event=event, payload=payload)


def _sample_change(change: Change) -> dict[str, Any]:
    return {
        "ref": {"id": change.ref, "displayId": change.name, "type": str(change.kind).upper()},
        "refId": change.ref,
        "fromHash": change.old_id,
        "toHash": change.new_id,
        "type": "DELETE" if change.after is None else "ADD" if change.before is None else "UPDATE",
    }


def _sample_commit(spec: SampleSpec, change: Change) -> dict[str, Any]:
    commit = spec.tagged_commit if change.kind is RefKind.TAG else change.new_id
    return {
        "id": commit,
        "displayId": commit[:11],
        "author": _sample_user(spec),
        "authorTimestamp": int(spec.at.timestamp()) * 1000,
        "message": spec.message,
    }


def _sample_user(spec: SampleSpec) -> dict[str, Any]:
    return {
        "id": 101,
        "name": spec.pusher,
        "slug": spec.pusher,
        "displayName": spec.pusher.title(),
        "emailAddress": spec.author["email"],
        "active": True,
        "type": "NORMAL",
    }


def _sample_repository(spec: SampleSpec) -> dict[str, Any]:
    clone = [
        {"href": f"{SITE}/scm/{spec.repo}.git", "name": "http"},
        {"href": f"ssh://git@{HOST}:7999/{spec.repo}.git", "name": "ssh"},
    ]
    page = f"{SITE}/projects/{spec.owner}/repos/{spec.name}/browse"
    return {
        "slug": spec.name,
        "id": 84,
        "name": spec.name,
        "scmId": "git",
        "project": {"key": spec.owner, "id": 84, "name": spec.owner, "type": "NORMAL"},
        "public": False,
        "links": {"clone": clone, "self": [{"href": page}]},
    }


ADAPTER = Adapter(
    event_headers=("X-Event-Key",),
    delivery_headers=("X-Request-Id",),
    other_headers={"User-Agent": "Atlassian HttpClient 4.2.0 / Bitbucket-8.19.0 (8019000) / Default"},
    repo_at=(("repository", "project", "key"), ("repository", "slug")),  # KEY/slug, ~user/slug
    scheme=SCHEME,
    pushes=(_PUSH,),
    parse=parse,
    guess=guess,
    sample=sample,
)
