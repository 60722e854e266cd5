"""The decision about a request: the order of trust, the reasons, the repository's own secret."""

import json
import shutil
import subprocess
from collections.abc import Sequence
from typing import Any

import pytest
from factories import BEFORE, COMMIT, NOW, make_hook, make_push, make_repository, make_secret, make_target
from hypothesis import given
from hypothesis import strategies as st

from webhookd.errors import BadPayload, NotAuthentic, Rejected, UnsupportedContentType
from webhookd.intake import receive, signature
from webhookd.intake.causes import Cause
from webhookd.intake.forges import Reading, forge
from webhookd.intake.keyrings import MANY, keyrings_for
from webhookd.intake.matching import decide, explain_push
from webhookd.intake.refs import is_ref
from webhookd.models.delivery import Decision, Kind, Request
from webhookd.models.settings import Forge, RefKind, Repository, Secret

SHOP = make_secret("shop", label="file shop")


def push_payload(**over: Any) -> dict[str, Any]:
    """A push of GitHub with only the required fields."""
    values: dict[str, Any] = {
        "ref": "refs/heads/main",
        "before": BEFORE,
        "after": COMMIT,
        "repository": {"full_name": "octocat/blog"},
    }
    return values | over


def request(payload: object, *, secret: Secret | None = None, **headers: str) -> Request:
    """A JSON delivery, signed as GitHub signs; keyword arguments change headers."""
    body = payload if isinstance(payload, bytes) else json.dumps(payload).encode()
    proof = signature.proof_headers(
        body,
        scheme=forge(Forge.GITHUB).scheme,
        keyring=signature.Keyring(secrets=(secret or make_secret(),)),
        delivery="d-1",
        now=NOW,
    )
    lower = {name.lower(): value for name, value in proof.items()}
    plain = {"content-type": "application/json", "x-github-event": "push", "x-github-delivery": "d-1"}
    more = {name.replace("_", "-"): value for name, value in headers.items()}
    return Request(headers=plain | lower | more, body=body)


def received(payload: object = None, *repositories: Repository, **options: Any) -> Decision:
    made = request(push_payload() if payload is None else payload, **options)
    known: Sequence[Repository] = repositories or [make_repository()]
    return receive(made, hook=make_hook(), repositories=known, now=NOW)


def test_a_push_runs_the_targets_of_its_rule() -> None:
    decision = received()
    assert [match.target.name for match in decision.matches] == ["octocat/blog@main"]
    assert decision.matches[0].reason == 'branch "main" is named exactly'
    assert decision.reason == ""
    delivery = decision.delivery
    assert (delivery.hook, delivery.delivery_id, delivery.event) == ("github", "d-1", "push")
    assert (delivery.kind, delivery.opened_by) == (Kind.PUSH, "file /etc/webhookd/secret")
    assert (delivery.content_type, delivery.received_at) == ("application/json", NOW)


def test_without_an_id_the_digest_of_the_body_is_the_id() -> None:
    delivery = received(x_github_delivery="").delivery
    assert delivery.delivery_id == f"sha256-{delivery.body_sha256[:32]}"


@pytest.mark.parametrize("given", ["é", "x\x00", "x" * 201, "a\tb"])
def test_an_id_that_cannot_be_printed_is_not_used(given: str) -> None:
    assert received(x_github_delivery=given).delivery.delivery_id.startswith("sha256-")


REASONS: list[tuple[dict[str, Any], dict[str, str], str]] = [
    ({"zen": "…"}, {"x_github_event": "ping"}, "ping"),
    ({"action": "opened"}, {"x_github_event": "issues"}, 'event "issues" is not a push'),
    (push_payload(ref="refs/heads/x"), {}, "no target for octocat/blog refs/heads/x"),
    (push_payload(ref="refs/tags/main"), {}, "no target for octocat/blog refs/tags/main"),
    (
        push_payload(repository={"full_name": "octocat/x"}),
        {},
        "no target for octocat/x refs/heads/main",
    ),
    (push_payload(after=BEFORE), {}, "test push: nothing changed"),
    (push_payload(after="0" * 40, deleted=True), {}, "deletion and no on_delete"),
    (push_payload(after="0" * 64, before="a" * 64), {}, "deletion and no on_delete"),
    (
        push_payload(head_commit={"id": COMMIT, "message": "x [skip deploy]"}),
        {},
        'skip_message "[skip deploy]" in the commit message',
    ),
]


@pytest.mark.parametrize(("payload", "headers", "reason"), REASONS)
def test_a_delivery_that_runs_nothing_says_why(
    payload: dict[str, Any], headers: dict[str, str], reason: str
) -> None:
    decision = received(payload, **headers)
    assert (decision.matches, decision.reason) == ((), reason)


def test_the_reason_counts_the_changed_files() -> None:
    blog = make_repository(targets=(make_target(paths=("site/**",)),))
    commits = [{"id": COMMIT, "added": ["a"], "modified": ["b", "c"], "removed": ["a"]}]
    assert received(push_payload(commits=commits), blog).reason == "paths: none of 3 changed files matches"


def test_each_target_of_a_rule_is_decided_alone() -> None:
    site = make_target(name="site", paths=("site/**",))
    docs = make_target(name="docs", paths=("docs/**",))
    every = make_repository(targets=(site, docs))
    commits = [{"id": COMMIT, "added": ["docs/x"], "modified": [], "removed": []}]
    assert [m.target.name for m in received(push_payload(commits=commits), every).matches] == ["docs"]


def test_a_deletion_runs_on_delete() -> None:
    blog = make_repository(targets=(make_target(on_delete="./down"),))
    [match] = received(push_payload(after="0" * 40, deleted=True, head_commit=None), blog).matches
    assert (match.push.deleted, match.push.commit, match.push.after) == (True, None, None)


def test_a_tag_runs_tag_rules() -> None:
    blog = make_repository(targets=(make_target(ref_kind=RefKind.TAG, pattern="v*"),))
    [match] = received(push_payload(ref="refs/tags/v1", before="0" * 40), blog).matches
    assert (match.push.tag, match.push.branch, match.push.created) == ("v1", None, True)


NO_REFS = ["main", "refs/heads/", "refs/heads/a..b", "refs/heads/a b", "refs/heads/.a", "refs/heads/a/.b"]
NO_REFS += [f"refs/heads/a{char}b" for char in "~^:?*[\\\x01\x7f"]
NO_REFS += ["refs/heads/a.lock", "refs/heads/a.lock/b", "refs/heads/a.", "refs/heads//a", "/refs/heads/a"]
NO_REFS += ["refs/heads/a@{b", "refs/heads/a/", "refs/heads/../main"]
NO_REPOSITORIES = ["..", "octocat/..", "../blog", "octocat/./blog", "octocat//blog", "/blog", "octocat/"]


@pytest.mark.skipif(shutil.which("git") is None, reason="git is not installed")
@pytest.mark.parametrize(
    "ref", [*NO_REFS, "refs/heads/a/b", "refs/heads/@", "refs/heads/ü", "refs/x/y", "refs/heads/-a;$(b)'"]
)
def test_a_ref_is_what_git_says_it_is(ref: str) -> None:
    result = subprocess.run(["git", "check-ref-format", ref], check=False)
    assert is_ref(ref) is (result.returncode == 0)


@given(st.text(st.sampled_from("ab/.@{~^:?*[\\ lock\x7f\u202e"), max_size=12))
def test_reasons_are_printable_whatever_the_names_are(name: str) -> None:
    push = make_push(repo=f"octocat/{name}\x1b", ref=f"refs/heads/{name}\u202e\x85")
    reading = Reading(kind=Kind.PUSH, repo=push.repo, pushes=(push,))
    every = make_repository(pattern="**", targets=(make_target(pattern="**"), make_target(pattern="x")))
    matches, reason = decide("push", reading, None)
    reasons = [reason, *(verdict.reason for verdict in explain_push(push, [every]))]
    reasons += [match.reason for match in decide("push", reading, every)[0]]
    assert all(each.isprintable() for each in reasons)
    assert matches == ()


@pytest.mark.parametrize(
    "payload",
    [
        {},
        push_payload(ref=None),
        push_payload(ref=""),
        push_payload(ref=17),
        *(push_payload(ref=ref) for ref in NO_REFS),
        *(push_payload(repository={"full_name": name}) for name in NO_REPOSITORIES),
        push_payload(ref="refs/heads/a\nb"),
        push_payload(ref="refs/heads/a\x00b"),
        push_payload(ref="refs/heads/\ud800"),
        push_payload(ref="refs/heads/" + "x" * 5000),
        push_payload(repository=None),
        push_payload(repository="octocat/blog"),
        push_payload(repository={}),
        push_payload(repository={"full_name": None}),
        push_payload(repository={"full_name": "octocat/\nblog"}),
        push_payload(commits="many"),
        push_payload(commits=["one"]),
        push_payload(head_commit="one"),
        push_payload(pusher="octocat"),
    ],
)
def test_a_push_that_cannot_be_read_is_a_bad_payload(payload: dict[str, Any]) -> None:
    with pytest.raises(BadPayload) as caught:
        received(payload)
    assert (caught.value.status, caught.value.cause) == (400, Cause.MALFORMED_PAYLOAD)


@pytest.mark.parametrize(
    ("made", "status"),
    [
        (request(push_payload(), x_hub_signature_256="sha256=" + "0" * 64), 401),
        (request(push_payload(), x_hub_signature_256="", content_type="text/plain"), 401),
        (request(b"no JSON", content_type="text/plain"), 415),
        (request(b"no JSON"), 400),
        (request(push_payload(), x_github_event=""), 400),
        (request(push_payload(), x_github_event="a\x00"), 400),
        (request(push_payload(), content_type="application/x-www-form-urlencoded"), 400),
    ],
)
def test_the_first_error_in_the_order_of_trust_is_the_answer(made: Request, status: int) -> None:
    with pytest.raises(Rejected) as caught:
        receive(made, hook=make_hook(), repositories=[make_repository()], now=NOW)
    assert caught.value.status == status


def test_a_wrong_signature_is_reported_before_a_wrong_content_type() -> None:
    made = request(b"x", content_type="text/plain", x_hub_signature_256="sha256=" + "0" * 64)
    with pytest.raises(NotAuthentic):
        receive(made, hook=make_hook(), repositories=[], now=NOW)
    with pytest.raises(UnsupportedContentType):
        receive(request(b"x", content_type="text/plain"), hook=make_hook(), repositories=[], now=NOW)


OWN = make_repository(pattern="octocat/shop", secrets=(SHOP,))
OF_SHOP = {"repository": {"full_name": "Octocat/Shop"}}


def test_a_repository_is_opened_by_its_own_secret() -> None:
    decision = received(push_payload(**OF_SHOP), make_repository(), OWN, secret=SHOP)
    assert (decision.delivery.opened_by, len(decision.matches)) == ("file shop", 1)


@pytest.mark.parametrize(
    ("payload", "secret", "cause"),
    [
        (push_payload(**OF_SHOP), make_secret(), Cause.OWN_SECRET_NOT_USED),
        (push_payload(), SHOP, Cause.FOREIGN_SECRET_USED),
        (push_payload(), make_secret("x"), Cause.SIGNATURE_WRONG),
    ],
)
def test_no_other_secret_opens_a_repository(payload: dict[str, Any], secret: Secret, cause: Cause) -> None:
    with pytest.raises(NotAuthentic) as caught:
        received(payload, make_repository(), OWN, secret=secret)
    assert (caught.value.cause, caught.value.public) == (cause, NotAuthentic.public)


def test_a_key_that_hook_and_repository_share_opens_both() -> None:
    shared = make_repository(pattern="octocat/shop", secrets=(make_secret(label="again"),))
    assert received(push_payload(**OF_SHOP), make_repository(), shared).delivery.opened_by == "again"
    assert received(push_payload(), make_repository(), shared).matches


def test_the_own_secret_opens_the_ping_of_its_repository_and_no_other() -> None:
    ping: dict[str, Any] = {"x_github_event": "ping", "secret": SHOP}
    assert received({"zen": "…", **OF_SHOP}, OWN, **ping).reason == "ping"
    with pytest.raises(NotAuthentic):
        received({"zen": "…", "repository": {"full_name": "octocat/blog"}}, OWN, **ping)


def test_the_secret_of_a_pattern_does_not_open_an_exact_repository() -> None:
    every = make_repository(pattern="octocat/*", secrets=(SHOP,))
    with pytest.raises(NotAuthentic):
        received(push_payload(), every, make_repository(), secret=SHOP)
    assert received(push_payload(repository={"full_name": "octocat/x"}), every, secret=SHOP).matches


def test_the_repositories_of_another_hook_do_not_count() -> None:
    lab = make_repository(hook="lab", secrets=(SHOP,))
    with pytest.raises(NotAuthentic):
        received(push_payload(), lab, secret=SHOP)
    assert received(push_payload(), lab).reason == "no target for octocat/blog refs/heads/main"


def many(count: int = 200) -> list[Repository]:
    return [
        make_repository(pattern=f"octocat/r{n}", secrets=(make_secret(f"key {n}", label=f"r{n}"),))
        for n in range(count)
    ]


def test_only_those_of_many_own_secrets_that_the_body_mentions_are_tried() -> None:
    body = request(push_payload(repository={"full_name": "octocat/R7"})).body
    keyrings = keyrings_for(make_hook(), many(), body=body)
    assert [keyring.repository for keyring in keyrings] == ["", "octocat/r7"]
    hostile = json.dumps([{"full_name": f"octocat/r{n}"} for n in range(200)]).encode()
    keyrings = keyrings_for(make_hook(), many(), body=hostile)
    assert len(list(keyrings)) == MANY + 1


def test_one_of_many_own_secrets_opens_its_repository() -> None:
    payload = push_payload(repository={"full_name": "octocat/r7"})
    assert received(payload, *many(), secret=make_secret("key 7")).delivery.opened_by == "r7"
    with pytest.raises(NotAuthentic):
        received(payload, *many(), secret=make_secret("key 8"))


@pytest.mark.parametrize(
    ("name", "body"),
    [
        (Forge.GITHUB, b'{"repository":{"full_name" : "octocat\\/r7"}}'),
        (Forge.GITHUB, b"payload=%7B%22full_name%22%3A+%22octocat%2Fr7%22%7D"),
        (Forge.GITLAB, b'{"project":{"path_with_namespace":"octocat/r7"}}'),
        (Forge.BITBUCKET_DC, b'{"repository":{"slug":"r7","project":{"key":"octocat"}}}'),
    ],
)
def test_a_repository_is_found_in_the_body_however_it_is_written(name: Forge, body: bytes) -> None:
    keyrings = keyrings_for(make_hook(forge=name), many(), body=body)
    assert [keyring.repository for keyring in keyrings] == ["", "octocat/r7"]


@pytest.mark.parametrize(
    ("name", "body"),
    [
        (Forge.GITHUB, b'{"sender":{"full_name":"x"},"repository":{"full_name":"Octocat/x"}}'),
        (Forge.BITBUCKET_DC, b'{"actor":{"slug":"a"},"repository":{"slug":"x","project":{"key":"octocat"}}}'),
    ],
)
def test_the_own_secret_of_a_pattern_is_tried_if_the_body_mentions_what_it_matches(
    name: Forge, body: bytes
) -> None:
    others = [make_repository(pattern=f"p{n}/*", secrets=(SHOP,)) for n in range(200)]
    every = make_repository(pattern="octocat/*", secrets=(SHOP,))
    keyrings = keyrings_for(make_hook(forge=name), [*many(), *others, every], body=body)
    assert [keyring.repository for keyring in keyrings] == ["", "octocat/*"]


def test_no_body_has_the_keys_of_many_patterns_tried() -> None:
    patterns = [make_repository(pattern=f"**{n % 10}*/**", secrets=(SHOP,)) for n in range(1000)]
    mentioned = [{"full_name": f"{n}/1234567890"} for n in range(1000)]
    for body in (b"{}", json.dumps(mentioned).encode()):
        assert len(list(keyrings_for(make_hook(), patterns, body=body))) <= MANY + 1
