"""The Flask app on the public port: a route for each hook, and the health check."""

from collections.abc import Callable, Iterable, Iterator, Mapping
from functools import lru_cache, partial
from http import HTTPStatus
from typing import Any

import structlog
from flask import Flask, Response, request
from werkzeug.exceptions import HTTPException, MethodNotAllowed, NotFound

from webhookd.models.settings import Config
from webhookd.web import answers
from webhookd.web.answers import Answer
from webhookd.web.receiver import HEALTH, Head, Receiver

log = structlog.get_logger(__name__)


class PublicApp:
    """The WSGI application: the Flask app for the hooks in force, made again when a reload changes them."""

    def __init__(
        self, receiver: Receiver, *, config: Callable[[], Config], health: Callable[[], str]
    ) -> None:
        """Answer at the hooks with *receiver*; *health* returns what is wrong with the daemon, or `""`."""
        self._config = config
        self._app = lru_cache(maxsize=1)(partial(create_app, receiver, health))

    def __call__(self, environ: dict[str, Any], start_response: Any) -> Iterable[bytes]:
        """Answer one request; its path counts as it was sent, with nothing decoded or folded."""
        environ["PATH_INFO"] = environ["REQUEST_URI"].partition("?")[0]
        return self._app(*self._paths)(environ, start_response)

    @property
    def _paths(self) -> Iterator[str]:
        return (hook.path for hook in self._config().hooks)


def create_app(receiver: Receiver, health: Callable[[], str], *paths: str) -> Flask:
    """Return the Flask app with a hook at each of *paths*."""
    app = Flask("webhookd", static_folder=None)
    # A path is a hook's or it is not: no redirect to another one, since a forge would turn POST into GET.
    app.url_map.merge_slashes = False
    app.url_map.strict_slashes = False
    app.url_map.redirect_defaults = False

    def healthz() -> Response:
        reason = health()
        return _respond(answers.unhealthy(reason) if reason else answers.HEALTHY)

    def hook() -> Response:
        return _respond(receiver.receive(_head(request.environ), request.get_data(cache=False)))

    def refuse(error: HTTPException) -> Response:
        allowed = error.valid_methods or () if isinstance(error, MethodNotAllowed) else ()
        answer = answers.method_not_allowed(allowed) if allowed else answers.NOT_FOUND
        return _respond(receiver.reject(answer, _head(request.environ)))

    for path in paths:
        app.add_url_rule(path, path, hook, methods=["POST"], provide_automatic_options=False)
    app.add_url_rule(HEALTH, HEALTH, healthz, methods=["GET"], provide_automatic_options=False)
    app.register_error_handler(NotFound, refuse)
    app.register_error_handler(MethodNotAllowed, refuse)
    app.register_error_handler(Exception, _handle)
    return app


def _handle(error: Exception) -> Response:
    """Answer in JSON whatever goes wrong; a bug of ours is logged with its traceback, and never shown."""
    if isinstance(error, HTTPException) and error.code is not None:
        return _respond(answers.answer(HTTPStatus(error.code), status="rejected", reason=error.name.lower()))
    log.error("request failed", path=request.path, exc_info=error)
    return _respond(answers.BROKEN)


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


def _respond(answer: Answer) -> Response:
    return Response(answer.body, answer.status_line, answer.all_headers)
