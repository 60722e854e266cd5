"""What `sign` is going to sign: a delivery made up from options, or a given payload."""

import os
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from webhookd.cli.inputs import read_input
from webhookd.errors import BadPayload, UsageError
from webhookd.intake import payloads, signing
from webhookd.intake.forges import Adapter
from webhookd.intake.receive import delivery_id
from webhookd.intake.samples import Change, SampleSpec, made_up_id, made_up_uuid
from webhookd.models import RefKind, Request


@dataclass(frozen=True, slots=True, kw_only=True)
class Draft:
    """A delivery that is not signed yet."""

    document: bytes
    event: str  # the forge's own name
    delivery: str
    form: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Given:
    """A payload from a file; *recorded* is the delivery in which it came, if `--format json` printed one."""

    document: bytes
    recorded: Request | None = None

    def repo(self, adapter: Adapter) -> str:
        """Give the repository that the payload names, read as a payload of that forge."""
        try:
            payload = payloads.parse_json(self.document)
            return adapter.parse(adapter.guess(payload), payload).repo
        except BadPayload:
            return ""


def read_given(name: str) -> Given:
    """Read the file called *name*."""
    data = read_input(name, "the payload")
    before = signing.read_recorded(data)
    if before is None:
        return Given(document=data)
    request = before.request()
    return Given(document=payloads.json_text(request), recorded=request)


def draft(given: Given, options: dict[str, Any], adapter: Adapter) -> Draft:
    """Prepare a given payload; a recorded delivery keeps its event, its id and its form."""
    headers = given.recorded.headers if given.recorded else {}
    before = delivery_id(given.recorded, adapter) if given.recorded else ""
    event = options["event"] or adapter.event(headers) or "push"
    return Draft(
        document=given.document,
        event=signing.event_of(given.document, adapter, asked=event),
        delivery=options["delivery"] or before or _new_id(),
        form=options["form"] or payloads.content_type(headers) == payloads.FORM,
    )


def made_up(options: dict[str, Any], adapter: Adapter) -> Draft:
    """Make up a delivery as the options wish."""
    delivery = options["delivery"] or _new_id()
    sample = adapter.sample(_wish(options, delivery))
    document = adapter.encode(sample.payload)
    return Draft(document=document, event=sample.event, delivery=delivery, form=options["form"])


def _wish(options: dict[str, Any], delivery: str) -> SampleSpec:
    moment = {} if options["delivery"] else {"at": datetime.now(UTC).replace(microsecond=0)}
    return SampleSpec(
        delivery=delivery,
        event=options["event"] or "push",
        repo=options["repo"],
        changes=tuple(_changes(options, delivery)),
        forced=options["forced"],
        message=options["message"],
        pusher=options["pusher"],
        files=options["files"] or ("README.md",),
        truncated=options["truncated"],
        **moment,
    )


def _changes(options: dict[str, Any], delivery: str) -> Iterator[Change]:
    if options["empty"]:
        return
    deleted = options["deleted"] or options["event"] == "delete"
    if deleted and options["created"]:
        raise UsageError("--created and --deleted exclude each other")
    branches = options["branch"] or (() if options["tag"] else ("main",))
    named = [
        *((RefKind.BRANCH, name) for name in branches),
        *((RefKind.TAG, name) for name in options["tag"]),
    ]
    for kind, name in named:
        fresh = options["created"] or (kind is RefKind.TAG and not options["before"] and not deleted)
        before = options["before"] or made_up_id(delivery, f"before {kind} {name}")
        after = options["after"] or made_up_id(delivery, f"after {kind} {name}")
        yield Change(kind=kind, name=name, before=None if fresh else before, after=None if deleted else after)


def _new_id() -> str:
    return made_up_uuid(os.urandom(16).hex())
