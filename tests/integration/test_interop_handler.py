"""github-webhook-handler, an old JavaScript receiver: it accepts our deliveries, its SHA-1 opens nothing."""

import json
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import npm
import pytest
from click.testing import CliRunner
from configfiles import write_secret
from factories import KEY, NOW, hook_of, sign_sample

from webhookd.cli import main
from webhookd.errors import NotAuthentic
from webhookd.intake import receive
from webhookd.intake.causes import Cause
from webhookd.models.delivery import Request

HANDLER = "github-webhook-handler@1.0.0"

SERVE = """
import http from 'node:http';
import create from 'github-webhook-handler';
const handler = create({ path: '/hook', secret: process.argv[1] });
handler.on('error', () => {});
handler.on('*', (event) => console.log(JSON.stringify(event)));
const server = http.createServer((request, answer) => handler(request, answer, () => {}));
server.listen(0, '127.0.0.1', () => console.log(server.address().port));
"""
SIGN = """
import create from 'github-webhook-handler';
const handler = create({ path: '/', secret: given.key });
handler({ url: '/', method: 'GET', headers: {} }, null, () => {});  // only then it knows its secret
console.log(JSON.stringify(handler.sign(given.body)));
"""


@pytest.fixture(scope="module")
def handler() -> Path:
    return npm.installed(HANDLER)


@pytest.fixture
def server(handler: Path) -> Iterator["subprocess.Popen[str]"]:
    command = ["node", "--input-type=module", "-e", SERVE, KEY]
    with subprocess.Popen(command, cwd=handler, stdout=subprocess.PIPE, text=True) as process:
        yield process
        process.terminate()


def line(process: "subprocess.Popen[str]") -> Any:
    assert process.stdout is not None
    return json.loads(process.stdout.readline())


def test_it_accepts_what_sign_sends(server: "subprocess.Popen[str]", tmp_path: Path) -> None:
    url = f"http://127.0.0.1:{line(server)}/hook"
    secret, wrong = write_secret(tmp_path, content=KEY.encode()), write_secret(tmp_path, name="wrong")
    for event in ("push", "ping"):
        args = ["--event", event, "--delivery", "d-1", "--message", "Grüße", "--send", url]
        refused = CliRunner().invoke(main, ["sign", "--secret-file", str(wrong), *args])
        assert (refused.exit_code, refused.stdout.splitlines()[0]) == (1, "400 Bad Request")
        sent = CliRunner().invoke(main, ["sign", "--secret-file", str(secret), *args])
        assert (sent.exit_code, sent.stdout) == (0, '200 OK\n{"ok":true}\n')
        got = line(server)
        assert (got["event"], got["id"]) == (event, "d-1")
        assert got["payload"]["repository"]["full_name"] == "octocat/hello-world"


def test_its_signature_is_sha1_and_opens_nothing(handler: Path) -> None:
    signed = sign_sample(hook_of())
    theirs = npm.run(handler, SIGN, {"key": KEY, "body": signed.body.decode()})
    assert theirs == signed.headers["X-Hub-Signature"]
    headers = signed.request().headers
    for name in ("x-hub-signature", "x-hub-signature-256"):
        given = {key: value for key, value in headers.items() if "signature" not in key} | {name: theirs}
        with pytest.raises(NotAuthentic) as caught:
            receive(Request(headers=given, body=signed.body), hook=hook_of(), repositories=[], now=NOW)
        assert caught.value.cause == Cause.SHA1_GIVEN
