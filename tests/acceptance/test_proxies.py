"""webhookd behind nginx and Caddy, configured with the files that the documents show."""

import contextlib
import http.client
import itertools
import json
import os
import re
import shutil
import socket
import ssl
import subprocess
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from daemon import Daemon, push_payload, signed
from harness import wait_for

ROOT = Path(__file__).parents[2]
SNIPPETS = ROOT / "docs" / "proxies"
HOST = "deploy.example.org"
MAX_BODY = 25 * 1024**2
SENDERS = "127.7.0.0/24"  # not the proxy's own address, so that a test sees which one arrives
NUMBERS = itertools.count(1)
SETTINGS = f"""\
trusted_proxies: [127.0.0.1]
hooks: {{github: {{allow_from: [{SENDERS}]}}}}"""

NGINX = """\
daemon off;
%s
error_log stderr;
pid {folder}/nginx.pid;
events {{}}
http {{
    access_log off;
    client_body_temp_path {folder}/body;
    proxy_temp_path {folder}/proxy;
    fastcgi_temp_path {folder}/fastcgi;
    uwsgi_temp_path {folder}/uwsgi;
    scgi_temp_path {folder}/scgi;
    server {{
        listen 127.0.0.1:{port};
        server_name {host};
{snippet}
    }}
}}
""" % ("user root;" if os.geteuid() == 0 else "")

CADDY = """\
{{
	admin off
	skip_install_trust
	local_certs
	auto_https disable_redirects
	https_port {port}
	default_bind 127.0.0.1
	storage file_system {folder}/storage
}}
{snippet}
"""


@dataclass(frozen=True, slots=True)
class Proxy:
    """A proxy that serves HOST on a port of this machine."""

    port: int
    tls: ssl.SSLContext | None = None
    # Each has its own sender, so that the forged pushes of one test are not counted against another.
    sender: str = field(default_factory=lambda: f"127.7.0.{next(NUMBERS)}")

    def post(self, path: str, body: bytes, headers: dict[str, str]) -> tuple[int, dict[str, object]]:
        sock = socket.create_connection(("127.0.0.1", self.port), timeout=60, source_address=(self.sender, 0))
        connection = http.client.HTTPConnection(HOST)
        connection.sock = self.tls.wrap_socket(sock, server_hostname=HOST) if self.tls else sock
        with contextlib.closing(connection):
            connection.request("POST", path, body, headers)
            response = connection.getresponse()
            text = response.read()
        return response.status, json.loads(text)

    def push(self, path: str, *, size: int = 0, secret: str | None = None) -> tuple[int, dict[str, object]]:
        payload = json.dumps(push_payload() | {"padding": ""}).encode()
        body = payload[:-2] + b"x" * (size - len(payload)) + b'"}'
        return self.post(path, body, signed(body, secret) if secret else signed(body))


Snippet = Callable[[str], Proxy]


@pytest.fixture(scope="module")
def daemon(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Daemon]:
    folder = tmp_path_factory.mktemp("proxied")
    listens = f', "unix:{folder}/http.sock"'
    daemon = Daemon(folder, "  octocat/blog:\n    main: exit 0", settings=SETTINGS, listens=listens)
    yield daemon.start()
    daemon.close()


@pytest.fixture
def proxy(daemon: Daemon, tmp_path: Path) -> Iterator[Snippet]:
    """Return a function that starts the proxy of a file in docs/proxies with that file."""
    with contextlib.ExitStack() as stack:

        def start(name: str) -> Proxy:
            snippet = (SNIPPETS / name).read_text()
            snippet = snippet.replace("127.0.0.1:9000", f"127.0.0.1:{daemon.port}")
            snippet = snippet.replace("/run/webhookd/http.sock", str(daemon.folder / "http.sock"))
            run = run_nginx if name.startswith("nginx") else run_caddy
            return stack.enter_context(run(snippet, tmp_path))

        yield start


@contextlib.contextmanager
def run_nginx(snippet: str, folder: Path) -> Iterator[Proxy]:
    program = program_of("nginx")
    config, port = folder / "nginx.conf", free_port()
    config.write_text(NGINX.format(folder=folder, port=port, host=HOST, snippet=snippet))
    with serving([program, "-e", "stderr", "-p", str(folder), "-c", str(config)], port, folder):
        yield Proxy(port)


@contextlib.contextmanager
def run_caddy(snippet: str, folder: Path) -> Iterator[Proxy]:
    program = program_of("caddy")
    config, port = folder / "Caddyfile", free_port()
    config.write_text(CADDY.format(folder=folder, port=port, snippet=snippet))
    with serving([program, "run", "--adapter", "caddyfile", "--config", str(config)], port, folder):
        root = folder / "storage" / "pki" / "authorities" / "local" / "root.crt"
        wait_for(root.exists, what="Caddy's own certificate authority")
        tls = ssl.create_default_context(cafile=str(root))
        wait_for(lambda: has_certificate(port, tls), what="a certificate")
        yield Proxy(port, tls)


@contextlib.contextmanager
def serving(command: list[str], port: int, folder: Path) -> Iterator[None]:
    environment = {"PATH": os.environ["PATH"], "HOME": str(folder), "XDG_CONFIG_HOME": str(folder)}
    with (
        (folder / "proxy.log").open("wb") as log,
        subprocess.Popen(command, stdout=log, stderr=log, env=environment) as process,
    ):
        try:
            wait_for(lambda: listens(port) or process.poll() is not None, what="a proxy that listens")
            assert process.poll() is None, (folder / "proxy.log").read_text()
            yield
        finally:
            process.terminate()


def program_of(name: str) -> str:
    found = shutil.which(name, path=f"{os.environ['PATH']}:/usr/sbin")
    if found is None:
        pytest.skip(f"there is no {name} here")
    return found


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def has_certificate(port: int, tls: ssl.SSLContext) -> bool:
    """Return whether the proxy uses its certificate; the file is there a moment before."""
    try:
        with (
            socket.create_connection(("127.0.0.1", port)) as sock,
            tls.wrap_socket(sock, server_hostname=HOST),
        ):
            return True
    except ssl.SSLError:
        return False


def listens(port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0


ALL = [
    ("nginx.conf", "/github-webhook"),
    ("nginx-unix.conf", "/github-webhook"),
    ("nginx-prefix.conf", "/hooks/github-webhook"),
    ("Caddyfile", "/github-webhook"),
    ("Caddyfile-unix", "/github-webhook"),
    ("Caddyfile-prefix", "/hooks/github-webhook"),
]


@pytest.mark.parametrize(("snippet", "path"), ALL)
def test_pushes_of_every_size_pass_the_proxy_and_forged_ones_are_refused(
    proxy: Snippet, snippet: str, path: str
) -> None:
    """Only requests from SENDERS are allowed, so the address must pass the proxy too."""
    proxied = proxy(snippet)
    assert proxied.push(path)[0] == 202
    assert proxied.push(path, size=100_000)[0] == 202
    assert proxied.push(path, size=MAX_BODY)[0] == 202
    status, answer = proxied.push(path, secret="wrong")
    assert (status, answer) == (401, {"status": "rejected", "reason": "signature missing or wrong"})


@pytest.mark.parametrize("snippet", ["nginx.conf", "Caddyfile"])
def test_a_sender_cannot_speak_for_another_address(proxy: Snippet, snippet: str, daemon: Daemon) -> None:
    proxied = proxy(snippet)
    for _ in range(30):
        body = b"{}"
        headers = signed(body, "wrong") | {"X-Forwarded-For": "203.0.113.99"}
        assert proxied.post("/github-webhook", body, headers)[0] in {401, 429}
    assert "203.0.113.99" not in daemon.log


@pytest.mark.parametrize("page", ["README.md", "docs/proxies.md"])
def test_the_documents_show_only_tested_files(page: str) -> None:
    shown = re.findall(r"^```(?:nginx|caddy)\n(.*?)^```", (ROOT / page).read_text(), re.MULTILINE | re.DOTALL)
    assert shown
    tested = {path.read_text() for path in SNIPPETS.iterdir()}
    assert [block for block in shown if block not in tested] == []


def test_the_documents_show_every_tested_file() -> None:
    page = (ROOT / "docs" / "proxies.md").read_text()
    assert [path.name for path in SNIPPETS.iterdir() if path.read_text() not in page] == []
