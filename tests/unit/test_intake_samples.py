"""`receive` accepts what `sign` makes for every forge, in every combination."""

import json
from itertools import product
from pathlib import Path
from typing import Any

import pytest
from factories import BEFORE, COMMIT, NOW, make_hook, make_secret

from webhookd.errors import UsageError
from webhookd.intake import forges, receive
from webhookd.intake.forges import forge
from webhookd.intake.samples import Change, SampleSpec
from webhookd.intake.signing import SignedDelivery, read_recorded, sign_sample
from webhookd.models.delivery import Decision, Kind, PushEvent
from webhookd.models.settings import Forge, Hook, RefKind

SIGNING = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"
MANY = [Forge.BITBUCKET, Forge.BITBUCKET_DC]
ONE = [name for name in Forge if name not in MANY]
WITH_FORMS = [Forge.GITHUB, Forge.GITEA, Forge.FORGEJO, Forge.GOGS]


def hook_of(name: Forge) -> Hook:
    return make_hook(forge=name, secrets=(make_secret(SIGNING),))


def delivered(spec: SampleSpec, hook: Hook, *, form: bool = False) -> Decision:
    signed = sign_sample(spec, hook=hook, now=NOW, form=form)
    return receive(signed.request(), hook=hook, repositories=[], now=NOW)


def spec_of(event: str = "push", *changes: Change, **over: Any) -> SampleSpec:
    values: dict[str, Any] = {"delivery": "d-1", "event": event, "changes": changes or (change(),)} | over
    return SampleSpec(**values)


def change(kind: RefKind = RefKind.BRANCH, name: str = "feature/x", what: str = "update") -> Change:
    before, after = (None if what == "create" else BEFORE), (None if what == "delete" else COMMIT)
    return Change(kind=kind, name=name, before=before, after=after)


def only(decision: Decision) -> PushEvent:
    [push] = decision.delivery.pushes
    return push


COMBINATIONS = list(product(Forge, [RefKind.BRANCH, RefKind.TAG], ["create", "update", "delete"]))


@pytest.mark.parametrize(("name", "kind", "what"), COMBINATIONS)
def test_every_change_of_every_forge_is_understood(name: Forge, kind: RefKind, what: str) -> None:
    made = change(kind, what=what)
    decision = delivered(spec_of("push", made), hook_of(name))
    push = only(decision)
    assert (push.repo, push.ref, push.pusher) == ("octocat/hello-world", made.ref, "octocat")
    assert (push.branch, push.tag) == (made.name, None)[:: 1 if kind is RefKind.BRANCH else -1]
    assert push.deleted is (what == "delete")
    tag_of_gogs = name is Forge.GOGS and push.tag is not None  # it has no event for a tag that moved
    assert push.created is (what == "create" or (tag_of_gogs and what == "update"))
    assert push.after == (None if what == "delete" else COMMIT)
    assert (push.commit is None) is (what == "delete")
    assert decision.delivery.delivery_id == "d-1"


@pytest.mark.parametrize(("name", "kind"), list(product(WITH_FORMS, [RefKind.BRANCH, RefKind.TAG])))
def test_forms_are_understood_as_well(name: Forge, kind: RefKind) -> None:
    spec = spec_of("push", change(kind), message="a & b = c + d % e ü <f>")
    decision = delivered(spec, hook_of(name), form=True)
    assert decision.delivery.content_type == "application/x-www-form-urlencoded"
    assert decision.delivery.pushes == delivered(spec, hook_of(name)).delivery.pushes


@pytest.mark.parametrize("name", [Forge.GITLAB, *MANY])
def test_a_forge_without_forms_refuses_to_make_one(name: Forge) -> None:
    with pytest.raises(UsageError):
        delivered(spec_of(), hook_of(name), form=True)


@pytest.mark.parametrize("name", [Forge.GITHUB, Forge.BITBUCKET_DC])
def test_a_ping_is_understood(name: Forge) -> None:
    decision = delivered(spec_of("ping"), hook_of(name))
    assert (decision.delivery.kind, decision.reason) == (Kind.PING, "ping")


@pytest.mark.parametrize("name", [Forge.GITEA, Forge.FORGEJO, Forge.GOGS])
def test_instead_of_a_ping_the_gitea_family_sends_a_push_that_changes_nothing(name: Forge) -> None:
    assert delivered(spec_of("ping"), hook_of(name)).reason == "test push: nothing changed"


@pytest.mark.parametrize("name", [Forge.GITLAB, Forge.BITBUCKET])
def test_a_forge_without_pings_refuses_to_make_one(name: Forge) -> None:
    with pytest.raises(UsageError):
        delivered(spec_of("ping"), hook_of(name))


@pytest.mark.parametrize("name", MANY)
def test_bitbucket_sends_many_changes_or_none(name: Forge) -> None:
    three = (change(), change(RefKind.TAG, "v1", "create"), change(name="old", what="delete"))
    pushes = delivered(spec_of("push", *three), hook_of(name)).delivery.pushes
    assert [push.ref for push in pushes] == ["refs/heads/feature/x", "refs/tags/v1", "refs/heads/old"]
    empty = delivered(spec_of(changes=()), hook_of(name))
    assert (empty.delivery.kind, empty.reason) == (Kind.PUSH, "a push without any change")


@pytest.mark.parametrize(("name", "count"), list(product(ONE, [0, 2])))
def test_other_forges_send_one_change_at_a_time(name: Forge, count: int) -> None:
    with pytest.raises(UsageError):
        delivered(spec_of(changes=(change(),) * count), hook_of(name))


@pytest.mark.parametrize("name", ONE)
def test_a_truncated_push_is_marked_incomplete(name: Forge) -> None:
    assert only(delivered(spec_of(), hook_of(name))).files_complete is True
    assert only(delivered(spec_of(truncated=True), hook_of(name))).files_complete is False


@pytest.mark.parametrize("name", [Forge.GITHUB, Forge.BITBUCKET])
def test_a_forced_push_is_forced_if_the_forge_says_so(name: Forge) -> None:
    assert only(delivered(spec_of(forced=True), hook_of(name))).forced is True


@pytest.mark.parametrize("name", Forge)
def test_the_same_id_and_contents_make_the_same_body(name: Forge) -> None:
    adapter = forge(name)
    first, again, other = (adapter.sample(spec_of(delivery=d)).payload for d in ("d-1", "d-1", "d-2"))
    assert adapter.encode(first) == adapter.encode(again)
    assert other.get("actor") == first.get("actor")  # the same person pushes in every delivery


OTHER_EVENTS = ["issues"] * 4 + ["Issue Hook"] + ["pullrequest:created", "pr:opened"]


@pytest.mark.parametrize(("name", "event"), list(zip(Forge, OTHER_EVENTS, strict=True)))
def test_every_other_event_is_answered(name: Forge, event: str) -> None:
    decision = delivered(spec_of(event), hook_of(name))
    assert (decision.delivery.kind, decision.delivery.event) == (Kind.OTHER, event)


@pytest.mark.parametrize("name", Forge)
def test_the_event_of_a_sample_is_inferred_from_its_payload(name: Forge) -> None:
    sample = forge(name).sample(spec_of())
    assert forge(name).guess(sample.payload) == sample.event


def test_every_forge_has_one_module() -> None:
    folder = Path(forges.__file__).parent
    modules = {path.stem for path in folder.glob("*.py")} - {"__init__"}
    assert modules == {str(name).replace("-", "_") for name in Forge}


def test_a_system_hook_of_gitlab_is_understood() -> None:
    decision = delivered(spec_of("System Hook"), hook_of(Forge.GITLAB))
    assert (decision.delivery.event, only(decision).ref) == ("System Hook", "refs/heads/feature/x")


def test_a_recorded_delivery_is_read_back() -> None:
    record = json.dumps({"headers": {"X-A": "b"}, "body": "{}", "body_base64": "e30="}).encode()
    assert read_recorded(record) == SignedDelivery(headers={"X-A": "b"}, body=b"{}")


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"{}",
        b"[1]",
        b"\xff",
        b'{"headers": {}, "body": ""}',
        b'{"headers": {}, "body": "", "body_base64": "%"}',
        b'{"headers": 1, "body": "", "body_base64": ""}',
        b'{"headers": {}, "body": "", "body_base64": 1}',
        b'{"headers": {}, "body": "", "body_base64": "", "more": 1}',
        b"[" * 100_000,
    ],
)
def test_anything_else_is_not_a_recorded_delivery(data: bytes) -> None:
    assert read_recorded(data) is None
