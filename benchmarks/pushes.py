"""Pushes for measuring the store: verified, matched, 10 KB each."""

from datetime import UTC, datetime

from webhookd.models.delivery import Decision, Delivery, Kind, Match, PushEvent
from webhookd.models.settings import Forge, Overlap, RefKind, Target

NOW = datetime.now(UTC)
COMMIT = "6113728f27ae82c7b1a177c8d03f9e96e0adf246"


def push(
    number: int, *, repo: str = "octocat/blog", branch: str = "main", overlap: Overlap = Overlap.LATEST
) -> Decision:
    """Return a decision about a delivery of one push that matched a target."""
    event = PushEvent(repo=repo, ref=f"refs/heads/{branch}", branch=branch, commit=COMMIT, pusher="octocat")
    body = b"x" * 10_000
    delivery = Delivery(
        hook="github",
        forge=Forge.GITHUB,
        delivery_id=f"new-{number}",
        body_sha256=f"{number:064x}",
        body=body,
        content_type="application/json",
        event="push",
        kind=Kind.PUSH,
        received_at=NOW,
    )
    target = Target(
        name=f"{repo}@*",
        hook="github",
        repo=repo,
        ref_kind=RefKind.BRANCH,
        pattern="*",
        run="make",
        overlap=overlap,
    )
    return Decision(delivery=delivery, matches=(Match(push=event, target=target, reason=""),))
