"""What Gitea, Forgejo and Gogs have in common: one grew out of the other (pure).

Gitea: https://docs.gitea.com/usage/repository/webhooks and services/webhook/deliver.go,
services/repository/push.go of https://github.com/go-gitea/gitea
Forgejo: the same files of https://codeberg.org/forgejo/forgejo
Gogs: internal/database/webhook.go and actions.go of https://github.com/gogs/gogs
"""

from collections.abc import Sequence
from typing import Any

from webhookd.intake.adapter import Reading
from webhookd.intake.commits import changed_files
from webhookd.intake.fields import Payload, child, children, count, mentioned_name, name, object_id, text
from webhookd.intake.refs import full_ref, push_event
from webhookd.intake.samples import Sample, Wish, listed_commits
from webhookd.intake.schemes import Mark
from webhookd.models import Kind, PushEvent, RefKind

COMMITS_CAP = 5  # listed by default ([ui] FEED_MAX_COMMIT_NUM); Forgejo's default is 15

# What Gitea and Forgejo sign with beside their own header (deliver.go, payloader.go).
MARKS = (
    Mark(header="X-Gogs-Signature"),
    Mark(header="X-Hub-Signature", prefix="sha1=", algorithm="sha1"),
    Mark(header="X-Hub-Signature-256", prefix="sha256="),
)


def parse(event: str, payload: Payload, *, tags_are_pushed: bool) -> Reading:
    """Read a payload.

    The deletion of a branch is a `delete` event and nothing else. A tag that comes or goes is a `push` in
    Gitea and Forgejo (*tags_are_pushed*), with a `create` or `delete` beside it; in Gogs only the latter.
    """
    if event == "push":
        return _one(_push(payload))
    kind = {"branch": RefKind.BRANCH, "tag": RefKind.TAG}.get(text(payload, "ref_type") or "", RefKind.OTHER)
    alone = kind is RefKind.TAG and not tags_are_pushed
    if event == "delete" and (kind is RefKind.BRANCH or alone):
        return _one(_deletion(payload, kind))
    if event == "create" and alone:
        return _one(_created_tag(payload))
    said_twice = event in {"create", "delete"}
    return Reading(
        kind=Kind.OTHER,
        repo=mentioned_name(payload, "repository", "full_name"),
        reason=f'event "{event}": the push event of the same change counts' if said_twice else "",
    )


def guess(payload: Payload) -> str:
    """Tell the event from the payload, which does not name it."""
    if {"ref", "before", "after"} <= payload.keys():
        return "push"
    if {"ref", "ref_type"} <= payload.keys():
        return "create" if "sha" in payload or "default_branch" in payload else "delete"
    return ""


def _one(push: PushEvent) -> Reading:
    return Reading(kind=Kind.PUSH, repo=push.repo, pushes=(push,))


def _push(payload: Payload) -> PushEvent:
    commits, total = children(payload, "commits"), count(payload, "total_commits")
    after = payload.get("after")
    head = child(payload, "head_commit") or next((c for c in commits if c.get("id") == after), {})
    listed = len(commits) < COMMITS_CAP if total is None else total <= len(commits)
    files, complete = changed_files(commits, every_commit=listed)
    return push_event(
        ref=name(payload, "ref"),
        before=payload.get("before"),
        after=after,
        commit=object_id(head.get("id")) or object_id(after),
        message=text(head, "message"),
        compare_url=text(payload, "compare_url") or text(payload, "compare"),
        commit_count=total,
        changed_files=files,
        files_complete=complete,
        **_who_and_where(payload, "pusher"),
    )


def _deletion(payload: Payload, kind: RefKind) -> PushEvent:
    return push_event(
        ref=_ref(payload, kind),
        before=None,
        after=None,
        deleted=True,
        **_who_and_where(payload, "sender"),
    )


def _created_tag(payload: Payload) -> PushEvent:
    sha = payload.get("sha")
    return push_event(
        ref=_ref(payload, RefKind.TAG),
        before=None,
        after=sha,
        commit=object_id(sha),
        created=True,
        **_who_and_where(payload, "sender"),
    )


def _ref(payload: Payload, kind: RefKind) -> str:
    """Give the full ref; Gitea writes the short one here, Forgejo and old Gogs the full one."""
    given = name(payload, "ref")
    return full_ref(kind, given) if given else ""


def _who_and_where(payload: Payload, actor: str) -> dict[str, Any]:
    repository, person = child(payload, "repository"), child(payload, actor)
    return {
        "repo": name(repository, "full_name"),
        "pusher": text(person, "login") or text(person, "username") or text(person, "name"),
        "pusher_email": text(person, "email"),
        "clone_url": text(repository, "clone_url"),
        "ssh_url": text(repository, "ssh_url"),
        "html_url": text(repository, "html_url"),
        "default_branch": text(repository, "default_branch"),
    }


def headers(event: str, delivery: str, *, families: Sequence[str]) -> dict[str, str]:
    """Give the headers of a delivery but content type and signature: those of several forges at once."""
    by_family = (
        {f"X-{name}-Delivery": delivery, f"X-{name}-Event": event, f"X-{name}-Event-Type": event}
        for name in families
    )
    return {"User-Agent": "Go-http-client/1.1"} | {k: v for family in by_family for k, v in family.items()}


def sample(wish: Wish, *, site: str, tags_are_pushed: bool, totals: bool) -> Sample:
    """Imitate a delivery; with *totals*, a push tells the number of commits and the head commit."""
    change = wish.change
    gone, is_tag = change.after is None, change.kind is RefKind.TAG
    if wish.event in {"push", "delete"} and gone and not (is_tag and tags_are_pushed):
        return Sample(event="delete", payload=_sample_event(wish, site, {"pusher_type": "user"}))
    if wish.event == "push" and is_tag and not tags_are_pushed:
        created = {"sha": change.after, "default_branch": "main"}
        return Sample(event="create", payload=_sample_event(wish, site, created))
    if wish.event in {"push", "delete"}:
        return Sample(event="push", payload=_sample_push(wish, site, totals=totals))
    if wish.event == "ping":  # there is none: the test button sends a push that changes nothing
        return Sample(event="push", payload=_sample_push(wish, site, totals=totals) | _nothing_changed(wish))
    return Sample(event=wish.event, payload=_sample_event(wish, site, {"action": "created"}))


def _sample_event(wish: Wish, site: str, special: dict[str, Any]) -> dict[str, Any]:
    change = wish.change
    return {
        "ref": change.name,
        "ref_type": str(change.kind),
        **special,
        "repository": _sample_repository(wish, site),
        "sender": _sample_user(wish, wish.pusher, site),
    }


def _nothing_changed(wish: Wish) -> dict[str, Any]:
    return {"before": wish.change.zeros, "after": wish.change.zeros}


def _sample_push(wish: Wish, site: str, *, totals: bool) -> dict[str, Any]:
    change, commits = wish.change, _sample_commits(wish, site)
    total = len(commits) + (20 if wish.truncated else 0)
    before, after = change.before or change.zeros, change.after or change.zeros
    compare = f"{site}/{wish.repo}/compare/{before}...{after}" if change.before and change.after else ""
    return {
        "ref": change.ref,
        "before": before,
        "after": after,
        "compare_url": compare,
        "commits": commits,
        **({"total_commits": total, "head_commit": next(iter(commits), None)} if totals else {}),
        "repository": _sample_repository(wish, site),
        "pusher": _sample_user(wish, wish.pusher, site),
        "sender": _sample_user(wish, wish.pusher, site),
    }


def _sample_commits(wish: Wish, site: str) -> list[dict[str, Any]]:
    """Imitate the commits of a push, newest first."""
    author = {"name": wish.pusher, "email": f"{wish.pusher}@example.com", "username": wish.pusher}
    return [
        {
            "id": commit,
            "message": f"{message}\n",
            "url": f"{site}/{wish.repo}/commit/{commit}",
            "author": author,
            "committer": author,
            "verification": None,
            "timestamp": wish.at.isoformat(),
            "added": [],
            "removed": [],
            "modified": list(wish.files),
        }
        for commit, message in reversed(listed_commits(wish, COMMITS_CAP))
    ]


def _sample_user(wish: Wish, login: str, site: str) -> dict[str, Any]:
    return {
        "id": wish.number(login),
        "login": login,
        "full_name": "",
        "email": f"{login}@example.com",
        "avatar_url": f"{site}/avatars/{wish.number(login)}",
        "username": login,
    }


def _sample_repository(wish: Wish, site: str) -> dict[str, Any]:
    host = site.removeprefix("https://")
    return {
        "id": wish.number(wish.repo),
        "owner": _sample_user(wish, wish.owner, site),
        "name": wish.name,
        "full_name": wish.repo,
        "description": "",
        "empty": False,
        "private": False,
        "fork": False,
        "mirror": False,
        "size": 24,
        "html_url": f"{site}/{wish.repo}",
        "ssh_url": f"git@{host}:{wish.repo}.git",
        "clone_url": f"{site}/{wish.repo}.git",
        "website": "",
        "stars_count": 0,
        "forks_count": 0,
        "watchers_count": 1,
        "open_issues_count": 0,
        "default_branch": "main",
        "created_at": "2025-01-02T03:04:05Z",
        "updated_at": wish.at.isoformat(),
        "permissions": {"admin": True, "push": True, "pull": True},
    }
