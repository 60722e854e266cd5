"""Addresses to listen on, and the addresses and networks of senders (pure)."""

import re
from collections.abc import Iterable, Iterator
from ipaddress import AddressValueError, IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_interface
from pathlib import Path

from webhookd.config.wording import quoted
from webhookd.errors import BadValue
from webhookd.models.settings import Listen

_TCP = re.compile(r"(\[[^\]]*\]|[^:\[\]]*):([0-9]{1,5})", re.ASCII)
_LABEL = r"[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?"
_HOST_NAME = re.compile(rf"{_LABEL}(?:\.{_LABEL})*", re.IGNORECASE | re.ASCII)
_LONGEST_UNIX = 107  # bytes of sun_path, see unix(7)
_LAST_PORT = 65535


def parse_listen(text: str) -> Listen:
    """Parse ``host:port``, ``[v6]:port`` or ``unix:/path``; port 0 means any free port."""
    if text.startswith("unix:"):
        return _unix(text)
    found = _TCP.fullmatch(text)
    if found is None:
        raise BadValue(f"{quoted(text)} is not an address to listen on", hint=_listen_hint(text))
    host, port = _host(found[1], text), int(found[2])
    if port > _LAST_PORT:
        raise BadValue(f"{port} is not a port", hint=f"0 to {_LAST_PORT}")
    return Listen(host=host, port=port)


def repeated(items: Iterable[object]) -> Iterator[tuple[int, Listen]]:
    """Yield the index and value of each address that the list already has; invalid ones are skipped."""
    seen: set[Listen] = set()
    for index, item in enumerate(items):
        try:
            address = parse_listen(str(item))
        except BadValue:
            continue
        if address in seen and (address.unix or address.port):  # port 0 is a different one each time
            yield index, address
        seen.add(address)


def _unix(text: str) -> Listen:
    path = Path(text.removeprefix("unix:"))
    if not path.is_absolute():
        raise BadValue(
            f"{quoted(text)} is not an absolute path", hint="write unix:/run/webhookd/webhookd.sock"
        )
    if len(bytes(path)) > _LONGEST_UNIX:
        raise BadValue(f"the path is longer than {_LONGEST_UNIX} bytes", hint="no socket can have it")
    return Listen(unix=path)


def _host(written: str, text: str) -> str:
    """Check the host part and return it, an IPv6 address without its brackets."""
    if written.startswith("["):
        try:
            return str(IPv6Address(written[1:-1]))
        except AddressValueError:
            raise BadValue(f"{quoted(written)} is not an IPv6 address") from None
    if written in {"", "*"}:
        port = text.rpartition(":")[2]
        hint = f"127.0.0.1:{port} for this machine, 0.0.0.0:{port} or [::]:{port} for all"
        raise BadValue(f"{quoted(text)} names no address", hint=hint)
    if re.fullmatch(r"[0-9.]+", written):
        try:
            return str(IPv4Address(written))
        except AddressValueError:
            raise BadValue(f"{quoted(written)} is not an IPv4 address") from None
    if _HOST_NAME.fullmatch(written) is None:
        raise BadValue(f"{quoted(written)} is not a host name or address")
    return written


def _listen_hint(text: str) -> str:
    if re.fullmatch(r"[0-9]{1,5}", text):
        return f"write 127.0.0.1:{text}"
    if text.startswith("/"):
        return f"write unix:{text}"
    if "://" in text:
        return "leave out the scheme: 127.0.0.1:9000"
    if text.count(":") > 1:
        return "put an IPv6 address in brackets: [::1]:9000"
    return "write 127.0.0.1:9000, [::1]:9000 or unix:/path"


def parse_network(text: str) -> IPv4Network | IPv6Network:
    """Parse an address, or a network in CIDR form whose host bits are zero."""
    try:
        interface = ip_interface(text)
    except ValueError:
        hint = "write 192.0.2.7, 192.0.2.0/24 or 2001:db8::/32"
        raise BadValue(f"{quoted(text)} is not an address or network", hint=hint) from None
    if interface.ip != interface.network.network_address:
        raise BadValue(f"{quoted(text)} has bits set after the prefix", hint=f"write {interface.network}")
    return interface.network
