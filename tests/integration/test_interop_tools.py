"""What real editors, shells and proxies do to deliveries: `verify` names each."""

import http.server
import json
import os
import shutil
import socket
import subprocess
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from pwd import getpwuid
from typing import Any
from urllib.parse import parse_qs

import pytest
from click.testing import CliRunner
from harness import wait_for

from webhookd.cli import main

KEY = "correct horse battery staple"


def shell(script: str, folder: Path) -> None:
    """Run *script* in *folder* as from a shell prompt; skip the test if one of its programs is missing."""
    for program in script.replace("|", "\n").replace(";", "\n").splitlines():
        word = program.split()[0]
        if shutil.which(word) is None:
            pytest.skip(f"there is no {word} here")
    subprocess.run(["bash", "-euo", "pipefail", "-c", script], cwd=folder, check=True, capture_output=True)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "secret").write_text(KEY)
    return tmp_path


def sign(folder: Path, *args: str) -> dict[str, Any]:
    """Write `body` and `headers` of a delivery to *folder*."""
    command = [
        "sign",
        "--secret-file",
        str(folder / "secret"),
        "--format",
        "json",
        "--message",
        "Grüße & <b>",
    ]
    made: dict[str, Any] = json.loads(CliRunner().invoke(main, [*command, *args]).stdout)
    (folder / "body").write_text(made["body"], newline="")
    (folder / "headers").write_text(json.dumps(made["headers"]))
    return made


def verify(folder: Path, *args: str) -> tuple[bool, str | None]:
    """Return whether the delivery in *folder* is authentic, and the cause if it is not."""
    keys = ["--secret-file", str(folder / "secret"), "--headers", str(folder / "headers")]
    result = CliRunner().invoke(main, ["verify", str(folder / "body"), *keys, "--json", *args])
    found = json.loads(result.stdout)
    assert result.exit_code == (0 if found["verified"] else 1)
    assert KEY not in result.output
    return found["verified"], found["diagnosis"] and found["diagnosis"]["cause"]


@pytest.mark.parametrize(
    ("script", "cause"),
    [
        ("jq . body > new; mv new body", "body re-serialised"),
        ("python3 -m json.tool body new; mv new body", "body re-serialised"),
        ("printf 'w\\nq\\n' | ed -s body", "body with another final newline"),
        ("vim -es -u NONE -c wq body", "body with another final newline"),
        ("sed -i 's/$/\\r/' body", "body with another final newline"),
        ("iconv -f utf-8 -t utf-16 body > new; mv new body", "body in another character set"),
        ("iconv -f latin1 -t utf-8 body > new; mv new body", "body in another character set"),
        ("head -c 1000 body > new; mv new body", "body truncated"),
        ("truncate -s 0 body", "body empty"),
        ("printf '\\xef\\xbb\\xbf' | cat - body > new; mv new body", "body with a byte order mark (BOM)"),
    ],
)
def test_what_a_tool_does_to_a_body(script: str, cause: str, folder: Path) -> None:
    sign(folder)
    assert verify(folder) == (True, None)
    shell(script, folder)
    assert verify(folder) == (False, cause)


@pytest.mark.parametrize("forge", ["gitea", "forgejo", "gogs"])
def test_what_tools_do_to_an_indented_body(forge: str, folder: Path) -> None:
    for script, cause in (
        ("sed -i 's/$/\\r/' body", "body with other line ends (CRLF)"),
        ("jq -c . body > new; mv new body", "body re-serialised"),
    ):
        sign(folder, "--forge", forge)
        shell(script, folder)
        assert verify(folder, "--forge", forge) == (False, cause)


@pytest.mark.parametrize(
    ("write", "cause"),
    [
        ("echo '{}' > secret", None),
        ("printf %s '{}' > secret", None),
        ("printf '{}\\r\\n' > secret", None),
        ("printf '{}\\n\\n' > secret", "secret with a trailing newline"),
        ("echo '\"{}\"' > secret", "secret in quotes"),
        ("echo 'WEBHOOK_SECRET={}' > secret", "secret with its variable's name"),
        ("echo ' {}' > secret", "secret with white space around it"),
        ("head -c 20 /dev/zero | base64 > secret", "signature wrong"),
    ],
)
def test_how_a_secret_file_is_written(write: str, cause: str | None, folder: Path) -> None:
    sign(folder)
    shell(write.replace("{}", KEY), folder)
    assert verify(folder) == (cause is None, cause)


def test_a_forge_whose_secret_came_with_a_newline(folder: Path) -> None:
    sign(folder)
    shell(f"echo '{KEY}' > pasted; xxd -p -c 256 pasted > hex", folder)
    shell("openssl dgst -sha256 -mac HMAC -macopt hexkey:$(cat hex) -r body > mac", folder)
    digest = (folder / "mac").read_text().split()[0]
    assert verify(folder, "--signature", f"sha256={digest}") == (False, "secret with a trailing newline")


def test_a_sha1_signature_by_openssl(folder: Path) -> None:
    sign(folder)
    shell(f"openssl dgst -sha1 -hmac '{KEY}' -r body > mac", folder)
    digest = (folder / "mac").read_text().split()[0]
    assert verify(folder, "--signature", f"sha1={digest}") == (False, "sha1 given")
    assert verify(folder, "--signature", digest) == (False, "sha1 given")


def test_a_hook_that_sends_forms(folder: Path) -> None:
    made = sign(folder, "--form")
    assert verify(folder) == (True, None)
    plain = {name: value for name, value in made["headers"].items() if name != "Content-Type"}
    (folder / "headers").write_text(json.dumps(plain))
    (folder / "body").write_text(parse_qs(made["body"])["payload"][0])
    assert verify(folder) == (False, "body is the JSON inside a form")
    shell("jq . body > new; mv new body", folder)  # as the page of recent deliveries shows it
    assert verify(folder) == (False, "body is the JSON inside a form")


@dataclass
class Behind:
    """A server that keeps the last request as `body` and `headers`, and the nginx before it."""

    folder: Path
    url: str = ""
    requests: list[str] = field(default_factory=list)


NGINX = """
user {user}; daemon off; pid {folder}/nginx.pid; error_log {folder}/error.log;
events {{ worker_connections 64; }}
http {{
  access_log off; client_body_buffer_size 1k;
  client_body_temp_path {folder}/1; proxy_temp_path {folder}/2; fastcgi_temp_path {folder}/3;
  uwsgi_temp_path {folder}/4; scgi_temp_path {folder}/5;
  upstream behind {{ server 127.0.0.1:{behind}; }}
  server {{
    listen 127.0.0.1:{port};
    location /plain {{ proxy_pass http://behind; }}
    location /old {{ return 301 http://127.0.0.1:{port}/plain; }}
    location /kept {{ return 308 http://127.0.0.1:{port}/plain; }}
    location /spooled {{ proxy_pass http://behind; proxy_set_body $request_body; }}
    location /dropped {{
      proxy_pass http://behind; proxy_pass_request_body off; proxy_set_header Content-Length "";
    }}
    location /unsigned {{ proxy_pass http://behind; proxy_set_header X-Hub-Signature-256 ""; }}
  }}
}}
"""


@pytest.fixture
def nginx(folder: Path) -> Iterator[Behind]:
    program = shutil.which("nginx") or shutil.which("/usr/sbin/nginx")
    if program is None or shutil.which("curl") is None:
        pytest.skip("there is no nginx or no curl here")
    behind = Behind(folder)

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers.get("content-length", 0)))
            (folder / "body").write_bytes(body)
            (folder / "headers").write_text(json.dumps(dict(self.headers.items())))
            behind.requests.append(self.command)
            self.send_response(204)
            self.end_headers()

        def do_GET(self) -> None:
            self.do_POST()

        def log_message(self, *_args: object) -> None:
            """Keep the test's output clean."""

    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        threading.Thread(target=server.serve_forever, name="behind nginx").start()
        with socket.create_server(("127.0.0.1", 0)) as free:
            port = free.getsockname()[1]
        user, ports = getpwuid(os.getuid()).pw_name, {"port": port, "behind": server.server_port}
        (folder / "nginx.conf").write_text(NGINX.format(user=user, folder=folder, **ports))
        command = [program, "-c", str(folder / "nginx.conf"), "-e", str(folder / "error.log")]
        with subprocess.Popen(command) as process:
            behind.url = f"http://127.0.0.1:{port}"
            wait_for(lambda: listens(port), what="nginx")
            yield behind
            process.terminate()
        server.shutdown()


def listens(port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0


def posted(behind: Behind, path: str, *, data: str = "--data-binary") -> None:
    """Send the delivery in the folder through nginx with curl."""
    headers = json.loads((behind.folder / "headers").read_text())
    lines = [arg for name, value in headers.items() for arg in ("-H", f"{name}: {value}")]
    (behind.folder / "body").rename(behind.folder / "sent")
    command = ["curl", "-sSfL", *lines, data, f"@{behind.folder / 'sent'}", behind.url + path]
    subprocess.run(command, check=True, capture_output=True)


@pytest.mark.parametrize(
    ("path", "cause", "method"),
    [
        ("/plain", None, "POST"),
        ("/kept", None, "POST"),
        ("/old", "body empty", "GET"),
        ("/dropped", "body empty", "POST"),
        ("/spooled", "body empty", "POST"),
        ("/unsigned", "sha1 given", "POST"),  # the other header is still there
    ],
)
def test_what_nginx_does_to_a_delivery(path: str, cause: str | None, method: str, nginx: Behind) -> None:
    sign(nginx.folder)
    posted(nginx, path)
    assert nginx.requests == [method]
    assert verify(nginx.folder) == (cause is None, cause)


def test_what_curl_does_to_an_indented_body(nginx: Behind) -> None:
    sign(nginx.folder, "--forge", "gitea")
    posted(nginx, "/plain", data="--data")
    assert verify(nginx.folder, "--forge", "gitea") == (False, "body re-serialised")
