from collections.abc import Callable
from ipaddress import ip_network
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from webhookd.config.addresses import parse_listen, parse_network
from webhookd.errors import BadValue
from webhookd.models.settings import Listen


@pytest.mark.parametrize(
    ("text", "listen"),
    [
        ("127.0.0.1:9000", Listen(host="127.0.0.1", port=9000)),
        ("0.0.0.0:80", Listen(host="0.0.0.0", port=80)),
        ("localhost:0", Listen(host="localhost", port=0)),
        ("deploy.example.org:9000", Listen(host="deploy.example.org", port=9000)),
        ("[::1]:9000", Listen(host="::1", port=9000)),
        ("[2001:DB8:0::7]:9000", Listen(host="2001:db8::7", port=9000)),
        ("unix:/run/webhookd/webhookd.sock", Listen(unix=Path("/run/webhookd/webhookd.sock"))),
    ],
)
def test_an_address_to_listen_on_is_host_and_port_or_a_unix_socket(text: str, listen: Listen) -> None:
    assert parse_listen(text) == listen


@pytest.mark.parametrize("text", ["127.0.0.1:9000", "[::1]:9000", "unix:/run/webhookd.sock"])
def test_a_listen_address_prints_as_it_is_written(text: str) -> None:
    assert str(parse_listen(text)) == text


@pytest.mark.parametrize(
    "text",
    [
        "",
        "9000",
        ":9000",
        "*:9000",
        "::1:9000",
        "localhost",
        "/run/webhookd.sock",
        "unix:webhookd.sock",
        "http://127.0.0.1:9000",
        "127.0.0.1:65536",
        "300.0.0.1:80",
        "1.2.3:80",
        "[::g]:80",
        "[127.0.0.1]:80",
        "a b:80",
        "-x:80",
        "a_b:80",
    ],
)
def test_an_invalid_address_is_refused_with_the_valid_forms(text: str) -> None:
    with pytest.raises(BadValue, match=r"is not an address and port") as refused:
        parse_listen(text)
    assert refused.value.hint == (
        "write 127.0.0.1:9000, 0.0.0.0:9000 for all addresses, [::1]:9000 or unix:/path"
    )


def test_a_path_too_long_for_a_unix_socket_is_refused() -> None:
    assert parse_listen("unix:/" + "x" * 106).unix == Path("/" + "x" * 106)
    with pytest.raises(BadValue, match="longer than 107 bytes"):
        parse_listen("unix:/" + "x" * 107)


@pytest.mark.parametrize("text", ["192.0.2.7/32", "192.0.2.0/24", "2001:db8::/32", "0.0.0.0/0"])
def test_a_network_is_an_address_and_a_prefix(text: str) -> None:
    assert parse_network(text) == ip_network(text)


def test_a_single_address_is_a_network_of_one() -> None:
    assert parse_network("192.0.2.7") == ip_network("192.0.2.7/32")
    assert parse_network("::1") == ip_network("::1/128")


@pytest.mark.parametrize(
    ("text", "hint"),
    [
        ("192.0.2.7/24", "write 192.0.2.0/24"),
        ("2001:db8::7/32", "write 2001:db8::/32"),
        ("localhost", "write 192.0.2.7, 192.0.2.0/24 or 2001:db8::/32"),
        ("192.0.2.0/33", "write 192.0.2.7, 192.0.2.0/24 or 2001:db8::/32"),
        ("", "write 192.0.2.7, 192.0.2.0/24 or 2001:db8::/32"),
    ],
)
def test_an_invalid_network_is_refused_with_a_valid_form(text: str, hint: str) -> None:
    with pytest.raises(BadValue) as refused:
        parse_network(text)
    assert refused.value.hint == hint


def said(parse: Callable[[str], object], text: str) -> str:
    try:
        return str(parse(text))
    except BadValue as refused:
        return str(refused)


@pytest.mark.parametrize("parse", [parse_listen, parse_network])
@given(text=st.text())
def test_any_text_is_an_address_or_refused_in_one_line(parse: Callable[[str], object], text: str) -> None:
    assert said(parse, text).isprintable()
