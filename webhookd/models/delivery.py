"""Requests, deliveries, push events and decisions, as frozen values (pure; built by `intake/`)."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum

from webhookd.models.settings import Forge, Target


@dataclass(frozen=True, slots=True, kw_only=True)
class Request:
    """An unverified request: lower-cased header names and the raw body bytes.

    A header that came more than once is one value joined with ``,`` as WSGI does it.
    """

    headers: Mapping[str, str]
    body: bytes = field(repr=False)


class Kind(StrEnum):
    """What a delivery is to webhookd."""

    PUSH = "push"
    PING = "ping"
    OTHER = "other"


@dataclass(frozen=True, slots=True, kw_only=True)
class PushEvent:
    """One ref change. Unknown is None; an all-zero object id is None."""

    repo: str  # full name as the forge spells it: octocat/blog, group/sub/project, KEY/slug
    ref: str  # full: refs/heads/main
    branch: str | None = None
    tag: str | None = None
    before: str | None = None
    after: str | None = None  # may be a tag object
    commit: str | None = None  # what to check out; None on deletion
    created: bool = False
    deleted: bool = False
    forced: bool | None = None
    test: bool = False  # sent by the forge's test button: nothing changed
    pusher: str | None = None
    message: str | None = None  # of the head commit
    compare_url: str | None = None
    clone_url: str | None = None
    changed_files: tuple[str, ...] | None = None  # sorted, without repetition
    files_complete: bool = False  # the forge gave every changed file


@dataclass(frozen=True, slots=True, kw_only=True)
class Delivery:
    """One verified request, identified by its hook and what is signed: body, in some schemes also id."""

    hook: str
    forge: Forge
    delivery_id: str  # the forge's; where it sends none: "sha256-" and the start of the body's digest
    id_is_signed: bool = False  # or our own; if not, anybody could send the same body with another id
    body_sha256: str  # hex; of the bytes that are signed: of a Gitea form, the JSON in it
    body: bytes = field(repr=False)  # as received
    content_type: str  # application/json or application/x-www-form-urlencoded
    event: str  # the forge's own name
    kind: Kind
    pushes: tuple[PushEvent, ...] = ()
    opened_by: str = ""  # label of the secret that verified it
    received_at: datetime  # aware, UTC

    @property
    def uid(self) -> str:
        """The identity, as one string without ambiguity."""
        return "/".join([self.hook, *([self.delivery_id] if self.id_is_signed else []), self.body_sha256])


@dataclass(frozen=True, slots=True, kw_only=True)
class Match:
    """A target that will run for one push event."""

    push: PushEvent
    target: Target
    reason: str  # the rule, in words: 'branch "main" is named exactly'

    @property
    def slot(self) -> str:
        """Target + concrete repository and ref: in one slot, a newer push replaces a waiting one."""
        return f"{self.target.name} {self.push.repo.lower()} {self.push.ref}"

    @property
    def lane(self) -> str:
        """What must not run twice at once: the slot, or the lock that several targets share."""
        return self.target.lane(self.slot)


@dataclass(frozen=True, slots=True, kw_only=True)
class Decision:
    """The result of a request: a delivery and what runs, or why nothing does."""

    delivery: Delivery
    matches: tuple[Match, ...] = ()
    reason: str = ""  # why nothing runs, or not everything
