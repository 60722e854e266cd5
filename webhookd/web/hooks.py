"""The public endpoints: from an HTTP request to a stored delivery and its answer.

The order of trust: path, method, size, address, then all that `intake` checks.
"""

import logging
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from http import HTTPStatus
from typing import Any

from webhookd.errors import AddressNotAllowed, Rejected, StoreUnavailable
from webhookd.intake import receive
from webhookd.models import Config, Decision, Hook, Request
from webhookd.queue import Acceptance, Store
from webhookd.web import answers
from webhookd.web.address import client_address, is_within
from webhookd.web.answers import Answer

log = logging.getLogger(__name__)


class Hooks:
    """All hooks of the configuration in force."""

    def __init__(self, *, config: Callable[[], Config], store: Store, wake: Callable[[], None]) -> None:
        self._config = config
        self._store = store
        self._wake = wake

    def answer(self, environ: Mapping[str, Any]) -> Answer | None:
        """Answer the WSGI request *environ*, or give None where its path is no hook's."""
        config = self._config()
        hook = config.hook_at(environ["PATH_INFO"])
        if hook is None:
            return None
        try:
            return self._receive(environ, hook, config)
        except Rejected as error:
            _log_rejected(hook, environ, error)
            return answers.rejected(error)
        except StoreUnavailable as error:
            log.error("delivery not stored hook=%s error=%s", hook.name, error)  # noqa: TRY400 - no bug of ours
            return answers.UNAVAILABLE

    def _receive(self, environ: Mapping[str, Any], hook: Hook, config: Config) -> Answer:
        if environ["REQUEST_METHOD"] != "POST":
            return answers.method_not_allowed(["POST"])
        length = int(environ.get("CONTENT_LENGTH") or 0)
        if length > config.max_body:
            return answers.TOO_LARGE
        _check_address(environ, hook, config)
        request = Request(headers=_headers(environ), body=environ["wsgi.input"].read(length))
        now = datetime.now(UTC)
        decision = receive(request, hook=hook, repositories=config.repositories, now=now)
        acceptance = self._store.accept(decision, now=now)
        if acceptance.status.wakes:
            self._wake()
        _log_accepted(decision, acceptance)
        return answers.accepted(decision, acceptance)


def _check_address(environ: Mapping[str, Any], hook: Hook, config: Config) -> None:
    if not hook.allow_from:
        return
    address = _client(environ, config)
    if not is_within(address, hook.allow_from):
        raise AddressNotAllowed(f"{address} is not in allow_from", cause="address not allowed")


def _client(environ: Mapping[str, Any], config: Config) -> Any:
    return client_address(
        environ.get("REMOTE_ADDR", ""), environ.get("HTTP_X_FORWARDED_FOR"), config.trusted_proxies
    )


def _headers(environ: Mapping[str, Any]) -> dict[str, str]:
    """Give the headers under the names they have on the wire, in lower case."""
    headers = {
        name[5:].replace("_", "-").lower(): value
        for name, value in environ.items()
        if name.startswith("HTTP_")
    }
    if content_type := environ.get("CONTENT_TYPE"):
        headers["content-type"] = content_type
    return headers


def _log_accepted(decision: Decision, acceptance: Acceptance) -> None:
    delivery = decision.delivery
    log.info(
        "delivery %s hook=%s delivery=%s event=%s runs=%s%s",
        acceptance.status,
        delivery.hook,
        delivery.delivery_id,
        delivery.event,
        ",".join(str(run.run) for run in acceptance.runs) or "-",
        f" reason={acceptance.reason}" if acceptance.reason else "",
    )


def _log_rejected(hook: Hook, environ: Mapping[str, Any], error: Rejected) -> None:
    log.warning(
        "request rejected hook=%s address=%s status=%d cause=%s detail=%s",
        hook.name, environ.get("REMOTE_ADDR") or "-", HTTPStatus(error.status), error.cause or "-", error,
    )  # fmt: skip
