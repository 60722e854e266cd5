"""Check and make signatures: the one module that reads the key of a `Secret` (pure).

Every failure is a `NotAuthentic` whose answer is the same for all and whose `cause` is for the log.
The scheme is the hook's; nothing in a request chooses it.
"""

import base64
import binascii
import hmac
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime

from webhookd.errors import NotAuthentic
from webhookd.intake.claims import Claims, HexSignature, Shown, StandardSignature
from webhookd.models import Hook, Repository, Secret

TOLERANCE = 300  # seconds a Standard Webhooks timestamp may be off, either way, as in the reference libraries

_SIGNING_PREFIX = b"whsec_"


@dataclass(frozen=True, slots=True, kw_only=True)
class Keyring:
    """The keys of one owner; of every kind that it holds, one must fit."""

    repository: str = ""  # the key in `repos` whose own keys these are; "": the hook's
    secrets: tuple[Secret, ...] = ()
    tokens: tuple[Secret, ...] = ()
    authorization: tuple[Secret, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Opening:
    """Which keyring opened a request, and the label of the key that fitted."""

    repository: str
    label: str


def hook_keyring(hook: Hook) -> Keyring:
    """Give the keys of a hook."""
    return Keyring(secrets=hook.secrets, tokens=hook.tokens, authorization=hook.authorization)


def repository_keyring(repository: Repository, hook: Hook, *, tokens: bool) -> Keyring:
    """Give the keys that open *repository* alone; the hook's Authorization header is asked for as well.

    Where the forge knows plain *tokens*, a key is a signing secret if it is written as one.
    """
    signing = tuple(s for s in repository.secrets if not tokens or is_signing_secret(s))
    return Keyring(
        repository=repository.pattern,
        secrets=signing,
        tokens=tuple(s for s in repository.secrets if s not in signing),
        authorization=hook.authorization,
    )


def is_signing_secret(secret: Secret) -> bool:
    """Tell whether *secret* is written as a Standard Webhooks key."""
    return secret.key.startswith(_SIGNING_PREFIX)


def precheck(claims: Claims, keyrings: Sequence[Keyring]) -> None:
    """Raise NotAuthentic when no keyring can open with these claims, whatever the body is."""
    problems = [_problem(claims, keyring) for keyring in keyrings]
    if problems and None in problems:
        return
    raise next(filter(None, problems), NotAuthentic("the hook has no secret", cause="no secret"))


def verify(
    claims: Claims, signed: bytes, *, keyrings: Iterable[Keyring], now: datetime
) -> tuple[Opening, ...]:
    """Give every keyring that opens what was signed; raise NotAuthentic if there is none."""
    opened = tuple(filter(None, (_open(claims, signed, keyring) for keyring in keyrings)))
    if not opened:
        what = "token" if isinstance(claims.signature, NotAuthentic) else "signature"
        raise NotAuthentic(f"the {what} does not match", cause=f"{what} wrong")
    if isinstance(claims.signature, StandardSignature):
        _check_time(int(claims.signature.timestamp), now)
    return opened


def _kinds(
    claims: Claims, keyring: Keyring
) -> list[tuple[HexSignature | StandardSignature | Shown | NotAuthentic, tuple[Secret, ...]]]:
    kinds = (
        (claims.signature, keyring.secrets),
        (claims.token, keyring.tokens),
        (claims.authorization, keyring.authorization),
    )
    return [kind for kind in kinds if kind[1]]


def _problem(claims: Claims, keyring: Keyring) -> NotAuthentic | None:
    kinds = _kinds(claims, keyring)
    if not kinds:
        return NotAuthentic("the hook has no secret", cause="no secret")
    return next((claim for claim, _ in kinds if isinstance(claim, NotAuthentic)), None)


def _open(claims: Claims, signed: bytes, keyring: Keyring) -> Opening | None:
    labels = []
    for claim, secrets in _kinds(claims, keyring):
        if isinstance(claim, NotAuthentic):
            return None
        fitting = [secret.label for secret in secrets if _fits(claim, secret, signed)]  # all are tried
        if not fitting:
            return None
        labels.append(fitting[0])
    return Opening(repository=keyring.repository, label=" + ".join(labels)) if labels else None


def _fits(claim: HexSignature | StandardSignature | Shown, secret: Secret, signed: bytes) -> bool:
    match claim:
        case HexSignature(digest):
            return hmac.compare_digest(_hex(secret, signed, "sha256"), digest)
        case StandardSignature(webhook_id, timestamp, digests):
            expected = _standard(secret, webhook_id, timestamp, signed)
            return sum(hmac.compare_digest(expected, digest) for digest in digests) > 0  # all are tried
        case Shown(value):
            return hmac.compare_digest(secret.key, value)


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


def _check_time(timestamp: int, now: datetime) -> None:
    age = now.timestamp() - timestamp
    if abs(age) > TOLERANCE:
        word = "old" if age > 0 else "new"
        raise NotAuthentic(
            f"the signature is right, but its timestamp is {abs(age):.0f} s too {word}",
            cause=f"timestamp too {word}",
            hint="check the clocks of both machines; a recorded delivery is refused after 5 minutes",
        )
