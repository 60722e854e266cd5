"""What a made-up delivery is to contain, from which each forge's module makes a body of its own shape (pure).

Everything random in a body follows from the delivery's id: the same id and the same contents make the same
bytes again, which is what a forge sends when somebody presses "Redeliver".
"""

import hashlib
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from webhookd.errors import UsageError
from webhookd.intake.payloads import Payload
from webhookd.intake.refs import full_ref
from webhookd.models.settings import RefKind

HEX_OF_SHA1 = 40
HOST = "git.example.com"
SITE = f"https://{HOST}"


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
    """What a made-up delivery is about, and the parts of it that most forges show alike."""

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
    def page(self) -> str:
        """The repository's web page; with ".git" after it, what to clone."""
        return f"{SITE}/{self.repo}"

    @property
    def ssh_url(self) -> str:
        """What to clone by SSH."""
        return f"git@{HOST}:{self.repo}.git"

    @property
    def author(self) -> dict[str, Any]:
        """Name and address of the pusher."""
        return {"name": self.pusher, "email": f"{self.pusher}@example.com"}

    @property
    def tagged_commit(self) -> str:
        """The commit that an annotated tag points at."""
        return made_up_id(self.delivery, "tagged commit")

    def repository(self) -> dict[str, Any]:
        """Return what GitHub and its imitators show of a repository, without its owner."""
        return {
            "id": 1296269,
            "name": self.name,
            "full_name": self.repo,
            "private": False,
            "html_url": self.page,
            "ssh_url": self.ssh_url,
            "clone_url": f"{self.page}.git",
            "default_branch": "main",
        }

    def commit(self, commit: str, message: str) -> dict[str, Any]:
        """Return what most forges show of a commit."""
        return {
            "id": commit,
            "message": message,
            "timestamp": self.at.isoformat(),
            "url": f"{self.page}/commit/{commit}",
            "author": self.author,
            "added": [],
            "removed": [],
            "modified": list(self.files),
        }

    def commits(self, cap: int) -> list[dict[str, Any]]:
        """Return the commits of a push to a branch, oldest first: one, or *cap* when there are more."""
        change = self.change
        if change.after is None or change.kind is not RefKind.BRANCH:
            return []
        earlier = range(1, cap if self.truncated else 1)
        made = [self.commit(made_up_id(self.delivery, f"commit {n}"), f"Step {n}") for n in earlier]
        return [*made, self.commit(change.after, self.message)]


@dataclass(frozen=True, slots=True, kw_only=True)
class Sample:
    """What a forge would send, before it is signed."""

    event: str  # the forge's own name
    payload: Payload


def made_up_id(delivery: str, what: str) -> str:
    """Make up the 40 hex digits of a Git object."""
    digest = hashlib.sha256(f"{delivery} {what}".encode("utf-8", "surrogatepass"))
    return digest.hexdigest()[:HEX_OF_SHA1]


def made_up_uuid(name: str) -> str:
    """Make up a UUID; the same one for the same name."""
    h = made_up_id("uuid", name)
    return f"{h[:8]}-{h[8:12]}-4{h[13:16]}-a{h[17:20]}-{h[20:32]}"
