"""GitHub and GitHub Enterprise Server (pure).

Headers and payloads: https://docs.github.com/en/webhooks/webhook-events-and-payloads
Signature: https://docs.github.com/en/webhooks/using-webhooks/validating-webhook-deliveries
"""

from typing import Any

from webhookd.intake.adapter import Adapter, Reading
from webhookd.intake.commits import changed_files
from webhookd.intake.fields import Payload, child, children, flag, mentioned_name, name, object_id, text
from webhookd.intake.refs import push_event
from webhookd.intake.samples import Sample, Wish, compact, listed_commits
from webhookd.intake.schemes import Form, Mark, Scheme
from webhookd.models import Kind, PushEvent, RefKind

COMMITS_CAP = 2048  # commits[] holds no more (webhook-events-and-payloads, "push")

# X-Hub-Signature, with SHA-1, is sent beside it for old receivers and never believed here. The signature
# of a form covers the form's bytes: https://github.com/google/go-github/blob/master/github/messages.go
SCHEME = Scheme(
    mark=Mark(header="X-Hub-Signature-256", prefix="sha256="),
    beside=(Mark(header="X-Hub-Signature", prefix="sha1=", algorithm="sha1"),),
    form=Form.BODY,
)


def parse(event: str, payload: Payload) -> Reading:
    """Read a payload. Branches and tags come and go as `push`; `create` and `delete` say it once more."""
    if event == "push":
        push = _push(payload)
        return Reading(kind=Kind.PUSH, repo=push.repo, pushes=(push,))
    return Reading(
        kind=Kind.PING if event == "ping" else Kind.OTHER,
        repo=mentioned_name(payload, "repository", "full_name"),
    )


def guess(payload: Payload) -> str:
    """Tell the event from the payload, which does not name it."""
    if {"ref", "before", "after"} <= payload.keys():
        return "push"
    return "ping" if {"zen", "hook"} <= payload.keys() else ""


def _push(payload: Payload) -> PushEvent:
    repository, pusher, commits = (
        child(payload, "repository"),
        child(payload, "pusher"),
        children(payload, "commits"),
    )
    head = child(payload, "head_commit")  # null on deletion; of an annotated tag, the commit it points at
    files, complete = changed_files(commits, every_commit=len(commits) < COMMITS_CAP)
    return push_event(
        repo=name(repository, "full_name"),
        ref=name(payload, "ref"),
        before=payload.get("before"),
        after=payload.get("after"),
        commit=object_id(head.get("id")) or object_id(payload.get("after")),
        created=flag(payload, "created"),
        deleted=flag(payload, "deleted"),
        forced=flag(payload, "forced"),
        pusher=text(pusher, "name") or text(child(payload, "sender"), "login"),
        pusher_email=text(pusher, "email"),
        message=text(head, "message"),
        compare_url=text(payload, "compare"),
        clone_url=text(repository, "clone_url"),
        ssh_url=text(repository, "ssh_url"),
        html_url=text(repository, "html_url"),
        default_branch=text(repository, "default_branch"),
        commit_count=len(commits),
        changed_files=files,
        files_complete=complete,
    )


def sample(wish: Wish) -> Sample:
    """Imitate a delivery."""
    if wish.event in {"push", "delete"}:
        return Sample(event="push", payload=_sample_push(wish))
    repository, sender = _sample_repository(wish), _sample_user(wish, wish.pusher)
    if wish.event == "ping":
        hook = {
            "type": "Repository",
            "id": wish.number("hook"),
            "name": "web",
            "active": True,
            "events": ["push"],
        }
        payload = {"zen": "Keep it logically awesome.", "hook_id": hook["id"], "hook": hook}
        return Sample(event="ping", payload=payload | {"repository": repository, "sender": sender})
    return Sample(event=wish.event, payload={"action": "created", "repository": repository, "sender": sender})


def headers(event: str, delivery: str) -> dict[str, str]:
    """Give the headers of a delivery but content type and signature."""
    return {
        "User-Agent": "GitHub-Hookshot/044aadd",
        "Accept": "*/*",
        "X-GitHub-Delivery": delivery,
        "X-GitHub-Event": event,
        "X-GitHub-Hook-ID": "292430182",
        "X-GitHub-Hook-Installation-Target-ID": "79929171",
        "X-GitHub-Hook-Installation-Target-Type": "repository",
    }


def _sample_push(wish: Wish) -> dict[str, Any]:
    change = wish.change
    commits = [_sample_commit(wish, *commit) for commit in listed_commits(wish, COMMITS_CAP)]
    head = commits[-1] if commits else None
    if change.kind is RefKind.TAG and change.after is not None:
        head = _sample_commit(wish, wish.object_id("tagged commit"), wish.message)
    before, after = change.before or change.zeros, change.after or change.zeros
    return {
        "ref": change.ref,
        "before": before,
        "after": after,
        "repository": _sample_repository(wish),
        "pusher": {"name": wish.pusher, "email": f"{wish.pusher}@example.com"},
        "sender": _sample_user(wish, wish.pusher),
        "created": change.before is None,
        "deleted": change.after is None,
        "forced": wish.forced,
        "base_ref": None,
        "compare": f"{_SITE}/{wish.repo}/compare/{before[:12]}...{after[:12]}",
        "commits": commits,
        "head_commit": head,
    }


def _sample_commit(wish: Wish, commit: str, message: str) -> dict[str, Any]:
    author = {"name": wish.pusher, "email": f"{wish.pusher}@example.com", "username": wish.pusher}
    return {
        "id": commit,
        "tree_id": wish.object_id(f"tree of {commit}"),
        "distinct": True,
        "message": message,
        "timestamp": wish.at.isoformat(),
        "url": f"{_SITE}/{wish.repo}/commit/{commit}",
        "author": author,
        "committer": author,
        "added": [],
        "removed": [],
        "modified": list(wish.files),
    }


def _sample_user(wish: Wish, login: str) -> dict[str, Any]:
    number, api = wish.number(login), f"{_API}/users/{login}"
    pages = ("followers", "subscriptions", "orgs", "repos", "received_events")
    return {
        "login": login,
        "id": number,
        "node_id": f"U_{number}",
        "avatar_url": f"{_SITE}/u/{number}?v=4",
        "gravatar_id": "",
        "url": api,
        "html_url": f"{_SITE}/{login}",
        **{f"{page}_url".replace("orgs", "organizations"): f"{api}/{page}" for page in pages},
        "following_url": f"{api}/following{{/other_user}}",
        "gists_url": f"{api}/gists{{/gist_id}}",
        "starred_url": f"{api}/starred{{/owner}}{{/repo}}",
        "events_url": f"{api}/events{{/privacy}}",
        "type": "User",
        "site_admin": False,
    }


def _sample_repository(wish: Wish) -> dict[str, Any]:
    page, api, number = f"{_SITE}/{wish.repo}", f"{_API}/repos/{wish.repo}", wish.number(wish.repo)
    return {
        "id": number,
        "node_id": f"R_{number}",
        "name": wish.name,
        "full_name": wish.repo,
        "private": False,
        "owner": {"name": wish.owner, "email": f"{wish.owner}@example.com"} | _sample_user(wish, wish.owner),
        "html_url": page,
        "description": None,
        "fork": False,
        "url": page,
        **{f"{key}_url": f"{api}/{path}" for key, path in _API_PATHS.items()},
        "created_at": 1735786845,
        "updated_at": wish.at.isoformat(),
        "pushed_at": int(wish.at.timestamp()),
        "git_url": f"git://{_HOST}/{wish.repo}.git",
        "ssh_url": f"git@{_HOST}:{wish.repo}.git",
        "clone_url": f"{page}.git",
        "svn_url": page,
        "homepage": None,
        "size": 3,
        "stargazers_count": 0,
        "watchers_count": 0,
        "language": "Python",
        "has_issues": True,
        "has_wiki": True,
        "forks_count": 0,
        "archived": False,
        "disabled": False,
        "open_issues_count": 0,
        "license": None,
        "topics": [],
        "visibility": "public",
        "default_branch": "main",
        "master_branch": "main",
    }


_HOST = "github.example.com"
_SITE = f"https://{_HOST}"
_API = f"https://api.{_HOST}"
_API_PATHS = {
    "archive": "{archive_format}{/ref}",
    "assignees": "assignees{/user}",
    "blobs": "git/blobs{/sha}",
    "branches": "branches{/branch}",
    "collaborators": "collaborators{/collaborator}",
    "comments": "comments{/number}",
    "commits": "commits{/sha}",
    "compare": "compare/{base}...{head}",
    "contents": "contents/{+path}",
    "contributors": "contributors",
    "deployments": "deployments",
    "downloads": "downloads",
    "events": "events",
    "forks": "forks",
    "git_commits": "git/commits{/sha}",
    "git_refs": "git/refs{/sha}",
    "git_tags": "git/tags{/sha}",
    "hooks": "hooks",
    "issue_comment": "issues/comments{/number}",
    "issue_events": "issues/events{/number}",
    "issues": "issues{/number}",
    "keys": "keys{/key_id}",
    "labels": "labels{/name}",
    "languages": "languages",
    "merges": "merges",
    "milestones": "milestones{/number}",
    "notifications": "notifications{?since,all,participating}",
    "pulls": "pulls{/number}",
    "releases": "releases{/id}",
    "stargazers": "stargazers",
    "statuses": "statuses/{sha}",
    "subscribers": "subscribers",
    "subscription": "subscription",
    "tags": "tags",
    "teams": "teams",
    "trees": "git/trees{/sha}",
}

ADAPTER = Adapter(
    event_header="X-GitHub-Event",
    delivery_headers=("x-github-delivery",),  # the same again on redelivery
    scheme=SCHEME,
    parse=parse,
    guess=guess,
    sample=sample,
    headers=headers,
    encode=compact,
)
