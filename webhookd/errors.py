"""The one tree of exceptions. Each says what is wrong in one sentence, and what to do in `hint`."""

from http import HTTPStatus
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from webhookd.models import Ending, Problem


def in_words(error: Exception) -> str:
    """Say what went wrong outside, in the tone of our messages: "no such file or directory"."""
    return (getattr(error, "strerror", None) or str(error) or type(error).__name__).lower()


def with_file(error: OSError) -> str:
    """Say the same and name the file that it is about."""
    return in_words(error) + (f': "{error.filename}"' if error.filename else "")


class WebhookdError(Exception):
    """Anything webhookd raises on purpose; `cli` prints it and exits with `exit_code`."""

    exit_code = 1

    def __init__(self, message: str, *, hint: str = "") -> None:
        super().__init__(message)
        self.hint = hint


class UsageError(WebhookdError):
    """The command line asks for something that makes no sense."""

    exit_code = 2


class BadValue(UsageError, ValueError):
    """A duration, address, name or the like is not written as it must be.

    Also a ValueError, so that a parser can serve as a pydantic validator and as a click callback.
    """


class ConfigError(WebhookdError):
    """The configuration is refused; `problems` lists everything that is wrong with it."""

    exit_code = 78  # EX_CONFIG of sysexits.h

    def __init__(self, problems: "tuple[Problem, ...]") -> None:
        super().__init__("\n".join(str(problem) for problem in problems))
        self.problems = problems


class RestartNeeded(WebhookdError):
    """The new configuration changes what a running daemon cannot change."""


class Rejected(WebhookdError):
    """A request that intake turns away; `status` is its answer, the message is for the log only.

    `public` is the reason the sender may read; `cause` is a short fixed word for logs and counters.
    """

    status = HTTPStatus.BAD_REQUEST
    public = "bad request"

    def __init__(self, message: str, *, cause: str = "", hint: str = "") -> None:
        super().__init__(message, hint=hint)
        self.cause = cause


class NotAuthentic(Rejected):
    """Signature, token or key missing, malformed or wrong: one and the same answer for all."""

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
    """Authentic, but not what the forge sends: no JSON object, or a push without repository or ref."""

    public = "body is not a valid payload"


class StoreError(WebhookdError):
    """The store cannot do what was asked."""


class StoreUnavailable(StoreError):
    """The store takes no writes now (disk full, locked, read-only); trying again later may help."""


class StoreRefused(StoreError):
    """The database is damaged, or was written by a newer webhookd."""


class StateDirInUse(WebhookdError):
    """Another daemon works on this state directory."""


class NotFound(WebhookdError):
    """No run, delivery or target of that name."""


def no_run(number: object) -> NotFound:
    """Say that there is no run of this *number*."""
    return NotFound(f"there is no run {number}", hint="`webhookd runs` lists them")


class NotPossible(WebhookdError):
    """The run is in a state in which that cannot be done."""


class LaunchFailed(WebhookdError):
    """An attempt could not be handed to a supervisor; `ending` is what that makes of it.

    What `concerns_all` others will meet as well.
    """

    def __init__(self, message: str, *, ending: "Ending", concerns_all: bool = False) -> None:
        super().__init__(message)
        self.ending = ending
        self.concerns_all = concerns_all
