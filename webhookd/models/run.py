"""Runs, attempts, outcomes and findings, as frozen values (pure; built by `queue/` and `deploy/`)."""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from webhookd.models.delivery import Kind, PushEvent
from webhookd.models.settings import Forge


class RunState(StrEnum):
    """The state of a run; `queue/lifecycle.py` owns the transitions."""

    QUEUED = "queued"
    RUNNING = "running"
    SUCCEEDED = "succeeded"
    FAILED = "failed"
    TIMED_OUT = "timed_out"
    CANCELLED = "cancelled"
    SUPERSEDED = "superseded"


class Ending(StrEnum):
    """How one attempt ended."""

    EXITED = "exited"  # with an exit code
    SIGNALED = "signaled"  # by a signal from elsewhere
    TIMED_OUT = "timed_out"  # ended by the time limit
    CANCELLED = "cancelled"  # ended on request
    NOT_STARTED = "not_started"  # no such program, folder or user
    INTERRUPTED = "interrupted"  # its supervisor died, or a drain ended it: outcome unknown


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """What a supervisor reports of one attempt."""

    ending: Ending
    exit_code: int | None = None
    signal: int | None = None
    reason: str = ""  # one sentence, empty on plain success
    ended_at: datetime | None = None  # aware, UTC

    @property
    def succeeded(self) -> bool:
        """Whether the command exited with 0."""
        return self.ending is Ending.EXITED and self.exit_code == 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Run:
    """One execution of one target for one push event, as stored."""

    run: int
    target: str
    lane: str
    slot: str
    state: RunState
    attempt: int  # 0 before the first
    max_attempts: int
    reason: str
    exit_code: int | None
    signal: int | None
    hook: str
    forge: Forge
    delivery: str  # the forge's delivery id
    repo: str
    ref: str
    commit: str | None
    pusher: str | None
    title: str | None  # of the commit: the beginning of its message's first line
    queued_at: datetime
    not_before: datetime
    started_at: datetime | None
    ended_at: datetime | None
    superseded_by: int | None  # the run that replaced it; while running: the one that it has to make room for
    cancel_requested: bool
    owner: str | None = None  # the daemon that runs it, while running


@dataclass(frozen=True, slots=True, kw_only=True)
class Claim:
    """A run claimed for one attempt, with all that its command needs."""

    run: Run
    push: PushEvent  # without changed_files
    body: bytes | None  # the payload as received; None when housekeeping removed it
    content_type: str
    last_commit: str | None  # of the last successful run in this slot


@dataclass(frozen=True, slots=True, kw_only=True)
class Attempt:
    """One attempt of a run, as stored; without an `ending` it is running now."""

    run: int
    attempt: int  # from 1
    owner: str
    started_at: datetime
    ended_at: datetime | None
    ending: Ending | None
    exit_code: int | None
    signal: int | None
    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class StoredDelivery:
    """A delivery as listed, with the runs that it led to, without its body."""

    number: int  # the store's own, newest highest
    hook: str
    forge: Forge
    delivery: str  # the forge's id
    event: str
    kind: Kind
    repo: str  # of the first push; "" without one, or where an older version stored it
    refs: tuple[str, ...]  # of the pushes, at most a few
    opened_by: str
    reason: str  # why nothing ran; empty when something did
    received_at: datetime
    has_body: bool  # False once housekeeping removed it
    runs: tuple[int, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Counts:
    """The numbers of waiting and running runs."""

    queued: int
    running: int


class Level(StrEnum):
    """How serious a finding is."""

    OK = "ok"  # as it should be
    WARNING = "warning"  # works, but is probably a mistake
    PROBLEM = "problem"  # does not work


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """The result of one check of the installation."""

    check: str  # what was checked: "daemon", "target", "disk" …
    level: Level
    message: str
    hint: str = ""  # the way out

    @classmethod
    def ok(cls, check: str, message: str) -> "Finding":
        """Return a finding that is as it should be."""
        return cls(check=check, level=Level.OK, message=message)

    @classmethod
    def warning(cls, check: str, message: str, hint: str = "") -> "Finding":
        """Return a finding that is probably a mistake."""
        return cls(check=check, level=Level.WARNING, message=message, hint=hint)

    @classmethod
    def problem(cls, check: str, message: str, hint: str = "") -> "Finding":
        """Return a finding that does not work."""
        return cls(check=check, level=Level.PROBLEM, message=message, hint=hint)
