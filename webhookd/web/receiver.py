"""What the public port does with a request: the steps from its head to the answer, for all hooks.

The order is that of trust: size and address, then signature, content type, JSON, repository's own secret and
match in `intake`, then the store. The answer is given after the commit.
"""

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import partial

import structlog

from webhookd.errors import AddressNotAllowed, NotAuthentic, Rejected, StoreError
from webhookd.intake import precheck, receive
from webhookd.intake.diagnose import case_of, daemon_cause
from webhookd.intake.keyrings import every_secret
from webhookd.models.delivery import Request
from webhookd.models.settings import Config, Hook
from webhookd.queue import Store
from webhookd.web import answers
from webhookd.web.answers import Answer
from webhookd.web.clients import Address, Throttle, client_address, is_within
from webhookd.web.rejections import Rejection, Rejections

log = structlog.get_logger(__name__)

HEALTH = "/healthz"  # the one path on this port that is no hook's


@dataclass(frozen=True, slots=True, kw_only=True)
class Head:
    """What a request says before its body comes, and who is at the other end of the connection."""

    method: str
    path: str  # as it was sent, without the query; nothing is decoded or folded
    headers: Mapping[str, str]  # lower-case names; one that came more than once is joined with ","
    peer: str  # address; no address where the connection came over a unix socket
    length: int | None = None  # announced bytes of the body; None where it comes in chunks


class Receiver:
    """Answers requests by the configuration in force; any thread may use it."""

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

    def refuse(self, head: Head) -> Answer | None:
        """Answer a request whose head shows that it cannot become valid; return None for any other."""
        config = self._config()
        hook = config.hook_at(head.path)
        methods = ("GET", "HEAD") if head.path == HEALTH else ("POST",)
        if hook is None and head.path != HEALTH:
            return self.reject(answers.NOT_FOUND, head)
        if head.method not in methods:
            return self.reject(answers.method_not_allowed(methods), head)
        if hook is None or (head.length or 0) > config.max_body:  # the health check takes no body
            return self.reject(answers.TOO_LARGE, head)
        try:
            _check_address(head, hook, config)
            precheck(head.headers, hook=hook, repositories=config.repositories)
        except Rejected as error:
            return self._rejected(error, head, config)
        return None

    def receive(self, head: Head, body: bytes) -> Answer:
        """Answer a request at a hook; a delivery is answered after the commit."""
        config = self._config()
        hook = config.hook_at(head.path)
        if hook is None:  # a reload came in between
            return self.reject(answers.NOT_FOUND, head)
        if len(body) > config.max_body:
            return self.reject(answers.TOO_LARGE, head)
        request, now = Request(headers=head.headers, body=body), datetime.now(UTC)
        try:
            _check_address(head, hook, config)
            decision = receive(request, hook=hook, repositories=config.repositories, now=now)
            acceptance = self._store.accept(decision, now=now)
        except NotAuthentic as error:
            return self._rejected(
                error, head, config, finer=partial(_cause_by_keys, request, error, hook, config)
            )
        except Rejected as error:
            return self._rejected(error, head, config)
        except StoreError as error:
            log.error("delivery not stored", hook=hook.name, error=error)  # noqa: TRY400 - no bug
            return answers.UNAVAILABLE
        if acceptance.status.wakes:
            self._wake()
        log.info(
            "delivery %s",
            acceptance.status,
            hook=hook.name,
            delivery=decision.delivery.delivery_id,
            forge_event=decision.delivery.event,
            runs=[run.run for run in acceptance.runs],
            reason=acceptance.reason,
        )
        return answers.accepted(decision, acceptance)

    def reject(
        self,
        answer: Answer,
        head: Head,
        *,
        cause: str = "",
        detail: str = "",
        finer: Callable[[], str] | None = None,
    ) -> Answer:
        """Count and log that *head* is answered with *answer*, and return that."""
        config = self._config()
        hook = config.hook_at(head.path)
        kind = Rejection(status=answer.status, cause=cause or answer.reason, hook=hook.name if hook else "")
        address, now = str(_client(head, config)), time.monotonic()
        self.rejections.note(kind, address=address, path=head.path, detail=detail, now=now, finer=finer)
        return answer

    def _rejected(
        self, error: Rejected, head: Head, config: Config, *, finer: Callable[[], str] | None = None
    ) -> Answer:
        answer = answers.rejected(error)
        if isinstance(error, NotAuthentic):
            seconds = self._throttle.fail(_client(head, config), now=time.monotonic())
            answer = answers.too_many_failures(seconds) if seconds else answer
        return self.reject(answer, head, cause=error.cause, detail=str(error), finer=finer)


def _cause_by_keys(request: Request, error: NotAuthentic, hook: Hook, config: Config) -> str:
    """Return the cause that the configured keys show, such as a secret of another hook."""
    others = every_secret(config.hooks, config.repositories)
    case = case_of(request, error, hook=hook, repositories=config.repositories, others=others)
    return daemon_cause(case)


def _check_address(head: Head, hook: Hook, config: Config) -> None:
    if not hook.allow_from:
        return
    address = _client(head, config)
    if not is_within(address, hook.allow_from):
        raise AddressNotAllowed(f"{address} is not in allow_from", cause="address not allowed")


def _client(head: Head, config: Config) -> Address:
    return client_address(head.peer, head.headers.get("x-forwarded-for"), config.trusted_proxies)
