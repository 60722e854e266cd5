"""Addresses to listen on, and the addresses and networks of senders (pure)."""

import re
from ipaddress import AddressValueError, IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_interface
from pathlib import Path

from webhookd.config.wording import quoted
from webhookd.errors import BadValue
from webhookd.models.settings import Listen

_TCP = re.compile(r"(?:\[([^\]]*)\]|([^:\[\]]*)):([0-9]{1,5})", re.ASCII)
_LABEL = r"[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?"
_HOST_NAME = re.compile(rf"{_LABEL}(?:\.{_LABEL})*", re.IGNORECASE | re.ASCII)
_LONGEST_UNIX = 107  # bytes of sun_path, see unix(7)
_LAST_PORT = 65535


def parse_listen(text: str) -> Listen:
    """Parse ``host:port``, ``[v6]:port`` or ``unix:/path``; port 0 means any free port."""
    if text.startswith("unix:/"):
        path = Path(text.removeprefix("unix:"))
        if len(bytes(path)) > _LONGEST_UNIX:
            raise BadValue(f"the path is longer than {_LONGEST_UNIX} bytes", hint="no socket can have it")
        return Listen(unix=path)
    found = _TCP.fullmatch(text)
    if found is None or int(found[3]) > _LAST_PORT or not (host := _host(found[1], found[2])):
        hint = "write 127.0.0.1:9000, 0.0.0.0:9000 for all addresses, [::1]:9000 or unix:/path"
        raise BadValue(f"{quoted(text)} is not an address and port to listen on", hint=hint)
    return Listen(host=host, port=int(found[3]))


def _host(v6: str | None, other: str) -> str:
    """Return an address in its usual form, or a host name; "" if it is neither."""
    try:
        if v6 is not None:
            return str(IPv6Address(v6))
        if re.fullmatch(r"[0-9.]+", other):
            return str(IPv4Address(other))
    except AddressValueError:
        return ""
    return other if _HOST_NAME.fullmatch(other) else ""


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
