"""Requests that are refused by their head, and bytes that no normal client sends."""

import re
from collections.abc import Iterator

import pytest
from contract import ACCEPTED, BODY, RIGHT, ask, contract_daemon, lower, payload, push
from daemon import Daemon, signed
from harness import wait_for
from rawhttp import head, posted, wire


@pytest.fixture(scope="module")
def daemon(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Daemon]:
    with contract_daemon(tmp_path_factory.mktemp("contract")) as daemon:
        yield daemon


# -- refused by the head, before the body arrives


@pytest.mark.parametrize(
    ("request_", "status"),
    [
        (head("POST", "/elsewhere", content_length="1000"), 404),
        (head("PUT", "/github-webhook", content_length="1000"), 405),
        (head("POST", "/github-webhook", content_length="25000000"), 413),
        (head("POST", "/inside", content_length="1000", x_hub_signature_256=RIGHT), 403),
        (head("POST", "/github-webhook", content_length="1000"), 401),
        (head("POST", "/github-webhook", transfer_encoding="chunked"), 401),
        (head("POST", "/github-webhook", content_length="1000", x_hub_signature_256="sha256=0"), 401),
        (head("POST", "/github-webhook", content_length="1000", expect="100-continue"), 401),
    ],
)
def test_a_request_that_cannot_become_valid_is_refused_by_its_head(
    daemon: Daemon, request_: bytes, status: int
) -> None:
    with wire(daemon.port) as connection:
        reply = connection.send(request_).reply()
        assert (reply.status, reply.headers["connection"]) == (status, "close")
        assert connection.is_closed()


def test_a_client_that_expects_100_continue_gets_it(daemon: Daemon) -> None:
    body = payload()
    request = push(body, expect="100-continue")
    with wire(daemon.port) as connection:
        connection.send(request[: -len(body)])
        assert connection.sock.recv(25) == b"HTTP/1.1 100 Continue\r\n\r\n"
        assert connection.send(body).reply().status == 202


# -- bytes that no normal client sends

CHUNKED = head(
    "POST", "/github-webhook", transfer_encoding="chunked", content_type="application/json",
    x_github_event="push", x_hub_signature_256=RIGHT,
)  # fmt: skip


@pytest.mark.parametrize(
    "request_",
    [
        b"GET /healthz\r\n\r\n",
        b"GET  /healthz HTTP/1.1\r\n\r\n",
        b"GET /healthz HTTP/1.1 \r\n\r\n",
        b"GET /healthz HTTP/2.0\r\n\r\n",
        b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
        b"get /healthz HTTP/1.1\r\n\r\n",
        b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03\r\n\r\n",
        b"GET /healthz HTTP/1.1\r\nHost: x\r\nX: a\x00b\r\n\r\n",
        b"GET /healthz HTTP/1.1\r\nHost: x\r\nX: a\nY: b\r\n\r\n",
        b"GET /healthz HTTP/1.1\r\nHost: x\r\nX: a\rY: b\r\n\r\n",
        b"GET /healthz HTTP/1.1\r\nHost: x\r\nX: a\r\n b\r\n\r\n",
        b"GET /healthz HTTP/1.1\r\nHost: x\r\n X: a\r\n\r\n",
        b"GET /healthz HTTP/1.1\r\nHost: x\r\nX : a\r\n\r\n",
        b"GET /healthz HTTP/1.1\r\nHost: x\r\n: a\r\n\r\n",
        b"GET /healthz HTTP/1.1\r\nHost: x\r\nX\r\n\r\n",
        b"GET /healthz HTTP/1.1\r\nHost: x\r\n\xe9: a\r\n\r\n",
        b"GET /healthz HTTP/1.1\r\nHost: x\r\n" + b"X: a\r\n" * 101 + b"\r\n",
        b"GET http://[::1/healthz HTTP/1.1\r\nHost: x\r\n\r\n",
        b"GET /\xe9 HTTP/1.1\r\nHost: x\r\n\r\n",
        b"GET /healthz HTTP/1.1\r\n\r\n",
        b"GET /healthz HTTP/1.1\r\nHost: x\r\nHost: x\r\n\r\n",
        head("POST", "/github-webhook", content_length="-1"),
        head("POST", "/github-webhook", content_length="+5"),
        head("POST", "/github-webhook", content_length="5, 5"),
        head("POST", "/github-webhook", content_length="0x5"),
        head("POST", "/github-webhook", content_length="\u0665".encode().decode("latin-1")),
        head("POST", "/github-webhook", content_length="1" * 5000),
        head("POST", "/github-webhook", content_length="") + b"",
        b"POST /github-webhook HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\nContent-Length: 5\r\n\r\n12345",
        b"POST /github-webhook HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\nContent-Length: 6\r\n\r\n12345",
        b"POST /x HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
        b"POST /x HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n\r\n",
        b"POST /github-webhook HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
        head("POST", "/github-webhook", transfer_encoding="gzip, chunked"),
        head("POST", "/github-webhook", transfer_encoding="identity"),
        head("POST", "/github-webhook", transfer_encoding=""),
        head("POST", "/github-webhook", transfer_encoding="\x0bchunked"),
        CHUNKED + b"zz\r\n",
        CHUNKED + b"-1\r\n",
        CHUNKED + b"0x1\r\n",
        CHUNKED + b" 1\r\n",
        CHUNKED + b"5\r\n123456\r\n",
        CHUNKED + b"1" * 2000,
        CHUNKED + b"1;" + b"x" * 2000,
        CHUNKED + b"0\r\n" + b"X: y\r\n" * 200,
        CHUNKED + b"1\r\nx\r\n" * 1100,
    ],
)  # fmt: skip
def test_malformed_bytes_are_a_bad_request_and_end_the_connection(daemon: Daemon, request_: bytes) -> None:
    with wire(daemon.port) as connection:
        reply = connection.send(request_).reply()
        assert (reply.status, reply.body) == (400, {"status": "rejected", "reason": "malformed request"})
        assert reply.headers["connection"] == "close"
        assert connection.is_closed()


@pytest.mark.parametrize("size", [1, 7, 100_000])
def test_a_body_can_be_sent_in_chunks(daemon: Daemon, size: int) -> None:
    """The bytes can arrive in pieces of any size."""
    half = len(BODY) // 2
    parts = [f'{len(part):X};note="x"\r\n'.encode() + part + b"\r\n" for part in (BODY[:half], BODY[half:])]
    delivery = f"\r\nx-github-delivery: pieces-{size}\r\n\r\n".encode()
    request = CHUNKED.replace(b"\r\n\r\n", delivery) + b"".join(parts) + b"0\r\nX-Trailer: y\r\n\r\n"
    assert ask(daemon, *(request[at : at + size] for at in range(0, len(request), size))).status in ACCEPTED


def test_pipelined_requests_are_answered_in_order(daemon: Daemon) -> None:
    with wire(daemon.port) as connection:
        connection.send(
            push(payload())
            + head("GET", "/healthz")
            + push(BODY, secret="wrong")
            + head("GET", "/x")
            + push(payload())
        )
        assert [connection.reply().status for _ in range(5)] == [202, 200, 401, 404, 202]


def test_bytes_after_a_refused_head_are_not_read(daemon: Daemon) -> None:
    """A request inside an unread body must not become a request."""
    with wire(daemon.port) as connection:
        connection.send(head("POST", "/elsewhere", content_length="1000000") + push(BODY))
        assert connection.reply().status == 404
        assert connection.is_closed()


def test_http_1_0_is_answered_and_closed(daemon: Daemon) -> None:
    with wire(daemon.port) as connection:
        body = payload()
        reply = connection.send(posted(body, version="1.0", **lower(signed(body)))).reply()
        assert (reply.status, reply.headers["connection"]) == (202, "close")
        assert connection.is_closed()


def test_http_1_0_keeps_the_connection_on_request(daemon: Daemon) -> None:
    with wire(daemon.port) as connection:
        for _ in range(2):
            connection.send(head("GET", "/healthz", version="1.0", connection="keep-alive"))
            reply = connection.reply()
            assert (reply.status, reply.headers["connection"]) == (200, "Keep-Alive")


def test_empty_lines_before_a_request_are_ignored(daemon: Daemon) -> None:
    assert ask(daemon, b"\r\n\r\n" + head("GET", "/healthz"), method="GET").status == 200


def test_a_header_with_underscores_is_not_the_one_with_hyphens(daemon: Daemon) -> None:
    request = push(BODY).replace(b"x-hub-signature-256", b"X_Hub_Signature_256")
    assert ask(daemon, request).status == 401


def test_headers_can_contain_eight_bit_characters(daemon: Daemon) -> None:
    assert ask(daemon, push(payload(), x_note="caf\xe9 \x80\xff")).status == 202


def test_every_answer_is_json_and_names_no_software_signature_or_path(daemon: Daemon) -> None:
    replies = [
        ask(daemon, head("GET", "/healthz"), method="GET"),
        ask(daemon, head("GET", "/x"), method="GET"),
        ask(daemon, head("GET", "/github-webhook"), method="GET"),
        ask(daemon, push(b"{}", without="x_hub_signature_256")),
        ask(daemon, b"nonsense\r\n\r\n"),
        ask(daemon, push(BODY, secret="wrong")),
    ]
    for reply in replies:
        everything = repr((reply.headers, reply.text)).lower()
        assert not re.search(
            "waitress|python|werkzeug|flask|server|traceback|/tmp|webhookd|sha256", everything
        )
        assert reply.headers.pop("content-type") == "application/json"
        assert set(reply.headers) <= {"content-length", "date", "cache-control", "connection", "allow"}


def test_a_client_that_closes_its_sending_side_gets_its_answer(daemon: Daemon) -> None:
    import socket  # noqa: PLC0415 - here alone

    with wire(daemon.port) as connection:
        connection.send(push(payload())).sock.shutdown(socket.SHUT_WR)
        assert connection.reply().status == 202


def test_a_push_after_malformed_and_forged_requests_runs(daemon: Daemon) -> None:
    for refused in (b"nonsense\r\n\r\n", push(BODY, secret="wrong"), CHUNKED + b"zz\r\n"):
        assert ask(daemon, refused).status in {400, 401}
    (run,) = ask(daemon, push(payload())).body["runs"]
    ended = {run["run"]: run["state"] for run in daemon.wait_until_idle()}
    assert ended[run["run"]] == "succeeded"
    assert "Traceback" not in daemon.log
    wait_for(lambda: "request rejected" in daemon.log, what="a log line about a rejection")
