"""Check and make signatures: the one module that reads the key of a `Secret` (pure).

Every failure is a `NotAuthentic` whose answer is the same for all and whose `cause` is for the log.
The scheme is the hook's; nothing in a request chooses it.
"""

import base64
import binascii
import hmac
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import TYPE_CHECKING

from webhookd.errors import NotAuthentic
from webhookd.intake.causes import Cause
from webhookd.intake.claims import Claim, Claims, HexSignature, Kind, Shown, StandardSignature
from webhookd.intake.schemes import Scheme
from webhookd.models import Hook, Repository, Secret

if TYPE_CHECKING:
    from webhookd.intake.altered_keys import Altered

TOLERANCE = 300  # seconds a Standard Webhooks timestamp may be off, either way, as in the reference libraries

_SIGNING_PREFIX = b"whsec_"


@dataclass(frozen=True, slots=True, kw_only=True)
class Keyring:
    """The keys of one owner; of every kind that it holds, one must fit."""

    repository: str = ""  # the key in `repos` whose own keys these are; "": the hook's
    secrets: tuple[Secret, ...] = ()
    tokens: tuple[Secret, ...] = ()
    authorization: tuple[Secret, ...] = ()

    def locks(self) -> Iterator[tuple[Kind, tuple[Secret, ...]]]:
        """Give each kind of key that has to fit, with those of which one must."""
        if self.secrets:
            yield Kind.SIGNATURE, self.secrets
        if self.tokens:
            yield Kind.TOKEN, self.tokens
        if self.authorization:
            yield Kind.AUTHORIZATION, self.authorization


@dataclass(frozen=True, slots=True, kw_only=True)
class Opening:
    """Which keyring opened a request, and the label of the key that fitted."""

    repository: str
    label: str


def hook_keyring(hook: Hook) -> Keyring:
    """Give the keys of a hook."""
    return Keyring(secrets=hook.secrets, tokens=hook.tokens, authorization=hook.authorization)


def repository_keyring(repository: Repository, hook: Hook, scheme: Scheme) -> Keyring:
    """Give the keys that open *repository* alone; the hook's Authorization header is asked for as well."""
    secrets, tokens = split_tokens(repository.secrets, scheme)
    return Keyring(
        repository=repository.pattern, secrets=secrets, tokens=tokens, authorization=hook.authorization
    )


def split_tokens(secrets: Sequence[Secret], scheme: Scheme) -> tuple[tuple[Secret, ...], tuple[Secret, ...]]:
    """Part signing secrets from plain tokens: where the forge knows tokens, only ``whsec_…`` signs."""
    signing = [scheme.token_header is None or secret.key.startswith(_SIGNING_PREFIX) for secret in secrets]
    pairs = list(zip(secrets, signing, strict=True))
    return tuple(s for s, signs in pairs if signs), tuple(s for s, signs in pairs if not signs)


def precheck(claims: Claims, keyrings: Iterable[Keyring]) -> None:
    """Raise NotAuthentic when no keyring can open with these claims, whatever the body is."""
    problems = []
    for keyring in keyrings:
        problem = _problem(claims, keyring)
        if problem is None:
            return
        problems.append(problem)
    raise _telling(problems)


def verify(
    claims: Claims, signed: bytes, *, keyrings: Iterable[Keyring], now: datetime
) -> tuple[Opening, ...]:
    """Give every keyring that opens what was signed; raise NotAuthentic if there is none."""
    tried = [_open(claims, signed, keyring, now) for keyring in keyrings]
    opened = tuple(result for result in tried if isinstance(result, Opening))
    if not opened:
        raise _telling([result for result in tried if isinstance(result, NotAuthentic)])
    return opened


def _telling(problems: Sequence[NotAuthentic]) -> NotAuthentic:
    """Give the problem that says most: the first of a keyring that has keys."""
    return next((problem for problem in problems if problem.cause != Cause.NO_SECRET), problems[0])


def _problem(claims: Claims, keyring: Keyring) -> NotAuthentic | None:
    needed = [claims.of(kind) for kind, _ in keyring.locks()]
    if not needed:
        return NotAuthentic("no secret is configured for it", cause=Cause.NO_SECRET)
    return next((claim for claim in needed if isinstance(claim, NotAuthentic)), None)


def _open(claims: Claims, signed: bytes, keyring: Keyring, now: datetime) -> Opening | NotAuthentic:
    labels = []
    for kind, secrets in keyring.locks():
        claim = claims.of(kind)
        if isinstance(claim, NotAuthentic):
            return claim
        fitting = [secret.label for secret in secrets if fits(claim, secret, signed)]  # all are tried
        if not fitting:
            return NotAuthentic(f"the {kind} does not match", cause=Cause(f"{kind} wrong"))
        if isinstance(claim, StandardSignature) and (late := _out_of_time(claim, now)):
            return late
        labels.append(fitting[0])
    if not labels:
        return NotAuthentic("no secret is configured for it", cause=Cause.NO_SECRET)
    return Opening(repository=keyring.repository, label=" + ".join(labels))


def fits(claim: Claim | NotAuthentic, secret: Secret, signed: bytes) -> bool:
    """Tell, in constant time, whether *secret* makes what is claimed."""
    match claim:
        case HexSignature(digest):
            return hmac.compare_digest(_hex(secret, signed, "sha256"), digest)
        case StandardSignature(webhook_id, timestamp, digests):
            expected = _standard(secret, webhook_id, timestamp, signed)
            return sum(hmac.compare_digest(expected, digest) for digest in digests) > 0  # all are tried
        case Shown(value):
            return hmac.compare_digest(secret.key.translate(None, b"\r\n"), value)
        case _:
            return False


def altered(
    secret: Secret, alter: "Callable[[bytes], Iterable[Altered]]"
) -> "Iterator[tuple[Altered, Secret]]":
    """Give *secret* with every key that *alter* makes of its own, to find out what somebody did to it."""
    return ((way, replace(secret, key=way.value)) for way in alter(secret.key))


def _hex(secret: Secret, signed: bytes, algorithm: str) -> bytes:
    return binascii.hexlify(hmac.digest(secret.key, signed, algorithm))


def _standard(secret: Secret, webhook_id: str, timestamp: str, signed: bytes) -> bytes:
    message = f"{webhook_id}.{timestamp}.".encode() + signed
    return base64.b64encode(hmac.digest(signing_key(secret), message, "sha256"))


def signing_key(secret: Secret) -> bytes:
    """Give the key bytes of a Standard Webhooks secret: what stands in base64 behind ``whsec_``.

    Both the prefix and the padding may be missing, as the reference libraries have it. What is no base64
    is taken as it is.
    """
    encoded = secret.key.removeprefix(_SIGNING_PREFIX)
    try:
        return base64.b64decode(encoded + b"=" * (-len(encoded) % 4), validate=True)
    except binascii.Error:
        return secret.key


def _out_of_time(claim: StandardSignature, now: datetime) -> NotAuthentic | None:
    """Refuse an old signature, which somebody may have recorded and be playing back."""
    age = now.timestamp() - int(claim.timestamp)
    if abs(age) <= TOLERANCE:
        return None
    word = "old" if age > 0 else "new"
    return NotAuthentic(
        f"the signature is right, but its timestamp is {abs(age):.0f} s too {word}",
        cause=Cause(f"timestamp too {word}"),
        hint="check the clocks of both machines; `verify --at TIME` judges a recorded delivery",
    )


def sign(signed: bytes, *, scheme: Scheme, keyring: Keyring, delivery: str, now: datetime) -> dict[str, str]:
    """Give the headers by which a forge proves itself; of every kind of key the first is used."""
    headers = {}
    if keyring.secrets and scheme.mark is not None:
        for mark in (scheme.mark, *scheme.beside):
            digest = _hex(keyring.secrets[0], signed, mark.algorithm).decode()
            headers[mark.header] = mark.prefix + digest
    elif keyring.secrets:
        timestamp = str(int(now.timestamp()))
        digest = _standard(keyring.secrets[0], delivery, timestamp, signed).decode()
        headers |= {
            "webhook-id": delivery,
            "webhook-timestamp": timestamp,
            "webhook-signature": f"v1,{digest}",
        }
    if keyring.tokens and scheme.token_header:
        headers[scheme.token_header] = _header_value(keyring.tokens[0])
    if keyring.authorization:
        headers["Authorization"] = _header_value(keyring.authorization[0])
    return headers


def _header_value(secret: Secret) -> str:
    """Show the bytes as the characters that WSGI shows; line breaks cannot be sent and GitLab drops them."""
    return secret.key.translate(None, b"\r\n").decode("latin-1")
