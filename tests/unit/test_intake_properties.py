"""Intake answers any input with a decision or a refusal, and accepts only what was signed."""

from dataclasses import asdict, replace
from typing import Any

from factories import KEY, NOW, as_document, hook_of, make_repository, make_secret, make_target, sign_document
from hypothesis import given
from hypothesis import strategies as st

from webhookd.errors import NotAuthentic, Rejected
from webhookd.intake import explain, receive
from webhookd.intake.inspection import inspect
from webhookd.models.delivery import Decision, Request
from webhookd.models.settings import Forge, Hook

SIGNING = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"
FORGES = st.sampled_from(list(Forge))
EVENTS = {
    Forge.GITHUB: ["push", "ping", "issues"],
    Forge.GITEA: ["push", "create", "delete"],
    Forge.FORGEJO: ["push", "create", "delete"],
    Forge.GOGS: ["push", "create", "delete"],
    Forge.GITLAB: ["Push Hook", "Tag Push Hook", "System Hook"],
    Forge.BITBUCKET: ["repo:push", "repo:fork"],
    Forge.BITBUCKET_DC: ["repo:refs_changed", "diagnostics:ping", "mirror:repo_synchronized"],
}
HEADER_NAMES = [
    "authorization",
    "content-type",
    "idempotency-key",
    "webhook-id",
    "webhook-signature",
    "webhook-timestamp",
    "x-event-key",
    "x-forgejo-event",
    "x-forgejo-signature",
    "x-gitea-event",
    "x-gitea-signature",
    "x-github-delivery",
    "x-github-event",
    "x-gitlab-event",
    "x-gitlab-token",
    "x-gogs-event",
    "x-gogs-signature",
    "x-hub-signature",
    "x-hub-signature-256",
]
# Keys that the forges' modules read, so that they meet values of every type.
KEYS = st.sampled_from(
    [
        "action",
        "actor",
        "after",
        "before",
        "changes",
        "checkout_sha",
        "commits",
        "compare",
        "created",
        "deleted",
        "full_name",
        "fromHash",
        "hash",
        "head_commit",
        "href",
        "html",
        "id",
        "key",
        "links",
        "message",
        "name",
        "new",
        "object_kind",
        "old",
        "project",
        "path_with_namespace",
        "push",
        "pusher",
        "ref",
        "refId",
        "ref_type",
        "repository",
        "sender",
        "sha",
        "slug",
        "target",
        "toCommit",
        "toHash",
        "total_commits",
        "type",
    ]
)
ANY_TEXT = st.text(max_size=12) | st.sampled_from(["refs/heads/main", "0" * 40, "a" * 40, "\ud800", "tag"])
SCALARS = (
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | ANY_TEXT
)
VALUES = st.recursive(
    SCALARS,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(KEYS, inner, max_size=6),
    max_leaves=25,
)
PAYLOADS = st.dictionaries(KEYS, VALUES, max_size=8)
RULES = [make_repository(pattern="**", targets=(make_target(pattern="**", paths=("**/*.py",)),))]


def a_hook(name: Forge) -> Hook:
    return hook_of(name, SIGNING if name is Forge.GITLAB else KEY)


def answered(request: Request, hook: Hook) -> Decision | Rejected:
    """Return the decision or the refusal; anything else fails the test."""
    try:
        answer: Decision | Rejected = receive(request, hook=hook, repositories=RULES, now=NOW)
    except Rejected as exc:
        answer = exc
    if isinstance(answer, Rejected):
        assert (400 <= answer.status < 500, bool(answer.cause)) == (True, True)
    return answer


@given(
    FORGES,
    st.dictionaries(st.sampled_from(HEADER_NAMES), st.text(max_size=80)),
    st.binary(max_size=200),
)
def test_what_a_stranger_sends_is_refused(name: Forge, headers: dict[str, str], body: bytes) -> None:
    assert isinstance(answered(Request(headers=headers, body=body), a_hook(name)), NotAuthentic)


@given(FORGES, st.data(), PAYLOADS)
def test_an_authentic_payload_of_any_shape_is_answered(
    name: Forge, data: Any, payload: dict[str, Any]
) -> None:
    hook, event = a_hook(name), data.draw(st.sampled_from(EVENTS[name]))
    form = name not in {Forge.GITLAB, Forge.BITBUCKET, Forge.BITBUCKET_DC} and data.draw(st.booleans())
    signed = sign_document(as_document(payload), hook, event=event, form=form)
    answer = answered(signed.request(), hook)
    if isinstance(answer, Decision):
        assert bool(answer.matches) != bool(answer.reason)
        for push in answer.delivery.pushes:
            repr(asdict(push)).encode()  # can be stored: no lone surrogate is left
            assert push.repo
            assert push.ref
    else:
        assert answer.status == 400


@given(FORGES, st.binary(max_size=200))
def test_authentic_bytes_of_any_kind_are_answered(name: Forge, body: bytes) -> None:
    hook = a_hook(name)
    answer = answered(sign_document(body, hook, event=EVENTS[name][0]).request(), hook)
    assert not isinstance(answer, NotAuthentic)


BODY = as_document({"ref": "refs/heads/main", "repository": {"full_name": "octocat/blog"}, "x": "ü"})
SIGNATURES = {
    Forge.GITHUB: "x-hub-signature-256",
    Forge.GITEA: "x-gitea-signature",
    Forge.FORGEJO: "x-forgejo-signature",
    Forge.GOGS: "x-gogs-signature",
    Forge.GITLAB: "webhook-signature",
    Forge.BITBUCKET: "x-hub-signature",
    Forge.BITBUCKET_DC: "x-hub-signature",
}


def flipped(value: bytes, place: int) -> bytes:
    index, bit = divmod(place % (len(value) * 8), 8)
    return value[:index] + bytes([value[index] ^ (1 << bit)]) + value[index + 1 :]


@given(FORGES, st.integers(min_value=0), st.booleans())
def test_any_flipped_bit_of_body_or_signature_is_refused(name: Forge, place: int, in_body: bool) -> None:  # noqa: FBT001
    hook = a_hook(name)
    request = sign_document(BODY, hook, event=EVENTS[name][0]).request()
    if in_body:
        changed = replace(request, body=flipped(request.body, place))
    else:
        header = SIGNATURES[name]
        value = flipped(request.headers[header].encode(), place).decode("latin-1")
        changed = replace(request, headers={**request.headers, header: value})
    assert isinstance(answered(changed, hook), NotAuthentic)


@given(FORGES, st.binary(min_size=1, max_size=60).filter(bytes.strip), st.binary(max_size=60))
def test_only_the_key_that_signed_opens(name: Forge, key: bytes, other: bytes) -> None:
    signing_hook = replace(a_hook(name), secrets=(replace(make_secret(), key=key),))
    signed = sign_document(BODY, signing_hook, event=EVENTS[name][0])
    assert not isinstance(answered(signed.request(), signing_hook), NotAuthentic)
    other_hook = replace(signing_hook, secrets=(replace(make_secret(), key=key + b"x" + other),))
    assert isinstance(answered(signed.request(), other_hook), NotAuthentic)


@given(
    FORGES,
    st.dictionaries(st.sampled_from(HEADER_NAMES), st.text(max_size=40)),
    st.binary(max_size=120) | PAYLOADS.map(as_document),
)
def test_any_request_can_be_inspected(name: Forge, headers: dict[str, str], body: bytes) -> None:
    request = Request(headers=headers, body=body)
    found = inspect(request, hook=a_hook(name), repositories=RULES, now=NOW)
    assert found.verified is False
    assert found.diagnosis is not None
    assert found.diagnosis.hint
    assert KEY not in repr(found)


@given(st.text(max_size=40), st.text(max_size=40))
def test_any_repository_and_ref_is_explained(repo: str, ref: str) -> None:
    [verdict] = explain(RULES, hook="github", repo=repo, ref=ref)
    assert verdict.reason
