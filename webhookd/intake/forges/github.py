"""GitHub and GitHub Enterprise Server (pure).

Headers and payloads: https://docs.github.com/en/webhooks/webhook-events-and-payloads
Signature: https://docs.github.com/en/webhooks/using-webhooks/validating-webhook-deliveries
"""

from typing import Any

from webhookd.intake.forges import Adapter, Reading
from webhookd.intake.payloads import Payload, child, children, count, flag, name, object_id, text
from webhookd.intake.proof import FormSigning, HexHeader, Scheme
from webhookd.intake.refs import push_event
from webhookd.intake.samples import HOST, SITE, Sample, SampleSpec, made_up_id
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
    """Imitate a delivery, with all that typed clients such as githubkit require."""
    about = {"repository": _sample_repository(spec), "sender": _sample_user(spec.pusher)}
    if spec.event in {"push", "delete"}:
        return Sample(event="push", payload=_sample_push(spec) | about)
    if spec.event != "ping":
        return Sample(event=spec.event, payload={"action": "created", **about})
    hook = {
        "type": "Repository",
        "id": 292430182,
        "name": "web",
        "active": True,
        "events": ["push"],
        "config": {"content_type": "json", "insecure_ssl": "0", "url": "https://hooks.example.com/"},
        **dict.fromkeys(("created_at", "updated_at"), spec.at.isoformat()),
    }
    payload = {"zen": "Keep it logically awesome.", "hook_id": hook["id"], "hook": hook}
    return Sample(event="ping", payload=payload | about)


def _sample_push(spec: SampleSpec) -> dict[str, Any]:
    change = spec.change
    commits = [_sample_commit(commit) for commit in spec.commits(COMMITS_CAP)]
    head = commits[-1] if commits else None
    if change.kind is RefKind.TAG and change.after is not None:
        head = _sample_commit(spec.commit(spec.tagged_commit, spec.message))
    return {
        "ref": change.ref,
        "before": change.old_id,
        "after": change.new_id,
        "pusher": spec.author,
        "created": change.before is None,
        "deleted": change.after is None,
        "forced": spec.forced,
        "base_ref": None,
        "compare": f"{spec.page}/compare/{change.old_id[:12]}...{change.new_id[:12]}",
        "commits": commits,
        "head_commit": head,
    }


def _sample_commit(commit: dict[str, Any]) -> dict[str, Any]:
    tree = made_up_id("tree", commit["id"])
    return {**commit, "committer": commit["author"], "tree_id": tree, "distinct": True}


def _sample_user(login: str) -> dict[str, Any]:
    api = f"{_API}/users/{login}"
    return {
        "login": login,
        "id": 583231,
        "node_id": "U_583231",
        "avatar_url": f"{SITE}/u/583231",
        "gravatar_id": "",
        "url": api,
        "html_url": f"{SITE}/{login}",
        **{f"{page}_url": f"{api}/{page}" for page in _USER_PAGES.split()},
        "type": "User",
        "site_admin": False,
    }


def _sample_repository(spec: SampleSpec) -> dict[str, Any]:
    api = f"{_API}/repos/{spec.repo}"
    return {
        **spec.repository(),
        "node_id": "R_1296269",
        "owner": {"name": spec.owner, "email": f"{spec.owner}@example.com"} | _sample_user(spec.owner),
        "url": spec.page,
        **{f"{page}_url": f"{api}/{page}" for page in _REPOSITORY_PAGES.split()},
        "created_at": 1735786845,
        "updated_at": spec.at.isoformat(),
        "pushed_at": int(spec.at.timestamp()),
        "git_url": f"git://{HOST}/{spec.repo}.git",
        "svn_url": spec.page,
        "size": 3,
        "topics": [],
        "visibility": "public",
        **dict.fromkeys(("description", "homepage", "language", "license", "mirror_url"), None),
        **dict.fromkeys(("archived", "disabled", "fork", "has_pages"), False),
        **dict.fromkeys(("stargazers_count", "watchers_count", "forks_count", "open_issues_count"), 0),
        **dict.fromkeys(("watchers", "forks", "open_issues"), 0),  # the same numbers again
    }


_API = f"https://api.{HOST}"
_USER_PAGES = "followers following gists starred subscriptions organizations repos events received_events"
_REPOSITORY_PAGES = """
    archive assignees blobs branches collaborators comments commits compare contents contributors deployments
    downloads events forks git_commits git_refs git_tags hooks issue_comment issue_events issues keys labels
    languages merges milestones notifications pulls releases stargazers statuses subscribers subscription tags
    teams trees
"""

ADAPTER = Adapter(
    event_headers=("X-GitHub-Event",),
    delivery_headers=("X-GitHub-Delivery",),  # the same again on redelivery
    other_headers={
        "User-Agent": "GitHub-Hookshot/044aadd",
        "Accept": "*/*",
        "X-GitHub-Hook-ID": "292430182",
        "X-GitHub-Hook-Installation-Target-ID": "79929171",
        "X-GitHub-Hook-Installation-Target-Type": "repository",
    },
    repo_at=(("repository", "full_name"),),
    scheme=SCHEME,
    pushes=("push",),
    parse=parse,
    guess=guess,
    sample=sample,
)
