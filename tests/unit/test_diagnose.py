"""Each cause of a wrong signature is named, and no secret is shown."""

import hmac
import json
from urllib.parse import quote_plus

import pytest
from factories import NOW, make_hook, make_repository, make_secret

from webhookd.errors import NotAuthentic
from webhookd.intake import receive
from webhookd.intake.causes import Cause
from webhookd.intake.diagnose import Diagnosis, case_of, daemon_cause
from webhookd.intake.inspection import Inspection, inspect
from webhookd.models.delivery import Request
from webhookd.models.settings import Forge, Hook, Secret

KEY = "correct horse battery staple"
PAYLOAD = {
    "ref": "refs/heads/main",
    "before": "b" * 40,
    "after": "a" * 40,
    "repository": {"full_name": "octocat/blog", "description": "Grüße & <b>more</b> / less"},
    "commits": [],
    "size": 1,
}
COMPACT = json.dumps(PAYLOAD, ensure_ascii=False, separators=(",", ":")).encode()
PRETTY = json.dumps(PAYLOAD, ensure_ascii=False, indent=2).encode() + b"\n"
GO = json.dumps(PAYLOAD, ensure_ascii=False, indent=2).replace("<", "\\u003c").replace(">", "\\u003e")
GO_BODY = GO.replace("&", "\\u0026").encode()
FORM_TYPE = {"content-type": "application/x-www-form-urlencoded"}
FORM = b"payload=" + quote_plus(COMPACT).encode()


def signed(body: bytes, key: str | bytes = KEY, algorithm: str = "sha256") -> str:
    return hmac.new(key if isinstance(key, bytes) else key.encode(), body, algorithm).hexdigest()


def looked_at(
    body: bytes,
    headers: dict[str, str],
    *,
    hook: Hook | None = None,
    others: tuple[Secret, ...] = (),
) -> Inspection:
    hook = hook or make_hook(secrets=(make_secret(KEY),))
    plain = {"x-github-event": "push", "content-type": "application/json"}
    request = Request(headers=plain | headers, body=body)
    return inspect(request, hook=hook, repositories=[], now=NOW, others=others)


def diagnosis(
    body: bytes,
    *,
    of: bytes = COMPACT,
    forge_key: str | bytes = KEY,
    key: str = KEY,
    headers: dict[str, str] | None = None,
) -> Diagnosis:
    """Diagnose *body*, when the forge signed *of* with *forge_key* and webhookd has *key*."""
    proof = {"x-hub-signature-256": "sha256=" + signed(of, forge_key)}
    found = looked_at(body, proof | (headers or {}), hook=make_hook(secrets=(make_secret(key),)))
    assert found.verified is False
    assert found.diagnosis is not None
    assert key.strip() not in found.diagnosis.hint
    assert signed(body, key) not in found.diagnosis.hint
    assert found.diagnosis.hint[-1] not in "; :"
    return found.diagnosis


def test_an_authentic_request_needs_no_diagnosis() -> None:
    found = looked_at(COMPACT, {"x-hub-signature-256": "sha256=" + signed(COMPACT)})
    assert (found.verified, found.diagnosis) == (True, None)


@pytest.mark.parametrize(
    ("forge_key", "key", "cause"),
    [
        (KEY + "\n", KEY, Cause.SECRET_NEWLINE),
        (KEY + "\r\n", KEY, Cause.SECRET_NEWLINE),
        (KEY, KEY + "\n", Cause.SECRET_NEWLINE),
        (KEY, KEY + "\r", Cause.SECRET_NEWLINE),
        (f'"{KEY}"', KEY, Cause.SECRET_QUOTES),
        (KEY, f'"{KEY}"', Cause.SECRET_QUOTES),
        (KEY, f"'{KEY}'", Cause.SECRET_QUOTES),
        (KEY, f" {KEY} ", Cause.SECRET_SPACES),
        (KEY + " ", KEY, Cause.SECRET_SPACES),
        (KEY, f"WEBHOOK_SECRET={KEY}", Cause.SECRET_ASSIGNMENT),
        (KEY, f'export SECRET="{KEY}"', Cause.SECRET_ASSIGNMENT),
    ],
)
def test_what_happens_to_a_secret_is_named(forge_key: str | bytes, key: str, cause: Cause) -> None:
    assert diagnosis(COMPACT, forge_key=forge_key, key=key).cause is cause


LINES = b'{\n"a": 1\n}'


@pytest.mark.parametrize(
    ("of", "body", "cause"),
    [
        (COMPACT, COMPACT + b"\n", Cause.BODY_FINAL_NEWLINE),
        (COMPACT, COMPACT + b"\r\n", Cause.BODY_FINAL_NEWLINE),
        (COMPACT, COMPACT + b"\n\n", Cause.BODY_FINAL_NEWLINE),
        (PRETTY, PRETTY.rstrip(), Cause.BODY_FINAL_NEWLINE),
        (LINES, LINES.replace(b"\n", b"\r\n"), Cause.BODY_LINE_ENDS),
        (LINES, LINES.replace(b"\n", b"\r\n") + b"\r\n", Cause.BODY_LINE_ENDS),
        (LINES.replace(b"\n", b"\r\n"), LINES, Cause.BODY_LINE_ENDS),
        (COMPACT, b"\xef\xbb\xbf" + COMPACT, Cause.BODY_BOM),
        (COMPACT, b"\xef\xbb\xbf" + COMPACT + b"\r\n", Cause.BODY_BOM),
        (COMPACT, COMPACT.decode().encode("utf-16"), Cause.BODY_CHARSET),
        (COMPACT, COMPACT.decode("latin-1").encode(), Cause.BODY_CHARSET),
        (COMPACT, COMPACT.decode().encode("latin-1"), Cause.BODY_CHARSET),
        (COMPACT, PRETTY, Cause.BODY_RESERIALISED),
        (COMPACT, json.dumps(PAYLOAD).encode(), Cause.BODY_RESERIALISED),
        (COMPACT, json.dumps(PAYLOAD, indent=4).encode(), Cause.BODY_RESERIALISED),
        (PRETTY.rstrip(), COMPACT, Cause.BODY_RESERIALISED),
        (json.dumps(PAYLOAD).encode(), COMPACT, Cause.BODY_RESERIALISED),
        (json.dumps(PAYLOAD, separators=(",", ":")).encode(), PRETTY, Cause.BODY_RESERIALISED),
        (GO_BODY, COMPACT, Cause.BODY_RESERIALISED),
        (GO_BODY, PRETTY, Cause.BODY_RESERIALISED),
        (FORM, COMPACT, Cause.BODY_JSON_OF_FORM),
        (FORM, PRETTY, Cause.BODY_JSON_OF_FORM),
        (COMPACT, FORM, Cause.BODY_FORM_ENCODED),
        (COMPACT, COMPACT[:100], Cause.BODY_TRUNCATED),
        (FORM, b"", Cause.BODY_EMPTY),
        (COMPACT, COMPACT.replace(b"main", b"evil"), Cause.SIGNATURE_WRONG),
    ],
)
def test_what_happens_to_a_body_is_named(of: bytes, body: bytes, cause: Cause) -> None:
    assert diagnosis(body, of=of).cause is cause


def test_where_only_the_body_was_changed_the_secret_is_called_right() -> None:
    hint = diagnosis(PRETTY).hint
    assert hint.startswith("the secret is right, but the body was re-serialised or pretty-printed")


def test_a_shorter_body_than_announced_is_truncated() -> None:
    announced = {"content-length": "5000"}
    assert diagnosis(b'{"a":1}', headers=announced).cause is Cause.BODY_TRUNCATED


def test_two_mistakes_at_once_are_found() -> None:
    found = diagnosis(COMPACT + b"\n", forge_key=KEY + "\n")
    assert found.cause is Cause.BODY_FINAL_NEWLINE
    assert "and also" in found.hint
    assert "the secret is right" not in found.hint


def test_another_configured_secret_is_named_by_its_label() -> None:
    proof = {"x-hub-signature-256": "sha256=" + signed(COMPACT, "other")}
    found = looked_at(COMPACT, proof, others=(make_secret("other", label="file /etc/webhookd/other"),))
    assert found.diagnosis == Diagnosis(
        cause=Cause.OTHER_SECRET,
        hint="it was made with another configured secret: file /etc/webhookd/other",
    )


@pytest.mark.parametrize(
    ("headers", "cause"),
    [
        ({}, Cause.SIGNATURE_MISSING),
        ({"x-hub-signature-256": ""}, Cause.SIGNATURE_EMPTY),
        ({"x-hub-signature-256": "sha256="}, Cause.SIGNATURE_EMPTY),
        ({"x-hub-signature": "sha1=" + signed(COMPACT, algorithm="sha1")}, Cause.SHA1_GIVEN),
        ({"x-hub-signature-256": "sha1=" + signed(COMPACT, algorithm="sha1")}, Cause.SHA1_GIVEN),
        ({"x-hub-signature-256": signed(COMPACT)}, Cause.OTHER_FORGE),
        ({"x-gitea-signature": signed(COMPACT)}, Cause.OTHER_FORGE),
        ({"x-gitlab-token": KEY}, Cause.OTHER_FORGE),
    ],
)
def test_what_the_headers_alone_show_is_named(headers: dict[str, str], cause: Cause) -> None:
    found = looked_at(COMPACT, headers).diagnosis
    assert found is not None
    assert (found.cause, KEY in found.hint) == (cause, False)


def test_a_github_hook_does_not_accept_a_form_signed_by_gitea() -> None:
    found = looked_at(FORM, FORM_TYPE | {"x-hub-signature-256": "sha256=" + signed(COMPACT)}).diagnosis
    assert found is not None
    assert (found.cause, "Gitea" in found.hint) == (Cause.BODY_FORM_ENCODED, True)


def test_a_gitea_hook_does_not_accept_a_form_signed_by_github() -> None:
    hook = make_hook(forge=Forge.GITEA, secrets=(make_secret(KEY),))
    found = looked_at(FORM, FORM_TYPE | {"x-gitea-signature": signed(FORM)}, hook=hook).diagnosis
    assert found is not None
    assert (found.cause, "GitHub" in found.hint) == (Cause.BODY_FORM_ENCODED, True)


@pytest.mark.parametrize(
    ("of", "body", "key", "cause"),
    [
        (COMPACT, COMPACT, "other", Cause.OTHER_SECRET),
        (COMPACT, FORM, KEY, Cause.BODY_FORM_ENCODED),
        (FORM, COMPACT, KEY, Cause.BODY_JSON_OF_FORM),
        (COMPACT, PRETTY, KEY, Cause.SIGNATURE_WRONG),
        (COMPACT, COMPACT, KEY + "\n", Cause.SIGNATURE_WRONG),
    ],
)
def test_the_daemon_tries_only_what_costs_little(of: bytes, body: bytes, key: str, cause: Cause) -> None:
    hook = make_hook(secrets=(make_secret(KEY),))
    request = Request(headers={"x-hub-signature-256": "sha256=" + signed(of, key)}, body=body)
    with pytest.raises(NotAuthentic) as caught:
        receive(request, hook=hook, repositories=[], now=NOW)
    case = case_of(request, caught.value, hook=hook, repositories=[], others=[make_secret("other")])
    assert daemon_cause(case) is cause


def test_the_daemon_reports_what_the_headers_show() -> None:
    with pytest.raises(NotAuthentic) as caught:
        receive(Request(headers={}, body=b""), hook=make_hook(), repositories=[], now=NOW)
    case = case_of(Request(headers={}, body=b""), caught.value, hook=make_hook(), repositories=[])
    assert daemon_cause(case) is Cause.SIGNATURE_MISSING


def test_a_token_in_quotes_is_named() -> None:
    hook = make_hook(forge=Forge.GITLAB, secrets=(), tokens=(make_secret("token"),))
    found = looked_at(COMPACT, {"x-gitlab-token": '"token"', "x-gitlab-event": "Push Hook"}, hook=hook)
    assert found.diagnosis is not None
    assert found.diagnosis.cause is Cause.SECRET_QUOTES


@pytest.mark.parametrize("body", [COMPACT, b"", COMPACT[:-9]])
def test_the_diagnosis_of_a_wrong_token_does_not_mention_the_body(body: bytes) -> None:
    hook = make_hook(forge=Forge.GITLAB, secrets=(), tokens=(make_secret("token"),))
    found = looked_at(body, {"x-gitlab-token": "another", "x-gitlab-event": "Push Hook"}, hook=hook)
    assert found.diagnosis == Diagnosis(
        cause=Cause.TOKEN_WRONG, hint="the forge has another token: paste it again on both sides"
    )


def test_the_diagnosis_of_a_wrong_authorization_does_not_mention_the_body() -> None:
    hook = make_hook(forge=Forge.GITEA, secrets=(), authorization=(make_secret("Bearer x"),))
    found = looked_at(b"", {"authorization": "Basic y", "x-gitea-event": "push"}, hook=hook)
    assert found.diagnosis is not None
    assert found.diagnosis.cause is Cause.AUTHORIZATION_WRONG
    assert "body" not in found.diagnosis.hint


def test_the_secret_of_the_repository_is_required() -> None:
    shop = make_repository(secrets=(make_secret("shop"),))
    proof = {"x-hub-signature-256": "sha256=" + signed(COMPACT), "x-github-event": "push"}
    request = Request(headers=proof, body=COMPACT)
    found = inspect(request, hook=make_hook(secrets=(make_secret(KEY),)), repositories=[shop], now=NOW)
    assert found.diagnosis is not None
    assert (found.verified, found.diagnosis.cause) == (False, Cause.OWN_SECRET_NOT_USED)
