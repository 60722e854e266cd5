"""GitLab (pure).

Webhooks: https://docs.gitlab.com/user/project/integrations/webhooks/
Payloads: https://docs.gitlab.com/user/project/integrations/webhook_events/ and for what they leave out
lib/gitlab/data_builder/push.rb and app/services/web_hook_service.rb of https://gitlab.com/gitlab-org/gitlab
"""

from typing import Any

from webhookd.errors import UsageError
from webhookd.intake.forges import Adapter, Reading, other_event
from webhookd.intake.payloads import Payload, child, children, count, listed_changes, name, object_id, text
from webhookd.intake.proof import Scheme
from webhookd.intake.refs import push_event
from webhookd.intake.samples import SITE, Sample, SampleSpec
from webhookd.models.delivery import Kind, PushEvent
from webhookd.models.settings import RefKind

COMMITS_CAP = 20  # the newest; total_commits_count has the number of all (push.rb)

# A plain token, or a signing token by Standard Webhooks (whsec_…), or both: then both have to fit.
SCHEME = Scheme(header=None, token_header="X-Gitlab-Token")  # noqa: S106 - a header

_PUSHES = {"push": "Push Hook", "tag_push": "Tag Push Hook"}
_SYSTEM = "System Hook"  # for all projects of an instance; the body says what it is


def parse(event: str, payload: Payload, repo: str) -> Reading:
    """Interpret a payload; the `repository_update` of a system hook has all changes of a push."""
    kind = text(payload, "object_kind", "event_name")
    if event in {_SYSTEM, *_PUSHES.values()} and kind in _PUSHES:
        return Reading(kind=Kind.PUSH, repo=repo, pushes=(_push(payload, payload, repo),))
    if event == _SYSTEM and kind == "repository_update":
        changes, left_out = listed_changes(payload)
        pushes = tuple(_push(change, payload, repo) for change in changes)
        return Reading(kind=Kind.PUSH, repo=repo, pushes=pushes, reason=left_out)
    if event in _PUSHES.values():
        raise other_event(event)
    return Reading(kind=Kind.OTHER, repo=repo)


def guess(payload: Payload) -> str:
    """Infer the event from the payload: a system hook has an `event_name` and most often no `object_kind`."""
    kind = text(payload, "object_kind")
    if kind is None:
        return _SYSTEM if text(payload, "event_name") else ""
    return (_PUSHES | {"build": "Job Hook"}).get(kind, f"{kind.replace('_', ' ').title()} Hook")


def _push(change: Payload, payload: Payload, repo: str) -> PushEvent:
    commits = children(payload, "commits")
    # Of an annotated tag, `after` is the tag and `checkout_sha` the commit (push.rb); null on deletion.
    commit = object_id(payload.get("checkout_sha")) or object_id(change.get("after"))
    head = next((c for c in commits if c.get("id") == commit), {})
    return push_event(
        repo=repo,
        ref=name(change, "ref"),
        before=change.get("before"),
        after=change.get("after"),
        commit=commit,
        pusher=text(payload, "user_username", "user_name"),
        message=text(head, "message"),
        clone_url=text(child(payload, "project"), "git_http_url"),
        commits=commits,
        total=count(payload, "total_commits_count"),
        cap=COMMITS_CAP,
    )


def sample(spec: SampleSpec) -> Sample:
    """Imitate a delivery; the test button of GitLab sends a true push of the default branch."""
    if spec.event == "ping":
        raise UsageError("GitLab sends no ping", hint="its test button sends a push: --event push")
    if spec.event in {"push", "delete", _SYSTEM, *_PUSHES.values()}:
        kind = "tag_push" if spec.change.kind is RefKind.TAG else "push"
        event = _SYSTEM if spec.event == _SYSTEM else _PUSHES[kind]
        return Sample(event=event, payload=_sample_push(spec, kind))
    kind = spec.event.removesuffix(" Hook").lower().replace(" ", "_")
    return Sample(event=spec.event, payload={"object_kind": kind, "project": _sample_project(spec)})


def _sample_push(spec: SampleSpec, kind: str) -> dict[str, Any]:
    change = spec.change
    commits = [commit | {"title": commit["message"]} for commit in spec.commits(COMMITS_CAP)]
    tagged = spec.tagged_commit if kind == "tag_push" and change.after else None
    return {
        "object_kind": kind,
        "event_name": kind,
        "before": change.old_id,
        "after": change.new_id,
        "ref": change.ref,
        "ref_protected": False,
        "checkout_sha": tagged or change.after,
        "message": spec.message if tagged else None,
        "user_id": 4,
        "user_name": spec.pusher.title(),
        "user_username": spec.pusher,
        "user_email": spec.author["email"],
        "project_id": 15,
        "project": _sample_project(spec),
        "commits": commits,
        "total_commits_count": len(commits) + (20 if spec.truncated else 0),
    }


def _sample_project(spec: SampleSpec) -> dict[str, Any]:
    return {
        "id": 15,
        "name": spec.name,
        "web_url": spec.page,
        "git_ssh_url": spec.ssh_url,
        "git_http_url": f"{spec.page}.git",
        "namespace": spec.owner,
        "path_with_namespace": spec.repo,
        "default_branch": "main",
    }


ADAPTER = Adapter(
    event_headers=("X-Gitlab-Event",),
    # The first stays the same on a redelivery; a signing token adds `webhook-id`, with the same value.
    delivery_headers=("Idempotency-Key", "X-Gitlab-Event-UUID"),
    other_headers={
        "User-Agent": "GitLab/18.5.0",
        "X-Gitlab-Webhook-UUID": "7fcb9d4c-1f0b-4e3a-a9d5-5f3c8e0a2b41",
        "X-Gitlab-Instance": SITE,
    },
    repo_at=(("project", "path_with_namespace"),),
    scheme=SCHEME,
    parse=parse,
    guess=guess,
    sample=sample,
)
