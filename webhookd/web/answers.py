"""What the hooks' port says: one frozen answer per case of the HTTP contract (pure)."""

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from http import HTTPStatus
from typing import Any

from webhookd.errors import Rejected
from webhookd.models.delivery import Decision
from webhookd.queue import Acceptance, AcceptanceStatus

_ENCODER = json.JSONEncoder(ensure_ascii=False, separators=(",", ":"))
_RETRY_AFTER = "30"  # seconds; long enough for a person to make room, short enough for a proxy's retry


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """Status, JSON body and further headers."""

    status: HTTPStatus
    reason: str  # what was wrong; "" where nothing was
    body: bytes
    headers: tuple[tuple[str, str], ...] = ()

    @property
    def status_line(self) -> str:
        """The status as it is sent: `401 Unauthorized`."""
        return f"{self.status.value} {self.status.phrase}"

    @property
    def all_headers(self) -> list[tuple[str, str]]:
        """The headers of this answer, and those of every answer."""
        return [*self.headers, ("Cache-Control", "no-store"), ("Content-Type", "application/json")]


def answer(code: HTTPStatus, headers: Mapping[str, str] | None = None, /, **fields: Any) -> Answer:
    """Return an answer whose body is *fields* as a JSON object."""
    body = _ENCODER.encode(fields).encode("utf-8", "replace") + b"\n"
    reason = fields.get("reason") or ""
    return Answer(status=code, reason=reason, body=body, headers=tuple((headers or {}).items()))


def accepted(decision: Decision, acceptance: Acceptance) -> Answer:
    """Answer a delivery that is stored."""
    runs = [{"run": run.run, "target": run.target} for run in acceptance.runs]
    delivery = decision.delivery.delivery_id
    match acceptance.status:
        case AcceptanceStatus.QUEUED:
            left_out = {"reason": acceptance.reason} if acceptance.reason else {}
            return answer(HTTPStatus.ACCEPTED, status="queued", delivery=delivery, runs=runs, **left_out)
        case AcceptanceStatus.IGNORED:
            return answer(HTTPStatus.OK, status="ignored", reason=acceptance.reason)
        case status:
            return answer(HTTPStatus.OK, status=status.value, delivery=delivery, runs=runs)


def rejected(error: Rejected) -> Answer:
    """Answer a request that intake rejected; only the log says what was wrong."""
    return _refusal(error.status, error.public)


def _refusal(code: HTTPStatus, reason: str, headers: Mapping[str, str] | None = None) -> Answer:
    return answer(code, headers, status="rejected", reason=reason)


def method_not_allowed(methods: Iterable[str]) -> Answer:
    """Answer a request with another method than *methods*."""
    allowed = ", ".join(sorted(methods))
    return _refusal(HTTPStatus.METHOD_NOT_ALLOWED, f"method must be {allowed}", {"Allow": allowed})


def too_many_failures(seconds: float) -> Answer:
    """Answer an address that sends many requests with a wrong signature."""
    retry_after = {"Retry-After": f"{seconds:.0f}"}
    return _refusal(HTTPStatus.TOO_MANY_REQUESTS, "too many failed signatures", retry_after)


NOT_FOUND = _refusal(HTTPStatus.NOT_FOUND, "no such path")
TOO_LARGE = _refusal(HTTPStatus.REQUEST_ENTITY_TOO_LARGE, "body too large")
HEAD_TOO_LARGE = _refusal(HTTPStatus.REQUEST_HEADER_FIELDS_TOO_LARGE, "header too large")
MALFORMED = _refusal(HTTPStatus.BAD_REQUEST, "malformed request")
TOO_SLOW = _refusal(HTTPStatus.REQUEST_TIMEOUT, "request took too long")
UNAVAILABLE = answer(
    HTTPStatus.SERVICE_UNAVAILABLE,
    {"Retry-After": _RETRY_AFTER},
    status="unavailable",
    reason="cannot store the delivery now, send it again later",
)
BROKEN = answer(HTTPStatus.INTERNAL_SERVER_ERROR, status="error", reason="internal error")
HEALTHY = answer(HTTPStatus.OK, status="ok")


def unhealthy(reason: str) -> Answer:
    """Answer a health check that failed."""
    return answer(
        HTTPStatus.SERVICE_UNAVAILABLE, {"Retry-After": _RETRY_AFTER}, status="failing", reason=reason
    )
