"""`webhookd sign --send` and `--format curl`: what arrives, and how the answer is reported."""

import http.server
import json
import re
import socket
import subprocess
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from click.testing import CliRunner, Result
from configfiles import write_secret

from webhookd.cli import main


@pytest.fixture
def secret(tmp_path: Path) -> Path:
    return write_secret(tmp_path)


def sign(*args: object) -> Result:
    return CliRunner().invoke(main, ["sign", *map(str, args)])


@pytest.mark.parametrize(
    "url", ["", "nonsense", "ftp://x", "http://:80/", "http://x:y/", "http://x/a b", "http://[x/"]
)
def test_what_is_no_web_address_is_refused(secret: Path, url: str) -> None:
    result = sign("--secret-file", secret, "--send", url)
    assert (result.exit_code, result.stdout) == (2, "")
    assert f'"{url}" is not a web address' in result.stderr


@dataclass
class Receiver:
    """A web server that records requests and sends the given answer."""

    answer: tuple[int, str] = (202, "Accepted")
    requests: list[tuple[str, dict[str, str], bytes]] = field(default_factory=list)
    url: str = ""


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    got = Receiver()

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["content-length"]))
            got.requests.append((self.path, {k.lower(): v for k, v in self.headers.items()}, body))
            self.send_response(*got.answer)
            self.send_header("Location", "/elsewhere")
            self.end_headers()
            self.wfile.write(b'{"status": "queued"}\n')

        def log_message(self, *_args: object) -> None:
            """Keep the test's output clean."""

    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        threading.Thread(target=server.serve_forever, name="receiver").start()
        got.url = f"http://127.0.0.1:{server.server_port}/github-webhook"
        yield got
        server.shutdown()


def check_arrived(receiver: Receiver, *args: object) -> None:
    """Compare the only request with what `--format json` prints for the same options."""
    [(path, headers, body)] = receiver.requests
    expected = json.loads(sign(*args, "--format", "json").stdout)
    assert (path, body.decode()) == ("/github-webhook", expected["body"])
    assert {name.lower(): value for name, value in expected["headers"].items()}.items() <= headers.items()


def test_a_delivery_is_sent_and_the_answer_is_printed(receiver: Receiver, secret: Path) -> None:
    args = ("--secret-file", secret, "--delivery", "d-1")
    result = sign(*args, "--send", receiver.url)
    assert (result.exit_code, result.stdout) == (0, '202 Accepted\n{"status": "queued"}\n')
    check_arrived(receiver, *args)


@pytest.mark.parametrize("answer", [(401, "Unauthorized"), (302, "Found"), (307, "Away"), (503, "Busy")])
def test_an_answer_other_than_2xx_exits_with_1(
    receiver: Receiver, secret: Path, answer: tuple[int, str]
) -> None:
    receiver.answer = answer
    result = sign("--secret-file", secret, "--send", receiver.url)
    assert (result.exit_code, result.stdout.splitlines()[0]) == (1, f"{answer[0]} {answer[1]}")
    assert len(receiver.requests) == 1  # a redirect is not followed


def test_a_refused_connection_is_reported_in_one_sentence(secret: Path) -> None:
    result = sign("--secret-file", secret, "--send", "http://127.0.0.1:1/x")
    assert (result.exit_code, result.stdout) == (1, "")
    assert result.stderr.startswith(
        'error: no answer from "http://127.0.0.1:1/x": connection refused\nhint: '
    )


def test_a_server_without_tls_is_reported(receiver: Receiver, secret: Path) -> None:
    url = receiver.url.replace("http:", "https:")
    result = sign("--secret-file", secret, "--send", url)
    assert (result.exit_code, result.stdout) == (1, "")
    assert result.stderr.startswith(f'error: no answer from "{url}": ')
    assert result.stderr.endswith(
        "hint: https:// needs a TLS server with a certificate for this name; the daemon itself has http://\n"
    )


def test_an_answer_that_comes_before_the_body_is_read_is_printed(secret: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        answering = threading.Thread(target=answer_at_once, args=(server,), name="in a hurry")
        answering.start()
        url = f"http://127.0.0.1:{server.getsockname()[1]}/x"
        result = sign("--secret-file", secret, "--truncated", "--file", "x" * 20_000, "--send", url)
        answering.join()
    assert (result.exit_code, result.stdout) == (1, "413 Too Large\n")


def answer_at_once(server: socket.socket) -> None:
    connection, _ = server.accept()
    with connection:
        connection.recv(1000)
        connection.sendall(b"HTTP/1.1 413 Too Large\r\nContent-Length: 0\r\n\r\n")
        connection.shutdown(socket.SHUT_WR)
        while connection.recv(65536):  # not closed with bytes unread, which would reset the connection
            pass


def test_an_answer_that_is_not_http_is_reported_in_one_sentence(secret: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        url = f"http://127.0.0.1:{server.getsockname()[1]}/x"

        def hang_up() -> None:
            server.accept()[0].close()

        hanging = threading.Thread(target=hang_up, name="hangs up")
        hanging.start()
        result = sign("--secret-file", secret, "--send", url)
        hanging.join()
    assert (result.exit_code, result.stdout) == (1, "")
    assert result.stderr.startswith(f'error: no answer from "{url}": ')


@pytest.mark.parametrize("options", [[], ["--message", 'it\'s $(id) `x` \\ "y" ü'], ["--forge", "gitea"]])
def test_the_curl_command_sends_exactly_that(receiver: Receiver, secret: Path, options: list[str]) -> None:
    args = ("--secret-file", secret, "--delivery", "d-1", *options)
    command = sign(*args, "--format", "curl").stdout
    command = re.sub("http://127.0.0.1:9000/[a-z]+-webhook", receiver.url, command)
    subprocess.run(["sh", "-c", command], check=True, capture_output=True)
    check_arrived(receiver, *args)
