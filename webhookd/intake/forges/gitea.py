"""Gitea, and what Forgejo and Gogs have in common with it: one grew out of the other (pure).

https://docs.gitea.com/usage/repository/webhooks, and for what it leaves out services/webhook/deliver.go
and services/repository/push.go of https://github.com/go-gitea/gitea
"""

from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import Any

from webhookd.intake.forges import Adapter, Reading
from webhookd.intake.forges.github import parse_push
from webhookd.intake.payloads import (
    Payload,
    child,
    name,
    object_id,
    text,
)
from webhookd.intake.proof import FormSigning, HexHeader, Scheme
from webhookd.intake.refs import full_ref, push_event
from webhookd.intake.samples import Sample, SampleSpec, indented, listed_commits
from webhookd.models.delivery import Kind, PushEvent
from webhookd.models.settings import RefKind

COMMITS_CAP = 5  # listed by default ([ui] FEED_MAX_COMMIT_NUM); Forgejo's default is 15

_HUB_HEADERS = (
    HexHeader(name="X-Hub-Signature", prefix="sha1=", algorithm="sha1"),
    HexHeader(name="X-Hub-Signature-256", prefix="sha256="),
)


def family_headers(event: str, delivery: str, *, names: Sequence[str]) -> dict[str, str]:
    """Return all headers but content type and signature: those of several forges at once (deliver.go)."""
    headers = {"User-Agent": "Go-http-client/1.1"}
    for forge_name in (*names, "GitHub"):
        prefix = f"X-{forge_name}"
        headers |= {f"{prefix}-Delivery": delivery, f"{prefix}-Event": event, f"{prefix}-Event-Type": event}
    return headers


def family_adapter(
    *names: str,
    also_sent: Sequence[HexHeader] = _HUB_HEADERS,
    tags_are_pushed: bool = True,
    headers: Callable[[str, str], Mapping[str, str]] | None = None,
) -> Adapter:
    """Describe the forge that is the first of *names*; it also sends the headers of the other names.

    The signature covers the JSON, also when that is sent in a form (deliver.go signs `PayloadContent`, though
    the page says "raw body"). Without a secret the headers are sent all the same, empty.
    """
    own, *relatives = (HexHeader(name=f"X-{forge_name}-Signature") for forge_name in names)
    site = f"https://{names[0].lower()}.example.com"
    return Adapter(
        event_header=f"X-{names[0]}-Event",
        # A new id on redelivery, but for Gogs.
        delivery_headers=(f"x-{names[0].lower()}-delivery",),
        repo_at=(("repository", "full_name"),),
        scheme=Scheme(header=own, also_sent=(*relatives, *also_sent), form=FormSigning.FIELD),
        pushes=("push", "create", "delete"),
        parse=partial(parse, tags_are_pushed=tags_are_pushed),
        guess=guess,
        sample=partial(sample, site=site, tags_are_pushed=tags_are_pushed),
        headers=headers or partial(family_headers, names=names),
        encode=indented,
    )


def parse(event: str, payload: Payload, repo: str, *, tags_are_pushed: bool) -> Reading:
    """Interpret a payload.

    The deletion of a branch is a `delete` event and nothing else. A tag that is created or deleted is a
    `push` in Gitea and Forgejo (*tags_are_pushed*), with a `create` or `delete` beside it; in Gogs only the
    latter.
    """
    if event == "push":
        push = parse_push(payload, repo, cap=COMMITS_CAP)
        return Reading(kind=Kind.PUSH, repo=repo, pushes=(push,))
    if event not in {"create", "delete"}:
        return Reading(kind=Kind.OTHER, repo=repo)
    kind = {"branch": RefKind.BRANCH, "tag": RefKind.TAG}.get(text(payload, "ref_type") or "")
    if (kind is RefKind.TAG and not tags_are_pushed) or (kind is RefKind.BRANCH and event == "delete"):
        push = _short_event(payload, repo, kind, created=event == "create")
        return Reading(kind=Kind.PUSH, repo=repo, pushes=(push,))
    reason = f'event "{event}": the push event of the same change counts'
    return Reading(kind=Kind.OTHER, repo=repo, reason=reason)


def guess(payload: Payload) -> str:
    """Infer the event from the payload, which does not name it."""
    if {"ref", "before", "after"} <= payload.keys():
        return "push"
    if {"ref", "ref_type"} <= payload.keys():
        return "create" if "sha" in payload or "default_branch" in payload else "delete"
    return ""


def _short_event(payload: Payload, repo: str, kind: RefKind, *, created: bool) -> PushEvent:
    """Build the push event of a `create` or `delete` event."""
    after = payload.get("sha") if created else None
    given = name(payload, "ref")  # Gitea writes the short name here, Forgejo and old Gogs the full ref
    return push_event(
        repo=repo,
        ref=full_ref(kind, given) if given else "",
        before=None,
        after=after,
        commit=object_id(after),
        created=created,
        deleted=not created,
        pusher=text(child(payload, "sender"), "login", "username"),
        clone_url=text(child(payload, "repository"), "clone_url"),
    )


def sample(spec: SampleSpec, *, site: str, tags_are_pushed: bool) -> Sample:
    """Imitate a delivery. Instead of a ping, the test button sends a push that changes nothing."""
    change = spec.change
    deleted, is_tag = change.after is None, change.kind is RefKind.TAG
    if spec.event in {"push", "delete"} and deleted and not (is_tag and tags_are_pushed):
        return Sample(event="delete", payload=_sample_event(spec, site, pusher_type="user"))
    if spec.event == "push" and is_tag and not tags_are_pushed:
        created = _sample_event(spec, site, sha=change.after, default_branch="main")
        return Sample(event="create", payload=created)
    if spec.event in {"push", "delete", "ping"}:
        push = _sample_push(spec, site, totals=tags_are_pushed)
        unchanged = {"before": change.zeros, "after": change.zeros} if spec.event == "ping" else {}
        return Sample(event="push", payload=push | unchanged)
    return Sample(event=spec.event, payload=_sample_event(spec, site, action="created"))


def _sample_event(spec: SampleSpec, site: str, **special: Any) -> dict[str, Any]:
    return {
        "ref": spec.change.name,
        "ref_type": str(spec.change.kind),
        **special,
        "repository": _sample_repository(spec, site),
        "sender": _sample_user(spec, spec.pusher, site),
    }


def _sample_push(spec: SampleSpec, site: str, *, totals: bool) -> dict[str, Any]:
    change, commits = spec.change, _sample_commits(spec, site)
    total = len(commits) + (20 if spec.truncated else 0)
    compare = f"{site}/{spec.repo}/compare/{change.before}...{change.after}"
    user = _sample_user(spec, spec.pusher, site)
    return {
        "ref": change.ref,
        "before": change.old_id,
        "after": change.new_id,
        "compare_url": compare if change.before and change.after else "",
        "commits": commits,
        **({"total_commits": total, "head_commit": next(iter(commits), None)} if totals else {}),
        "repository": _sample_repository(spec, site),
        "pusher": user,
        "sender": user,
    }


def _sample_commits(spec: SampleSpec, site: str) -> list[dict[str, Any]]:
    """Imitate the commits of a push, newest first."""
    author = spec.author | {"username": spec.pusher}
    more = {"author": author, "committer": author, "verification": None}
    return [
        spec.commit(commit, f"{message}\n", url=f"{site}/{spec.repo}/commit/{commit}") | more
        for commit, message in reversed(listed_commits(spec, COMMITS_CAP))
    ]


def _sample_user(spec: SampleSpec, login: str, site: str) -> dict[str, Any]:
    return {
        "id": spec.number(login),
        "login": login,
        "full_name": "",
        "email": f"{login}@example.com",
        "avatar_url": f"{site}/avatars/{spec.number(login)}",
        "username": login,
    }


def _sample_repository(spec: SampleSpec, site: str) -> dict[str, Any]:
    return {
        "id": spec.number(spec.repo),
        "owner": _sample_user(spec, spec.owner, site),
        "name": spec.name,
        "full_name": spec.repo,
        "size": 24,
        "html_url": f"{site}/{spec.repo}",
        "ssh_url": f"git@{site.removeprefix('https://')}:{spec.repo}.git",
        "clone_url": f"{site}/{spec.repo}.git",
        "default_branch": "main",
        "created_at": "2025-01-02T03:04:05Z",
        "updated_at": spec.at.isoformat(),
        **dict.fromkeys(("description", "website"), ""),
        **dict.fromkeys(("empty", "private", "fork", "mirror"), False),
        **dict.fromkeys(("stars_count", "forks_count", "watchers_count", "open_issues_count"), 0),
        "permissions": {"admin": True, "push": True, "pull": True},
    }


ADAPTER = family_adapter("Gitea", "Gogs")
