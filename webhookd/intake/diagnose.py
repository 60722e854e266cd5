"""Why a signature does not match: what people really get wrong, tried and named (pure).

For a person at a terminal or a line in the log; what it finds must never reach a sender.
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import chain

from webhookd.errors import NotAuthentic
from webhookd.intake.altered_bodies import bodies, form_or_json
from webhookd.intake.altered_keys import Altered, keys
from webhookd.intake.causes import Cause
from webhookd.intake.claims import Claim, Claims, Kind
from webhookd.intake.forges import forge
from webhookd.intake.keyrings import MANY, keyrings_for
from webhookd.intake.receive import signed_field
from webhookd.intake.signature import altered, fits
from webhookd.models import Hook, Repository, Request, Secret

LONG = 256 * 1024  # bytes of a body on which altered keys are not tried together with altered bodies

_POSSIBLE = {  # what is left where nothing of all that is found
    Cause.SIGNATURE_WRONG: "either the forge has another secret, or the body was changed on the way: "
    "paste the secret again on both sides, and compare the body with the forge's page of recent deliveries",
    Cause.TOKEN_WRONG: "the forge has another token: paste it again on both sides",
    Cause.AUTHORIZATION_WRONG: "either the forge sends another value, or a proxy puts its own in its place: "
    "compare the header on both sides of the proxy",
}
_WRONG = _POSSIBLE.keys()


@dataclass(frozen=True, slots=True, kw_only=True)
class Diagnosis:
    """What is wrong, and what to do."""

    cause: Cause
    hint: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Case:
    """A refused request, and what may have been meant."""

    failure: NotAuthentic
    claim: Claim | NotAuthentic  # what did not fit
    signed: bytes  # what the signature should cover
    body: bytes  # as it came
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
    """Put together what is known of a request that *hook* refused; *others* are keys configured elsewhere."""
    adapter = forge(hook.forge)
    kind = next((kind for kind in Kind if str(kind) in failure.cause), Kind.SIGNATURE)
    mine = [repository for repository in repositories if repository.hook == hook.name]
    locks = [lock for keyring in keyrings_for(hook, mine, adapter.scheme) for lock in keyring.locks()]
    own = [secret for of, secrets in locks if of is kind for secret in secrets]
    field = signed_field(request, adapter)
    return Case(
        failure=failure,
        claim=Claims(request.headers, adapter.scheme).of(kind),
        signed=request.body if field is None else field,
        body=request.body,
        announced=request.headers.get("content-length"),
        secrets=own,
        others=[secret for secret in others if secret not in own],
    )


def daemon_cause(case: Case) -> Cause:
    """Name what the daemon can tell for its log, with the keys that it has and at a small cost.

    That is what the headers show, another configured secret, and a form taken for its JSON or the reverse.
    """
    cause = Cause(case.failure.cause)
    if cause not in _WRONG or len(case.body) > LONG:
        return cause
    few = replace(case, secrets=case.secrets[:MANY], others=case.others[:MANY])
    found = chain(_other_secret(few), _fitting(few, _form_or_json(few)))
    return next((diagnosis.cause for diagnosis in found), cause)


def diagnose(case: Case) -> Diagnosis:
    """Name the cause, or at least say that it is not one of those that can be found."""
    cause = Cause(case.failure.cause)
    if cause not in _WRONG:
        hint = f"{case.failure}: {case.failure.hint}" if case.failure.hint else str(case.failure)
        return Diagnosis(cause=cause, hint=hint)
    if cause is not Cause.SIGNATURE_WRONG:  # the forge shows a value as it is: the body has no part in it
        return next(chain(_other_secret(case), _altered_key(case)), None) or _unknown(cause)
    if not case.body:
        return Diagnosis(
            cause=Cause.BODY_EMPTY,
            hint="no body arrived: a redirect turned the POST into a GET, or a proxy dropped it",
        )
    found = chain(_other_secret(case), _altered_key(case), _altered_body(case), _altered_both(case))
    return next(found, None) or _cut(case) or _unknown(cause)


def _other_secret(case: Case) -> Iterator[Diagnosis]:
    for secret in case.others:
        if fits(case.claim, secret, case.signed):
            hint = f"it was made with another configured secret: {secret.label}"
            yield Diagnosis(cause=Cause.OTHER_SECRET, hint=hint)


def _altered_key(case: Case) -> Iterator[Diagnosis]:
    return _with_altered_keys(case, case.signed)


def _altered_body(case: Case) -> Iterator[Diagnosis]:
    return _fitting(case, _possible_bodies(case))


def _fitting(case: Case, possible: Iterable[Altered]) -> Iterator[Diagnosis]:
    for body in possible:
        if any(fits(case.claim, secret, body.value) for secret in case.secrets):
            yield Diagnosis(cause=body.cause, hint=body.hint)


def _altered_both(case: Case) -> Iterator[Diagnosis]:
    if len(case.body) > LONG:
        return
    for body in _possible_bodies(case):
        for key in _with_altered_keys(case, body.value):
            yield Diagnosis(cause=body.cause, hint=f"{body.hint}; and also: {key.hint}")
        if any(fits(case.claim, secret, body.value) for secret in case.others):
            yield Diagnosis(
                cause=body.cause, hint=f"{body.hint}; and also: another configured secret was used"
            )


def _possible_bodies(case: Case) -> Iterator[Altered]:
    return chain(_form_or_json(case), bodies(case.signed))


def _form_or_json(case: Case) -> Iterator[Altered]:
    if case.body != case.signed:
        hint = "the signature covers the form itself, as GitHub signs: is the forge the right one?"
        yield Altered(Cause.BODY_FORM_ENCODED, hint, case.body)
    yield from form_or_json(case.signed)


def _with_altered_keys(case: Case, body: bytes) -> Iterator[Diagnosis]:
    for secret in case.secrets:
        for way, other in altered(secret, keys):
            if fits(case.claim, other, body):
                yield Diagnosis(cause=way.cause, hint=way.hint)


def _cut(case: Case) -> Diagnosis | None:
    text = case.signed.strip()
    length = case.announced or ""
    announced = int(length) if length.isdecimal() else len(case.body)
    if announced > len(case.body) or (text.startswith(b"{") and not text.endswith(b"}")):
        return Diagnosis(
            cause=Cause.BODY_TRUNCATED,
            hint="the end of the body is missing: a proxy's limit, or a log that cuts long lines",
        )
    return None


def _unknown(cause: Cause) -> Diagnosis:
    return Diagnosis(cause=cause, hint=_POSSIBLE[cause])
