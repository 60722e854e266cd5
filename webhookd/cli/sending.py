"""Send a made-up delivery over HTTP, as a forge does: once, directly, without following a redirect."""

import re
from contextlib import suppress
from http.client import HTTPConnection, HTTPException, HTTPResponse, HTTPSConnection
from ssl import SSLCertVerificationError, SSLError
from urllib.parse import SplitResult, urlsplit

import click

from webhookd.errors import UsageError, WebhookdError, in_words
from webhookd.intake.signing import SignedDelivery
from webhookd.report.text import printable

TIMEOUT = 30.0  # seconds; forges wait 5 to 30
_KINDS = {"http": HTTPConnection, "https": HTTPSConnection}
_NO_TLS = {"WRONG_VERSION_NUMBER", "RECORD_LAYER_FAILURE", "PACKET_LENGTH_TOO_LONG"}  # plain text, to OpenSSL
_PLAIN = re.compile(r"[\x21-\x7e]+")
_LONGEST_ANSWER = 1024 * 1024  # bytes that are printed


def send(signed: SignedDelivery, url: str) -> bool:
    """POST *signed*, print status line and body of the answer, and tell whether it is a 2xx."""
    connection, target = _connect(url)
    try:
        answer = _exchange(connection, target, signed)
        click.echo(f"{answer.status} {printable(answer.reason)}")
        for line in answer.read(_LONGEST_ANSWER).decode("utf-8", "replace").splitlines():
            click.echo(printable(line))
    except (OSError, HTTPException) as exc:
        what, hint = _trouble(exc)
        raise WebhookdError(f'no answer from "{url}": {what}', hint=hint) from exc
    finally:
        connection.close()
    return 200 <= answer.status < 300  # noqa: PLR2004 - the successes of HTTP


def _trouble(exc: Exception) -> tuple[str, str]:
    """Say what went wrong, and what to do."""
    if isinstance(exc, SSLCertVerificationError):
        return f"its certificate is not trusted: {exc.verify_message}", "is this the name in the certificate?"
    if isinstance(exc, SSLError) and exc.reason in _NO_TLS:
        return "the other end does not speak TLS", "write http:// if it is the daemon itself"
    return in_words(exc), "is the daemon up, and is this its address?"


def _connect(url: str) -> tuple[HTTPConnection, str]:
    """Give the connection for *url*, not opened yet, and what to ask for there."""
    refusal = UsageError(f'"{url}" is not a web address', hint="http://127.0.0.1:9000/github-webhook")
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError as exc:
        raise refusal from exc
    kind = _KINDS.get(parts.scheme)
    if kind is None or not parts.hostname or not _PLAIN.fullmatch(url):
        raise refusal
    return kind(parts.hostname, port, timeout=TIMEOUT), _target(parts)


def _target(parts: SplitResult) -> str:
    return (parts.path or "/") + (f"?{parts.query}" if parts.query else "")


def _exchange(connection: HTTPConnection, target: str, signed: SignedDelivery) -> HTTPResponse:
    with suppress(BrokenPipeError, ConnectionResetError):  # answered before it read all: the answer says why
        connection.request("POST", target, signed.body, dict(signed.headers))
    return connection.getresponse()
