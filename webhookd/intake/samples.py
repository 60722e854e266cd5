"""What a made-up delivery is to contain, from which each forge's module makes a body of its own shape (pure).

Everything random in a body follows from the delivery's id: the same id and the same contents make the same
bytes again, which is what a forge sends when somebody presses "Redeliver".
"""

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from webhookd.errors import UsageError
from webhookd.intake.refs import full_ref
from webhookd.models.settings import RefKind

HEX_OF_SHA1 = 40


@dataclass(frozen=True, slots=True, kw_only=True)
class Change:
    """One ref change; no id before means that it is created, none after that it is deleted."""

    kind: RefKind = RefKind.BRANCH
    name: str = "main"
    before: str | None = None
    after: str | None = None

    @property
    def ref(self) -> str:
        """The full ref."""
        return full_ref(self.kind, self.name)

    @property
    def zeros(self) -> str:
        """The id that stands for "no object", as long as the other one is."""
        return "0" * len(self.after or self.before or "0" * HEX_OF_SHA1)

    @property
    def old_id(self) -> str:
        """The id before, zeros when the ref is created."""
        return self.before or self.zeros

    @property
    def new_id(self) -> str:
        """The id after, zeros when the ref is deleted."""
        return self.after or self.zeros


@dataclass(frozen=True, slots=True, kw_only=True)
class SampleSpec:
    """What a made-up delivery is about."""

    delivery: str  # the forge's id of it
    event: str = "push"  # push, ping, delete, or the forge's own name
    repo: str = "octocat/hello-world"
    changes: tuple[Change, ...] = (Change(),)
    forced: bool = False
    message: str = "Say hello in more languages"
    pusher: str = "octocat"
    files: tuple[str, ...] = ("README.md",)  # changed by the newest commit
    truncated: bool = False  # more commits than the forge lists
    at: datetime = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)  # when it was pushed

    @property
    def change(self) -> Change:
        """The only change; raises UsageError when there are more, for a forge that sends one at a time."""
        if len(self.changes) != 1:
            raise UsageError("this forge sends exactly one change of a ref at a time")
        return self.changes[0]

    @property
    def owner(self) -> str:
        """All of the repository's name but its last part."""
        return self.repo.rpartition("/")[0]

    @property
    def name(self) -> str:
        """The last part of the repository's name."""
        return self.repo.rpartition("/")[2]

    @property
    def author(self) -> dict[str, Any]:
        """Name and address of the pusher, as most forges show the author of a commit."""
        return {"name": self.pusher, "email": f"{self.pusher}@example.com"}

    @property
    def tagged_commit(self) -> str:
        """The commit that an annotated tag points at."""
        return self.object_id("tagged commit")

    def commit(self, commit: str, message: str, *, url: str) -> dict[str, Any]:
        """Return what most forges show of a commit."""
        return {
            "id": commit,
            "message": message,
            "timestamp": self.at.isoformat(),
            "url": url,
            "author": self.author,
            "added": [],
            "removed": [],
            "modified": list(self.files),
        }

    def object_id(self, what: str) -> str:
        """Make up the id of an object; *what* distinguishes it from others of the same delivery."""
        return made_up_id(self.delivery, what)

    def number(self, what: str) -> int:
        """Make up a number such as a database assigns; the same one for the same thing in every delivery."""
        return int(_digest(what)[:7], 16)


@dataclass(frozen=True, slots=True, kw_only=True)
class Sample:
    """What a forge would send, before it is signed."""

    event: str  # the forge's own name
    payload: Mapping[str, Any]


def made_up_id(delivery: str, what: str) -> str:
    """Make up the 40 hex digits of a Git object."""
    return _digest(f"{delivery} {what}")[:HEX_OF_SHA1]


def made_up_uuid(*parts: str) -> str:
    """Make up a UUID; the same one for the same parts."""
    h = _digest(" ".join(parts))
    return f"{h[:8]}-{h[8:12]}-4{h[13:16]}-a{h[17:20]}-{h[20:32]}"


def listed_commits(spec: SampleSpec, cap: int) -> list[tuple[str, str]]:
    """Make up ids and messages of the commits, oldest first: one, or *cap* when there are more."""
    if spec.change.after is None or spec.change.kind is not RefKind.BRANCH:
        return []
    before = range(cap - 1 if spec.truncated else 0)
    earlier = [(spec.object_id(f"commit {number}"), f"Step {number + 1}") for number in before]
    return [*earlier, (spec.change.after, spec.message)]


def compact(payload: Mapping[str, Any]) -> bytes:
    """Write JSON without white space, as most forges do."""
    return json.dumps(payload, ensure_ascii=False, separators=(",", ":")).encode()


def indented(payload: Mapping[str, Any]) -> bytes:
    """Write JSON as Go's encoder does, indented by two: Gitea and its family."""
    return go_escaped(json.dumps(payload, ensure_ascii=False, indent=2)).encode()


def go_escaped(text: str) -> str:
    r"""Escape what Go's encoder escapes for use in HTML: < as \u003c, and so on."""
    return text.translate(_GO_ESCAPES)


_GO_ESCAPES = {ord(char): f"\\u{ord(char):04x}" for char in "<>&\u2028\u2029"}


def _digest(text: str) -> str:
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()
