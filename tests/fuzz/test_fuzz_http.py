"""Unusual bytes at the real port: every answer is in the contract, and nothing unsigned is accepted.

A night of it: `pytest tests/fuzz --hypothesis-profile=long`.
"""

import errno
import json
import re
import socket
from collections.abc import Iterator
from pathlib import Path

import pytest
from daemon import push_payload, signed
from frontdoor import SECRET, FrontDoor, make_front_door
from hypothesis import given
from hypothesis import strategies as st
from rawhttp import TIMEOUT, head

from webhookd.queue import Store

STATUSES = {200, 202, 400, 401, 403, 404, 405, 408, 413, 415, 429, 431}
REGRESSIONS = sorted((Path(__file__).parent / "regressions" / "http").iterdir())
ANSWER = re.compile(rb"HTTP/1\.[01] (\d{3}) [^\r\n]*\r\n((?:[^\r\n]+\r\n)*)\r\n")
CONTINUE = b"HTTP/1.1 100 Continue\r\n\r\n"

BODY = json.dumps(push_payload()).encode()
HEADERS = {name.lower(): value for name, value in signed(BODY, SECRET).items()}
NAMES = st.sampled_from(
    [*HEADERS, "content-length", "transfer-encoding", "expect", "connection", "host", "x-forwarded-for", "te"]
)
VALUES = st.one_of(
    st.sampled_from([*HEADERS.values(), "chunked", "gzip", "100-continue", "close", "keep-alive", "0", "5"]),
    st.sampled_from(
        [str(len(BODY)), str(len(BODY) + 1), "-1", "1" * 5000, "+1", "0x10", "1, 1", "", " ", "\t"]
    ),
    st.text(st.characters(max_codepoint=255), max_size=30),
)
TARGETS = st.one_of(
    st.sampled_from(
        ["/github-webhook", "/healthz", "//github-webhook", "http://x/github-webhook", "*", "/%00"]
    ),
    st.text(st.characters(max_codepoint=255), max_size=40),
)
METHODS = st.sampled_from(["POST", "POST", "POST", "GET", "HEAD", "OPTIONS", "post", "", "P T", "POST\t"])
BODIES = st.one_of(
    st.just(BODY),
    st.binary(max_size=200),
    st.just(b"%x\r\n" % len(BODY) + BODY + b"\r\n0\r\n\r\n"),
    st.sampled_from([b"0\r\n\r\n", b"zz\r\n", b"5\r\nabc", b"1\r\nx\r\n" * 1500, b"\r\n" * 20]),
)


@st.composite
def requests(draw: st.DrawFn) -> bytes:
    """Return a request that is wrong in few places, since others are refused at once."""
    headers = dict(HEADERS) if draw(st.booleans()) else {}
    headers |= {"content-length": str(len(BODY))} if draw(st.booleans()) else {}
    headers |= draw(st.dictionaries(NAMES, VALUES, max_size=3))
    lines = [f"{name}: {value}" for name, value in headers.items()]
    lines += draw(st.lists(st.text(st.characters(max_codepoint=255), max_size=20), max_size=1))
    first = f"{draw(METHODS)} {draw(TARGETS)} HTTP/{draw(st.sampled_from(['1.1', '1.1', '1.0', '2.0', 'x']))}"
    text = ("\r\n".join([first, *lines]) + "\r\n\r\n").encode("latin-1") + draw(BODIES)
    return mangled(draw, text) if draw(st.booleans()) else text


def mangled(draw: st.DrawFn, text: bytes) -> bytes:
    """Replace a few bytes by others."""
    at = draw(st.integers(0, len(text)))
    return text[:at] + draw(st.binary(max_size=4)) + text[at + draw(st.integers(0, 4)) :]


@pytest.fixture(scope="module")
def door(tmp_path_factory: pytest.TempPathFactory) -> Iterator[FrontDoor]:
    with (
        Store.open(tmp_path_factory.mktemp("fuzz") / "webhookd.db") as store,
        make_front_door(store, config={"max_body": 100_000}).serving() as door,
    ):
        yield door


def exchange(door: FrontDoor, data: bytes) -> bytes:
    """Send all data, close the sending side, and return everything that the server sends."""
    received = b""
    with socket.create_connection(("127.0.0.1", door.port), timeout=TIMEOUT) as sock:
        try:
            sock.sendall(data)
            sock.shutdown(socket.SHUT_WR)
            while piece := sock.recv(65536):
                received += piece
        except OSError as error:
            if error.errno not in {errno.EPIPE, errno.ECONNRESET, errno.ENOTCONN}:
                raise  # with these, the server closed first
    return received


def check(door: FrontDoor, data: bytes) -> list[int]:
    """Send *data*, check every answer, and return the status codes."""
    left, statuses = exchange(door, data).replace(CONTINUE, b""), []
    while left:
        answer = ANSWER.match(left)
        assert answer, left[:200]
        headers = answer[2].lower()
        length = re.search(rb"^content-length: (\d+)\r$", headers, re.MULTILINE)
        assert length, headers
        assert b"content-type: application/json" in headers
        statuses.append(int(answer[1]))
        body = left[answer.end() :][: int(length[1])]
        if body.startswith(b"{"):  # an answer to HEAD has no body
            json.loads(body)
            left = left[answer.end() + len(body) :]
        else:
            left = left[answer.end() :]
    assert set(statuses) <= STATUSES
    return statuses


@given(requests())
def test_every_answer_is_in_the_contract(door: FrontDoor, data: bytes) -> None:
    check(door, data)


@given(requests(), requests())
def test_every_answer_to_pipelined_requests_is_in_the_contract(
    door: FrontDoor, first: bytes, second: bytes
) -> None:
    check(door, first + second)


@given(st.binary(max_size=300))
def test_every_answer_to_arbitrary_bytes_is_in_the_contract(door: FrontDoor, data: bytes) -> None:
    assert set(check(door, data)) <= {400, 404}


@given(st.integers(0, len(BODY) - 1), st.integers(1, 255))
def test_a_changed_body_is_refused(door: FrontDoor, at: int, change: int) -> None:
    body = BODY[:at] + bytes([BODY[at] ^ change]) + BODY[at + 1 :]
    fields = {name.replace("-", "_"): value for name, value in HEADERS.items()}
    request = head("POST", "/github-webhook", content_length=str(len(body)), **fields) + body
    assert set(check(door, request)) <= {401, 429}


@pytest.mark.parametrize("path", REGRESSIONS, ids=lambda path: path.stem)
def test_inputs_that_failed_once_are_bad_requests(door: FrontDoor, path: Path) -> None:
    assert check(door, path.read_bytes()) == [400]


def test_a_push_is_accepted_after_the_fuzzing(door: FrontDoor) -> None:
    body = json.dumps(push_payload()).encode()  # not BODY, which may have been accepted before
    fields = {name.replace("-", "_"): value for name, value in signed(body, SECRET).items()}
    request = head("POST", "/github-webhook", content_length=str(len(body)), **fields) + body
    assert check(door, request) == [202]
