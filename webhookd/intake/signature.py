"""Check and make signatures: the one module that reads the key of a `Secret` (pure).

Every failure is a `NotAuthentic` whose answer is the same for all and whose `cause` is for the log.
The scheme is the hook's; nothing in a request chooses it.
"""

import base64
import binascii
import hmac
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from webhookd.errors import NotAuthentic
from webhookd.intake.causes import Cause
from webhookd.intake.proof import Proof, ProofKind, Scheme, proof_of
from webhookd.models.settings import Secret

TOLERANCE = 300  # seconds a Standard Webhooks timestamp may be off, either way, as in the reference libraries

_SIGNING_PREFIX = b"whsec_"


@dataclass(frozen=True, slots=True, kw_only=True)
class Keyring:
    """The keys of one owner; of every kind that it has, one must fit."""

    repository: str = ""  # the key in `repos` whose own keys these are; "": the hook's
    secrets: tuple[Secret, ...] = ()
    tokens: tuple[Secret, ...] = ()
    authorization: tuple[Secret, ...] = ()

    def by_kind(self) -> Iterator[tuple[ProofKind, tuple[Secret, ...]]]:
        """Return each kind of proof that is required, with the secrets of which one must fit."""
        by_kind = zip(ProofKind, (self.secrets, self.tokens, self.authorization), strict=True)
        return ((kind, secrets) for kind, secrets in by_kind if secrets)


@dataclass(frozen=True, slots=True, kw_only=True)
class Opening:
    """The keyring that opened a request, and the label of the key that fitted."""

    repository: str
    label: str


def split_tokens(secrets: Sequence[Secret], scheme: Scheme) -> tuple[tuple[Secret, ...], tuple[Secret, ...]]:
    """Separate signing secrets from plain tokens: where the forge has tokens, only ``whsec_…`` signs."""
    signing = [scheme.token_header is None or secret.key.startswith(_SIGNING_PREFIX) for secret in secrets]
    pairs = list(zip(secrets, signing, strict=True))
    return tuple(s for s, signs in pairs if signs), tuple(s for s, signs in pairs if not signs)


def check_headers(headers: Mapping[str, str], scheme: Scheme, *, keyrings: Iterable[Keyring]) -> None:
    """Raise NotAuthentic when no keyring can open with these headers, whatever the body is."""
    problems = []
    for keyring in keyrings:
        needed = [proof_of(headers, scheme, kind) for kind, _ in keyring.by_kind()]
        problem = next((proof for proof in needed if isinstance(proof, NotAuthentic)), None)
        if needed and problem is None:
            return
        problems.append(problem or _no_secret())
    raise _most_telling(problems)


def verify(
    headers: Mapping[str, str],
    signed: bytes,
    *,
    scheme: Scheme,
    keyrings: Iterable[Keyring],
    now: datetime,
) -> tuple[Opening, ...]:
    """Return every keyring that opens the *signed* bytes; raise NotAuthentic when there is none."""
    tried = [_open(headers, signed, scheme, keyring, now) for keyring in keyrings]
    opened = tuple(result for result in tried if isinstance(result, Opening))
    if opened:
        return opened
    try:
        raise _most_telling([result for result in tried if isinstance(result, NotAuthentic)])
    finally:
        tried.clear()  # or this frame and the error keep each other, and the body, until a garbage collection


def _open(
    headers: Mapping[str, str], signed: bytes, scheme: Scheme, keyring: Keyring, now: datetime
) -> Opening | NotAuthentic:
    labels = []
    for kind, secrets in keyring.by_kind():
        proof = proof_of(headers, scheme, kind)
        if isinstance(proof, NotAuthentic):
            return proof
        fitting = [secret.label for secret in secrets if fits(proof, secret, signed)]  # all are tried
        if not fitting:
            return NotAuthentic(f"the {kind} does not match", cause=Cause(f"{kind} wrong"))
        if proof.timestamp and (late := _out_of_time(proof.timestamp, now)):
            return late
        labels.append(fitting[0])
    return Opening(repository=keyring.repository, label=" + ".join(labels)) if labels else _no_secret()


def _no_secret() -> NotAuthentic:
    return NotAuthentic("no secret is configured for it", cause=Cause.NO_SECRET)


def _most_telling(problems: Sequence[NotAuthentic]) -> NotAuthentic:
    """Return the problem of the first keyring that has keys."""
    return next((problem for problem in problems if problem.cause != Cause.NO_SECRET), problems[0])


def fits(proof: Proof | NotAuthentic, secret: Secret, signed: bytes) -> bool:
    """Return, in constant time, whether *secret* makes this proof."""
    if isinstance(proof, NotAuthentic):
        return False
    if proof.is_shared:
        expected = secret.key.translate(None, b"\r\n")
    elif proof.timestamp:
        expected = _standard_digest(secret, proof.webhook_id, proof.timestamp, signed)
    else:
        expected = _hex_digest(secret, signed, "sha256")
    return sum(hmac.compare_digest(expected, value) for value in proof.values) > 0  # all are tried


def altered(
    secret: Secret, alter: Callable[[bytes], Iterable[tuple[Cause, str, bytes]]]
) -> Iterator[tuple[Cause, str, Secret]]:
    """Yield *secret* with every key that *alter* makes of its own, and what that says about it."""
    return ((cause, hint, replace(secret, key=key)) for cause, hint, key in alter(secret.key))


def _hex_digest(secret: Secret, signed: bytes, algorithm: str) -> bytes:
    return binascii.hexlify(hmac.digest(secret.key, signed, algorithm))


def _standard_digest(secret: Secret, webhook_id: str, timestamp: str, signed: bytes) -> bytes:
    message = f"{webhook_id}.{timestamp}.".encode() + signed
    return base64.b64encode(hmac.digest(_standard_key(secret), message, "sha256"))


def _standard_key(secret: Secret) -> bytes:
    """Return the key of a Standard Webhooks secret: the base64 behind ``whsec_``, decoded.

    Both the prefix and the padding may be missing, as in the reference libraries. What is not base64 is
    used as it is.
    """
    encoded = secret.key.removeprefix(_SIGNING_PREFIX)
    try:
        return base64.b64decode(encoded + b"=" * (-len(encoded) % 4), validate=True)
    except binascii.Error:
        return secret.key


def _out_of_time(timestamp: str, now: datetime) -> NotAuthentic | None:
    """Refuse an old signature: somebody may have recorded it and send it again."""
    age = now.timestamp() - int(timestamp)
    if abs(age) <= TOLERANCE:
        return None
    word = "old" if age > 0 else "new"
    return NotAuthentic(
        f"the signature is right, but its timestamp is {abs(age):.0f} s too {word}",
        cause=Cause(f"timestamp too {word}"),
        hint="check the clocks of both machines; `verify --at TIME` checks a recorded delivery",
    )


def proof_headers(
    signed: bytes, *, scheme: Scheme, keyring: Keyring, delivery: str, now: datetime
) -> dict[str, str]:
    """Return the headers by which a forge proves who it is; the first key of every kind is used."""
    headers = {}
    if keyring.secrets and scheme.header is not None:
        for header in (scheme.header, *scheme.also_sent):
            digest = _hex_digest(keyring.secrets[0], signed, header.algorithm).decode()
            headers[header.name] = header.prefix + digest
    elif keyring.secrets:
        timestamp = str(int(now.timestamp()))
        digest = _standard_digest(keyring.secrets[0], delivery, timestamp, signed).decode()
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
    """Return the key as WSGI shows it; line breaks cannot be sent, and GitLab drops them."""
    return secret.key.translate(None, b"\r\n").decode("latin-1")
