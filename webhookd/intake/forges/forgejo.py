"""Forgejo: as Gitea in all things, with headers of its own (pure).

https://forgejo.org/docs/latest/user/webhooks/, and for what it leaves out
services/webhook/shared/payloader.go and services/repository/push.go of https://codeberg.org/forgejo/forgejo
"""

from webhookd.intake.forges.gitea import family_adapter

ADAPTER = family_adapter("Forgejo", "Gitea", "Gogs")
