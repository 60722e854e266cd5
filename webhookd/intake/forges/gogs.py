"""Gogs (pure).

https://gogs.io/docs/features/webhook, and for what it leaves out
internal/database/webhook.go and actions.go of https://github.com/gogs/gogs
"""

from functools import partial

from webhookd.intake import gitea_family
from webhookd.intake.adapter import Adapter
from webhookd.intake.samples import indented
from webhookd.intake.schemes import Form, Mark, Scheme

SITE = "https://gogs.example.com"

# Signed is the JSON, before it is put into a form (webhook.go). There is an X-GitHub-Event header, and no
# X-Hub-Signature with it.
SCHEME = Scheme(mark=Mark(header="X-Gogs-Signature"), form=Form.FIELD)


def headers(event: str, delivery: str) -> dict[str, str]:
    """Give the headers of a delivery but content type and signature (webhook.go)."""
    return {
        "User-Agent": "GogsServer",
        "X-Github-Delivery": delivery,
        "X-Github-Event": event,
        "X-Gogs-Delivery": delivery,
        "X-Gogs-Event": event,
    }


ADAPTER = Adapter(
    event_header="X-Gogs-Event",
    delivery_headers=("x-gogs-delivery",),  # the same again on redelivery
    scheme=SCHEME,
    parse=partial(gitea_family.parse, tags_are_pushed=False),
    guess=gitea_family.guess,
    sample=partial(gitea_family.sample, site=SITE, tags_are_pushed=False, totals=False),
    headers=headers,
    encode=indented,
)
