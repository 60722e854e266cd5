"""Gogs, which Gitea grew out of (pure).

https://gogs.io/docs/features/webhook, and for what it leaves out
internal/database/webhook.go and actions.go of https://github.com/gogs/gogs
"""

from webhookd.intake.forges.gitea import family_adapter

ADAPTER = family_adapter("Gogs", is_gogs=True)
