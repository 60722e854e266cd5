"""Gogs, which Gitea grew out of (pure).

https://gogs.io/docs/features/webhook, and for what it leaves out
internal/database/webhook.go and actions.go of https://github.com/gogs/gogs
"""

from webhookd.intake.forges.gitea import family_adapter


def headers(event: str, delivery: str) -> dict[str, str]:
    """Return all headers but content type and signature (webhook.go): GitHub's without X-Hub-Signature."""
    return {
        "User-Agent": "GogsServer",
        "X-Github-Delivery": delivery,
        "X-Github-Event": event,
        "X-Gogs-Delivery": delivery,
        "X-Gogs-Event": event,
    }


# A push has no tags, no number of commits and no head commit.
ADAPTER = family_adapter("Gogs", also_sent=(), tags_are_pushed=False, headers=headers)
