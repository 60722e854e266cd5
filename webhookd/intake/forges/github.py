"""GitHub and GitHub Enterprise Server (pure).

Headers and payloads: https://docs.github.com/en/webhooks/webhook-events-and-payloads
Signature: https://docs.github.com/en/webhooks/using-webhooks/validating-webhook-deliveries
"""

from webhookd.intake.adapter import Adapter, Reading
from webhookd.intake.commits import changed_files
from webhookd.intake.fields import Payload, child, children, flag, mentioned_name, name, object_id, text
from webhookd.intake.refs import push_event
from webhookd.intake.schemes import Form, Mark, Scheme
from webhookd.models import Kind, PushEvent

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
    created, deleted, forced = flag(payload, "created"), flag(payload, "deleted"), flag(payload, "forced")
    files, complete = changed_files(
        commits, every_commit=len(commits) < COMMITS_CAP and not (created or forced)
    )
    return push_event(
        repo=name(repository, "full_name"),
        ref=name(payload, "ref"),
        before=payload.get("before"),
        after=payload.get("after"),
        commit=None if deleted else object_id(head.get("id")) or object_id(payload.get("after")),
        created=created,
        deleted=deleted,
        forced=forced,
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


ADAPTER = Adapter(
    event_header="X-GitHub-Event",
    delivery_headers=("x-github-delivery",),  # the same again on redelivery
    scheme=SCHEME,
    parse=parse,
    guess=guess,
)
