"""Read what a request's headers present as proof, without any key (pure).

A claim that is missing or malformed is a `NotAuthentic`, with the cause that the headers alone can tell.
Header values never reach a message: whoever sends them would write into the log.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum

from webhookd.errors import NotAuthentic
from webhookd.intake.causes import Cause
from webhookd.intake.schemes import Mark, Scheme

_DIGEST = re.compile(r"[0-9a-f]{64}")  # lower case only: every forge writes it so
_ANY_DIGEST = re.compile(r"(sha1=|sha256=)?([0-9a-f]{40}|[0-9a-f]{64})", re.IGNORECASE)
_WEBHOOK_ID = re.compile(r"[\x21-\x2d\x2f-\x7e]{1,256}")  # no dot: it separates the signed parts
_TIMESTAMP = re.compile(r"[0-9]{1,12}")
_VERSIONED = re.compile(r"v1a?,[A-Za-z0-9+/]")

# How the forges name their signature or token, to recognise the one of another forge.
_GITHUBS = "x-hub-signature-256"  # with the SHA-1 of the same body beside it
_PROOF_HEADERS = (
    _GITHUBS,
    "x-gitea-signature",
    "x-gogs-signature",
    "x-hub-signature",
    "x-gitlab-token",
    "webhook-signature",
)


class Kind(StrEnum):
    """What a sender can show to be believed."""

    SIGNATURE = "signature"
    TOKEN = "token"  # noqa: S105 - a word
    AUTHORIZATION = "authorization"


@dataclass(frozen=True, slots=True)
class HexSignature:
    """An HMAC in hex, without its prefix."""

    digest: bytes


@dataclass(frozen=True, slots=True)
class StandardSignature:
    """The headers of Standard Webhooks; several signatures while a key is being changed."""

    webhook_id: str
    timestamp: str
    digests: tuple[bytes, ...]  # base64, those of version v1


@dataclass(frozen=True, slots=True)
class Shown:
    """A shared value that the sender simply shows: a token, an Authorization header."""

    value: bytes


Claim = HexSignature | StandardSignature | Shown


@dataclass(frozen=True, slots=True)
class Claims:
    """What the headers of one request claim by the rules of *scheme*."""

    headers: Mapping[str, str]
    scheme: Scheme

    def of(self, kind: Kind) -> Claim | NotAuthentic:
        """Give the claim for a kind of key, or what is wrong with it."""
        if kind is Kind.TOKEN:
            return _shown(self.headers, self.scheme.token_header or "", "token")
        if kind is Kind.AUTHORIZATION:
            return _shown(self.headers, "Authorization", "authorization")
        mark = self.scheme.mark
        return _standard(self.headers) if mark is None else _hex(self.headers, mark)


def _hex(headers: Mapping[str, str], mark: Mark) -> HexSignature | NotAuthentic:
    value = headers.get(mark.header.lower())
    if value is None:
        return _missing(headers, mark)
    digest = value.removeprefix(mark.prefix)
    if not digest.strip():
        return _empty(mark.header)
    if value.startswith(mark.prefix) and _DIGEST.fullmatch(digest):
        return HexSignature(digest.encode())
    return _malformed(value, headers, mark)


def _missing(headers: Mapping[str, str], mark: Mark) -> NotAuthentic:
    foreign = next((name for name in _PROOF_HEADERS if name in headers), None)
    if foreign == "x-hub-signature" and headers[foreign].lower().startswith("sha1="):
        return _sha1(mark)
    if foreign is not None:
        return _foreign(f'there is no "{mark.header}" header, but "{foreign}"')
    return NotAuthentic(
        f'there is no "{mark.header}" header',
        cause=Cause.SIGNATURE_MISSING,
        hint="set the secret in the forge's webhook settings too: without one it does not sign",
    )


def _empty(header: str) -> NotAuthentic:
    return NotAuthentic(
        f'the "{header}" header is empty',
        cause=Cause.SIGNATURE_EMPTY,
        hint="set the secret in the forge's webhook settings too: without one it signs with nothing",
    )


def _malformed(value: str, headers: Mapping[str, str], mark: Mark) -> NotAuthentic:
    if _GITHUBS in headers and mark.header.lower() != _GITHUBS:
        return _foreign(f'beside the "{mark.header}" header there is "{_GITHUBS}"')
    known = _ANY_DIGEST.fullmatch(value)
    if known and ((known[1] or "").lower() == "sha1=" or len(known[2]) < 64):  # noqa: PLR2004 - hex of SHA-256
        return _sha1(mark)
    if _VERSIONED.match(value) or (known and (known[1] or "") != mark.prefix):
        return _foreign(f'the "{mark.header}" header has the shape of another forge\'s signature')
    return NotAuthentic(
        f'the "{mark.header}" header is not "{mark.prefix}" and 64 hex digits',
        cause=Cause.SIGNATURE_MALFORMED,
        hint="something between the forge and webhookd changes, joins or repeats the header",
    )


def _sha1(mark: Mark) -> NotAuthentic:
    return NotAuthentic(
        f'only a SHA-1 signature is given, not "{mark.header}: {mark.prefix}…"',
        cause=Cause.SHA1_GIVEN,
        hint=f'check "{mark.header}", with SHA-256: SHA-1 is never believed',
    )


def _foreign(message: str) -> NotAuthentic:
    return NotAuthentic(
        message,
        cause=Cause.OTHER_FORGE,
        hint="the hook's `forge` is not the one that sends here",
    )


def _standard(headers: Mapping[str, str]) -> StandardSignature | NotAuthentic:
    """Read the three headers; an unknown version beside a v1 signature is skipped.

    https://github.com/standard-webhooks/standard-webhooks/blob/main/spec/standard-webhooks.md
    """
    given = {key: headers.get(f"webhook-{key}") for key in ("signature", "id", "timestamp")}
    for key, value in given.items():
        if value is None:
            return _missing_standard(headers, f"webhook-{key}")
        if not value.strip():
            return _empty(f"webhook-{key}")
    webhook_id, timestamp = given["id"] or "", given["timestamp"] or ""
    entries = (given["signature"] or "").split(" ")
    digests = tuple(entry[3:].encode() for entry in entries if entry.startswith("v1,") and entry.isascii())
    if not digests or not _WEBHOOK_ID.fullmatch(webhook_id) or not _TIMESTAMP.fullmatch(timestamp):
        return NotAuthentic(
            "the webhook-id, webhook-timestamp or webhook-signature header is malformed",
            cause=Cause.SIGNATURE_MALFORMED,
            hint="something between the forge and webhookd changes, joins or repeats the headers",
        )
    return StandardSignature(webhook_id, timestamp, digests)


def _missing_standard(headers: Mapping[str, str], header: str) -> NotAuthentic:
    foreign = next((name for name in _PROOF_HEADERS[:-1] if name in headers), None)
    if foreign == "x-gitlab-token":
        return NotAuthentic(
            f'there is no "{header}" header, but a token',
            cause=Cause.SIGNATURE_MISSING,
            hint="the hook has a signing secret: set it in GitLab too, or configure `token`",
        )
    if foreign is not None:
        return _foreign(f'there is no "{header}" header, but "{foreign}"')
    return NotAuthentic(
        f'there is no "{header}" header',
        cause=Cause.SIGNATURE_MISSING,
        hint="set the signing token in the forge's webhook settings too: without one it does not sign",
    )


def _shown(headers: Mapping[str, str], header: str, what: str) -> Shown | NotAuthentic:
    value = headers.get(header.lower())
    if value is None:
        return NotAuthentic(
            f'there is no "{header}" header',
            cause=Cause(f"{what} missing"),
            hint=f"set the {what} in the forge's webhook settings too",
        )
    if not value.strip():
        return NotAuthentic(
            f'the "{header}" header is empty',
            cause=Cause(f"{what} empty"),
            hint=f"set the {what} in the forge's webhook settings too",
        )
    return Shown(_wire_bytes(value))


def _wire_bytes(value: str) -> bytes:
    """Give the bytes that were sent: WSGI shows each as one Latin-1 character."""
    try:
        return value.encode("latin-1")
    except UnicodeEncodeError:
        return value.encode("utf-8", "surrogatepass")
