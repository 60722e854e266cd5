"""A configuration with its hooks, repositories and targets, as frozen values (pure; built by `config/`)."""

from dataclasses import dataclass, field
from enum import StrEnum
from ipaddress import IPv4Network, IPv6Network
from pathlib import Path
from typing import TypeAlias

from webhookd.errors import BadValue, Problem

Network: TypeAlias = IPv4Network | IPv6Network


class Forge(StrEnum):
    """A sender of webhooks; each member has one module of its own in `intake/forges`."""

    GITHUB = "github"
    GITEA = "gitea"
    FORGEJO = "forgejo"
    GOGS = "gogs"
    GITLAB = "gitlab"
    BITBUCKET = "bitbucket"
    BITBUCKET_DC = "bitbucket-dc"


class Overlap(StrEnum):
    """What happens to a push while its lane is running."""

    LATEST = "latest"  # one run waits; a newer push takes its place
    QUEUE = "queue"  # every push runs, in order
    RESTART = "restart"  # a newer push cancels the running one


class LogTo(StrEnum):
    """Where the output of a command goes."""

    FILE = "file"  # the log of its run
    JOURNAL = "journal"  # there, and to the system's journal


class RefKind(StrEnum):
    """The kind of ref that a rule or a push event is about."""

    BRANCH = "branch"
    TAG = "tag"
    OTHER = "other"  # refs/pull/…, refs/notes/…: no rule matches these


@dataclass(frozen=True, slots=True, kw_only=True)
class Secret:
    """A shared key that no log, message or repr shows.

    `label` names where it came from (``file /etc/webhookd/secret``), for messages.
    """

    label: str
    key: bytes = field(repr=False)

    @staticmethod
    def key_in(content: bytes) -> bytes:
        """Return the key in the content of a file or variable; raise BadValue if it is empty.

        One newline at the end, which an editor or `echo` puts there, is not part of the key. NUL bytes alone
        are empty too: HMAC fills a short key up with them.
        """
        key = content.removesuffix(b"\r\n" if content.endswith(b"\r\n") else b"\n")
        if not key.strip(b"\0 \t\r\n\v\f"):
            hint = "an empty secret would let everybody in: openssl rand -hex 32"
            raise BadValue("the secret is empty", hint=hint)
        return key


@dataclass(frozen=True, slots=True, kw_only=True)
class Hook:
    """One configured endpoint."""

    name: str
    path: str  # begins with "/"
    forge: Forge
    secrets: tuple[Secret, ...] = ()  # any of them opens
    tokens: tuple[Secret, ...] = ()  # GitLab's plain token; any of them opens
    authorization: tuple[Secret, ...] = ()  # whole value of an Authorization header; any of them opens
    allow_from: tuple[Network, ...] = ()  # empty: from anywhere


@dataclass(frozen=True, slots=True, kw_only=True)
class Target:
    """A command for a repository and a branch or tag pattern, with its options."""

    name: str  # repo@branch, repo@refs/tags/pattern, with ":name" behind it where the file gives a name
    hook: str
    repo: str  # name or pattern
    ref_kind: RefKind
    pattern: str  # branch or tag, name or pattern
    run: str | tuple[str, ...]  # a string is a /bin/sh -e -c script; a tuple is argv
    on_delete: str | tuple[str, ...] | None = None
    cwd: Path | None = None
    env: tuple[tuple[str, str], ...] = ()
    user: str | None = None
    group: str | None = None
    umask: int | None = None
    nice: int | None = None
    log: LogTo = LogTo.FILE
    timeout: float = 1800.0  # seconds
    grace: float = 10.0  # seconds between TERM and KILL
    overlap: Overlap = Overlap.LATEST
    settle: float = 0.0  # seconds of quiet before a run starts
    lock: str | None = None
    retries: int = 0
    retry_delay: float = 10.0  # seconds, doubled on every further retry
    paths: tuple[str, ...] = ()
    paths_ignore: tuple[str, ...] = ()
    skip_message: tuple[str, ...] = ("[skip deploy]",)

    def lane(self, slot: str) -> str:
        """Return what must not run twice at once: *slot* by itself, or all targets that share the lock."""
        return slot if self.lock is None else f"lock {self.lock}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Repository:
    """One key of `repos`: its rules, in file order."""

    pattern: str  # name or pattern, compared case-insensitively
    hook: str
    secrets: tuple[Secret, ...] = ()  # if any: only these open this repository
    targets: tuple[Target, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Listen:
    """One address to listen on: TCP (`host` and `port`) or a unix socket (`unix`)."""

    host: str = ""
    port: int = 0
    unix: Path | None = None

    def __str__(self) -> str:
        if self.unix is not None:
            return f"unix:{self.unix}"
        return f"[{self.host}]:{self.port}" if ":" in self.host else f"{self.host}:{self.port}"


@dataclass(frozen=True, slots=True, kw_only=True)
class History:
    """How long, and how much of, runs, logs and payloads is kept."""

    keep: float = 90 * 86400.0  # seconds
    runs_per_target: int = 1000
    log_limit: int = 10 * 1024**2  # bytes of one command's output
    bodies: float = 30 * 86400.0  # seconds a payload is kept


@dataclass(frozen=True, slots=True, kw_only=True)
class Config:
    """A whole, valid configuration."""

    file: Path
    state_dir: Path
    listen: tuple[Listen, ...] = (Listen(host="127.0.0.1", port=9000),)
    workers: int = 4
    max_body: int = 25 * 1024**2  # bytes
    trusted_proxies: tuple[Network, ...] = ()
    drain_timeout: float = 600.0  # seconds
    history: History = History()
    hooks: tuple[Hook, ...] = ()
    repositories: tuple[Repository, ...] = ()
    warnings: tuple[Problem, ...] = field(default=(), compare=False)  # they name lines, not what is in force

    def hook_at(self, path: str) -> Hook | None:
        """Return the hook whose URL path is *path*, compared exactly."""
        return next((hook for hook in self.hooks if hook.path == path), None)

    @property
    def targets(self) -> tuple[Target, ...]:
        """All targets, in the order of the file."""
        return tuple(target for repository in self.repositories for target in repository.targets)

    def target(self, name: str) -> Target | None:
        """Return the target with this *name*."""
        return next((target for target in self.targets if target.name == name), None)
