"""Bitbucket Data Center, formerly Server (pure).

https://confluence.atlassian.com/bitbucketserver/event-payload-938025882.html
https://confluence.atlassian.com/bitbucketserver/manage-webhooks-938025878.html
"""

from typing import Any

from webhookd.intake.adapter import Adapter, Reading
from webhookd.intake.fields import Payload, child, children, name, object_id, text
from webhookd.intake.refs import push_event, split_ref
from webhookd.intake.samples import Change, Sample, Wish, compact
from webhookd.intake.schemes import Mark, Scheme
from webhookd.models import Kind, PushEvent, RefKind

# SHA-256 over the raw body. A repository's name has two parts in the payload: KEY/slug, ~user/slug.
SCHEME = Scheme(mark=Mark(header="X-Hub-Signature", prefix="sha256="), repo_keys=("key", "slug"))

_PING = "diagnostics:ping"  # the button "Test connection"
_TYPES = {(False, False): "UPDATE", (True, False): "ADD", (False, True): "DELETE"}


def parse(event: str, payload: Payload) -> Reading:
    """Read a payload: one push has many changes of refs."""
    if event == "repo:refs_changed":
        repo, changes = _repo(payload), children(payload, "changes")
        return Reading(
            kind=Kind.PUSH,
            repo=repo,
            pushes=tuple(_push(change, payload, repo, alone=len(changes) == 1) for change in changes),
        )
    if event == _PING:
        return Reading(kind=Kind.PING)
    mirrored = f'event "{event}": a mirror caught up with a push that was sent before'
    reason = mirrored if event == "mirror:repo_synchronized" else ""
    return Reading(kind=Kind.OTHER, repo=_mentioned(payload), reason=reason)


def guess(payload: Payload) -> str:
    """Tell the event from the payload, which names it in all but the oldest versions."""
    if payload == {"test": True}:
        return _PING
    refs_changed = {"changes", "repository"} <= payload.keys()
    return text(payload, "eventKey") or ("repo:refs_changed" if refs_changed else "")


def _push(change: Payload, payload: Payload, repo: str, *, alone: bool) -> PushEvent:
    actor, links = child(payload, "actor"), child(child(payload, "repository"), "links")
    ref = name(change, "refId") or name(child(change, "ref"), "id")
    newest = child(payload, "toCommit") if alone else {}  # 8.0 and newer
    # Of an annotated tag, `toHash` is the tag and `toCommit` the commit.
    tagged = newest.get("id") if split_ref(ref)[0] is RefKind.TAG else None
    clone = {text(link, "name"): text(link, "href") for link in children(links, "clone")}
    return push_event(
        repo=repo,
        ref=ref,
        before=change.get("fromHash"),
        after=change.get("toHash"),
        commit=object_id(tagged) or object_id(change.get("toHash")),
        created=change.get("type") == "ADD" or None,
        deleted=change.get("type") == "DELETE" or None,
        pusher=text(actor, "name"),
        pusher_email=text(actor, "emailAddress"),
        message=text(newest, "message"),
        clone_url=clone.get("http") or clone.get("https"),
        ssh_url=clone.get("ssh"),
        html_url=next((text(link, "href") for link in children(links, "self")), None),
    )


def _repo(payload: Payload) -> str:
    repository = child(payload, "repository")
    key, slug = name(child(repository, "project"), "key"), name(repository, "slug")
    return f"{key}/{slug}" if key and slug else ""


def _mentioned(payload: Payload) -> str:
    """Give the repository of an event that is not a push, whatever its shape is."""
    repository = payload.get("repository")
    project = repository.get("project") if isinstance(repository, dict) else None
    if not isinstance(repository, dict) or not isinstance(project, dict):
        return ""
    key, slug = project.get("key"), repository.get("slug")
    return f"{key}/{slug}" if isinstance(key, str) and isinstance(slug, str) else ""


def sample(wish: Wish) -> Sample:
    """Imitate a delivery."""
    if wish.event in {"ping", _PING}:
        return Sample(event=_PING, payload={"test": True})
    event = "repo:refs_changed" if wish.event in {"push", "delete"} else wish.event
    payload: dict[str, Any] = {
        "eventKey": event,
        "date": wish.at.strftime("%Y-%m-%dT%H:%M:%S%z"),
        "actor": _sample_user(wish),
        "repository": _sample_repository(wish),
    }
    if event == "repo:refs_changed":
        payload["changes"] = [_sample_change(change) for change in wish.changes]
        commits = [_sample_commit(wish, c) for c in wish.changes if c.after is not None]
        if len(wish.changes) == 1 and commits:
            payload |= {"commits": commits, "toCommit": commits[0]}
    return Sample(event=event, payload=payload)


def headers(event: str, delivery: str) -> dict[str, str]:
    """Give the headers of a delivery but content type and signature."""
    return {
        "User-Agent": "Atlassian HttpClient 4.2.0 / Bitbucket-8.19.0 (8019000) / Default",
        "X-Request-Id": delivery,
        "X-Event-Key": event,
    }


def _sample_change(change: Change) -> dict[str, Any]:
    ref = {"id": change.ref, "displayId": change.name, "type": str(change.kind).upper()}
    return {
        "ref": ref,
        "refId": change.ref,
        "fromHash": change.before or change.zeros,
        "toHash": change.after or change.zeros,
        "type": _TYPES[change.before is None, change.after is None],
    }


def _sample_commit(wish: Wish, change: Change) -> dict[str, Any]:
    commit = wish.object_id("tagged commit") if change.kind is RefKind.TAG else change.after or ""
    moment = int(wish.at.timestamp()) * 1000
    return {
        "id": commit,
        "displayId": commit[:11],
        "author": _sample_user(wish),
        "authorTimestamp": moment,
        "committer": _sample_user(wish),
        "committerTimestamp": moment,
        "message": wish.message,
        "parents": [],
    }


def _sample_user(wish: Wish) -> dict[str, Any]:
    return {
        "name": wish.pusher,
        "emailAddress": f"{wish.pusher}@example.com",
        "active": True,
        "displayName": wish.pusher.title(),
        "id": wish.number(wish.pusher),
        "slug": wish.pusher,
        "type": "NORMAL",
        "links": {"self": [{"href": f"{_SITE}/users/{wish.pusher}"}]},
    }


def _sample_repository(wish: Wish) -> dict[str, Any]:
    clone = [
        {"href": f"{_SITE}/scm/{wish.repo}.git", "name": "http"},
        {"href": f"ssh://git@{_HOST}:7999/{wish.repo}.git", "name": "ssh"},
    ]
    page = f"{_SITE}/projects/{wish.owner}/repos/{wish.name}/browse"
    return {
        "slug": wish.name,
        "id": wish.number(wish.repo),
        "name": wish.name,
        "hierarchyId": wish.object_id("hierarchy")[:20],
        "scmId": "git",
        "state": "AVAILABLE",
        "statusMessage": "Available",
        "forkable": True,
        "project": {
            "key": wish.owner,
            "id": wish.number(wish.owner),
            "name": wish.owner,
            "public": False,
            "type": "NORMAL",
            "links": {"self": [{"href": f"{_SITE}/projects/{wish.owner}"}]},
        },
        "public": False,
        "archived": False,
        "links": {"clone": clone, "self": [{"href": page}]},
    }


_HOST = "bitbucket-dc.example.com"
_SITE = f"https://{_HOST}"

ADAPTER = Adapter(
    event_header="X-Event-Key",
    delivery_headers=("x-request-id",),
    scheme=SCHEME,
    parse=parse,
    guess=guess,
    sample=sample,
    headers=headers,
    encode=compact,
)
