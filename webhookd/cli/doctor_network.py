"""The part of `webhookd doctor` that uses the network: the daemon's health, and signed test deliveries."""

import errno
import socket
from collections.abc import Iterator, Mapping, Sequence
from http import HTTPStatus
from typing import Any

from webhookd.cli.http_client import NoReply, Reply, origin_of, request, split_url
from webhookd.errors import AddressNotAllowed, in_words
from webhookd.intake.signing import Probe, probe_body
from webhookd.models.run import Finding, Level
from webhookd.models.settings import Listen

_DELIVERIES = {
    Probe.PLAIN: "a signed delivery",
    Probe.DELICATE: "a signed delivery with unusual spelling",
    Probe.LARGE: "a signed delivery of 2 MiB",
}
_REDIRECT = "forges do not follow redirects: give the forge the exact address that it points to"
_HINTS = {
    **dict.fromkeys((301, 302, 307, 308), _REDIRECT),
    403: "the proxy refuses it: see its rules",
    404: "the proxy must pass on the path unchanged",
    413: "the proxy refuses large bodies: client_max_body_size 25m in nginx",
    502: "the proxy does not reach the daemon: does it use one of the addresses above?",
    503: "the store cannot be written now: see above",
}


def check_health(listening: Sequence[str]) -> Iterator[Finding]:
    """Ask for `/healthz` at every address on which the daemon listens."""
    for address in listening:
        try:
            status = request(origin_of(address), "GET", "/healthz").status
        except NoReply as error:
            yield Finding.problem("listening", f"{address} does not answer: {error}", "see the daemon's log")
            continue
        if status == HTTPStatus.OK:
            yield Finding.ok("listening", f"{address} answers, the daemon is healthy")
        else:
            yield Finding.problem("listening", f"{address} answers {status}", "see the daemon's log")


def check_free_addresses(listen: Sequence[Listen]) -> Iterator[Finding]:
    """Check, while the daemon is down, whether it could listen on its addresses."""
    for address in listen:
        if address.unix is not None:
            continue
        family = socket.AF_INET6 if ":" in address.host else socket.AF_INET
        try:
            socket.create_server((address.host, address.port), family=family).close()
        except OSError as error:
            level = Level.WARNING if error.errno == errno.EADDRINUSE else Level.PROBLEM
            message = f"nothing can listen on {address}: {in_words(error)}"
            hint = "if webhookd.socket is active it uses the address, else another program: ss -ltnp"
            yield Finding(check="listening", level=level, message=message, hint=hint)
        else:
            yield Finding.ok("listening", f"{address} is free")


def check_deliveries(
    hooks: Sequence[Mapping[str, Any]], listening: Sequence[str], url: str
) -> Iterator[Finding]:
    """Send signed deliveries to every hook of the daemon: directly, and to *url* unless it is ""."""
    for hook in hooks:
        path = hook["path"]
        if listening:
            yield from _deliver(origin_of(listening[0]), path, hook, shown=f"{listening[0]}{path}")
        if url:
            origin, start = split_url(url, example="--url https://deploy.example.org")
            outer = start.removesuffix(path).rstrip("/") + path  # the URL may have the hook's path already
            yield from _deliver(origin, outer, hook, shown=f"{origin}{outer}")


def _deliver(origin: str, path: str, hook: Mapping[str, Any], *, shown: str) -> Iterator[Finding]:
    for probe in Probe:
        try:
            reply = request(origin, "POST", path, probe_body(probe), hook["headers"][probe])
        except NoReply as error:
            yield Finding.problem("probe", f"{shown} cannot be reached: {error}", error.hint)
            return
        if reply.status != HTTPStatus.OK:
            yield _refused(shown, probe, reply)
            return
    yield Finding.ok("probe", f"{shown} accepts signed deliveries, and they arrive unchanged")


def _refused(shown: str, probe: Probe, reply: Reply) -> Finding:
    if reply.status == HTTPStatus.FORBIDDEN and AddressNotAllowed.public.encode() in reply.body:
        message = f"{shown} cannot be tested from here: this machine is not in the hook's `allow_from`"
        hint = "let the forge send a delivery again, and see `webhookd deliveries`"
        return Finding.warning("probe", message, hint)
    if reply.status != HTTPStatus.UNAUTHORIZED:
        hint = _HINTS.get(reply.status, "see the logs of the proxy and of the daemon")
    elif probe is Probe.PLAIN:
        hint = "the proxy changes the signature's header or the body: it must pass on both unchanged"
    else:
        hint = "the proxy rewrites the body: it must pass it on byte for byte"
    where = f" to {reply.headers['Location']}" if "Location" in reply.headers else ""
    return Finding.problem("probe", f"{shown}: {_DELIVERIES[probe]} is answered {reply.status}{where}", hint)
