"""`webhookd sign`: what it prints, and where the keys come from."""

import base64
import json
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
    ],
)
def test_invalid_options_are_refused_in_one_sentence(args: list[str], words: str, secret: Path) -> None:
    result = sign("--secret-file", secret, *args)
    assert (result.exit_code, result.stdout) == (2, "")
    assert words in result.stderr
