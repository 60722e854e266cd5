"""Find out why a signature does not match: usual mistakes, tried one by one and named (pure).

For a person at a terminal or a line in the log; the result must never reach a sender.
"""

import json
from collections.abc import Iterable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from itertools import chain, product
from typing import Any
from urllib.parse import quote_plus

from webhookd.errors import BadPayload, NotAuthentic
from webhookd.intake.causes import Cause
from webhookd.intake.forges import forge
from webhookd.intake.keyrings import MANY, keyrings_for
from webhookd.intake.payloads import payload_field
from webhookd.intake.proof import Proof, ProofKind, proof_of
from webhookd.intake.receive import signed_bytes
from webhookd.intake.signature import altered, fits
from webhookd.models.delivery import Request
from webhookd.models.settings import Hook, Repository, Secret

LONG = 256 * 1024  # bytes of a body that the daemon looks at
LONGEST = 4 * 1024 * 1024  # bytes of a body that is written again in many ways

# What Go's encoder escapes for use in HTML: < as \u003c, and so on.
_GO_ESCAPES = {ord(char): f"\\u{ord(char):04x}" for char in "<>&\u2028\u2029"}
_BOM = b"\xef\xbb\xbf"
_KEEP = "keep the bytes as they came"
_HINTS = {  # what may have happened to a body
    Cause.BODY_FINAL_NEWLINE: f"a final newline was added or lost (an editor, echo, jq): {_KEEP}",
    Cause.BODY_LINE_ENDS: f"line ends were changed between LF and CRLF: {_KEEP}",
    Cause.BODY_BOM: f"a byte order mark was put before the body (an editor on Windows): {_KEEP}",
    Cause.BODY_RESERIALISED: f"the body was re-serialised or pretty-printed (jq, a proxy, curl -d): {_KEEP}",
    Cause.BODY_CHARSET: f"the body was converted to another character set: {_KEEP}, in UTF-8",
    Cause.BODY_JSON_OF_FORM: "the hook is set to form-encoded and this is the JSON inside: use the form, "
    "or set the hook to JSON",
    Cause.BODY_FORM_ENCODED: "the signature covers the JSON inside the form, as Gitea, Forgejo and Gogs "
    "sign: is the forge the right one, is the hook set to JSON?",
}
_FORM_SIGNED = "the signature covers the form itself, as GitHub signs: is the forge the right one?"
_UNKNOWN = {  # the hint when no cause is found
    Cause.SIGNATURE_WRONG: "either the forge has another secret, or the body was changed on the way: "
    "paste the secret again on both sides, and compare the body with the forge's page of recent deliveries",
    Cause.TOKEN_WRONG: "the forge has another token: paste it again on both sides",
    Cause.AUTHORIZATION_WRONG: "either the forge sends another value, or a proxy puts its own in its place: "
    "compare the header on both sides of the proxy",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Diagnosis:
    """What is wrong, and what to do."""

    cause: Cause
    hint: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Case:
    """A refused request and the keys that may have been meant."""

    failure: NotAuthentic
    proof: Proof | NotAuthentic  # what did not fit
    signed: bytes  # what the signature should cover
    request: Request
    secrets: Sequence[Secret]  # one of which should have fitted
    others: Sequence[Secret]  # configured elsewhere; the label says where


def case_of(
    request: Request,
    failure: NotAuthentic,
    *,
    hook: Hook,
    repositories: Sequence[Repository],
    others: Sequence[Secret] = (),
) -> Case:
    """Collect what is known about a request that *hook* refused; *others* are keys configured elsewhere."""
    scheme = forge(hook.forge).scheme
    kind = next((kind for kind in ProofKind if str(kind) in failure.cause), ProofKind.SIGNATURE)
    tried = [keys for keyring in keyrings_for(hook, repositories) for keys in keyring.by_kind()]
    own = [secret for of, secrets in tried if of is kind for secret in secrets]
    return Case(
        failure=failure,
        proof=proof_of(request.headers, scheme, kind),
        signed=signed_bytes(request, scheme),
        request=request,
        secrets=own,
        others=[secret for secret in others if secret not in own],
    )


def daemon_cause(case: Case) -> Cause:
    """Return what the daemon can log as the cause, with the keys that it has and at little cost.

    That is what the headers show, another configured secret, and a form instead of its JSON or the reverse.
    """
    cause = Cause(case.failure.cause)
    if cause not in _UNKNOWN or len(case.request.body) > LONG:
        return cause
    keys = [*_own_keys(case)][:MANY] + [*_other_keys(case)][:MANY]
    return next((found.cause for found in _fitting(case, keys, _form_or_json(case))), cause)


def diagnose(case: Case) -> Diagnosis:
    """Return the cause, if it is one of those that can be found."""
    cause = Cause(case.failure.cause)
    if cause not in _UNKNOWN:
        hint = f"{case.failure}: {case.failure.hint}" if case.failure.hint else str(case.failure)
        return Diagnosis(cause=cause, hint=hint)
    of_body = cause is Cause.SIGNATURE_WRONG  # a token does not depend on the body
    if of_body and not case.request.body:
        return Diagnosis(
            cause=Cause.BODY_EMPTY,
            hint="no body arrived: a redirect turned the POST into a GET, or a proxy dropped it",
        )
    keys = [*_own_keys(case), *_other_keys(case), *_altered_keys(case)]
    bodies = chain(_form_or_json(case), _altered_bodies(case.signed)) if of_body else ()
    if found := next(_fitting(case, keys, bodies), None):
        return found
    if of_body and _is_cut(case):
        hint = "the end of the body is missing: a proxy's limit, or a log that cuts long lines"
        return Diagnosis(cause=Cause.BODY_TRUNCATED, hint=hint)
    return Diagnosis(cause=cause, hint=_UNKNOWN[cause])


# What may have made the signature: a key, and what happened to it, if anything; a body likewise.
_Key = tuple[Secret, Diagnosis | None]
_Body = tuple[bytes, Diagnosis | None]


def _fitting(case: Case, keys: Sequence[_Key], bodies: Iterable[_Body]) -> Iterator[Diagnosis]:
    """Yield what makes the proof that was sent: one of *keys* with the body as it is, or one of *bodies*."""
    for body, of_body in chain([(case.signed, None)], bodies):
        for key, of_key in keys:
            if not fits(case.proof, key, body):
                continue
            if of_key and of_body:
                yield Diagnosis(cause=of_body.cause, hint=f"{of_body.hint}; and also: {of_key.hint}")
            elif of_body:
                yield Diagnosis(cause=of_body.cause, hint=f"the secret is right, but {of_body.hint}")
            elif of_key:
                yield of_key


# -- keys


def _own_keys(case: Case) -> Iterator[_Key]:
    return ((secret, None) for secret in case.secrets)


def _other_keys(case: Case) -> Iterator[_Key]:
    for secret in case.others:
        hint = f"it was made with another configured secret: {secret.label}"
        yield secret, Diagnosis(cause=Cause.OTHER_SECRET, hint=hint)


def _altered_keys(case: Case) -> Iterator[_Key]:
    for secret in case.secrets:
        for cause, hint, other in altered(secret, _forge_keys):
            yield other, Diagnosis(cause=cause, hint=hint)


def _forge_keys(key: bytes) -> Iterator[tuple[Cause, str, bytes]]:
    """Yield what the forge's secret may be when webhookd has *key*."""
    hint = "the forge's secret ends in a newline: paste it again, without one"
    yield Cause.SECRET_NEWLINE, hint, key + b"\n"
    yield Cause.SECRET_NEWLINE, hint, key + b"\r\n"
    hint = "this secret ends in a newline of its own: write it with printf, not echo"
    yield Cause.SECRET_NEWLINE, hint, key.rstrip(b"\r\n")
    for quote in (b'"', b"'"):
        hint = "the forge's secret is in quotes: paste it again, without them"
        yield Cause.SECRET_QUOTES, hint, quote + key + quote
        if key[:1] == key[-1:] == quote:
            hint = "this secret is in quotes, the forge's is not: remove them"
            yield Cause.SECRET_QUOTES, hint, key[1:-1]
    hint = "one of the two secrets begins or ends with white space: paste it again"
    yield from ((Cause.SECRET_SPACES, hint, value) for value in (key.strip(), key + b" ", b" " + key))
    hint = "this secret is a whole line of an environment file: keep only what follows the ="
    yield Cause.SECRET_ASSIGNMENT, hint, key.partition(b"=")[2].strip(b"\"'")


# -- bodies


def _happened(cause: Cause, value: bytes) -> _Body:
    return value, Diagnosis(cause=cause, hint=_HINTS[cause])


def _form_or_json(case: Case) -> Iterator[_Body]:
    """Yield the form if its JSON should be signed, the JSON in a form, or the form around JSON."""
    if case.request.body != case.signed:
        yield case.request.body, Diagnosis(cause=Cause.BODY_FORM_ENCODED, hint=_FORM_SIGNED)
    try:
        yield _happened(Cause.BODY_FORM_ENCODED, payload_field(case.signed))
    except BadPayload:
        yield from (_happened(Cause.BODY_JSON_OF_FORM, form) for form in _as_forms(case.signed))


def _altered_bodies(body: bytes) -> Iterator[_Body]:
    """Yield what may have been signed when *body* is what arrived."""
    unix, bare = body.replace(b"\r\n", b"\n"), body.removeprefix(_BOM)
    for cause, text in (
        (Cause.BODY_FINAL_NEWLINE, body),
        (Cause.BODY_LINE_ENDS, unix),
        (Cause.BODY_LINE_ENDS, unix.replace(b"\n", b"\r\n")),
        (Cause.BODY_BOM, bare),
        (Cause.BODY_BOM, bare.replace(b"\r\n", b"\n")),
    ):
        for value in (text, text.rstrip(), text + b"\n", text + b"\r\n"):
            yield _happened(cause, value)
    for now, then in (("utf-16", "utf-8"), ("utf-8", "latin-1"), ("latin-1", "utf-8")):
        with suppress(UnicodeError):
            yield _happened(Cause.BODY_CHARSET, body.decode(now).encode(then))
    if len(body) <= LONGEST:
        yield from _written_again(body)


def _written_again(body: bytes) -> Iterator[_Body]:
    """Yield the form or JSON in *body* in every way in which it may have been written before."""
    try:
        forms = _as_forms(payload_field(body))
    except BadPayload:
        for text in _spellings(body):
            yield _happened(Cause.BODY_RESERIALISED, text)
            yield from (_happened(Cause.BODY_JSON_OF_FORM, form) for form in _as_forms(text))
    else:
        yield from (_happened(Cause.BODY_RESERIALISED, form) for form in forms)


def _spellings(body: bytes) -> Iterator[bytes]:
    """Write JSON as the forges do: dense, indented or as Python does, with or without Go's escapes."""
    try:
        value = json.loads(body.decode("utf-8-sig"))
    except (ValueError, RecursionError):
        return
    layouts: tuple[dict[str, Any], ...] = ({"separators": (",", ":")}, {"indent": 2}, {})
    for layout, ascii_only in product(layouts, (False, True)):
        text = json.dumps(value, ensure_ascii=ascii_only, **layout)
        yield from {each.encode("utf-8", "surrogatepass") for each in (text, text.translate(_GO_ESCAPES))}


def _as_forms(document: bytes) -> Iterator[bytes]:
    """Encode a form as Go and Python do, and as Ruby does."""
    for encoded in (quote_plus(document), quote_plus(document, safe="*").replace("~", "%7E")):
        yield b"payload=" + encoded.encode()


def _is_cut(case: Case) -> bool:
    text = case.signed.strip()
    length = case.request.headers.get("content-length", "")
    if length.isdecimal() and int(length) > len(case.request.body):
        return True
    return text.startswith(b"{") and not text.endswith(b"}")
