"""Which signatures and tokens are accepted, which are refused, and the cause for the log."""

import ast
import contextlib
import gc
import hashlib
import hmac
import weakref
from pathlib import Path

import pytest
from factories import NOW, make_hook, make_repository, make_secret
from openings import BODY, SIGNING, opened, refused

import webhookd
from webhookd.errors import NotAuthentic
from webhookd.intake import precheck, receive
from webhookd.intake.causes import Cause
from webhookd.intake.forges import forge
from webhookd.intake.keyrings import keyring_of
from webhookd.intake.signature import Keyring, Opening, proof_headers
from webhookd.models.delivery import Request
from webhookd.models.settings import Forge


def hex_of(key: str, body: bytes = BODY, algorithm: str = "sha256") -> str:
    return hmac.new(key.encode(), body, algorithm).hexdigest()


def test_githubs_published_vector_opens() -> None:
    # https://docs.github.com/en/webhooks/using-webhooks/validating-webhook-deliveries
    headers = {
        "X-Hub-Signature-256": "sha256=757107ea0eb2509fc211221cce984b8a37570b6d7586c22c46f4379c8b043e17"
    }
    keyring = Keyring(secrets=(make_secret("It's a Secret to Everybody", label="file s"),))
    assert opened(headers, keyring, body=b"Hello, World!") == (Opening(repository="", label="file s"),)


@pytest.mark.parametrize(
    ("value", "cause"),
    [
        (None, Cause.SIGNATURE_MISSING),
        ("", Cause.SIGNATURE_EMPTY),
        ("  ", Cause.SIGNATURE_EMPTY),
        ("sha256=", Cause.SIGNATURE_EMPTY),
        (hex_of("s3cret"), Cause.OTHER_FORGE),
        ("v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=", Cause.OTHER_FORGE),
        ("sha1=" + hex_of("s3cret", algorithm="sha1"), Cause.SHA1_GIVEN),
        (hex_of("s3cret", algorithm="sha1"), Cause.SHA1_GIVEN),
        ("sha1=" + hex_of("s3cret"), Cause.SHA1_GIVEN),
        ("sha512=" + hex_of("s3cret", algorithm="sha512"), Cause.SIGNATURE_MALFORMED),
        ("sha256=" + hex_of("s3cret")[:-1], Cause.SIGNATURE_MALFORMED),
        ("sha256=" + hex_of("s3cret") + "0", Cause.SIGNATURE_MALFORMED),
        ("sha256=" + hex_of("s3cret").upper(), Cause.SIGNATURE_MALFORMED),
        ("sha256=" + hex_of("s3cret")[:-1] + "g", Cause.SIGNATURE_MALFORMED),
        ("sha256=" + hex_of("s3cret")[:-1] + "é", Cause.SIGNATURE_MALFORMED),
        ("sha256=" + "٣" * 64, Cause.SIGNATURE_MALFORMED),
        (" sha256=" + hex_of("s3cret"), Cause.SIGNATURE_MALFORMED),
        ("sha256=" + hex_of("s3cret") + "\n", Cause.SIGNATURE_MALFORMED),
        (",".join(["sha256=" + hex_of("s3cret")] * 2), Cause.SIGNATURE_MALFORMED),
        ("sha256=" + "x" * 100_000, Cause.SIGNATURE_MALFORMED),
        ("sha256=" + "0" * 64, Cause.SIGNATURE_WRONG),
        ("sha256=" + hex_of("another"), Cause.SIGNATURE_WRONG),
    ],
)
def test_a_wrong_signature_is_refused_with_its_cause(value: str | None, cause: Cause) -> None:
    headers = {} if value is None else {"X-Hub-Signature-256": value}
    assert refused(headers).cause == cause


class Headers(dict[str, str]):
    """Headers whose end can be seen."""


@pytest.mark.parametrize("digest", ["0" * 64, "x"])
def test_a_refused_request_does_not_wait_for_the_garbage_collector(digest: str) -> None:
    """Its body may have 25 MiB."""
    headers = Headers({"x-hub-signature-256": f"sha256={digest}"})
    seen, hook = weakref.ref(headers), make_hook()
    gc.disable()
    try:
        with contextlib.suppress(NotAuthentic):
            receive(Request(headers=headers, body=BODY), hook=hook, repositories=[], now=NOW)
        del headers
        assert seen() is None
    finally:
        gc.enable()


def test_every_refusal_gets_the_same_answer() -> None:
    refusals = [refused({}), refused({"X-Hub-Signature-256": ""}), refused({"X-Hub-Signature-256": "x"})]
    assert {(error.status, error.public) for error in refusals} == {(401, "signature missing or wrong")}


@pytest.mark.parametrize("name", [Forge.GITHUB, Forge.BITBUCKET])
def test_the_sha1_signature_alone_opens_nothing(name: Forge) -> None:
    headers = {"X-Hub-Signature": "sha1=" + hex_of("s3cret", algorithm="sha1")}
    assert refused(headers, name=name).cause == Cause.SHA1_GIVEN


def test_no_header_value_reaches_a_message() -> None:
    for value in ("sha256=bad\nvalue", "sha1=bad", "bad"):
        error = refused({"X-Hub-Signature-256": value})
        assert "bad" not in f"{error} {error.hint} {error.cause}"


def test_any_of_several_secrets_opens_and_the_label_says_which() -> None:
    keyring = Keyring(secrets=(make_secret("new", label="env NEW"), make_secret("old", label="env OLD")))
    assert opened({"X-Hub-Signature-256": "sha256=" + hex_of("old")}, keyring)[0].label == "env OLD"
    assert opened({"X-Hub-Signature-256": "sha256=" + hex_of("new")}, keyring)[0].label == "env NEW"


def test_every_keyring_that_fits_is_returned() -> None:
    shared = make_secret()
    keyrings = [Keyring(secrets=(shared,)), Keyring(repository="octocat/shop", secrets=(shared,))]
    found = opened({"X-Hub-Signature-256": "sha256=" + hex_of("s3cret")}, *keyrings)
    assert [opening.repository for opening in found] == ["", "octocat/shop"]


def test_without_any_key_nothing_opens() -> None:
    assert refused({"X-Hub-Signature-256": "sha256=" + hex_of("")}, Keyring()).cause == Cause.NO_SECRET


def test_a_secret_is_its_utf8_bytes() -> None:
    keyring = Keyring(secrets=(make_secret("pässwörd ✓"),))
    assert opened({"X-Hub-Signature-256": "sha256=" + hex_of("pässwörd ✓")}, keyring)


@pytest.mark.parametrize(
    ("name", "header", "prefix"),
    [
        (Forge.GITHUB, "X-Hub-Signature-256", "sha256="),
        (Forge.GITEA, "X-Gitea-Signature", ""),
        (Forge.FORGEJO, "X-Forgejo-Signature", ""),
        (Forge.GOGS, "X-Gogs-Signature", ""),
        (Forge.BITBUCKET, "X-Hub-Signature", "sha256="),
        (Forge.BITBUCKET_DC, "X-Hub-Signature", "sha256="),
    ],
)
def test_each_forge_has_its_own_header_and_no_other_is_believed(
    name: Forge, header: str, prefix: str
) -> None:
    assert opened({header: prefix + hex_of("s3cret")}, name=name)
    others = {"X-Hub-Signature-256", "X-Gitea-Signature", "X-Gogs-Signature", "X-Hub-Signature"} - {header}
    everything_else = {other: "sha256=" + hex_of("s3cret") for other in others}
    assert refused(everything_else, name=name).cause == Cause.OTHER_FORGE


@pytest.mark.parametrize("name", [Forge.GITEA, Forge.GOGS, Forge.BITBUCKET, Forge.BITBUCKET_DC])
def test_githubs_signature_is_another_forges_although_there_is_a_sha1_too(name: Forge) -> None:
    sha1, sha256 = (f"{kind}={hex_of('s3cret', algorithm=kind)}" for kind in ("sha1", "sha256"))
    error = refused({"X-Hub-Signature": sha1, "X-Hub-Signature-256": sha256}, name=name)
    assert error.cause == Cause.OTHER_FORGE


def test_an_authorization_header_is_required_as_well() -> None:
    keyring = Keyring(secrets=(make_secret(),), authorization=(make_secret("Bearer abc", label="auth"),))
    signed = {"X-Hub-Signature-256": "sha256=" + hex_of("s3cret")}
    assert opened(signed | {"Authorization": "Bearer abc"}, keyring)
    assert refused(signed, keyring).cause == Cause.AUTHORIZATION_MISSING
    assert refused(signed | {"Authorization": "Bearer abd"}, keyring).cause == Cause.AUTHORIZATION_WRONG


def test_headers_alone_can_show_that_no_body_can_be_right() -> None:
    hook, shop = make_hook(secrets=()), make_repository(pattern="octocat/shop", secrets=(make_secret(),))
    with pytest.raises(NotAuthentic):
        precheck({}, hook=hook, repositories=[shop])
    precheck({"x-hub-signature-256": "sha256=" + "0" * 64}, hook=hook, repositories=[shop])


def test_verify_accepts_what_sign_makes() -> None:
    for name in Forge:
        hook = make_hook(forge=name, secrets=(make_secret(SIGNING),))
        scheme = forge(name).scheme
        headers = proof_headers(BODY, scheme=scheme, keyring=keyring_of(hook), delivery="d", now=NOW)
        assert opened(headers, keyring_of(hook), name=name)


def test_gitea_also_sends_the_signatures_of_related_forges() -> None:
    keyring = Keyring(secrets=(make_secret(),))
    headers = proof_headers(BODY, scheme=forge(Forge.GITEA).scheme, keyring=keyring, delivery="d", now=NOW)
    assert headers == {
        "X-Gitea-Signature": hex_of("s3cret"),
        "X-Gogs-Signature": hex_of("s3cret"),
        "X-Hub-Signature": "sha1=" + hex_of("s3cret", algorithm="sha1"),
        "X-Hub-Signature-256": "sha256=" + hex_of("s3cret"),
    }


def reads_a_key(source: str) -> bool:
    """Return whether *source* uses `Secret` and reads an attribute `key`."""
    nodes = ast.walk(ast.parse(source))
    return "Secret" in source and any(isinstance(n, ast.Attribute) and n.attr == "key" for n in nodes)


def test_no_other_module_reads_a_key() -> None:
    package = Path(webhookd.__file__).parent
    sources = {path: path.read_text(encoding="utf-8") for path in package.rglob("*.py")}
    readers = {path.relative_to(package) for path, source in sources.items() if reads_a_key(source)}
    # The second one reads the URL of a database, which has the password in it.
    assert readers - {Path("models/settings.py")} == {Path("intake/signature.py"), Path("queue/postgres.py")}


def test_a_secret_never_shows_its_key() -> None:
    secret = make_secret("topsecret")
    digest = hashlib.sha256(b"topsecret").hexdigest()
    shown = f"{secret!r} {secret} {keyring_of(make_hook(secrets=(secret,)))!r}"
    assert "topsecret" not in shown
    assert digest not in shown
