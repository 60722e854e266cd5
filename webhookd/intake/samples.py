"""What to imitate: a wish, from which each forge's module makes a body of its own shape (pure).

Everything random in a body follows from the delivery's id: the same id and the same wish make the same
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
from webhookd.models import RefKind

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


@dataclass(frozen=True, slots=True, kw_only=True)
class Wish:
    """What somebody wants to see delivered."""

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
        """The only change; raises UsageError where there are more, for a forge that sends one at a time."""
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

    def object_id(self, what: str) -> str:
        """Make up the id of an object; *what* tells it from others of the same delivery."""
        return object_id(self.delivery, what)

    def number(self, what: str) -> int:
        """Make up a number such as a database gives; the same one for the same thing in every delivery."""
        return int(_digest(what)[:7], 16)


@dataclass(frozen=True, slots=True, kw_only=True)
class Sample:
    """What a forge would send for a wish, before it is signed."""

    event: str  # the forge's own name
    payload: Mapping[str, Any]


def object_id(delivery: str, what: str) -> str:
    """Make up the 40 hex digits of a Git object."""
    return _digest(f"{delivery} {what}")[:HEX_OF_SHA1]


def made_up_uuid(*parts: str) -> str:
    """Make up a UUID; the same one for the same parts."""
    h = _digest(" ".join(parts))
    return f"{h[:8]}-{h[8:12]}-4{h[13:16]}-a{h[17:20]}-{h[20:32]}"


def listed_commits(wish: Wish, cap: int) -> list[tuple[str, str]]:
    """Make up ids and messages of the commits, oldest first: one, or *cap* where more are cut off."""
    if wish.change.after is None or wish.change.kind is not RefKind.BRANCH:
        return []
    before = range(cap - 1 if wish.truncated else 0)
    earlier = [(wish.object_id(f"commit {number}"), f"Step {number + 1}") for number in before]
    return [*earlier, (wish.change.after, wish.message)]


def compact(payload: Mapping[str, Any]) -> bytes:
    """Write JSON without a blank, as most forges do."""
    return json.dumps(payload, ensure_ascii=False, separators=(",", ":")).encode()


def indented(payload: Mapping[str, Any]) -> bytes:
    """Write JSON as Go's encoder does, indented by two: Gitea and its family."""
    text = json.dumps(payload, ensure_ascii=False, indent=2)
    return go_escaped(text).encode()


def go_escaped(text: str) -> str:
    r"""Escape what Go's encoder escapes for use in HTML: < as \u003c, and so on."""
    return text.translate(_GO_ESCAPES)


_GO_ESCAPES = {ord(char): f"\\u{ord(char):04x}" for char in "<>&\u2028\u2029"}


def _digest(text: str) -> str:
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()
