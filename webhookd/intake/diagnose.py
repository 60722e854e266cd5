"""Find out why a signature does not match: usual mistakes, tried one by one and named (pure).

For a person at a terminal or a line in the log; the result must never reach a sender.
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import chain

from webhookd.errors import NotAuthentic
from webhookd.intake.alterations import Altered, altered_bodies, altered_keys, form_or_json
from webhookd.intake.causes import Cause
from webhookd.intake.forges import forge
from webhookd.intake.keyrings import MANY, keyrings_for
from webhookd.intake.proof import Proof, ProofKind, proof_of
from webhookd.intake.receive import signed_bytes
from webhookd.intake.signature import altered, fits
from webhookd.models.delivery import Request
from webhookd.models.settings import Hook, Repository, Secret

LONG = 256 * 1024  # bytes of a body on which altered keys are not tried together with altered bodies

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
    body: bytes  # as received
    announced: str | None  # Content-Length
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
        body=request.body,
        announced=request.headers.get("content-length"),
        secrets=own,
        others=[secret for secret in others if secret not in own],
    )


def daemon_cause(case: Case) -> Cause:
    """Return what the daemon can log as the cause, with the keys that it has and at little cost.

    That is what the headers show, another configured secret, and a form instead of its JSON or the reverse.
    """
    cause = Cause(case.failure.cause)
    if cause not in _UNKNOWN or len(case.body) > LONG:
        return cause
    few = replace(case, secrets=case.secrets[:MANY], others=case.others[:MANY])
    found = chain(_other_secret(few), _with_bodies(few, _form_or_json(few)))
    return next((diagnosis.cause for diagnosis in found), cause)


def diagnose(case: Case) -> Diagnosis:
    """Return the cause, if it is one of those that can be found."""
    cause = Cause(case.failure.cause)
    if cause not in _UNKNOWN:
        hint = f"{case.failure}: {case.failure.hint}" if case.failure.hint else str(case.failure)
        return Diagnosis(cause=cause, hint=hint)
    found = chain(_other_secret(case), _with_altered_keys(case, case.signed))
    if cause is Cause.SIGNATURE_WRONG:  # a token does not depend on the body
        if not case.body:
            return Diagnosis(
                cause=Cause.BODY_EMPTY,
                hint="no body arrived: a redirect turned the POST into a GET, or a proxy dropped it",
            )
        found = chain(found, _with_bodies(case, _possible_bodies(case)), _altered_both(case), _cut(case))
    return next(found, Diagnosis(cause=cause, hint=_UNKNOWN[cause]))


def _other_secret(case: Case) -> Iterator[Diagnosis]:
    for secret in case.others:
        if fits(case.proof, secret, case.signed):
            hint = f"it was made with another configured secret: {secret.label}"
            yield Diagnosis(cause=Cause.OTHER_SECRET, hint=hint)


def _with_altered_keys(case: Case, body: bytes) -> Iterator[Diagnosis]:
    for secret in case.secrets:
        for way, other in altered(secret, altered_keys):
            if fits(case.proof, other, body):
                yield Diagnosis(cause=way.cause, hint=way.hint)


def _with_bodies(case: Case, possible: Iterable[Altered]) -> Iterator[Diagnosis]:
    for body in possible:
        if any(fits(case.proof, secret, body.value) for secret in case.secrets):
            yield Diagnosis(cause=body.cause, hint=f"the secret is right, but {body.hint}")


def _altered_both(case: Case) -> Iterator[Diagnosis]:
    if len(case.body) > LONG:
        return
    for body in _possible_bodies(case):
        for key in _with_altered_keys(case, body.value):
            yield Diagnosis(cause=body.cause, hint=f"{body.hint}; and also: {key.hint}")
        if any(fits(case.proof, secret, body.value) for secret in case.others):
            hint = f"{body.hint}; and also: another configured secret was used"
            yield Diagnosis(cause=body.cause, hint=hint)


def _possible_bodies(case: Case) -> Iterator[Altered]:
    return chain(_form_or_json(case), altered_bodies(case.signed))


def _form_or_json(case: Case) -> Iterator[Altered]:
    if case.body != case.signed:
        hint = "the signature covers the form itself, as GitHub signs: is the forge the right one?"
        yield Altered(Cause.BODY_FORM_ENCODED, hint, case.body)
    yield from form_or_json(case.signed)


def _cut(case: Case) -> Iterator[Diagnosis]:
    text = case.signed.strip()
    length = case.announced or ""
    announced = int(length) if length.isdecimal() else len(case.body)
    if announced > len(case.body) or (text.startswith(b"{") and not text.endswith(b"}")):
        hint = "the end of the body is missing: a proxy's limit, or a log that cuts long lines"
        yield Diagnosis(cause=Cause.BODY_TRUNCATED, hint=hint)
