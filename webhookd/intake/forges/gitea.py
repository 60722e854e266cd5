"""Gitea, and what Forgejo and Gogs have in common with it: one grew out of the other (pure).

https://docs.gitea.com/usage/repository/webhooks, and for what it leaves out services/webhook/deliver.go
and services/repository/push.go of https://github.com/go-gitea/gitea
"""

from functools import partial
from typing import Any

from webhookd.intake.forges import Adapter, Reading
from webhookd.intake.forges.github import parse_push
from webhookd.intake.payloads import Payload, child, name, object_id, text
from webhookd.intake.proof import FormSigning, HexHeader, Scheme
from webhookd.intake.refs import full_ref, push_event
from webhookd.intake.samples import Sample, SampleSpec
from webhookd.models.delivery import Kind, PushEvent
from webhookd.models.settings import RefKind

COMMITS_CAP = 5  # listed by default ([ui] FEED_MAX_COMMIT_NUM); Forgejo's default is 15

_HUB_HEADERS = (
    HexHeader(name="X-Hub-Signature", prefix="sha1=", algorithm="sha1"),
    HexHeader(name="X-Hub-Signature-256", prefix="sha256="),
)


def family_adapter(*names: str, is_gogs: bool = False) -> Adapter:
    """Describe the forge that is the first of *names*; it also sends the headers of the others and GitHub's.

    The signature covers the JSON, also when that is sent in a form (deliver.go signs `PayloadContent`, though
    the page says "raw body"). Without a secret the headers are sent all the same, empty. Gogs alone sends no
    X-Hub-Signature, no push of a tag, and neither number of commits nor head commit in a push.
    """
    own, *relatives = (HexHeader(name=f"X-{forge_name}-Signature") for forge_name in names)
    senders = (*names, "GitHub")
    event_headers = [f"X-{sender}-Event" for sender in senders]
    return Adapter(
        event_headers=(*event_headers, *([] if is_gogs else (f"{header}-Type" for header in event_headers))),
        # A new id on redelivery, but for Gogs.
        delivery_headers=tuple(f"X-{sender}-Delivery" for sender in senders),
        other_headers={"User-Agent": "GogsServer" if is_gogs else "Go-http-client/1.1"},
        repo_at=(("repository", "full_name"),),
        scheme=Scheme(
            header=own, also_sent=(*relatives, *(() if is_gogs else _HUB_HEADERS)), form=FormSigning.FIELD
        ),
        pushes=("push", "create", "delete"),
        parse=partial(parse, tags_are_pushed=not is_gogs),
        guess=guess,
        sample=partial(sample, is_gogs=is_gogs),
        indent=2,
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


def sample(spec: SampleSpec, *, is_gogs: bool) -> Sample:
    """Imitate a delivery. Instead of a ping, the test button sends a push that changes nothing."""
    change, user = spec.change, _sample_user(spec.pusher)
    about = {"repository": spec.repository() | {"owner": _sample_user(spec.owner)}, "sender": user}
    short = {"ref": change.name, "ref_type": str(change.kind), **about}
    is_tag = change.kind is RefKind.TAG
    if spec.event in {"push", "delete"} and change.after is None and (is_gogs or not is_tag):
        return Sample(event="delete", payload=short | {"pusher_type": "user"})
    if spec.event == "push" and is_tag and is_gogs:
        return Sample(event="create", payload=short | {"sha": change.after, "default_branch": "main"})
    if spec.event not in {"push", "delete", "ping"}:
        return Sample(event=spec.event, payload=short | {"action": "created"})
    commits = [commit | {"committer": spec.author} for commit in reversed(spec.commits(COMMITS_CAP))]
    total = len(commits) + (20 if spec.truncated else 0)
    compare = f"{spec.page}/compare/{change.before}...{change.after}"
    payload: dict[str, Any] = {
        "ref": change.ref,
        "before": change.old_id,
        "after": change.new_id,
        "compare_url": compare if change.before and change.after else "",
        "commits": commits,  # the newest first
        **({} if is_gogs else {"total_commits": total, "head_commit": next(iter(commits), None)}),
        "pusher": user,
        **about,
    }
    if spec.event == "ping":
        payload |= dict.fromkeys(("before", "after"), change.zeros)
    return Sample(event="push", payload=payload)


def _sample_user(login: str) -> dict[str, Any]:
    return {"id": 1, "login": login, "full_name": "", "email": f"{login}@example.com", "username": login}


ADAPTER = family_adapter("Gitea", "Gogs")
