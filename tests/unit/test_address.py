"""Whose request it is, behind proxies that are trusted or not."""

from collections.abc import Sequence
from ipaddress import ip_address, ip_network

import pytest
from hypothesis import given
from hypothesis import strategies as st

from webhookd.models.settings import Network
from webhookd.web.clients import client_address, is_within

LOCAL: Sequence[Network] = (ip_network("127.0.0.1"),)
TWO: Sequence[Network] = (ip_network("127.0.0.1"), ip_network("10.0.0.0/8"), ip_network("fd00::/8"))


@pytest.mark.parametrize(
    ("peer", "forwarded", "trusted", "client"),
    [
        ("198.51.100.1", None, (), "198.51.100.1"),
        ("198.51.100.1", "192.0.2.7", (), "198.51.100.1"),
        ("198.51.100.1", "192.0.2.7", LOCAL, "198.51.100.1"),
        ("127.0.0.1", None, LOCAL, "127.0.0.1"),
        ("127.0.0.1", "", LOCAL, "127.0.0.1"),
        ("127.0.0.1", "192.0.2.7", LOCAL, "192.0.2.7"),
        ("127.0.0.1", "203.0.113.9, 192.0.2.7", LOCAL, "192.0.2.7"),
        ("127.0.0.1", "203.0.113.9, 192.0.2.7, 10.1.2.3", TWO, "192.0.2.7"),
        ("127.0.0.1", "10.0.0.1, 10.0.0.2", TWO, "10.0.0.1"),
        ("127.0.0.1", "192.0.2.7, unknown", LOCAL, "127.0.0.1"),
        ("127.0.0.1", "192.0.2.7, 10.0.0.2, _hidden", TWO, "127.0.0.1"),
        ("127.0.0.1", "192.0.2.7, , 10.0.0.2", TWO, "10.0.0.2"),
        ("", "192.0.2.7", LOCAL, "192.0.2.7"),
        ("", None, (), "127.0.0.1"),
        ("127.0.0.1", "[2001:db8::7]:4711", LOCAL, "2001:db8::7"),
        ("127.0.0.1", "192.0.2.7:4711", LOCAL, "192.0.2.7"),
        ("127.0.0.1", "2001:db8::7", LOCAL, "2001:db8::7"),
        ("::ffff:127.0.0.1", "192.0.2.7", LOCAL, "192.0.2.7"),
        ("fd00::1", "2001:db8::7", TWO, "2001:db8::7"),
    ],
)
def test_the_client_is_the_last_one_that_no_trusted_proxy_is(
    peer: str, forwarded: str | None, trusted: Sequence[Network], client: str
) -> None:
    assert client_address(peer, forwarded, trusted) == ip_address(client)


@given(st.text(), st.text())
def test_whatever_stands_there_an_address_comes_out(peer: str, forwarded: str) -> None:
    assert client_address(peer, forwarded, TWO).version in {4, 6}


@given(st.text())
def test_nobody_speaks_for_a_client_that_is_no_trusted_proxy(forwarded: str) -> None:
    assert client_address("198.51.100.1", forwarded, TWO) == ip_address("198.51.100.1")


@pytest.mark.parametrize(
    ("address", "holds"), [("10.1.2.3", True), ("11.1.2.3", False), ("fd12::1", True), ("::a01:203", False)]
)
def test_an_address_is_in_networks_of_its_own_kind(address: str, holds: bool) -> None:  # noqa: FBT001
    assert is_within(ip_address(address), TWO) is holds
