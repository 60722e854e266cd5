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

from webhookd.intake.forges import forge
from webhookd.intake.samples import Change, SampleSpec
from webhookd.intake.signing import sign_delivery
from webhookd.models.settings import Forge, Hook
from webhookd.queue import Store

FORM = "application/x-www-form-urlencoded"
SIGNING_KEYS = {Forge.GITLAB: "whsec_c2VjcmV0IHNlY3JldCBzZWNyZXQ="}
NEVER_FORMS = {Forge.GITLAB, Forge.BITBUCKET, Forge.BITBUCKET_DC}


@contextmanager
def door_of(store: Store, hook: Hook) -> Iterator[FrontDoor]:
    """Serve *hook* with a target for the branch main and one for the branch live."""
    targets = tuple(make_target(name=name, pattern=name) for name in ("main", "live"))
    repositories = (make_repository(pattern="octocat/*", targets=targets),)
    with make_front_door(store, hook=hook, config={"repositories": repositories}).serving() as door:
        yield door


def hook(name: Forge) -> Hook:
    return hook_of(name, SIGNING_KEYS.get(name, KEY))


def document_of(name: Forge, branch: str = "main", message: str = "Say hello") -> bytes:
    change = Change(name=branch, before="b" * 40, after=COMMIT)
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
