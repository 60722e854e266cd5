"""How a forge proves who it is, and the proof that a request's headers hold; needs no key (pure).

A proof that is missing or malformed is a `NotAuthentic`, with the cause that the headers show.
Header values never reach a message: the sender could write anything into the log.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum

from webhookd.errors import NotAuthentic
from webhookd.intake.causes import Cause


class FormSigning(StrEnum):
    """What the signature of a form-encoded delivery covers."""

    NEVER = "never"  # the forge sends JSON only
    BODY = "body"  # the bytes of the form, as received
    FIELD = "field"  # the JSON in its field `payload`


@dataclass(frozen=True, slots=True, kw_only=True)
class HexHeader:
    """A header with a signature: `prefix`, then the HMAC in hex."""

    name: str  # as the forge spells it
    prefix: str = ""
    algorithm: str = "sha256"


@dataclass(frozen=True, slots=True, kw_only=True)
class Scheme:
    """How one forge signs."""

    header: HexHeader | None  # None: the headers of Standard Webhooks
    form: FormSigning = FormSigning.NEVER
    token_header: str | None = None  # has a plain shared token
    also_sent: tuple[HexHeader, ...] = ()  # further signatures of the forge; never believed

    @property
    def id_is_signed(self) -> bool:
        """Whether the id of a delivery is as good as its body: signed with it, or beside a plain token."""
        return self.header is None


class ProofKind(StrEnum):
    """What a sender can show to be believed; in the order of the fields of a keyring."""

    SIGNATURE = "signature"
    TOKEN = "token"  # noqa: S105 - a word
    AUTHORIZATION = "authorization"


@dataclass(frozen=True, slots=True, kw_only=True)
class Proof:
    """What a sender shows, ready to be compared with what a key makes."""

    values: tuple[bytes, ...]  # of which one must fit; several while a key of Standard Webhooks is changed
    is_shared: bool = False  # a value that both sides know and that is sent as it is, and no signature
    webhook_id: str = ""  # signed with the body by Standard Webhooks
    timestamp: str = ""  # likewise; "": an HMAC in hex, of the body alone


_DIGEST = re.compile(r"[0-9a-f]{64}")  # lower case only: every forge writes it so
_ANY_DIGEST = re.compile(r"(sha1=|sha256=)?([0-9a-f]{40}|[0-9a-f]{64})", re.IGNORECASE)
_WEBHOOK_ID = re.compile(r"[\x21-\x2d\x2f-\x7e]{1,256}")  # no dot: it separates the signed parts
_TIMESTAMP = re.compile(r"[0-9]{1,12}")
_VERSIONED = re.compile(r"v1a?,[A-Za-z0-9+/]")

# The signature and token headers of all forges, to recognise the one of another forge.
_GITHUB = "x-hub-signature-256"  # beside it, GitHub sends the SHA-1 of the same body
_STANDARD = "webhook-signature"
_PROOF_HEADERS = (
    _GITHUB,
    "x-gitea-signature",
    "x-gogs-signature",
    "x-hub-signature",
    "x-gitlab-token",
    _STANDARD,
)
_UNSIGNED = "set the secret in the forge's webhook settings too: without one it does not sign"
_HINTS = {
    Cause.SIGNATURE_MISSING: _UNSIGNED,
    Cause.SIGNATURE_EMPTY: _UNSIGNED,
    Cause.SIGNATURE_MALFORMED: "something before webhookd changes, joins or repeats the header",
    Cause.SHA1_GIVEN: "SHA-1 is never believed: check the header with the SHA-256 signature",
    Cause.OTHER_FORGE: "the hook's `forge` is not the one that sends here",
}


def proof_of(headers: Mapping[str, str], scheme: Scheme, kind: ProofKind) -> Proof | NotAuthentic:
    """Return the proof of a *kind* in *headers*, by the rules of *scheme*, or what is wrong with it."""
    if kind is ProofKind.TOKEN:
        return _shared_value(headers, scheme.token_header or "", kind)
    if kind is ProofKind.AUTHORIZATION:
        return _shared_value(headers, "Authorization", kind)
    return _standard(headers) if scheme.header is None else _hex(headers, scheme.header)


def _hex(headers: Mapping[str, str], header: HexHeader) -> Proof | NotAuthentic:
    value = headers.get(header.name.lower())
    if value is None:
        return _missing(headers, header.name)
    digest = value.removeprefix(header.prefix)
    if not digest.strip():
        return _empty(header.name)
    if value.startswith(header.prefix) and _DIGEST.fullmatch(digest):
        return Proof(values=(digest.encode(),))
    return _malformed(value, headers, header)


def _malformed(value: str, headers: Mapping[str, str], header: HexHeader) -> NotAuthentic:
    if _GITHUB in headers and header.name.lower() != _GITHUB:
        return _problem(Cause.OTHER_FORGE, f'beside the "{header.name}" header there is "{_GITHUB}"')
    known = _ANY_DIGEST.fullmatch(value)
    if known and ((known[1] or "").lower() == "sha1=" or len(known[2]) < 64):  # noqa: PLR2004 - hex of SHA-256
        return _problem(Cause.SHA1_GIVEN, f'the "{header.name}" header has a SHA-1 signature')
    if _VERSIONED.match(value) or (known and (known[1] or "") != header.prefix):
        message = f'the "{header.name}" header has the shape of another forge\'s signature'
        return _problem(Cause.OTHER_FORGE, message)
    message = f'the "{header.name}" header is not "{header.prefix}" and 64 hex digits'
    return _problem(Cause.SIGNATURE_MALFORMED, message)


def _standard(headers: Mapping[str, str]) -> Proof | NotAuthentic:
    """Read the three headers; an unknown version beside a v1 signature is skipped.

    https://github.com/standard-webhooks/standard-webhooks/blob/main/spec/standard-webhooks.md
    """
    given = {header: headers.get(header) for header in (_STANDARD, "webhook-id", "webhook-timestamp")}
    for header, value in given.items():
        if value is None:
            return _missing(headers, header)
        if not value.strip():
            return _empty(header)
    signatures, webhook_id, timestamp = (value or "" for value in given.values())
    entries = signatures.split(" ")
    digests = tuple(entry[3:].encode() for entry in entries if entry.startswith("v1,") and entry.isascii())
    if not digests or not _WEBHOOK_ID.fullmatch(webhook_id) or not _TIMESTAMP.fullmatch(timestamp):
        message = "the webhook-id, webhook-timestamp or webhook-signature header is malformed"
        return _problem(Cause.SIGNATURE_MALFORMED, message)
    return Proof(values=digests, webhook_id=webhook_id, timestamp=timestamp)


def _shared_value(headers: Mapping[str, str], header: str, kind: ProofKind) -> Proof | NotAuthentic:
    value = headers.get(header.lower())
    if value is not None and value.strip():
        return Proof(values=(_wire_bytes(value),), is_shared=True)
    hint = f"set the {kind} in the forge's webhook settings too"
    return NotAuthentic(f'the "{header}" header has no value', cause=Cause(f"{kind} missing"), hint=hint)


def _missing(headers: Mapping[str, str], header: str) -> NotAuthentic:
    message, is_standard = f'there is no "{header}" header', header.startswith("webhook-")
    others = [name for name in _PROOF_HEADERS if name in headers and not (is_standard and name == _STANDARD)]
    if not others:
        return _problem(Cause.SIGNATURE_MISSING, message)
    if is_standard and others[0] == "x-gitlab-token":
        hint = "the hook has a signing secret: set it in GitLab too, or configure `token`"
        return NotAuthentic(f"{message}, but a token", cause=Cause.SIGNATURE_MISSING, hint=hint)
    if others[0] == "x-hub-signature" and headers[others[0]].lower().startswith("sha1="):
        return _problem(Cause.SHA1_GIVEN, f"{message}, but a SHA-1 signature")
    return _problem(Cause.OTHER_FORGE, f'{message}, but "{others[0]}"')


def _empty(header: str) -> NotAuthentic:
    return _problem(Cause.SIGNATURE_EMPTY, f'the "{header}" header is empty')


def _problem(cause: Cause, message: str) -> NotAuthentic:
    return NotAuthentic(message, cause=cause, hint=_HINTS[cause])


def _wire_bytes(value: str) -> bytes:
    """Return the bytes that were sent: WSGI shows each as one Latin-1 character."""
    try:
        return value.encode("latin-1")
    except UnicodeEncodeError:
        return value.encode("utf-8", "surrogatepass")
