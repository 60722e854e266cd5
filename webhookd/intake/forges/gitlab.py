"""GitLab (pure).

Webhooks: https://docs.gitlab.com/user/project/integrations/webhooks/
Payloads: https://docs.gitlab.com/user/project/integrations/webhook_events/ and for what they leave out
lib/gitlab/data_builder/push.rb and app/services/web_hook_service.rb of https://gitlab.com/gitlab-org/gitlab
"""

from typing import Any

from webhookd.errors import UsageError
from webhookd.intake.adapter import Adapter, Reading
from webhookd.intake.commits import changed_files
from webhookd.intake.fields import Payload, child, children, count, mentioned_name, name, object_id, text
from webhookd.intake.refs import push_event
from webhookd.intake.samples import Sample, Wish, compact, listed_commits, made_up_uuid
from webhookd.intake.schemes import Scheme
from webhookd.models import Kind, PushEvent, RefKind

COMMITS_CAP = 20  # the newest; total_commits_count tells how many there were (push.rb)

# A plain token, or a signing token by Standard Webhooks (whsec_…), or both: then both have to fit.
SCHEME = Scheme(mark=None, token_header="X-Gitlab-Token", repo_keys=("path_with_namespace",))  # noqa: S106 - a header

_PUSHES = {"Push Hook": "push", "Tag Push Hook": "tag_push"}


def parse(event: str, payload: Payload) -> Reading:
    """Read a payload. A system hook tells by its body what it is."""
    pushed = event in _PUSHES or (event == "System Hook" and _kind(payload) in _PUSHES.values())
    if pushed:
        push = _push(payload)
        return Reading(kind=Kind.PUSH, repo=push.repo, pushes=(push,))
    return Reading(kind=Kind.OTHER, repo=mentioned_name(payload, "project", "path_with_namespace"))


def guess(payload: Payload) -> str:
    """Tell the event from the payload: a system hook has an `event_name` and most often no `object_kind`."""
    kind = text(payload, "object_kind")
    if kind is None:
        return "System Hook" if text(payload, "event_name") else ""
    return {"push": "Push Hook", "tag_push": "Tag Push Hook", "build": "Job Hook"}.get(
        kind, f"{kind.replace('_', ' ').title()} Hook"
    )


def _kind(payload: Payload) -> str | None:
    return text(payload, "object_kind") or text(payload, "event_name")


def _push(payload: Payload) -> PushEvent:
    project, commits = child(payload, "project"), children(payload, "commits")
    total = count(payload, "total_commits_count")
    # Of an annotated tag, `after` is the tag and `checkout_sha` the commit (push.rb); null on deletion.
    commit = object_id(payload.get("checkout_sha")) or object_id(payload.get("after"))
    head = next((c for c in commits if c.get("id") == commit), {})
    listed = len(commits) < COMMITS_CAP if total is None else total <= len(commits)
    files, complete = changed_files(commits, every_commit=listed)
    return push_event(
        repo=name(project, "path_with_namespace"),
        ref=name(payload, "ref"),
        before=payload.get("before"),
        after=payload.get("after"),
        commit=commit,
        pusher=text(payload, "user_username") or text(payload, "user_name"),
        pusher_email=_email(payload),
        message=text(head, "message"),
        clone_url=text(project, "git_http_url"),
        ssh_url=text(project, "git_ssh_url"),
        html_url=text(project, "web_url"),
        default_branch=text(project, "default_branch"),
        commit_count=total,
        changed_files=files,
        files_complete=complete,
    )


def _email(payload: Payload) -> str | None:
    email = text(payload, "user_email")
    return None if email == "[REDACTED]" else email


def sample(wish: Wish) -> Sample:
    """Imitate a delivery; the test button of GitLab sends a true push of the default branch."""
    if wish.event == "ping":
        raise UsageError("GitLab sends no ping", hint="its test button sends a push: --event push")
    tag = wish.change.kind is RefKind.TAG
    if wish.event in {"push", "delete", "System Hook", *_PUSHES}:
        kind = "tag_push" if tag else "push"
        event = "System Hook" if wish.event == "System Hook" else "Tag Push Hook" if tag else "Push Hook"
        return Sample(event=event, payload=_sample_push(wish, kind))
    kind = wish.event.removesuffix(" Hook").lower().replace(" ", "_")
    return Sample(event=wish.event, payload={"object_kind": kind, "project": _sample_project(wish)})


def headers(event: str, delivery: str) -> dict[str, str]:
    """Give the headers of a delivery but content type and signature (web_hook_service.rb)."""
    return {
        "User-Agent": "GitLab/18.5.0",
        "Idempotency-Key": delivery,
        "X-Gitlab-Event": event,
        "X-Gitlab-Webhook-UUID": made_up_uuid("webhook"),
        "X-Gitlab-Instance": SITE,
        "X-Gitlab-Event-UUID": made_up_uuid(delivery, "event"),
    }


def _sample_push(wish: Wish, kind: str) -> dict[str, Any]:
    change = wish.change
    commits = [_sample_commit(wish, *commit) for commit in listed_commits(wish, COMMITS_CAP)]
    tagged = wish.object_id("tagged commit") if kind == "tag_push" and change.after else None
    return {
        "object_kind": kind,
        "event_name": kind,
        "before": change.before or change.zeros,
        "after": change.after or change.zeros,
        "ref": change.ref,
        "ref_protected": False,
        "checkout_sha": tagged or change.after,
        "message": wish.message if tagged else None,
        "user_id": wish.number(wish.pusher),
        "user_name": wish.pusher.title(),
        "user_username": wish.pusher,
        "user_email": f"{wish.pusher}@example.com",
        "user_avatar": f"{SITE}/uploads/avatar.png",
        "project_id": wish.number(wish.repo),
        "project": _sample_project(wish),
        "commits": commits,
        "total_commits_count": len(commits) + (20 if wish.truncated else 0),
        "push_options": {},
        "repository": {
            "name": wish.name,
            "url": f"git@{_HOST}:{wish.repo}.git",
            "description": None,
            "homepage": f"{SITE}/{wish.repo}",
            "git_http_url": f"{SITE}/{wish.repo}.git",
            "git_ssh_url": f"git@{_HOST}:{wish.repo}.git",
            "visibility_level": 0,
        },
    }


def _sample_commit(wish: Wish, commit: str, message: str) -> dict[str, Any]:
    return {
        "id": commit,
        "message": f"{message}\n",
        "title": message,
        "timestamp": wish.at.isoformat(),
        "url": f"{SITE}/{wish.repo}/-/commit/{commit}",
        "author": {"name": wish.pusher.title(), "email": f"{wish.pusher}@example.com"},
        "added": [],
        "modified": list(wish.files),
        "removed": [],
    }


def _sample_project(wish: Wish) -> dict[str, Any]:
    page, ssh = f"{SITE}/{wish.repo}", f"git@{_HOST}:{wish.repo}.git"
    return {
        "id": wish.number(wish.repo),
        "name": wish.name,
        "description": None,
        "web_url": page,
        "avatar_url": None,
        "git_ssh_url": ssh,
        "git_http_url": f"{page}.git",
        "namespace": wish.owner,
        "visibility_level": 0,
        "path_with_namespace": wish.repo,
        "default_branch": "main",
        "ci_config_path": "",
        "homepage": page,
        "url": ssh,
        "ssh_url": ssh,
        "http_url": f"{page}.git",
    }


_HOST = "gitlab.example.com"
SITE = f"https://{_HOST}"

ADAPTER = Adapter(
    event_header="X-Gitlab-Event",
    # The first two are one and the same, of which only the first is signed; both stay when it is sent again.
    delivery_headers=("webhook-id", "idempotency-key", "x-gitlab-event-uuid"),
    scheme=SCHEME,
    parse=parse,
    guess=guess,
    sample=sample,
    headers=headers,
    encode=compact,
)
