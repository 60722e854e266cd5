"""Send a made-up delivery over HTTP and print the answer."""

from http.client import HTTPException
from typing import IO, Any
from urllib.error import HTTPError, URLError
from urllib.parse import urlsplit
from urllib.request import HTTPRedirectHandler, ProxyHandler, Request, build_opener

import click

from webhookd.errors import UsageError, WebhookdError
from webhookd.intake.signing import Signed
from webhookd.report.text import printable

TIMEOUT = 30.0  # seconds; forges wait 5 to 30
_LOOPBACK = {"localhost", "127.0.0.1", "::1"}


class _NoRedirect(HTTPRedirectHandler):
    """Shows a redirect as the answer: a forge does not follow it, or turns the POST into a GET."""

    def redirect_request(self, *_args: Any, **_more: Any) -> None:
        return None


def send(signed: Signed, url: str) -> bool:
    """POST *signed*, print status line and body of the answer, and tell whether it is a 2xx."""
    parts = urlsplit(url)
    if parts.scheme not in {"http", "https"} or not parts.hostname:
        raise UsageError(f'"{url}" is not a web address', hint="http://127.0.0.1:9000/github-webhook")
    handlers = [_NoRedirect(), *([ProxyHandler({})] if parts.hostname in _LOOPBACK else [])]
    request = Request(url, data=signed.body, headers=dict(signed.headers), method="POST")  # noqa: S310 - checked above
    try:
        with build_opener(*handlers).open(request, timeout=TIMEOUT) as answer:
            return _print(answer.status, answer.reason, answer)
    except HTTPError as answer:
        with answer:
            return _print(answer.code, answer.reason, answer)
    except URLError as exc:
        raise _unreachable(url, exc.reason) from exc
    except (OSError, HTTPException) as exc:
        raise _unreachable(url, exc) from exc


def _print(status: int, reason: str, answer: IO[bytes]) -> bool:
    click.echo(f"{status} {printable(reason)}")
    for line in answer.read(1024 * 1024).decode("utf-8", "replace").splitlines():
        click.echo(printable(line))
    return 200 <= status < 300  # noqa: PLR2004 - the successes of HTTP


def _unreachable(url: str, reason: object) -> WebhookdError:
    words = (getattr(reason, "strerror", None) or str(reason) or type(reason).__name__).lower()
    return WebhookdError(f"cannot reach {url}: {words}", hint="is the daemon up, and is this its address?")
