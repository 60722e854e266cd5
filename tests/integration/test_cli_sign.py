"""`webhookd sign`: what it prints in each format, where the keys come from, and what it sends."""

import base64
import http.server
import json
import socket
import subprocess
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result
from configfiles import write_config, write_secret

from webhookd.cli import main
from webhookd.intake.forges import forge as adapter_of
from webhookd.models.settings import Forge

SIGNING = b"whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw\n"


@pytest.fixture
def secret(tmp_path: Path) -> Path:
    return write_secret(tmp_path)


def sign(*args: object, **options: Any) -> Result:
    return CliRunner().invoke(main, ["sign", *map(str, args)], **options)


def made(*args: object, **options: Any) -> dict[str, Any]:
    """Return the output of `--format json` with lower-case header names and the parsed body."""
    result = sign(*args, "--format", "json", **options)
    assert (result.exit_code, result.stderr) == (0, "")
    parts: dict[str, Any] = json.loads(result.stdout)
    assert base64.b64decode(parts["body_base64"]).decode() == parts["body"]
    return parts | {
        "headers": {name.lower(): value for name, value in parts["headers"].items()},
        "payload": json.loads(parts["body"]) if parts["body"].startswith("{") else None,
    }


def verified(*args: object, **options: Any) -> dict[str, Any]:
    result = CliRunner().invoke(main, ["verify", *map(str, args), "--json"], **options)
    assert (result.exit_code, result.stderr) == (0, "")
    found: dict[str, Any] = json.loads(result.stdout)
    return found


def test_the_headers_of_a_file_are_printed_line_by_line(tmp_path: Path) -> None:
    # The vector of https://docs.github.com/en/webhooks/using-webhooks/validating-webhook-deliveries
    secret = write_secret(tmp_path, content=b"It's a Secret to Everybody")
    payload = tmp_path / "payload"
    payload.write_bytes(b"Hello, World!")
    result = sign(payload, "--secret-file", secret, "--delivery", "d-1")
    assert (result.exit_code, result.stderr) == (0, "")
    lines = dict(line.split(": ", 1) for line in result.stdout.splitlines())
    digest = "757107ea0eb2509fc211221cce984b8a37570b6d7586c22c46f4379c8b043e17"
    assert lines["X-Hub-Signature-256"] == f"sha256={digest}"
    assert (lines["X-GitHub-Event"], lines["X-GitHub-Delivery"]) == ("push", "d-1")
    assert lines["User-Agent"].startswith("GitHub-Hookshot/")


def test_a_made_up_body_is_printed_below_a_blank_line(secret: Path) -> None:
    head, _, body = sign("--secret-file", secret).stdout.partition("\n\n")
    assert "X-Hub-Signature-256: sha256=" in head
    assert json.loads(body)["ref"] == "refs/heads/main"


@pytest.mark.parametrize("name", Forge)
def test_a_made_up_delivery_is_authentic_for_its_forge(name: Forge, secret: Path, tmp_path: Path) -> None:
    keys = ("--forge", name, "--secret-file", secret)
    result = sign(*keys, "--repo", "octocat/blog", "--branch", "feature/x", "--format", "json")
    (tmp_path / "delivery").write_text(result.stdout)
    found = verified(tmp_path / "delivery", *keys)
    [push] = found["pushes"]
    assert (found["forge"], found["kind"]) == (name, "push")
    assert (push["repo"], push["ref"]) == ("octocat/blog", "refs/heads/feature/x")
    assert found["delivery"] == json.loads(result.stdout)["headers"].get(
        {"bitbucket": "X-Request-UUID", "bitbucket-dc": "X-Request-Id", "gitlab": "Idempotency-Key"}.get(
            name, f"X-{name.title().replace('Github', 'GitHub')}-Delivery"
        )
    )


def test_options_shape_the_push(secret: Path) -> None:
    shape = ("--branch", "a/b", "--forced", "--message", "m", "--pusher", "p", "--file", "x", "--file", "y")
    ids = ("--before", "b" * 40, "--after", "a" * 40)
    payload = made("--secret-file", secret, "--repo", "o/r", *shape, *ids)["payload"]
    assert (payload["ref"], payload["before"], payload["after"]) == ("refs/heads/a/b", "b" * 40, "a" * 40)
    assert (payload["forced"], payload["pusher"]["name"]) == (True, "p")
    assert payload["head_commit"]["modified"] == ["x", "y"]
    assert payload["head_commit"]["message"] == "m"


@pytest.mark.parametrize(
    ("options", "created", "deleted"),
    [
        ([], False, False),
        (["--created"], True, False),
        (["--deleted"], False, True),
        (["--event", "delete"], False, True),
        (["--tag", "v1"], True, False),
        (["--tag", "v1", "--deleted"], False, True),
        (["--tag", "v1", "--before", "b" * 40], False, False),
    ],
)
def test_the_payload_has_creation_and_deletion(
    secret: Path,
    options: list[str],
    created: bool,  # noqa: FBT001
    deleted: bool,  # noqa: FBT001
) -> None:
    payload = made("--secret-file", secret, *options)["payload"]
    assert (payload["created"], payload["deleted"]) == (created, deleted)
    assert (payload["before"] == "0" * 40, payload["after"] == "0" * 40) == (created, deleted)


def test_the_same_id_and_options_make_the_same_delivery(secret: Path) -> None:
    first, again = (made("--secret-file", secret, "--delivery", "d-1") for _ in range(2))
    assert first == again
    assert made("--secret-file", secret)["body"] != made("--secret-file", secret)["body"]


def test_bitbucket_takes_several_refs_or_none(secret: Path) -> None:
    keys = ("--forge", "bitbucket-dc", "--secret-file", secret)
    payload = made(*keys, "--branch", "a", "--branch", "b", "--tag", "v1")["payload"]
    assert [c["refId"] for c in payload["changes"]] == ["refs/heads/a", "refs/heads/b", "refs/tags/v1"]
    assert made(*keys, "--empty")["payload"]["changes"] == []


def test_a_form_contains_the_json(secret: Path) -> None:
    parts = made("--secret-file", secret, "--form")
    assert parts["headers"]["content-type"] == "application/x-www-form-urlencoded"
    assert parts["body"].startswith("payload=%7B%22")


@pytest.mark.parametrize(
    ("forge", "event", "header"),
    [
        ("github", "ping", "ping"),
        ("github", "issues", "issues"),
        ("gitea", "delete", "delete"),
        ("gitlab", "push", "Push Hook"),
        ("gitlab", "Push Hook", "Push Hook"),
        ("gitlab", "System Hook", "System Hook"),
        ("bitbucket", "push", "repo:push"),
        ("bitbucket-dc", "repo:refs_changed", "repo:refs_changed"),
        ("bitbucket-dc", "ping", "diagnostics:ping"),
    ],
)
def test_an_event_is_called_as_the_forge_calls_it(forge: str, event: str, header: str, secret: Path) -> None:
    headers = made("--forge", forge, "--event", event, "--secret-file", secret)["headers"]
    events = {"x-github-event", "x-gitea-event", "x-gitlab-event", "x-event-key"} & headers.keys()
    assert {headers[name] for name in events} == {header}


def test_the_event_of_a_given_payload_follows_from_it(secret: Path) -> None:
    keys = ("--forge", "gitlab", "--secret-file", secret)
    tag = json.dumps({"object_kind": "tag_push", "ref": "refs/tags/v1"})
    assert made("-", *keys, input=tag)["headers"]["x-gitlab-event"] == "Tag Push Hook"
    assert made("-", *keys, "--event", "Issue Hook", input=tag)["headers"]["x-gitlab-event"] == "Issue Hook"


@pytest.mark.parametrize("event", ["push", "delete", "ping"])
@pytest.mark.parametrize("forge", Forge)
def test_a_payload_that_says_nothing_is_signed_as_the_event_that_was_asked_for(
    forge: Forge, event: str, secret: Path
) -> None:
    if event == "ping" and forge in {Forge.GITLAB, Forge.BITBUCKET}:
        return  # which send none
    keys = ("--forge", forge, "--secret-file", secret)
    headers = made("-", *keys, "--event", event, input="{}")["headers"]
    options = ("--deleted",) if event == "delete" else ()
    expected = made(*keys, "--event", event, *options)["headers"]
    name = adapter_of(forge).event_header.lower()
    assert headers[name] == expected[name]


def test_gitlabs_key_is_a_token_unless_it_is_a_signing_secret(tmp_path: Path) -> None:
    token, signing = write_secret(tmp_path, name="token"), write_secret(tmp_path, name="s", content=SIGNING)
    keys = ("--forge", "gitlab", "--secret-file")
    assert {"x-gitlab-token"} == made(*keys, token)["headers"].keys() & {
        "x-gitlab-token",
        "webhook-signature",
    }
    headers = made(*keys, signing)["headers"]
    assert "x-gitlab-token" not in headers
    assert headers["webhook-signature"].startswith("v1,")
    assert headers["webhook-id"] == headers["idempotency-key"]


def test_the_key_can_come_from_a_variable(secret: Path) -> None:
    from_file = made("--secret-file", secret, "--delivery", "d")
    from_variable = made("--secret-env", "KEY", "--delivery", "d", env={"KEY": secret.read_text()})
    assert from_file == from_variable


CONFIG = """
    hooks:
      github: {secret: {file: secret}}
      lab: {forge: gitlab, token: {file: token}}
    repos:
      octocat/blog: {hook: github, branches: {main: x}}
      octocat/shop: {hook: github, secret: {file: shop}, branches: {main: x}}
      group/site: {hook: lab, branches: {main: x}}
    """


@pytest.fixture
def config(tmp_path: Path) -> Path:
    for number, name in enumerate(("secret", "token", "shop")):
        write_secret(tmp_path, name=name, content=b"key of sixteen bytes %d" % number)
    return write_config(tmp_path, CONFIG)


@pytest.mark.parametrize(
    ("repo", "header", "label"),
    [
        ("octocat/blog", "x-hub-signature-256", "secret"),
        ("Octocat/Shop", "x-hub-signature-256", "shop"),
        ("group/site", "x-gitlab-token", "token"),
    ],
)
def test_hook_and_key_come_from_the_configuration(repo: str, header: str, label: str, config: Path) -> None:
    parts = made("--config", config, "--repo", repo)
    assert header in parts["headers"]
    (config.parent / "d").write_text(
        json.dumps({key: parts[key] for key in ("headers", "body", "body_base64")})
    )
    found = CliRunner().invoke(main, ["verify", str(config.parent / "d"), "--config", str(config)])
    assert f"opened by file {label}\n" in found.stdout


PUSH = {"ref": "r", "before": "", "after": "", "repository": {"full_name": "octocat/shop"}}


def test_hook_and_key_follow_from_the_repository_in_a_given_payload(config: Path) -> None:
    for name, payload, header in (
        ("shop", PUSH, "sha256="),
        ("token", {"object_kind": "push", "project": {"path_with_namespace": "group/site"}}, "key of"),
    ):
        record = sign("-", "--config", config, "--format", "json", input=json.dumps(payload)).stdout
        assert header in record
        found = CliRunner().invoke(main, ["verify", "-", "--config", str(config)], input=record)
        assert found.stdout.startswith(f"authentic: opened by file {name}\n")


def test_an_unknown_repository_needs_a_hook(config: Path) -> None:
    result = sign("--config", config, "--repo", "a/b")
    assert (result.exit_code, result.stdout) == (2, "")
    assert '--hook with one of "github", "lab"' in result.stderr
    assert sign("--config", config, "--repo", "a/b", "--hook", "lab").exit_code == 0


@pytest.mark.parametrize(
    ("args", "words"),
    [
        (["--forge", "gitlab", "--event", "ping"], "GitLab sends no ping"),
        (["--forge", "gitlab", "--form"], "this forge sends no forms"),
        (["--branch", "a", "--branch", "b"], "one change of a ref at a time"),
        (["--created", "--deleted"], "exclude each other"),
        (["/nonexistent"], 'the payload "/nonexistent" cannot be read: no such file or directory'),
        (["--secret-file", "/nonexistent"], 'the secret file "/nonexistent" cannot be read'),
        (["--secret-file", "/dev/null"], "file /dev/null: the secret is empty"),
        (["--secret-file", "/dev/zero"], 'the secret file "/dev/zero" is longer than 4096 bytes'),
        (["--hook", "github"], "--hook takes its secret from the configuration"),
        (["--secret-env", "NOT_SET_ANYWHERE"], "the variable that --secret-env names is not set"),
        (["--forge", "azure"], "azure"),
        (["--delivery", "a\nX-Evil: b"], 'the value for the header "X-GitHub-Delivery" cannot be sent'),
        (["--event", "✓"], 'the value for the header "X-GitHub-Event" cannot be sent'),
        (["--send", "ftp://x"], '"ftp://x" is not a web address'),
        (["--send", ""], '"" is not a web address'),
        (["--send", "nonsense"], '"nonsense" is not a web address'),
        (["--send", "http://:80/"], '"http://:80/" is not a web address'),
        (["--send", "http://x:y/"], '"http://x:y/" is not a web address'),
        (["--send", "http://x/a b"], '"http://x/a b" is not a web address'),
        (["--send", "http://[x/"], '"http://[x/" is not a web address'),
    ],
)
def test_invalid_options_are_refused_in_one_sentence(args: list[str], words: str, secret: Path) -> None:
    result = sign("--secret-file", secret, *args)
    assert (result.exit_code, result.stdout) == (2, "")
    assert words in result.stderr


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


def test_a_delivery_is_sent_and_the_answer_is_printed(receiver: Receiver, secret: Path) -> None:
    result = sign("--secret-file", secret, "--delivery", "d-1", "--send", receiver.url)
    assert (result.exit_code, result.stdout) == (0, '202 Accepted\n{"status": "queued"}\n')
    [(path, headers, body)] = receiver.requests
    expected = made("--secret-file", secret, "--delivery", "d-1")
    assert (path, body.decode()) == ("/github-webhook", expected["body"])
    assert expected["headers"].items() <= headers.items()


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
    port = receiver.url.split(":")[2].split("/")[0]
    subprocess.run(["sh", "-c", command.replace(":9000/", f":{port}/")], check=True, capture_output=True)
    [(_, headers, body)] = receiver.requests
    expected = made(*args)
    assert body.decode() == expected["body"]
    assert expected["headers"].items() <= headers.items()
