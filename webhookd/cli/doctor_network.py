"""What `webhookd doctor` sends over HTTP: a look at the daemon's health, and probes signed by the daemon."""

import errno
import http.client
import socket
import ssl
from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import Any

from webhookd.cli.doors import Door, Reply, outer_door, own_door
from webhookd.errors import AddressNotAllowed, in_words
from webhookd.intake.signing import Probe, probe_body
from webhookd.models import Finding, Level, Listen

_SKEW = 60.0  # seconds that two clocks may differ

_HINTS = {
    301: "forges do not follow redirects: enter the address it points to, and see that no slash is added",
    302: "forges do not follow redirects: enter the address it points to",
    307: "forges do not follow redirects: enter the address it points to",
    308: "forges do not follow redirects: enter the address it points to",
    403: "the server in front refuses it: see its rules",
    404: "the path must reach the daemon unchanged",
    405: "the request must arrive as a POST; a redirect makes a GET of it",
    411: "the server in front must hand on the body with its length",
    413: "the server in front takes no large bodies: client_max_body_size 25m in nginx",
    429: "there were too many wrong signatures from this address: try again later",
    502: "the server in front does not reach the daemon: is the address there one of those above?",
    503: "the store takes no writes now: see above",
    504: "the server in front waits in vain for the daemon",
}


def about_health(listening: Sequence[str]) -> Iterator[Finding]:
    """Ask for the daemon's health at every address on which it listens."""
    for address in listening:
        try:
            status = own_door(address).request("GET", "/healthz").status
        except (OSError, http.client.HTTPException) as error:
            yield _problem(
                "listening", f"{address} does not answer: {in_words(error)}", "see the daemon's log"
            )
            continue
        if status == http.HTTPStatus.OK:
            yield Finding(check="listening", level=Level.OK, message=f"{address} answers, all is well")
        else:
            yield _problem("listening", f"{address} answers {status}", "see the daemon's log")


def about_free_addresses(listen: Sequence[Listen]) -> Iterator[Finding]:
    """See, while the daemon is down, whether it could listen where it is told to."""
    for address in listen:
        if address.unix is not None:
            continue
        family = socket.AF_INET6 if ":" in address.host else socket.AF_INET
        with socket.socket(family, socket.SOCK_STREAM) as sock:
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                sock.bind((address.host, address.port))
            except OSError as error:
                level = Level.WARNING if error.errno == errno.EADDRINUSE else Level.PROBLEM
                said = f"{address} cannot be listened on: {in_words(error)}"
                hint = "by webhookd.socket if that is active, else by another program: ss -ltnp"
                yield Finding(check="listening", level=level, message=said, hint=hint)
            else:
                yield Finding(check="listening", level=Level.OK, message=f"{address} is free")


def about_probes(hooks: Sequence[Mapping[str, Any]], listening: Sequence[str], url: str) -> Iterator[Finding]:
    """Send signed deliveries to the daemon, directly and by *url* where there is one."""
    for hook in hooks:
        if listening:
            yield from _probe(own_door(listening[0]), hook, f"{listening[0]}{hook['path']}")
        if url:
            door = outer_door(url, hook["path"])
            yield from _probe(door, hook, f"{door.address}{door.prefix}{hook['path']}")


def _probe(door: Door, hook: Mapping[str, Any], shown: str) -> Iterator[Finding]:
    for probe in Probe:
        try:
            reply = door.request("POST", hook["path"], probe_body(probe), hook["headers"][probe])
        except ssl.SSLError as error:
            yield _problem("probe", f"{shown}: no safe connection: {in_words(error)}", "see its certificate")
            return
        except (OSError, http.client.HTTPException) as error:
            yield _problem("probe", f"{shown} cannot be reached: {in_words(error)}", "is the address right?")
            return
        if reply.status != http.HTTPStatus.OK:
            yield _about_refusal(shown, probe, reply)
            return
    yield Finding(
        check="probe", level=Level.OK, message=f"{shown} takes signed deliveries, and they arrive unchanged"
    )
    yield from _about_date(shown, reply.headers)


def _about_refusal(shown: str, probe: Probe, reply: Reply) -> Finding:
    if reply.status == http.HTTPStatus.FORBIDDEN and AddressNotAllowed.public.encode() in reply.body:
        said = f"{shown} cannot be tried from here: this machine's address is not in the hook's `allow_from`"
        hint = "let the forge send a delivery again, and see `webhookd deliveries`"
        return Finding(check="probe", level=Level.WARNING, message=said, hint=hint)
    return _problem("probe", f"{shown}: {_answered(probe, reply)}", _hint(probe, reply.status))


def _answered(probe: Probe, reply: Reply) -> str:
    what = {
        Probe.PLAIN: "a signed delivery",
        Probe.DELICATE: "a signed delivery with unusual spelling",
        Probe.LARGE: "a signed delivery of 2 MiB",
    }[probe]
    where = f" to {reply.headers['Location']}" if "Location" in reply.headers else ""
    return f"{what} is answered {reply.status}{where}"


def _hint(probe: Probe, status: int) -> str:
    if status == http.HTTPStatus.UNAUTHORIZED:
        if probe is Probe.PLAIN:
            return "the signature's header, or the body, is changed on the way: hand on both as they are"
        return "the body is written anew on the way: hand it on byte for byte"
    return _HINTS.get(status, "see the log of the server in front, and the daemon's")


def _about_date(shown: str, headers: Mapping[str, str]) -> Iterator[Finding]:
    try:
        theirs = parsedate_to_datetime(headers["Date"])
    except (KeyError, ValueError):
        return
    apart = abs((datetime.now(UTC) - theirs).total_seconds())
    if apart > _SKEW:
        said = f"the clock of {shown} and this one are {apart:.0f} s apart"
        yield Finding(check="clock", level=Level.WARNING, message=said, hint="timedatectl set-ntp true")


def _problem(check: str, message: str, hint: str) -> Finding:
    return Finding(check=check, level=Level.PROBLEM, message=message, hint=hint)
