"""The public endpoints: from an HTTP request to a stored delivery and its answer.

The order of trust: path, method, size, address, then all that `intake` checks. What the head of a request
shows is answered before its body is read; and no thread waits for the disk.
"""

import time
from collections.abc import Callable, Mapping
from concurrent.futures import CancelledError, Future
from concurrent.futures import TimeoutError as TooSlow
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import partial
from typing import Any

import structlog

from webhookd.errors import AddressNotAllowed, NotAuthentic, Rejected, StoreError
from webhookd.intake import precheck, receive
from webhookd.intake.diagnose import case_of, daemon_cause
from webhookd.models import Config, Decision, Hook, Request
from webhookd.queue import Acceptance, Store
from webhookd.web import answers
from webhookd.web.address import Address, client_address, is_within
from webhookd.web.answers import Answer
from webhookd.web.head import Head
from webhookd.web.rejections import Kind, Rejections
from webhookd.web.throttle import Throttle

log = structlog.get_logger(__name__)

HEALTH = "/healthz"  # the one path on this port that is no hook's
PATIENCE = 20.0  # seconds for the store to take a delivery; a forge has given up by then


class Hooks:
    """All hooks of the configuration in force."""

    def __init__(self, *, config: Callable[[], Config], store: Store, wake: Callable[[], None]) -> None:
        self._config = config
        self._store = store
        self._wake = wake
        self._throttle = Throttle()
        self.rejections = Rejections()

    @property
    def max_body(self) -> int:
        """The bytes that a body may have."""
        return self._config().max_body

    def is_hook(self, path: str) -> bool:
        """Tell whether `receive` answers at *path*."""
        return self._config().hook_at(path) is not None

    def refuse(self, head: Head, *, is_whole: bool = False) -> Answer | None:
        """Answer a request whose head shows that it cannot become valid; give None for any other.

        What has come with its whole body is not asked for its signature here: `receive` will do so.
        """
        config = self._config()
        hook = config.hook_at(head.path)
        methods = ("GET", "HEAD") if head.path == HEALTH else ("POST",)
        if hook is None and head.path != HEALTH:
            return self.reject(answers.NOT_FOUND, head, cause="no such path")
        if head.method not in methods:
            return self.reject(answers.method_not_allowed(methods), head, cause="method")
        if head.length is not None and head.length > config.max_body:
            return self.reject(answers.TOO_LARGE, head, cause="body too large")
        return self._check(head, hook, config, is_whole=is_whole) if hook is not None else None

    def receive(self, head: Head, body: bytes) -> "Answer | Pending":
        """Answer a whole request that was not refused by its head, at once or once it is stored."""
        config = self._config()
        hook = config.hook_at(head.path)
        if hook is None:  # a reload came in between
            return answers.NOT_FOUND
        request, now = Request(headers=head.headers, body=body), datetime.now(UTC)
        try:
            decision = receive(request, hook=hook, repositories=config.repositories, now=now)
            promise = self._store.accept_soon(decision, now=now)
        except NotAuthentic as error:
            finer = partial(_cause_by_keys, request, error, hook=hook, config=config)
            return self._rejected(error, head, config, finer=finer)
        except Rejected as error:
            return self._rejected(error, head, config)
        except StoreError as error:
            return _unavailable(hook.name, error)
        promise.add_done_callback(self._wake_if_queued)  # from the store's thread: nothing is quicker
        return Pending(decision=decision, promise=promise)

    def _wake_if_queued(self, promise: "Future[Acceptance]") -> None:
        if not promise.cancelled() and promise.exception() is None and promise.result().status.wakes:
            self._wake()

    def answer(self, environ: Mapping[str, Any]) -> Answer:
        """Answer the WSGI request *environ*, and wait for that."""
        head = _head(environ)
        refusal = self.refuse(head, is_whole=True)
        if refusal is not None:
            return refusal
        answered = self.receive(head, environ["wsgi.input"].read(head.length))
        return answered.wait() if isinstance(answered, Pending) else answered

    def reject(
        self,
        answer: Answer,
        head: Head,
        *,
        cause: str,
        detail: str = "",
        finer: Callable[[], str] | None = None,
    ) -> Answer:
        """Count and log that *head* is answered with *answer*, and give that."""
        config = self._config()
        hook = config.hook_at(head.path)
        kind = Kind(status=answer.status, cause=cause, hook=hook.name if hook else "")
        address, now = str(_client(head, config)), time.monotonic()
        self.rejections.note(kind, address=address, path=head.path, detail=detail, now=now, finer=finer)
        return answer

    def flush(self) -> None:
        """Log what the minute that is over has folded; to be called now and then."""
        self.rejections.flush(now=time.monotonic())

    def _check(self, head: Head, hook: Hook, config: Config, *, is_whole: bool) -> Answer | None:
        try:
            _check_address(head, hook, config)
            if not is_whole:
                precheck(head.headers, hook=hook, repositories=config.repositories)
        except Rejected as error:
            return self._rejected(error, head, config)
        return None

    def _rejected(
        self, error: Rejected, head: Head, config: Config, *, finer: Callable[[], str] | None = None
    ) -> Answer:
        answer = answers.rejected(error)
        if isinstance(error, NotAuthentic):
            seconds = self._throttle.fail(_client(head, config), now=time.monotonic())
            answer = answers.too_many_failures(seconds) if seconds else answer
        return self.reject(answer, head, cause=error.cause, detail=str(error), finer=finer)


@dataclass(frozen=True, slots=True, kw_only=True)
class Pending:
    """A delivery on its way to the disk."""

    decision: Decision
    promise: "Future[Acceptance]"

    def answer(self) -> Answer:
        """Give the answer, now that the promise is done."""
        try:
            acceptance = self.promise.result(0)
        except (StoreError, CancelledError) as error:
            return _unavailable(self.decision.delivery.hook, error)
        _log_accepted(self.decision, acceptance)
        return answers.accepted(self.decision, acceptance)

    def wait(self) -> Answer:
        """Wait for the answer, as long as a sender may be kept waiting."""
        try:
            self.promise.exception(PATIENCE)
        except (TooSlow, CancelledError):
            return self.give_up()
        return self.answer()

    def give_up(self) -> Answer:
        """Say that it is not stored; if the disk takes it after all, to send it again does no harm."""
        self.promise.cancel()
        return _unavailable(self.decision.delivery.hook, TooSlow(f"no commit within {PATIENCE:g} s"))


def _cause_by_keys(request: Request, error: NotAuthentic, *, hook: Hook, config: Config) -> str:
    """Say what the configured keys tell of a request that *hook* refused: one of another hook's, say."""
    others = [
        secret
        for other in config.hooks
        if other is not hook
        for secret in (*other.secrets, *other.tokens, *other.authorization)
    ]
    case = case_of(request, error, hook=hook, repositories=config.repositories, others=others)
    return daemon_cause(case)


def _unavailable(hook: str, error: BaseException) -> Answer:
    log.error("delivery not stored", hook=hook, error=error)
    return answers.UNAVAILABLE


def _check_address(head: Head, hook: Hook, config: Config) -> None:
    if not hook.allow_from:
        return
    address = _client(head, config)
    if not is_within(address, hook.allow_from):
        raise AddressNotAllowed(f"{address} is not in allow_from", cause="address not allowed")


def _client(head: Head, config: Config) -> Address:
    return client_address(head.peer, head.headers.get("x-forwarded-for"), config.trusted_proxies)


def _head(environ: Mapping[str, Any]) -> Head:
    """Read the head out of a WSGI environment, with header names as they are on the wire."""
    headers = {
        name[5:].replace("_", "-").lower(): value
        for name, value in environ.items()
        if name.startswith("HTTP_")
    }
    if content_type := environ.get("CONTENT_TYPE"):
        headers["content-type"] = content_type
    return Head(
        method=environ["REQUEST_METHOD"],
        path=environ["PATH_INFO"],
        headers=headers,
        peer=environ.get("REMOTE_ADDR") or "",
        length=int(environ.get("CONTENT_LENGTH") or 0),
    )


def _log_accepted(decision: Decision, acceptance: Acceptance) -> None:
    delivery = decision.delivery
    log.info(
        "delivery %s",
        acceptance.status,
        hook=delivery.hook,
        delivery=delivery.delivery_id,
        forge_event=delivery.event,
        runs=[run.run for run in acceptance.runs],
        reason=acceptance.reason,
    )
