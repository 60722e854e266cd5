"""The answers of the port: every row of the HTTP contract, and bytes that no normal client sends."""

import itertools
import json
import re
import sqlite3
from collections.abc import Iterator
from ipaddress import ip_address
from pathlib import Path

import pytest
from daemon import SECRET, Daemon, push_payload, signed
from harness import wait_for
from rawhttp import TIMEOUT, Reply, head, posted, wire

MAX_BODY = 64 * 1024
RULES = """\
    hook: github
    branches:
      main: exit 0
      broken: exit 3
      slow: "until [ -e {go} ]; do sleep 0.02; done"
      docs: {{run: exit 0, paths: ["docs/**"]}}
  octocat/shop:
    hook: github
    secret: {{file: {own}}}
    branches: {{main: exit 0}}"""
SETTINGS = """\
max_body: 64KiB
trusted_proxies: [127.0.0.1]
hooks:
  inside:
    {{forge: github, path: /inside, secret: {{file: {secret}}}, allow_from: [192.0.2.0/24, "2001:db8::/32"]}}
"""
NUMBERS = itertools.count(1)
UNAUTHORIZED = {"status": "rejected", "reason": "signature missing or wrong"}


@pytest.fixture(scope="module")
def daemon(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Daemon]:
    folder: Path = tmp_path_factory.mktemp("contract")
    own, secret = folder / "own", folder / "secret"
    for path, text in ((own, "shop's own"), (secret, SECRET)):
        path.touch(mode=0o600)
        path.write_text(text + "\n")
    rules = RULES.format(go=folder / "go", own=own)
    daemon = Daemon(folder, f"  octocat/blog:\n{rules}", settings=SETTINGS.format(secret=secret))
    yield daemon.start()
    daemon.close()


def ask(daemon: Daemon, *parts: bytes, method: str = "POST") -> Reply:
    """Send bytes on a new connection and return the answer."""
    with wire(daemon.port) as connection:
        for part in parts:
            connection.send(part)
        return connection.reply(method)


def push(
    body: bytes = b"", secret: str = SECRET, event: str = "push", *, without: str = "", **headers: str
) -> bytes:
    """A signed POST, whatever its body is. Each has an address of its own, so that none is throttled."""
    address = {"x_forwarded_for": str(ip_address("198.18.0.0") + next(NUMBERS))}
    fields = address | lower(signed(body, secret, event=event)) | headers
    return posted(body, **{name: value for name, value in fields.items() if name != without})


def lower(headers: dict[str, str]) -> dict[str, str]:
    return {name.replace("-", "_").lower(): value for name, value in headers.items()}


def payload(**over: object) -> bytes:
    return json.dumps(push_payload(**over)).encode()  # type: ignore[arg-type]


# -- the rows of the HTTP contract


def test_a_push_is_queued(daemon: Daemon) -> None:
    reply = ask(daemon, push(payload(), x_github_delivery="d-1"))
    (run,) = reply.body["runs"]
    assert (reply.status, reply.body) == (
        202,
        {"status": "queued", "delivery": "d-1", "runs": [{"run": run["run"], "target": "octocat/blog@main"}]},
    )
    assert reply.headers["content-type"] == "application/json"
    assert reply.headers["cache-control"] == "no-store"


def test_a_push_can_be_a_form(daemon: Daemon) -> None:
    from urllib.parse import quote_plus  # noqa: PLC0415 - here alone

    body = b"payload=" + quote_plus(payload()).encode()
    reply = ask(daemon, push(body, content_type="application/x-www-form-urlencoded"))
    assert (reply.status, reply.body["status"]) == (202, "queued")


@pytest.mark.parametrize(
    ("event", "body"),
    [
        ("ping", b'{"zen": "Keep it simple.", "hook_id": 1}'),
        ("issues", b'{"action": "opened"}'),
        ("push", payload(branch="nobody-configured-it")),
        ("push", payload(repo="octocat/unknown")),
        ("push", payload(branch="docs")),
        ("push", payload(deleted=True, after="0" * 40, head_commit=None, commits=[])),
        ("push", payload(ref="refs/tags/v1")),
    ],
    ids=["ping", "other event", "no target", "no repository", "path filter", "deletion", "tag"],
)
def test_an_authentic_request_that_runs_nothing_is_ignored(daemon: Daemon, event: str, body: bytes) -> None:
    reply = ask(daemon, push(body, event=event))
    assert (reply.status, reply.body["status"], set(reply.body)) == (200, "ignored", {"status", "reason"})
    assert event != "ping" or reply.body["reason"] == "ping"


def test_the_same_delivery_again_depends_on_its_run(daemon: Daemon) -> None:
    def send(body: bytes, delivery: str) -> tuple[int, str]:
        reply = ask(daemon, push(body, x_github_delivery=delivery))
        return reply.status, reply.body["status"]

    slow, good, bad = (payload(branch=branch) for branch in ("slow", "main", "broken"))
    assert send(slow, "slow") == (202, "queued")
    assert send(slow, "slow") == (200, "already queued")
    (daemon.folder / "go").touch()
    assert (send(good, "good"), send(bad, "bad")) == ((202, "queued"), (202, "queued"))
    daemon.wait_until_idle()
    assert send(good, "good") == (200, "duplicate")
    assert send(bad, "bad") == (202, "queued")
    daemon.wait_until_idle()
    with sqlite3.connect(daemon.state_dir / "webhookd.db", timeout=TIMEOUT) as database:
        database.execute("UPDATE run SET ended_at = ended_at - 61000000")
    database.close()
    assert send(good, "good") == (202, "queued")


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"{",
        b"[1]",
        b'"push"',
        b'{"ref": NaN}',
        b"\xff\xfe{}",
        b"[" * 60_000,
        b"{}",
        b'{"ref": "refs/heads/main"}',
        payload(ref="refs/heads/a..b"),
        payload(ref="refs/heads/a b"),
        payload(repo="octocat/.."),
    ],
    ids=[
        "empty",
        "cut",
        "list",
        "text",
        "NaN",
        "no UTF-8",
        "deep",
        "no repo and ref",
        "no repo",
        "dots",
        "space",
        "up",
    ],
)
def test_an_authentic_body_that_is_not_a_push_is_a_bad_request(daemon: Daemon, body: bytes) -> None:
    reply = ask(daemon, push(body))
    assert (reply.status, reply.body) == (
        400,
        {"status": "rejected", "reason": "body is not a valid payload"},
    )


BODY = payload()
ACCEPTED = {200, 202}  # 200: when the same body comes again
RIGHT = signed(BODY)["X-Hub-Signature-256"]


@pytest.mark.parametrize(
    "request_",
    [
        push(BODY, without="x_hub_signature_256"),
        push(BODY, x_hub_signature_256=""),
        push(BODY, x_hub_signature_256="sha256="),
        push(BODY, x_hub_signature_256=RIGHT.removeprefix("sha256=")),
        push(BODY, x_hub_signature_256=RIGHT[:-1]),
        push(BODY, x_hub_signature_256=RIGHT.upper()),
        push(BODY, x_hub_signature_256=f"{RIGHT}, {RIGHT}"),
        push(BODY, x_hub_signature_256="sha256=\xe9" + "0" * 63),
        push(BODY, secret="wrong"),
        push(BODY + b" ", x_hub_signature_256=RIGHT),
        push(BODY, secret="shop's own"),
        push(payload(repo="octocat/shop"), secret=SECRET),
    ],
    ids=[
        "missing", "empty", "no digest", "no prefix", "short", "upper case", "twice", "8-bit", "wrong",
        "other body", "of another repository", "not the repository's own",
    ],
)  # fmt: skip
def test_every_wrong_signature_gets_the_same_answer(daemon: Daemon, request_: bytes) -> None:
    reply = ask(daemon, request_)
    assert (reply.status, reply.body) == (401, UNAUTHORIZED)


def test_a_doubled_signature_header_is_refused(daemon: Daemon) -> None:
    request = push(BODY).replace(b"\r\n\r\n", f"\r\nX-Hub-Signature-256: {RIGHT}\r\n\r\n".encode(), 1)
    assert ask(daemon, request).status == 401


@pytest.mark.parametrize(
    ("forwarded", "status"),
    [
        (None, 403),
        ("192.0.2.7", 202),
        ("2001:db8::7", 202),
        ("198.51.100.1", 403),
        ("192.0.2.7, 198.51.100.1", 403),  # only the last address comes from the proxy
        ("198.51.100.1, 192.0.2.7", 202),
        ("nonsense, 192.0.2.7, 127.0.0.1", 202),
        ("192.0.2.7, nonsense", 403),
    ],
)
def test_the_address_is_the_one_that_the_last_trusted_proxy_saw(
    daemon: Daemon, forwarded: str | None, status: int
) -> None:
    # No repository uses this hook: a request from an allowed address is ignored.
    sent = (
        push(payload(), x_forwarded_for=forwarded)
        if forwarded
        else push(payload(), without="x_forwarded_for")
    )
    reply = ask(daemon, sent.replace(b"/github-webhook", b"/inside", 1))
    assert reply.status == (200 if status == 202 else status)
    if status == 403:
        assert reply.body == {"status": "rejected", "reason": "address not allowed"}


@pytest.mark.parametrize(
    "target",
    [
        "/", "/elsewhere", "/github-webhook/", "//github-webhook", "/./github-webhook",
        "/x/../github-webhook", "/github-webhook%2f", "/GitHub-webhook", "/github-webhook;x", "*",
        "/github-webhook#f", "/github%2dwebhook", "http://deploy.example.org/github-webhook",
        "github-webhook", "http:github-webhook", "//github-webhook/github-webhook", "/%00", "/%e9",
        "/github-webhook%0d%0aX:y",
    ],
)  # fmt: skip
def test_only_the_exact_path_of_a_hook_is_found(daemon: Daemon, target: str) -> None:
    reply = ask(daemon, push(BODY).replace(b"/github-webhook", target.encode("latin-1"), 1))
    assert (reply.status, reply.body) == (404, {"status": "rejected", "reason": "no such path"})


@pytest.mark.parametrize("query", ["?", "?x=1", "?/elsewhere#f"])
def test_a_query_changes_nothing(daemon: Daemon, query: str) -> None:
    request = push(payload()).replace(b"/github-webhook", f"/github-webhook{query}".encode(), 1)
    assert ask(daemon, request).status == 202


@pytest.mark.parametrize("method", ["GET", "PUT", "DELETE", "PATCH", "OPTIONS", "TRACE", "CONNECT", "BREW"])
def test_a_hook_refuses_other_methods_than_post(daemon: Daemon, method: str) -> None:
    reply = ask(daemon, head(method, "/github-webhook"), method=method)
    assert (reply.status, reply.headers["allow"]) == (405, "POST")
    assert reply.body == {"status": "rejected", "reason": "method must be POST"}


@pytest.mark.parametrize(
    ("target", "status", "length"),
    [("/github-webhook", 405, None), ("/healthz", 200, "16"), ("/x", 404, None)],
)
def test_head_gets_headers_without_a_body(
    daemon: Daemon, target: str, status: int, length: str | None
) -> None:
    with wire(daemon.port) as connection:
        reply = connection.send(head("HEAD", target)).reply("HEAD")
        assert (reply.status, reply.text) == (status, b"")
        assert length is None or reply.headers["content-length"] == length
        assert connection.send(head("GET", "/healthz")).reply().body == {"status": "ok"}


@pytest.mark.parametrize("announced", [MAX_BODY + 1, 10**17])
def test_a_body_with_a_too_large_length_is_refused_unread(daemon: Daemon, announced: int) -> None:
    reply = ask(daemon, push(b"", content_length=str(announced)))
    assert (reply.status, reply.body) == (413, {"status": "rejected", "reason": "body too large"})


def test_a_body_that_grows_too_large_is_refused(daemon: Daemon) -> None:
    chunk = b"2000\r\n" + b"x" * 0x2000 + b"\r\n"
    request = head("POST", "/github-webhook", transfer_encoding="chunked", x_hub_signature_256=RIGHT)
    assert ask(daemon, request, *[chunk] * 9).status == 413


def test_a_body_of_the_largest_size_is_accepted(daemon: Daemon) -> None:
    body = payload().ljust(MAX_BODY)
    assert ask(daemon, push(body)).status == 202


def test_the_sender_of_a_too_large_body_gets_its_answer(daemon: Daemon) -> None:
    body = b"x" * 3_000_000
    reply = ask(daemon, push(body))
    assert reply.status == 413


@pytest.mark.parametrize(
    "content_type", ["text/plain", "multipart/form-data; boundary=x", "application/xml", ""]
)
def test_a_body_that_is_neither_json_nor_form_is_an_unsupported_type(
    daemon: Daemon, content_type: str
) -> None:
    reply = ask(daemon, push(BODY, content_type=content_type))
    assert reply.status == 415
    assert reply.body["reason"].startswith("content type must be")


def test_a_too_large_head_is_a_431(daemon: Daemon) -> None:
    reply = ask(daemon, head("POST", "/github-webhook", x_padding="x" * 16_384))
    assert (reply.status, reply.body) == (431, {"status": "rejected", "reason": "header too large"})


def test_health_is_good_when_the_store_takes_writes(daemon: Daemon) -> None:
    reply = ask(daemon, head("GET", "/healthz"), method="GET")
    assert (reply.status, reply.body) == (200, {"status": "ok"})
    assert ask(daemon, head("POST", "/healthz")).headers["allow"] == "GET, HEAD"


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
