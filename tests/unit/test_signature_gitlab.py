"""GitLab's secret token and signing secret (Standard Webhooks)."""

from datetime import UTC, datetime, timedelta

import pytest
from factories import NOW, make_secret
from openings import BODY, SIGNING, opened, refused

from webhookd.intake.causes import Cause
from webhookd.intake.forges import forge
from webhookd.intake.signature import Keyring, Opening, proof_headers, split_tokens
from webhookd.models.settings import Forge


def token_ring(*tokens: str) -> Keyring:
    return Keyring(tokens=tuple(make_secret(token, label=f"token {n}") for n, token in enumerate(tokens)))


def test_gitlabs_token_opens() -> None:
    found = opened({"X-Gitlab-Token": "two"}, token_ring("one", "two"), name=Forge.GITLAB)
    assert found == (Opening(repository="", label="token 1"),)


@pytest.mark.parametrize(
    ("headers", "cause"),
    [
        ({}, Cause.TOKEN_MISSING),
        ({"X-Gitlab-Token": ""}, Cause.TOKEN_MISSING),
        ({"X-Gitlab-Token": "twO"}, Cause.TOKEN_WRONG),
        ({"X-Gitlab-Token": "two,two"}, Cause.TOKEN_WRONG),
        ({"X-Gitlab-Token": "tw"}, Cause.TOKEN_WRONG),
        ({"X-Gitlab-Token": "✓"}, Cause.TOKEN_WRONG),
    ],
)
def test_a_wrong_token_is_refused(headers: dict[str, str], cause: Cause) -> None:
    assert refused(headers, token_ring("two"), name=Forge.GITLAB).cause == cause


def test_a_token_compares_as_the_bytes_that_were_sent() -> None:
    as_wsgi_shows_it = "pässwörd".encode().decode("latin-1")
    assert opened({"X-Gitlab-Token": as_wsgi_shows_it}, token_ring("pässwörd"), name=Forge.GITLAB)


def test_gitlab_drops_line_breaks_from_a_token() -> None:
    assert opened({"X-Gitlab-Token": "onetwo"}, token_ring("one\ntwo"), name=Forge.GITLAB)


def signing_ring() -> Keyring:
    return Keyring(secrets=(make_secret(SIGNING),))


def standard_headers() -> dict[str, str]:
    scheme = forge(Forge.GITLAB).scheme
    return proof_headers(BODY, scheme=scheme, keyring=signing_ring(), delivery="msg_1", now=NOW)


def test_the_published_vector_of_standard_webhooks_opens() -> None:
    # https://github.com/standard-webhooks/standard-webhooks/tree/main/libraries
    headers = {
        "webhook-id": "msg_p5jXN8AQM9LWM0D4loKWxJek",
        "webhook-timestamp": "1614265330",
        "webhook-signature": "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=",
    }
    then = datetime.fromtimestamp(1614265330, UTC)
    assert opened(headers, signing_ring(), body=b'{"test": 2432232314}', name=Forge.GITLAB, now=then)


@pytest.mark.parametrize("written", [SIGNING, SIGNING.removeprefix("whsec_")])
def test_the_prefix_of_a_signing_secret_may_be_missing(written: str) -> None:
    keyring = Keyring(secrets=(make_secret(written),))
    assert opened(standard_headers(), keyring, name=Forge.GITLAB)


@pytest.mark.parametrize(
    ("over", "cause"),
    [
        ({"signature": ""}, Cause.SIGNATURE_EMPTY),
        ({"id": ""}, Cause.SIGNATURE_EMPTY),
        ({"signature": "v1"}, Cause.SIGNATURE_MALFORMED),
        ({"signature": "v1a,abcd v2,abcd"}, Cause.SIGNATURE_MALFORMED),
        ({"signature": "nonsense"}, Cause.SIGNATURE_MALFORMED),
        ({"id": "msg.1"}, Cause.SIGNATURE_MALFORMED),
        ({"id": "msg_2"}, Cause.SIGNATURE_WRONG),
        ({"timestamp": "now"}, Cause.SIGNATURE_MALFORMED),
        ({"timestamp": "-1"}, Cause.SIGNATURE_MALFORMED),
        ({"timestamp": "1e9"}, Cause.SIGNATURE_MALFORMED),
        ({"timestamp": "9" * 400}, Cause.SIGNATURE_MALFORMED),
        ({"timestamp": "1614265330"}, Cause.SIGNATURE_WRONG),
        ({"signature": "v1,AAAA"}, Cause.SIGNATURE_WRONG),
        ({"signature": "v1,é"}, Cause.SIGNATURE_MALFORMED),
    ],
)
def test_a_wrong_standard_signature_is_refused(over: dict[str, str], cause: Cause) -> None:
    headers = standard_headers() | {f"webhook-{key}": value for key, value in over.items()}
    assert refused(headers, signing_ring(), name=Forge.GITLAB).cause == cause


@pytest.mark.parametrize("missing", ["webhook-id", "webhook-timestamp", "webhook-signature"])
def test_each_header_of_standard_webhooks_is_required(missing: str) -> None:
    headers = {key: value for key, value in standard_headers().items() if key != missing}
    assert refused(headers, signing_ring(), name=Forge.GITLAB).cause == Cause.SIGNATURE_MISSING


def test_one_fitting_signature_of_several_is_enough() -> None:
    good = standard_headers()["webhook-signature"]
    headers = standard_headers() | {"webhook-signature": f"v1a,AAAA v1,AAAA {good} v9"}
    assert opened(headers, signing_ring(), name=Forge.GITLAB)


@pytest.mark.parametrize(
    ("seconds", "cause"), [(301, Cause.TOO_OLD), (-301, Cause.TOO_NEW), (300, None), (-300, None)]
)
def test_a_recorded_delivery_opens_for_five_minutes(seconds: int, cause: Cause | None) -> None:
    then, headers = NOW + timedelta(seconds=seconds), standard_headers()
    if cause is None:
        assert opened(headers, signing_ring(), name=Forge.GITLAB, now=then)
    else:
        assert refused(headers, signing_ring(), name=Forge.GITLAB, now=then).cause == cause


def test_where_token_and_signing_secret_are_set_both_must_fit() -> None:
    keyring = Keyring(secrets=(make_secret(SIGNING, label="sign"),), tokens=(make_secret("t", label="tok"),))
    signed, token = standard_headers(), {"X-Gitlab-Token": "t"}
    assert opened(signed | token, keyring, name=Forge.GITLAB)[0].label == "sign + tok"
    assert refused(signed, keyring, name=Forge.GITLAB).cause == Cause.TOKEN_MISSING
    assert refused(token, keyring, name=Forge.GITLAB).cause == Cause.SIGNATURE_MISSING
    assert refused(signed | {"X-Gitlab-Token": "x"}, keyring, name=Forge.GITLAB).cause == Cause.TOKEN_WRONG


def test_only_gitlab_tells_tokens_from_signing_secrets() -> None:
    secrets = (make_secret(SIGNING), make_secret("plain"))
    assert split_tokens(secrets, forge(Forge.GITLAB).scheme) == (secrets[:1], secrets[1:])
    assert split_tokens(secrets, forge(Forge.GITHUB).scheme) == (secrets, ())
