"""The Flask app on the public port: the hooks and the health check."""

from collections.abc import Callable
from http import HTTPStatus

import structlog
from flask import Flask, Response, request
from werkzeug.exceptions import HTTPException, MethodNotAllowed

from webhookd.web import answers
from webhookd.web.answers import Answer
from webhookd.web.hooks import Hooks

log = structlog.get_logger(__name__)

_METHODS = ("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE", "CONNECT")


def create_app(hooks: Hooks, *, health: Callable[[], str]) -> Flask:
    """Give the app; *health* says what is wrong with the daemon, or ``""``."""
    app = Flask("webhookd", static_folder=None)
    # A path is a hook's or it is not: no redirect to a prettier one, since a forge would turn POST into GET.
    app.url_map.merge_slashes = False
    app.url_map.strict_slashes = False

    def healthz() -> Response:
        reason = health()
        return _respond(answers.unhealthy(reason) if reason else answers.HEALTHY)

    def hook(path: str) -> Response:  # noqa: ARG001 - the raw path is in the WSGI environment
        return _respond(hooks.answer(request.environ))

    app.add_url_rule("/healthz", view_func=healthz, methods=["GET"], provide_automatic_options=False)
    app.add_url_rule(
        "/", view_func=hook, defaults={"path": ""}, methods=_METHODS, provide_automatic_options=False
    )
    app.add_url_rule("/<path:path>", view_func=hook, methods=_METHODS, provide_automatic_options=False)
    app.register_error_handler(Exception, _handle)
    return app


def _handle(error: Exception) -> Response:
    """Answer in JSON whatever goes wrong; a bug of ours is logged with its traceback, and never shown."""
    if isinstance(error, MethodNotAllowed):
        return _respond(answers.method_not_allowed(error.valid_methods or ()))
    if isinstance(error, HTTPException) and error.code is not None:
        return _respond(answers.answer(HTTPStatus(error.code), status="rejected", reason=error.name.lower()))
    log.error("request failed", path=request.path, exc_info=error)
    return _respond(answers.BROKEN)


def _respond(answer: Answer) -> Response:
    return Response(answer.body, answer.status, answer.all_headers)
