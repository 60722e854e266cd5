"""gidgethub, another receiver for GitHub: both accept the same deliveries and refuse the same."""

import pytest
from factories import KEY, NOW, hook_of, sign_document, sign_sample
from gidgethub import ValidationFailure, sansio
from hypothesis import given
from hypothesis import strategies as st

from webhookd.errors import NotAuthentic
from webhookd.intake.forges import forge
from webhookd.intake.keyrings import keyring_of
from webhookd.intake.signature import verify
from webhookd.models.settings import Forge


@pytest.mark.parametrize("form", [False, True])
@pytest.mark.parametrize("event", ["push", "ping", "issues"])
def test_gidgethub_accepts_what_sign_makes(event: str, form: bool) -> None:  # noqa: FBT001
    signed = sign_sample(hook_of(), event=event, form=form)
    theirs = sansio.Event.from_http(signed.request().headers, signed.body, secret=KEY)
    assert (theirs.event, theirs.delivery_id) == (event, "d-1")
    assert theirs.data["repository"]["full_name"] == "octocat/hello-world"


def test_gidgethub_refuses_a_changed_body() -> None:
    signed = sign_sample(hook_of())
    with pytest.raises(ValidationFailure):
        sansio.Event.from_http(signed.request().headers, signed.body + b" ", secret=KEY)


def test_their_published_signature_opens() -> None:
    # tests/test_sansio.py of https://github.com/gidgethub/gidgethub
    value = "sha256=091319196718d5bcb1c20ad25fc890597423ecdbad1f947f560afd643b5000de"
    assert we_take(b"gidget", value, key="123456")
    assert they_take(b"gidget", value, key="123456")


def they_take(body: bytes, signature: str, key: str = KEY) -> bool:
    try:
        sansio.validate_event(body, signature=signature, secret=key)
    except ValidationFailure:
        return False
    return True


def we_take(body: bytes, signature: str, key: str = KEY) -> bool:
    headers, scheme = {"x-hub-signature-256": signature}, forge(Forge.GITHUB).scheme
    try:
        verify(headers, body, scheme=scheme, keyrings=[keyring_of(hook_of(key=key))], now=NOW)
    except NotAuthentic:
        return False
    return True


@given(
    st.binary(max_size=300),
    st.text(min_size=1, max_size=40).filter(lambda key: key.isprintable() and key.strip()),
    st.integers(-1, 70),
    st.sampled_from("0123456789abcdefAF=é"),
)
def test_both_decide_the_same(body: bytes, key: str, place: int, other: str) -> None:
    right = sign_document(body, hook_of(key=key)).headers["X-Hub-Signature-256"]
    given = right if place < 0 else right[:place] + other + right[place + 1 :]
    if given.isascii():  # theirs raises TypeError on anything else
        assert we_take(body, given, key) == they_take(body, given, key) == (given == right)
    else:
        assert not we_take(body, given, key)
