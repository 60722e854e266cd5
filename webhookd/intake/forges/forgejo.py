"""Forgejo (pure).

https://forgejo.org/docs/latest/user/webhooks/, and for what it leaves out
services/webhook/shared/payloader.go and services/repository/push.go of https://codeberg.org/forgejo/forgejo
"""

from functools import partial

from webhookd.intake import gitea_family
from webhookd.intake.adapter import Adapter
from webhookd.intake.samples import indented
from webhookd.intake.schemes import Form, Mark, Scheme

SITE = "https://forgejo.example.com"

# As Gitea in all things, with a header of its own (payloader.go).
SCHEME = Scheme(
    mark=Mark(header="X-Forgejo-Signature"),
    beside=(Mark(header="X-Gitea-Signature"), *gitea_family.MARKS),
    form=Form.FIELD,
)


ADAPTER = Adapter(
    event_header="X-Forgejo-Event",
    delivery_headers=("x-forgejo-delivery",),  # a new one on redelivery
    scheme=SCHEME,
    parse=partial(gitea_family.parse, tags_are_pushed=True),
    guess=gitea_family.guess,
    sample=partial(gitea_family.sample, site=SITE, tags_are_pushed=True, totals=True),
    headers=partial(gitea_family.headers, families=("Forgejo", "Gitea", "Gogs", "GitHub")),
    encode=indented,
)
