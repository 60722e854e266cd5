"""The reference library of Standard Webhooks, which GitLab signs by: each accepts what the other makes."""

import base64
import json
from datetime import UTC, datetime, timedelta

import pytest
from factories import NOW, as_document, hook_of, sign_sample
from hypothesis import given
from hypothesis import strategies as st
from standardwebhooks.webhooks import Webhook, WebhookVerificationError

from webhookd.errors import NotAuthentic
from webhookd.intake import receive
from webhookd.models.delivery import Request
from webhookd.models.settings import Forge

KEY = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"
HOOK = hook_of(Forge.GITLAB, KEY)
PUSH = {
    "object_kind": "push",
    "ref": "refs/heads/main",
    "before": "b" * 40,
    "after": "a" * 40,
    "project": {"path_with_namespace": "group/site"},
}


def test_the_reference_library_accepts_what_sign_makes() -> None:
    signed = sign_sample(HOOK, now=datetime.now(UTC))  # it looks at the clock itself
    assert Webhook(KEY).verify(signed.body, dict(signed.headers)) == json.loads(signed.body)


def test_the_reference_library_refuses_a_changed_body() -> None:
    signed = sign_sample(HOOK, now=datetime.now(UTC))
    with pytest.raises(WebhookVerificationError):
        Webhook(KEY).verify(signed.body + b" ", dict(signed.headers))


def theirs(payload: object, *, at: datetime = NOW, webhook_id: str = "msg_1", key: str = KEY) -> Request:
    """A delivery that the reference library signed."""
    body = as_document(payload)
    headers = {
        "content-type": "application/json",
        "x-gitlab-event": "Push Hook",
        "webhook-id": webhook_id,
        "webhook-timestamp": str(int(at.timestamp())),
        "webhook-signature": Webhook(key).sign(webhook_id, at, body.decode()),
    }
    return Request(headers=headers, body=body)


def test_we_accept_what_the_reference_library_signs() -> None:
    decision = receive(theirs(PUSH), hook=HOOK, repositories=[], now=NOW)
    [push] = decision.delivery.pushes
    assert (decision.delivery.delivery_id, push.repo, push.ref) == ("msg_1", "group/site", "refs/heads/main")


@pytest.mark.parametrize(
    "key", ["whsec_AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA", "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSx"]
)
def test_we_refuse_what_it_signs_with_another_key(key: str) -> None:
    with pytest.raises(NotAuthentic):
        receive(theirs(PUSH, key=key), hook=HOOK, repositories=[], now=NOW)


def test_we_refuse_what_it_signed_long_ago() -> None:
    for age in (timedelta(minutes=6), timedelta(minutes=-6)):
        with pytest.raises(NotAuthentic):
            receive(theirs(PUSH, at=NOW - age), hook=HOOK, repositories=[], now=NOW)


@given(
    st.binary(min_size=24, max_size=64),
    st.text("abc-_0", min_size=1, max_size=30),
    st.dictionaries(
        st.text(st.characters(codec="utf-8"), max_size=9), st.text(st.characters(codec="utf-8"), max_size=9)
    ),
)
def test_any_key_id_and_body_of_theirs_opens(key: bytes, webhook_id: str, more: dict[str, str]) -> None:
    secret = "whsec_" + base64.b64encode(key).decode().rstrip("=")
    request = theirs({"more": more, **PUSH}, webhook_id=webhook_id, key=secret)
    assert receive(request, hook=hook_of(Forge.GITLAB, secret), repositories=[], now=NOW).delivery.pushes
