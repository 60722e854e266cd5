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


@dataclass(frozen=True, slots=True)
class HexSignature:
    """An HMAC in hex, without its prefix."""

    digest: bytes


@dataclass(frozen=True, slots=True)
class StandardSignature:
    """The headers of Standard Webhooks; there are several signatures while a key is being changed."""

    webhook_id: str
    timestamp: str
    digests: tuple[bytes, ...]  # base64, those of version v1


@dataclass(frozen=True, slots=True)
class SharedValue:
    """A value that sender and receiver share and that is sent as it is: a token, an Authorization header."""

    value: bytes


Proof = HexSignature | StandardSignature | SharedValue

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
_CHANGED = "something between the forge and webhookd changes, joins or repeats the header"


def proof_of(headers: Mapping[str, str], scheme: Scheme, kind: ProofKind) -> Proof | NotAuthentic:
    """Return the proof of a *kind* in *headers*, by the rules of *scheme*, or what is wrong with it."""
    if kind is ProofKind.TOKEN:
        return _shared_value(headers, scheme.token_header or "", kind)
    if kind is ProofKind.AUTHORIZATION:
        return _shared_value(headers, "Authorization", kind)
    return _standard(headers) if scheme.header is None else _hex(headers, scheme.header)


def _hex(headers: Mapping[str, str], header: HexHeader) -> HexSignature | NotAuthentic:
    value = headers.get(header.name.lower())
    if value is None:
        other = _other_header(headers)
        if other == "x-hub-signature" and headers[other].lower().startswith("sha1="):
            return _sha1(header)
        return _missing(header.name, other)
    digest = value.removeprefix(header.prefix)
    if not digest.strip():
        return _empty(header.name)
    if value.startswith(header.prefix) and _DIGEST.fullmatch(digest):
        return HexSignature(digest.encode())
    return _malformed(value, headers, header)


def _malformed(value: str, headers: Mapping[str, str], header: HexHeader) -> NotAuthentic:
    if _GITHUB in headers and header.name.lower() != _GITHUB:
        return _other_forge(f'beside the "{header.name}" header there is "{_GITHUB}"')
    known = _ANY_DIGEST.fullmatch(value)
    if known and ((known[1] or "").lower() == "sha1=" or len(known[2]) < 64):  # noqa: PLR2004 - hex of SHA-256
        return _sha1(header)
    if _VERSIONED.match(value) or (known and (known[1] or "") != header.prefix):
        return _other_forge(f'the "{header.name}" header has the shape of another forge\'s signature')
    return NotAuthentic(
        f'the "{header.name}" header is not "{header.prefix}" and 64 hex digits',
        cause=Cause.SIGNATURE_MALFORMED,
        hint=_CHANGED,
    )


def _standard(headers: Mapping[str, str]) -> StandardSignature | NotAuthentic:
    """Read the three headers; an unknown version beside a v1 signature is skipped.

    https://github.com/standard-webhooks/standard-webhooks/blob/main/spec/standard-webhooks.md
    """
    given = {header: headers.get(header) for header in (_STANDARD, "webhook-id", "webhook-timestamp")}
    for header, value in given.items():
        if value is None:
            return _missing(header, _other_header(headers, but=_STANDARD))
        if not value.strip():
            return _empty(header)
    signatures, webhook_id, timestamp = (value or "" for value in given.values())
    entries = signatures.split(" ")
    digests = tuple(entry[3:].encode() for entry in entries if entry.startswith("v1,") and entry.isascii())
    if not digests or not _WEBHOOK_ID.fullmatch(webhook_id) or not _TIMESTAMP.fullmatch(timestamp):
        return NotAuthentic(
            "the webhook-id, webhook-timestamp or webhook-signature header is malformed",
            cause=Cause.SIGNATURE_MALFORMED,
            hint=_CHANGED,
        )
    return StandardSignature(webhook_id, timestamp, digests)


def _shared_value(headers: Mapping[str, str], header: str, kind: ProofKind) -> SharedValue | NotAuthentic:
    value = headers.get(header.lower())
    if value is not None and value.strip():
        return SharedValue(_wire_bytes(value))
    hint = f"set the {kind} in the forge's webhook settings too"
    if value is None:
        return NotAuthentic(f'there is no "{header}" header', cause=Cause(f"{kind} missing"), hint=hint)
    return NotAuthentic(f'the "{header}" header is empty', cause=Cause(f"{kind} empty"), hint=hint)


def _other_header(headers: Mapping[str, str], *, but: str = "") -> str | None:
    return next((name for name in _PROOF_HEADERS if name in headers and name != but), None)


def _missing(header: str, other: str | None) -> NotAuthentic:
    message = f'there is no "{header}" header'
    hint = "set the secret in the forge's webhook settings too: without one it does not sign"
    if other == "x-gitlab-token" and header.startswith("webhook-"):
        message += ", but a token"
        hint = "the hook has a signing secret: set it in GitLab too, or configure `token`"
    elif other is not None:
        return _other_forge(f'{message}, but "{other}"')
    return NotAuthentic(message, cause=Cause.SIGNATURE_MISSING, hint=hint)


def _empty(header: str) -> NotAuthentic:
    return NotAuthentic(
        f'the "{header}" header is empty',
        cause=Cause.SIGNATURE_EMPTY,
        hint="set the secret in the forge's webhook settings too: without one it signs with nothing",
    )


def _sha1(header: HexHeader) -> NotAuthentic:
    return NotAuthentic(
        f'there is only a SHA-1 signature, not "{header.name}: {header.prefix}…"',
        cause=Cause.SHA1_GIVEN,
        hint=f'check "{header.name}", with SHA-256: SHA-1 is never believed',
    )


def _other_forge(message: str) -> NotAuthentic:
    return NotAuthentic(
        message,
        cause=Cause.OTHER_FORGE,
        hint="the hook's `forge` is not the one that sends here",
    )


def _wire_bytes(value: str) -> bytes:
    """Return the bytes that were sent: WSGI shows each as one Latin-1 character."""
    try:
        return value.encode("latin-1")
    except UnicodeEncodeError:
        return value.encode("utf-8", "surrogatepass")
