"""GitHub and GitHub Enterprise Server (pure).

Headers and payloads: https://docs.github.com/en/webhooks/webhook-events-and-payloads
Signature: https://docs.github.com/en/webhooks/using-webhooks/validating-webhook-deliveries
"""

from typing import Any

from webhookd.intake.forges import Adapter, Reading
from webhookd.intake.payloads import Payload, child, children, count, flag, name, object_id, text
from webhookd.intake.proof import FormSigning, HexHeader, Scheme
from webhookd.intake.refs import push_event
from webhookd.intake.samples import Sample, SampleSpec, compact, listed_commits
from webhookd.models.delivery import Kind, PushEvent
from webhookd.models.settings import RefKind

COMMITS_CAP = 2048  # commits[] holds no more (webhook-events-and-payloads, "push")

# X-Hub-Signature, with SHA-1, is sent beside it for old receivers and never believed here. The signature
# of a form covers the form's bytes: https://github.com/google/go-github/blob/master/github/messages.go
SCHEME = Scheme(
    header=HexHeader(name="X-Hub-Signature-256", prefix="sha256="),
    also_sent=(HexHeader(name="X-Hub-Signature", prefix="sha1=", algorithm="sha1"),),
    form=FormSigning.BODY,
)


def parse(event: str, payload: Payload, repo: str) -> Reading:
    """Interpret a payload. Creations and deletions are a `push`; `create` and `delete` repeat them."""
    if event == "push":
        return Reading(kind=Kind.PUSH, repo=repo, pushes=(parse_push(payload, repo, cap=COMMITS_CAP),))
    return Reading(kind=Kind.PING if event == "ping" else Kind.OTHER, repo=repo)


def guess(payload: Payload) -> str:
    """Infer the event from the payload, which does not name it."""
    if {"ref", "before", "after"} <= payload.keys():
        return "push"
    return "ping" if {"zen", "hook"} <= payload.keys() else ""


def parse_push(payload: Payload, repo: str, *, cap: int) -> PushEvent:
    """Build the push event; Gitea and its family send the same with fewer or more keys."""
    pusher, commits, after = child(payload, "pusher"), children(payload, "commits"), payload.get("after")
    # null on deletion, absent in Gogs; of an annotated tag, the commit it points at
    head = child(payload, "head_commit") or next((c for c in commits if c.get("id") == after), {})
    return push_event(
        repo=repo,
        ref=name(payload, "ref"),
        before=payload.get("before"),
        after=after,
        commit=object_id(head.get("id")) or object_id(after),
        created=flag(payload, "created"),
        deleted=flag(payload, "deleted"),
        forced=flag(payload, "forced"),
        pusher=text(pusher, "login", "username", "name") or text(child(payload, "sender"), "login"),
        message=text(head, "message"),
        compare_url=text(payload, "compare_url", "compare"),
        clone_url=text(child(payload, "repository"), "clone_url"),
        commits=commits,
        total=count(payload, "total_commits"),
        cap=cap,
    )


def sample(spec: SampleSpec) -> Sample:
    """Imitate a delivery."""
    if spec.event in {"push", "delete"}:
        return Sample(event="push", payload=_sample_push(spec))
    repository, sender = _sample_repository(spec), _sample_user(spec, spec.pusher)
    if spec.event == "ping":
        hook = {
            "type": "Repository",
            "id": spec.number("hook"),
            "name": "web",
            "active": True,
            "events": ["push"],
            "config": {"content_type": "json", "insecure_ssl": "0", "url": "https://hooks.example.com/"},
            **dict.fromkeys(("created_at", "updated_at"), spec.at.isoformat()),
        }
        payload = {"zen": "Keep it logically awesome.", "hook_id": hook["id"], "hook": hook}
        return Sample(event="ping", payload=payload | {"repository": repository, "sender": sender})
    return Sample(event=spec.event, payload={"action": "created", "repository": repository, "sender": sender})


def headers(event: str, delivery: str) -> dict[str, str]:
    """Return all headers but content type and signature."""
    return {
        "User-Agent": "GitHub-Hookshot/044aadd",
        "Accept": "*/*",
        "X-GitHub-Delivery": delivery,
        "X-GitHub-Event": event,
        "X-GitHub-Hook-ID": "292430182",
        "X-GitHub-Hook-Installation-Target-ID": "79929171",
        "X-GitHub-Hook-Installation-Target-Type": "repository",
    }


def _sample_push(spec: SampleSpec) -> dict[str, Any]:
    change = spec.change
    commits = [_sample_commit(spec, *commit) for commit in listed_commits(spec, COMMITS_CAP)]
    head = commits[-1] if commits else None
    if change.kind is RefKind.TAG and change.after is not None:
        head = _sample_commit(spec, spec.tagged_commit, spec.message)
    before, after = change.old_id, change.new_id
    return {
        "ref": change.ref,
        "before": before,
        "after": after,
        "repository": _sample_repository(spec),
        "pusher": spec.author,
        "sender": _sample_user(spec, spec.pusher),
        "created": change.before is None,
        "deleted": change.after is None,
        "forced": spec.forced,
        "base_ref": None,
        "compare": f"{_SITE}/{spec.repo}/compare/{before[:12]}...{after[:12]}",
        "commits": commits,
        "head_commit": head,
    }


def _sample_commit(spec: SampleSpec, commit: str, message: str) -> dict[str, Any]:
    author, tree = spec.author | {"username": spec.pusher}, spec.object_id(f"tree of {commit}")
    more = {"tree_id": tree, "distinct": True, "author": author, "committer": author}
    return spec.commit(commit, message, url=f"{_SITE}/{spec.repo}/commit/{commit}") | more


def _sample_user(spec: SampleSpec, login: str) -> dict[str, Any]:
    number, api = spec.number(login), f"{_API}/users/{login}"
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


def _sample_repository(spec: SampleSpec) -> dict[str, Any]:
    page, api, number = f"{_SITE}/{spec.repo}", f"{_API}/repos/{spec.repo}", spec.number(spec.repo)
    return {
        "id": number,
        "node_id": f"R_{number}",
        "name": spec.name,
        "full_name": spec.repo,
        "owner": {"name": spec.owner, "email": f"{spec.owner}@example.com"} | _sample_user(spec, spec.owner),
        "html_url": page,
        "url": page,
        **{f"{key}_url": f"{api}/{path}" for key, _, path in (p.partition(":") for p in _API_PATHS.split())},
        "created_at": 1735786845,
        "updated_at": spec.at.isoformat(),
        "pushed_at": int(spec.at.timestamp()),
        "git_url": f"git://{_HOST}/{spec.repo}.git",
        "ssh_url": f"git@{_HOST}:{spec.repo}.git",
        "clone_url": f"{page}.git",
        "svn_url": page,
        "size": 3,
        "language": "Python",
        "topics": [],
        "visibility": "public",
        **dict.fromkeys(("default_branch", "master_branch"), "main"),
        **dict.fromkeys(("description", "homepage", "license", "mirror_url"), None),
        **dict.fromkeys(("private", "fork", "archived", "disabled", "has_pages"), False),
        **dict.fromkeys(("has_issues", "has_wiki"), True),
        **dict.fromkeys(("stargazers_count", "watchers_count", "forks_count", "open_issues_count"), 0),
        **dict.fromkeys(("watchers", "forks", "open_issues"), 0),  # the same numbers again
    }


_HOST = "github.example.com"
_SITE = f"https://{_HOST}"
_API = f"https://api.{_HOST}"
_API_PATHS = """
    archive:{archive_format}{/ref} assignees:assignees{/user} blobs:git/blobs{/sha}
    branches:branches{/branch} collaborators:collaborators{/collaborator} comments:comments{/number}
    commits:commits{/sha} compare:compare/{base}...{head} contents:contents/{+path}
    contributors:contributors deployments:deployments downloads:downloads events:events forks:forks
    git_commits:git/commits{/sha} git_refs:git/refs{/sha} git_tags:git/tags{/sha} hooks:hooks
    issue_comment:issues/comments{/number} issue_events:issues/events{/number} issues:issues{/number}
    keys:keys{/key_id} labels:labels{/name} languages:languages merges:merges
    milestones:milestones{/number} notifications:notifications{?since,all,participating}
    pulls:pulls{/number} releases:releases{/id} stargazers:stargazers statuses:statuses/{sha}
    subscribers:subscribers subscription:subscription tags:tags teams:teams trees:git/trees{/sha}
"""  # name:path

ADAPTER = Adapter(
    event_header="X-GitHub-Event",
    repo_at=(("repository", "full_name"),),
    delivery_headers=("x-github-delivery",),  # the same again on redelivery
    scheme=SCHEME,
    pushes=("push",),
    parse=parse,
    guess=guess,
    sample=sample,
    headers=headers,
    encode=compact,
)
