"""Values for tests. Each function makes a realistic value; keyword arguments override its fields."""

import hashlib
import json
from datetime import UTC, datetime
from typing import Any

from webhookd.intake.samples import Change, SampleSpec
from webhookd.intake.signing import SignedDelivery, sign_delivery
from webhookd.intake.signing import sign_sample as sign_spec
from webhookd.models.delivery import Decision, Delivery, Kind, Match, PushEvent
from webhookd.models.run import Run, RunState
from webhookd.models.settings import Forge, Hook, RefKind, Repository, Secret, Target

NOW = datetime(2026, 11, 24, 2, 48, 38, tzinfo=UTC)
COMMIT = "6113728f27ae82c7b1a177c8d03f9e96e0adf246"
BEFORE = "4544205a385319fd846d5df4ed2e3b8173529d78"
KEY = "correct horse battery stäple"


def make_secret(key: str = "s3cret", **over: Any) -> Secret:
    """Return a secret whose label does not contain its key."""
    return Secret(**({"label": "file /etc/webhookd/secret", "key": key.encode()} | over))


def make_hook(**over: Any) -> Hook:
    """Return the hook of a configuration with only a top-level secret."""
    values: dict[str, Any] = {
        "name": "github",
        "path": "/github-webhook",
        "forge": Forge.GITHUB,
        "secrets": (make_secret(),),
    }
    return Hook(**(values | over))


def make_target(**over: Any) -> Target:
    """Return a target for the branch main of octocat/blog."""
    values: dict[str, Any] = {
        "name": "octocat/blog@main",
        "hook": "github",
        "repo": "octocat/blog",
        "ref_kind": RefKind.BRANCH,
        "pattern": "main",
        "run": "make deploy",
    }
    return Target(**(values | over))


def make_repository(**over: Any) -> Repository:
    """Return octocat/blog with one target."""
    return Repository(**({"pattern": "octocat/blog", "hook": "github", "targets": (make_target(),)} | over))


def make_push(**over: Any) -> PushEvent:
    """Return a push of one commit to main of octocat/blog; `ref` also sets its branch or tag."""
    ref = over.get("ref", "refs/heads/main")
    values: dict[str, Any] = {
        "repo": "octocat/blog",
        "ref": ref,
        "branch": ref.removeprefix("refs/heads/") if ref.startswith("refs/heads/") else None,
        "tag": ref.removeprefix("refs/tags/") if ref.startswith("refs/tags/") else None,
        "before": BEFORE,
        "after": COMMIT,
        "commit": COMMIT,
        "forced": False,
        "pusher": "octocat",
        "message": "Say hello",
    }
    return PushEvent(**(values | over))


def make_delivery(**over: Any) -> Delivery:
    """Return a delivery of one push, with the digest of its body."""
    body = over.get("body", json.dumps({"ref": "refs/heads/main", "id": over.get("delivery_id")}).encode())
    values: dict[str, Any] = {
        "hook": "github",
        "forge": Forge.GITHUB,
        "delivery_id": "72d3162e-cc78-11e3-81ab-4c9367dc0958",
        "body_sha256": hashlib.sha256(body).hexdigest(),
        "body": body,
        "content_type": "application/json",
        "event": "push",
        "kind": Kind.PUSH,
        "pushes": (make_push(),),
        "opened_by": "file /etc/webhookd/secret",
        "received_at": NOW,
    }
    return Delivery(**(values | over))


def make_match(**over: Any) -> Match:
    """Return a match of a push and a target with the exact branch."""
    values: dict[str, Any] = {
        "push": make_push(),
        "target": make_target(),
        "reason": 'branch "main" is named exactly',
    }
    return Match(**(values | over))


def make_decision(**over: Any) -> Decision:
    """Return a decision that runs one target; the pushes of its delivery are those of the matches."""
    matches = over.get("matches", (make_match(),))
    delivery = make_delivery(pushes=tuple(match.push for match in matches))
    return Decision(**({"delivery": delivery, "matches": matches} | over))


def make_run(**over: Any) -> Run:
    """Return a queued run of octocat/blog@main."""
    values: dict[str, Any] = {
        "run": 12,
        "target": "octocat/blog@main",
        "lane": "octocat/blog@main octocat/blog refs/heads/main",
        "slot": "octocat/blog@main octocat/blog refs/heads/main",
        "state": RunState.QUEUED,
        "attempt": 0,
        "max_attempts": 1,
        "reason": "",
        "exit_code": None,
        "signal": None,
        "hook": "github",
        "forge": Forge.GITHUB,
        "delivery": "72d3162e-cc78-11e3-81ab-4c9367dc0958",
        "repo": "octocat/blog",
        "ref": "refs/heads/main",
        "commit": COMMIT,
        "pusher": "octocat",
        "title": None,
        "queued_at": NOW,
        "not_before": NOW,
        "started_at": None,
        "ended_at": None,
        "superseded_by": None,
        "cancel_requested": False,
    }
    return Run(**(values | over))


# -- signed deliveries, as webhookd's own `sign` makes them


def hook_of(name: Forge = Forge.GITHUB, key: str = KEY) -> Hook:
    """Return a hook with one secret."""
    return make_hook(forge=name, secrets=(make_secret(key),))


def sign_document(
    document: bytes, hook: Hook, *, event: str = "push", form: bool = False, now: datetime = NOW
) -> SignedDelivery:
    """Sign any document as the hook's forge would."""
    return sign_delivery(document, hook=hook, event=event, delivery="d-1", now=now, form=form)


def sign_sample(
    hook: Hook,
    *,
    event: str = "push",
    form: bool = False,
    now: datetime = NOW,
    message: str = "Grüße & <b> 100 %",
) -> SignedDelivery:
    """Return a sample delivery of the hook's forge."""
    change = Change(before="b" * 40, after="a" * 40)
    spec = SampleSpec(delivery="d-1", event=event, changes=(change,), message=message)
    return sign_spec(spec, hook=hook, now=now, form=form)


def as_document(payload: object) -> bytes:
    """Return JSON as GitHub writes it."""
    return json.dumps(payload, ensure_ascii=False, separators=(",", ":")).encode("utf-8", "surrogatepass")
