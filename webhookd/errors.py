"""The one tree of exceptions: each message says what is wrong, and `hint` what to do (pure)."""

from dataclasses import dataclass
from http import HTTPStatus


def printable(text: str) -> str:
    r"""Escape what a terminal would act on (\x1b, newlines, marks that change the writing direction)."""
    return text if text.isprintable() else "".join(c if c.isprintable() else ascii(c)[1:-1] for c in text)


def in_words(error: Exception) -> str:
    """Describe an error of the system in the tone of our messages: "no such file or directory"."""
    return (getattr(error, "strerror", None) or str(error) or type(error).__name__).lower()


def with_file(error: OSError) -> str:
    """Describe an error of the system and name the file that it is about."""
    return in_words(error) + (f': "{error.filename}"' if error.filename else "")


class WebhookdError(Exception):
    """Anything webhookd raises on purpose; `cli` prints it and exits with `exit_code`."""

    exit_code = 1

    def __init__(self, message: str, *, hint: str = "") -> None:
        super().__init__(message)
        self.hint = hint


class UsageError(WebhookdError):
    """The command line contradicts itself or names something that does not exist."""

    exit_code = 2


class BadValue(UsageError, ValueError):
    """A duration, address, name or similar value is malformed.

    Also a ValueError, so that a parser can serve as a pydantic validator and as a click callback.
    """


@dataclass(frozen=True, slots=True, kw_only=True)
class Problem:
    """One mistake in the configuration file; `str()` is the line an operator reads."""

    file: str
    message: str
    line: int = 0  # 1-based; 0: the file as a whole
    column: int = 0  # 1-based
    key: str = ""  # "repos.octocat/blog.main"; "" for the file as a whole
    hint: str = ""

    def __str__(self) -> str:
        place = f"{self.file}:{self.line}:{self.column}" if self.line else self.file
        key = f" {self.key}:" if self.key else ""
        hint = f" ({self.hint})" if self.hint else ""
        return f"{place}:{key} {self.message}{hint}"


class ConfigError(WebhookdError):
    """The configuration is refused; `problems` lists all its mistakes."""

    exit_code = 78  # EX_CONFIG of sysexits.h

    def __init__(self, problems: tuple[Problem, ...]) -> None:
        super().__init__("\n".join(str(problem) for problem in problems))
        self.problems = problems


class Rejected(WebhookdError):
    """A request that intake refuses; `status` is the answer, the message is for the log only.

    `public` is the reason that the sender may read; `cause` is a short fixed word for logs and counters.
    """

    status = HTTPStatus.BAD_REQUEST
    public = "bad request"

    def __init__(self, message: str, *, cause: str = "", hint: str = "") -> None:
        super().__init__(message, hint=hint)
        self.cause = cause


class NotAuthentic(Rejected):
    """The signature, token or key is missing, malformed or wrong: one and the same answer for all."""

    status = HTTPStatus.UNAUTHORIZED
    public = "signature missing or wrong"


class AddressNotAllowed(Rejected):
    """The sender's address is not in `allow_from`."""

    status = HTTPStatus.FORBIDDEN
    public = "address not allowed"


class UnsupportedContentType(Rejected):
    """The body is neither JSON nor a form."""

    status = HTTPStatus.UNSUPPORTED_MEDIA_TYPE
    public = "content type must be application/json or application/x-www-form-urlencoded"


class BadPayload(Rejected):
    """The body is authentic, but no JSON object, or a push without repository or ref."""

    public = "body is not a valid payload"


class StoreError(WebhookdError):
    """The store cannot do what was asked."""


class StoreUnavailable(StoreError):
    """The store accepts no writes now (disk full, locked, read-only); a later try may succeed."""


class DiskFull(StoreUnavailable):
    """The disk has no room for a change; a daemon goes on without it until there is some."""


class StoreRefused(StoreError):
    """The database is damaged, or was written by a newer webhookd."""


class NotFound(WebhookdError):
    """There is no run, delivery or target of that name."""


def no_run(number: object) -> NotFound:
    """Return the error for a run *number* that does not exist."""
    return NotFound(f"there is no run {number}", hint="`webhookd runs` lists them")


class NotPossible(WebhookdError):
    """The state of a run, of the daemon or of a file does not allow this."""
