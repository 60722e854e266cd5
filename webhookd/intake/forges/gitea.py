"""Gitea (pure).

https://docs.gitea.com/usage/repository/webhooks, and for what it leaves out services/webhook/deliver.go
and services/repository/push.go of https://github.com/go-gitea/gitea
"""

from functools import partial

from webhookd.intake import gitea_family
from webhookd.intake.adapter import Adapter
from webhookd.intake.samples import indented
from webhookd.intake.schemes import Form, Mark, Scheme

SITE = "https://gitea.example.com"

# The signature covers the JSON, also where that travels in a form (deliver.go signs `PayloadContent`, though
# the page says "raw body"). Without a secret the headers are sent all the same, empty.
SCHEME = Scheme(
    mark=Mark(header="X-Gitea-Signature"),
    beside=gitea_family.MARKS,
    form=Form.FIELD,
)


ADAPTER = Adapter(
    event_header="X-Gitea-Event",
    delivery_headers=("x-gitea-delivery",),  # a new one on redelivery
    scheme=SCHEME,
    parse=partial(gitea_family.parse, tags_are_pushed=True),
    guess=gitea_family.guess,
    sample=partial(gitea_family.sample, site=SITE, tags_are_pushed=True, totals=True),
    headers=partial(gitea_family.headers, families=("Gitea", "Gogs", "GitHub")),
    encode=indented,
)
