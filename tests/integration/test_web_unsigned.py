"""What is not signed must not change what a signed body means: content type, form, event, delivery id."""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import Any
from urllib.parse import quote

import pytest
from factories import COMMIT, KEY, hook_of, make_repository, make_target
from frontdoor import FrontDoor, make_front_door
from rawhttp import Reply, posted
from stores import OWNER, end, start

from webhookd.intake.forges import forge
from webhookd.intake.samples import Change, SampleSpec
from webhookd.intake.signing import sign_delivery
from webhookd.models.settings import Forge, Hook, Overlap
from webhookd.queue import Store

FORM = "application/x-www-form-urlencoded"
SIGNING_KEYS = {Forge.GITLAB: "whsec_c2VjcmV0IHNlY3JldCBzZWNyZXQ="}
NEVER_FORMS = {Forge.GITLAB, Forge.BITBUCKET, Forge.BITBUCKET_DC}


@contextmanager
def door_of(store: Store, hook: Hook, **target: Any) -> Iterator[FrontDoor]:
    """Serve *hook* with a target for the branch main and one for the branch live."""
    targets = tuple(make_target(name=name, pattern=name, **target) for name in ("main", "live"))
    repositories = (make_repository(pattern="octocat/*", targets=targets),)
    with make_front_door(store, hook=hook, config={"repositories": repositories}).serving() as door:
        yield door


def hook(name: Forge) -> Hook:
    return hook_of(name, SIGNING_KEYS.get(name, KEY))


def document_of(name: Forge, branch: str = "main", message: str = "Say hello", after: str = COMMIT) -> bytes:
    change = Change(name=branch, before="b" * 40, after=after)
    spec = SampleSpec(delivery="d-1", repo="octocat/blog", changes=(change,), message=message)
    return json.dumps(forge(name).sample(spec).payload, ensure_ascii=False).encode()


def request(
    name: Forge, document: bytes, *, form: bool = False, body: bytes = b"", event: str = "", **over: Any
) -> bytes:
    """Sign *document* as the forge does; *body* and *over* replace the body and headers afterwards."""
    event = event or forge(name).guess(json.loads(document)) or "push"
    signed = sign_delivery(
        document, hook=hook(name), event=event, delivery="d-1", now=datetime.now(UTC), form=form
    )
    headers = {key.lower().replace("-", "_"): value for key, value in signed.headers.items()}
    return posted(body or signed.body, **(headers | over))


def send(door: FrontDoor, data: bytes) -> Reply:
    with door.connect() as wire:
        return wire.send(data).reply("POST")


def targets(store: Store) -> list[str]:
    return [run.target for run in store.runs()]


@pytest.mark.parametrize("name", Forge)
def test_signed_json_is_never_read_again_as_a_form(store: Store, name: Forge) -> None:
    smuggled = quote(document_of(name, "live"))
    document = document_of(name, message=f"x&payload={smuggled}&x")
    with door_of(store, hook(name)) as door:
        answer = send(door, request(name, document, content_type=FORM))
        assert answer.status == (415 if name in NEVER_FORMS else 400)
        assert targets(store) == []
        assert send(door, request(name, document)).status == 202
    assert targets(store) == ["main"]


@pytest.mark.parametrize("name", [Forge.GITHUB, Forge.GITEA, Forge.FORGEJO, Forge.GOGS])
def test_a_signed_form_is_a_form_and_nothing_else(store: Store, name: Forge) -> None:
    document = document_of(name)
    with door_of(store, hook(name)) as door:
        as_json = request(name, document, form=True, content_type="application/json")
        assert send(door, as_json).status == (400 if name is Forge.GITHUB else 401)
        assert send(door, request(name, document, form=True)).status == 202
    assert targets(store) == ["main"]


@pytest.mark.parametrize("name", [Forge.GITEA, Forge.FORGEJO, Forge.GOGS])
@pytest.mark.parametrize("form", ["payload={}&x=1", "x=1&payload={}", "payload={}&payload={}", "&payload={}"])
def test_a_form_with_a_second_field_is_refused(store: Store, name: Forge, form: str) -> None:
    """The JSON alone is signed there: what else is in the form is from somebody else."""
    document = document_of(name)
    body = form.replace("{}", quote(document)).encode()
    with door_of(store, hook(name)) as door:
        assert send(door, request(name, document, form=True, body=body)).status == 401
    assert targets(store) == []


HEX: list[Forge] = [name for name in Forge if name is not Forge.GITLAB]
ANOTHER: dict[Forge, dict[str, Any]] = {
    name: {forge(name).delivery_headers[0].lower().replace("-", "_"): "another"} for name in HEX
}


@pytest.mark.parametrize("name", HEX)
def test_a_recorded_push_with_another_id_neither_rolls_back_nor_cancels(store: Store, name: Forge) -> None:
    older, newer = (request(name, document_of(name, after=commit * 40)) for commit in "ac")
    again = request(name, document_of(name, after="a" * 40), **ANOTHER[name])
    with door_of(store, hook(name), overlap=Overlap.RESTART) as door:
        assert send(door, older).status == 202
        end(store, start(store, now=datetime.now(UTC)))
        assert send(door, newer).status == 202
        running = start(store, now=datetime.now(UTC))
        assert (send(door, again).body["status"], store.cancel_requested(OWNER)) == ("already queued", ())
        end(store, running)
        assert send(door, again).body == {
            "status": "ignored",
            "reason": "a newer push came after this one: run 2",
        }
    assert len(store.runs()) == 2


@pytest.mark.parametrize("name", HEX)
def test_the_newest_push_can_be_redelivered_with_whatever_id(store: Store, name: Forge) -> None:
    document = document_of(name)
    with door_of(store, hook(name)) as door:
        assert send(door, request(name, document)).status == 202
        end(store, start(store, now=datetime.now(UTC)))  # long ago, in NOW
        assert send(door, request(name, document, **ANOTHER[name])).status == 202


def test_a_signed_id_cannot_be_changed(store: Store) -> None:
    with door_of(store, hook(Forge.GITLAB)) as door:
        assert send(door, request(Forge.GITLAB, document_of(Forge.GITLAB), webhook_id="d-2")).status == 401


def test_one_signed_json_is_one_delivery_however_its_form_is_written(store: Store) -> None:
    document = document_of(Forge.GITEA)
    spelled = ("".join(f"%{byte:02x}" for byte in document), quote(document))
    forms = [f"payload={spelling}".encode() for spelling in spelled]
    with door_of(store, hook(Forge.GITEA)) as door:
        assert send(door, request(Forge.GITEA, document)).status == 202
        for form in forms:
            answer = send(door, request(Forge.GITEA, document, form=True, body=form))
            assert answer.body["status"] == "already queued"


WORKFLOW_DISPATCH = {"ref": "refs/heads/main", "inputs": {}, "workflow": "deploy.yml"}
CREATE = {"ref": "v1", "ref_type": "tag", "sha": COMMIT}
OTHER_EVENTS: list[tuple[Forge, str, dict[str, Any]]] = [
    (Forge.GITHUB, "push", WORKFLOW_DISPATCH),
    (Forge.GITHUB, "push", {"ref": "main", "ref_type": "branch", "after": COMMIT}),
    (Forge.GITEA, "push", {"ref": "refs/heads/main", "ref_type": "branch", "sha": COMMIT}),
    (Forge.FORGEJO, "push", WORKFLOW_DISPATCH),
    (Forge.GOGS, "delete", CREATE),
    (Forge.GOGS, "create", {"ref": "v1", "ref_type": "tag", "pusher_type": "user"}),
    (Forge.GITLAB, "Push Hook", {"object_kind": "pipeline", "ref": "refs/heads/main", "before": "b" * 40}),
    (Forge.GITLAB, "Push Hook", {"ref": "refs/heads/main", "before": "b" * 40, "after": COMMIT}),
    (Forge.GITLAB, "Tag Push Hook", {"event_name": "repository_update", "changes": []}),
    (Forge.BITBUCKET, "repo:push", {"pullrequest": {}}),
    (Forge.BITBUCKET_DC, "repo:refs_changed", {"eventKey": "mirror:repo_synchronized", "changes": []}),
]


@pytest.mark.parametrize(("name", "event", "payload"), OTHER_EVENTS)
def test_a_body_of_another_event_is_no_push(
    store: Store, name: Forge, event: str, payload: dict[str, Any]
) -> None:
    names = {"full_name": "octocat/blog", "slug": "blog", "project": {"key": "octocat"}}
    named = payload | {"repository": names, "project": {"path_with_namespace": "octocat/blog"}}
    with door_of(store, hook(name)) as door:
        assert send(door, request(name, json.dumps(named).encode(), event=event)).status == 400
    assert store.deliveries() == ()


UNSIGNED: list[dict[str, Any]] = [
    {"content_encoding": "gzip"},
    {"content_type": "application/json; charset=utf-16"},
    {"content_type": "application/json; charset=utf-7", "content_language": "x"},
    {"x_http_method_override": "PUT"},
    {"x_github_event_type": "ping"},
]


@pytest.mark.parametrize("headers", UNSIGNED, ids=str)
def test_no_other_header_changes_how_a_body_is_read(store: Store, headers: dict[str, Any]) -> None:
    with door_of(store, hook(Forge.GITHUB)) as door:
        document = document_of(Forge.GITHUB, message="Grüße +AGA-")
        assert send(door, request(Forge.GITHUB, document, **headers)).status == 202
    assert targets(store) == ["main"]
