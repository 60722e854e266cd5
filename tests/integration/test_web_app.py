"""The WSGI application by itself: the same contract as the port."""

import json
from collections.abc import Callable
from dataclasses import replace
from ipaddress import ip_network
from typing import Any

import pytest
from daemon import push_payload, signed
from factories import COMMIT, make_hook, make_repository, make_secret, make_target
from frontdoor import SECRET, FrontDoor, make_front_door
from structlog.typing import EventDict
from werkzeug.test import Client

from webhookd.models.settings import Forge, Target
from webhookd.queue import Store


def is_well() -> str:
    return ""


def client_of(door: FrontDoor, *, health: Callable[[], str] = is_well) -> Client:
    return Client(door.app(health=health))


def push(client: Client, *, secret: str = SECRET, path: str = "/github-webhook", **over: Any) -> Any:
    body = json.dumps(push_payload()).encode()
    arguments: dict[str, Any] = {"data": body, "headers": signed(body, secret)}
    return client.post(path, **(arguments | over))


def test_a_push_is_stored_before_it_is_answered(store: Store) -> None:
    door = make_front_door(store)
    answer = push(client_of(door))
    assert (answer.status_code, answer.json["status"]) == (202, "queued")
    assert [run.run for run in store.runs()] == [answer.json["runs"][0]["run"]]
    assert len(door.wakes) == 1


@pytest.mark.parametrize(
    ("over", "status"),
    [
        ({"secret": "wrong"}, 401),
        ({"path": "/elsewhere"}, 404),
        ({"path": "//github-webhook"}, 404),
        ({"path": "/github-webhook/"}, 404),
        ({"data": b"x" * 2000}, 413),
        ({"environ_base": {"REMOTE_ADDR": "198.51.100.1"}}, 403),
    ],
)
def test_what_is_refused_is_refused_here_as_well(store: Store, over: dict[str, Any], status: int) -> None:
    hook = make_hook(secrets=(make_secret(SECRET),), allow_from=(ip_network("192.0.2.0/24"),))
    client = client_of(make_front_door(store, hook=hook, config={"max_body": 1000}))
    answer = push(client, **({"environ_base": {"REMOTE_ADDR": "192.0.2.7"}} | over))
    assert (answer.status_code, answer.json["status"], answer.content_type) == (
        status,
        "rejected",
        "application/json",
    )
    assert store.runs() == ()


@pytest.mark.parametrize("method", ["get", "put", "delete", "patch", "options", "trace"])
def test_a_hook_accepts_only_posts(store: Store, method: str) -> None:
    answer = client_of(make_front_door(store)).open("/github-webhook", method=method)
    assert (answer.status_code, answer.headers["Allow"]) == (405, "POST")


def test_health_is_what_the_daemon_says(store: Store) -> None:
    door = make_front_door(store)
    good, bad = client_of(door), client_of(door, health=lambda: "worker has ended")
    assert (good.get("/healthz").status_code, good.get("/healthz").json) == (200, {"status": "ok"})
    assert good.head("/healthz").status_code == 200
    answer = bad.get("/healthz")
    assert (answer.status_code, answer.json) == (503, {"status": "failing", "reason": "worker has ended"})
    assert "Retry-After" in answer.headers
    assert good.post("/healthz").json == {"status": "rejected", "reason": "method must be GET, HEAD"}


def test_a_store_that_takes_nothing_is_unavailable(store: Store) -> None:
    client = client_of(make_front_door(store))
    store.close()
    answer = push(client)
    assert (answer.status_code, answer.headers["Retry-After"]) == (503, "30")


def test_a_bug_is_a_500_that_tells_nothing(store: Store, logged: list[EventDict]) -> None:
    def broken() -> str:
        raise ZeroDivisionError("secret detail")

    answer = client_of(make_front_door(store), health=broken).get("/healthz")
    assert (answer.status_code, answer.json) == (500, {"status": "error", "reason": "internal error"})
    assert "ZeroDivisionError" in logged[0]["exception"]


def test_a_reload_moves_a_hook_to_its_new_path(store: Store) -> None:
    door = make_front_door(store)
    client = client_of(door)
    door.config = replace(door.config, hooks=(replace(door.config.hooks[0], path="/moved"),))
    assert push(client).status_code == 404
    assert push(client, path="/moved").status_code == 202


def push_of_refs(store: Store, number: int, *targets: Target) -> Any:
    """Push *number* new branches in one delivery, as Bitbucket does."""
    branch = {"type": "branch", "target": {"hash": COMMIT}}
    changes = [{"old": None, "new": branch | {"name": f"b{each}"}} for each in range(number)]
    body = json.dumps({"push": {"changes": changes}, "repository": {"full_name": "octocat/blog"}}).encode()
    hook = make_hook(forge=Forge.BITBUCKET, secrets=(make_secret(SECRET),))
    headers = {"X-Event-Key": "repo:push", "X-Request-UUID": "d-1", "Content-Type": "application/json"}
    headers["X-Hub-Signature"] = signed(body, SECRET)["X-Hub-Signature-256"]
    config = {"repositories": (make_repository(targets=targets),)}
    client = client_of(make_front_door(store, hook=hook, config=config))
    return client.post("/github-webhook", data=body, headers=headers)


def test_a_push_of_too_many_refs_queues_some_and_says_so(store: Store) -> None:
    answer = push_of_refs(store, 3000, *(make_target(name=name, pattern="**") for name in ("site", "docs")))
    reason = "only the first 1000 of 3000 changes were read; only the first 1000 of 2000 runs were queued"
    assert (answer.status_code, answer.json["reason"]) == (202, reason)
    assert len(answer.json["runs"]) == len(store.runs(limit=5000)) == 1000
    assert [delivery.reason for delivery in store.deliveries()] == [reason]


def test_the_reasons_of_a_push_of_many_refs_are_not_all_listed(store: Store) -> None:
    reasons = push_of_refs(store, 300).json["reason"].split("; ")
    assert (len(reasons), reasons[-1]) == (11, "and 290 more reasons")
