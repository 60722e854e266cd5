"""The answers of the port: every row of the HTTP contract."""

import sqlite3
from collections.abc import Iterator

import pytest
from contract import BODY, MAX_BODY, RIGHT, UNAUTHORIZED, ask, contract_daemon, payload, push
from daemon import SECRET, Daemon
from rawhttp import TIMEOUT, head, wire


@pytest.fixture(scope="module")
def daemon(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Daemon]:
    with contract_daemon(tmp_path_factory.mktemp("contract")) as daemon:
        yield daemon


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
