"""Octokit's JavaScript for GitHub: each accepts the other's signatures, and every example is answered."""

import json
from pathlib import Path
from typing import Any

import npm
import pytest
from factories import KEY, NOW, as_document, hook_of, sign_document, sign_sample

from webhookd.errors import NotAuthentic
from webhookd.intake import receive
from webhookd.models.delivery import Kind, Request

METHODS = "@octokit/webhooks-methods@6.0.0"
EXAMPLES = "@octokit/webhooks-examples@7.6.1"

VERIFY = """
import { verify } from '@octokit/webhooks-methods';
const judged = [];
for (const [body, signature] of given.deliveries)
    judged.push(await verify(given.key, body, signature).catch((error) => error.message));
console.log(JSON.stringify(judged));
"""
SIGN = """
import { sign } from '@octokit/webhooks-methods';
console.log(JSON.stringify(await Promise.all(given.bodies.map((body) => sign(given.key, body)))));
"""


@pytest.fixture(scope="module")
def methods() -> Path:
    return npm.installed(METHODS)


def test_octokit_accepts_only_what_sign_makes(methods: Path) -> None:
    signed = [
        sign_sample(hook_of(), event=event, form=form) for event in ("push", "ping") for form in (False, True)
    ]
    good = [(delivery.body.decode(), delivery.headers["X-Hub-Signature-256"]) for delivery in signed]
    bad = [(body + " ", signature) for body, signature in good]
    judged = npm.run(methods, VERIFY, {"key": KEY, "deliveries": good + bad})
    assert judged == [True] * 4 + [False] * 4


def test_we_accept_only_what_octokit_signs(methods: Path) -> None:
    push = {"ref": "refs/heads/grüße", "before": "b" * 40, "after": "a" * 40}
    bodies = [as_document({**push, "repository": {"full_name": name}}).decode() for name in ("a/b", "c/✓")]
    signatures = npm.run(methods, SIGN, {"key": KEY, "bodies": bodies})
    for body, signature in zip(bodies, signatures, strict=True):
        headers = {
            "x-github-event": "push",
            "content-type": "application/json",
            "x-hub-signature-256": signature,
        }
        request = Request(headers=headers, body=body.encode())
        [event] = receive(request, hook=hook_of(), repositories=[], now=NOW).delivery.pushes
        assert event.branch == "grüße"
        with pytest.raises(NotAuthentic):
            receive(
                Request(headers=headers, body=body.encode() + b"\n"), hook=hook_of(), repositories=[], now=NOW
            )


def examples() -> list[tuple[str, dict[str, Any]]]:
    """Every event of github.com and of each Enterprise version with every payload that Octokit knows."""
    folder = npm.installed(EXAMPLES) / "node_modules/@octokit/webhooks-examples"
    indices = [json.loads(index.read_text(encoding="utf-8")) for index in sorted(folder.glob("*/index.json"))]
    return [(event["name"], example) for index in indices for event in index for example in event["examples"]]


def test_every_example_of_every_event_is_answered() -> None:
    known = examples()
    assert len(known) > 500
    for event, payload in known:
        signed = sign_document(as_document(payload), hook_of(), event=event)
        decision = receive(signed.request(), hook=hook_of(), repositories=[], now=NOW)
        kind = {"push": Kind.PUSH, "ping": Kind.PING}.get(event, Kind.OTHER)
        assert (decision.delivery.kind, bool(decision.reason)) == (kind, True)


def test_every_example_of_a_push_has_its_ref() -> None:
    pushes = [payload for event, payload in examples() if event == "push"]
    assert pushes
    for payload in pushes:
        signed = sign_document(as_document(payload), hook_of(), form=True)
        [push] = receive(signed.request(), hook=hook_of(), repositories=[], now=NOW).delivery.pushes
        expected = (
            payload["repository"]["full_name"],
            payload["ref"],
            payload["deleted"],
            payload["created"],
        )
        assert (push.repo, push.ref, push.deleted, push.created) == expected
