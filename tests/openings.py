"""Requests that are opened with keys, or refused."""

from datetime import datetime
from typing import Any

import pytest
from factories import NOW, make_secret

from webhookd.errors import NotAuthentic
from webhookd.intake.forges import forge
from webhookd.intake.signature import Keyring, Opening, verify
from webhookd.models.settings import Forge

SIGNING = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"
BODY = b'{"zen": "Keep it logically awesome."}'


def opened(
    headers: dict[str, str],
    *keyrings: Keyring,
    body: bytes = BODY,
    name: Forge = Forge.GITHUB,
    now: datetime = NOW,
) -> tuple[Opening, ...]:
    lower = {key.lower(): value for key, value in headers.items()}
    tried = keyrings or [Keyring(secrets=(make_secret(),))]
    return verify(lower, body, scheme=forge(name).scheme, keyrings=tried, now=now)


def refused(*args: Any, **options: Any) -> NotAuthentic:
    with pytest.raises(NotAuthentic) as caught:
        opened(*args, **options)
    return caught.value
