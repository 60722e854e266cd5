"""`webhookd verify`: sources of body, headers and keys, its output, and that no secret is printed."""

import hashlib
import hmac
import json
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result
from configfiles import write_config, write_secret

from webhookd.cli import main

KEY = "correct horse battery staple"
BODY = json.dumps(
    {
        "ref": "refs/heads/main",
        "before": "b" * 40,
        "after": "a" * 40,
        "repository": {
            "full_name": "octocat/blog",
            "clone_url": "https://github.example.com/octocat/blog.git",
        },
        "pusher": {"name": "octocat"},
        "compare": "https://github.example.com/compare",
        "created": False,
        "deleted": False,
        "forced": False,
        "commits": [{"id": "a" * 40, "added": ["x"], "removed": [], "modified": []}],
        "head_commit": {"id": "a" * 40, "message": "Say hello"},
    }
).encode()

# A vector of https://github.com/standard-webhooks/standard-webhooks/tree/main/libraries
SIGNING = b"whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"
SIGNED_BODY = b'{"test": 2432232314}'
SIGNED = {
    "webhook-id": "msg_p5jXN8AQM9LWM0D4loKWxJek",
    "webhook-timestamp": "1614265330",
    "webhook-signature": "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=",
}


def digest(body: bytes = BODY, key: str = KEY) -> str:
    return hmac.new(key.encode(), body, "sha256").hexdigest()


@pytest.fixture
def secret(tmp_path: Path) -> Path:
    return write_secret(tmp_path, content=KEY.encode() + b"\n")


@pytest.fixture
def payload(tmp_path: Path) -> Path:
    file = tmp_path / "payload"
    file.write_bytes(BODY)
    return file


def verify(*args: object, **options: Any) -> Result:
    return CliRunner().invoke(main, ["verify", *map(str, args)], **options)


def found(*args: object, code: int = 0, **options: Any) -> dict[str, Any]:
    result = verify(*args, "--json", **options)
    assert (result.exit_code, result.stderr) == (code, "")
    value: dict[str, Any] = json.loads(result.stdout)
    return value


def test_the_json_has_these_keys_and_no_others(payload: Path, secret: Path) -> None:
    headers = ("--header", "X-GitHub-Event: push", "--header", "X-GitHub-Delivery: d-1")
    signature = ("--header", f"X-Hub-Signature-256: sha256={digest()}")
    assert found(payload, "--secret-file", secret, *headers, *signature) == {
        "verified": True,
        "forge": "github",
        "event": "push",
        "delivery": "d-1",
        "kind": "push",
        "pushes": [
            {
                "repo": "octocat/blog",
                "ref": "refs/heads/main",
                "branch": "main",
                "tag": None,
                "before": "b" * 40,
                "after": "a" * 40,
                "commit": "a" * 40,
                "created": False,
                "deleted": False,
                "forced": False,
                "pusher": "octocat",
                "compare_url": "https://github.example.com/compare",
                "clone_url": "https://github.example.com/octocat/blog.git",
                "changed_files": ["x"],
                "files_complete": True,
            }
        ],
        "targets": [],
        "explanation": ["no Content-Type header: read as JSON"],
        "diagnosis": None,
    }


def test_the_text_says_the_same_as_the_json(payload: Path, secret: Path) -> None:
    result = verify(payload, "--secret-file", secret, "--event", "push", "--signature", f"sha256={digest()}")
    assert (result.exit_code, result.stderr) == (0, "")
    assert result.stdout.splitlines() == [
        f"authentic: opened by file {secret}",
        "github push (push)",
        f"  octocat/blog refs/heads/main changed to {'a' * 40} by octocat",
        "- no Content-Type header: read as JSON",
    ]


@pytest.mark.parametrize(
    "text",
    [
        "X-GitHub-Event: push\nX-Hub-Signature-256: sha256={}\n",
        "x-github-event:push\r\nX-HUB-SIGNATURE-256:   sha256={}\r\n\r\n",
        "POST /github-webhook HTTP/1.1\nX-GitHub-Event: push\nX-Hub-Signature-256: sha256={}\n\n{{}}",
        '{{"X-GitHub-Event": "push", "X-Hub-Signature-256": "sha256={}"}}',
    ],
)
def test_headers_may_be_lines_or_json(text: str, payload: Path, secret: Path, tmp_path: Path) -> None:
    (tmp_path / "h").write_text(text.format(digest()), newline="")
    assert found(payload, "--secret-file", secret, "--headers", tmp_path / "h")["event"] == "push"


def test_more_specific_options_win(payload: Path, secret: Path, tmp_path: Path) -> None:
    (tmp_path / "h").write_text("X-Hub-Signature-256: sha256=00\nX-GitHub-Event: issues")
    args = (payload, "--secret-file", secret, "--headers", tmp_path / "h")
    assert found(*args, code=1)["event"] == "issues"
    assert found(*args, "--header", "x-github-event: ping", code=1)["event"] == "ping"
    assert found(*args, "--event", "push", "--signature", f"sha256={digest()}")["kind"] == "push"


def test_without_a_signature_the_push_is_still_shown(payload: Path, secret: Path) -> None:
    result = found(payload, "--secret-file", secret, code=1)
    assert (result["verified"], result["event"], result["pushes"][0]["ref"]) == (
        False,
        "push",
        "refs/heads/main",
    )
    assert result["diagnosis"] == {
        "cause": "signature missing",
        "hint": "the headers of the delivery are missing: pass them with --headers, --header or --signature",
    }


def test_the_signature_of_gitlab_is_a_token_or_a_signature(tmp_path: Path, secret: Path) -> None:
    token = ("--secret-file", secret, "--signature", KEY)
    assert found("-", "--forge", "gitlab", *token, input=b"{}")["verified"]
    signing = write_secret(tmp_path, name="s", content=SIGNING)
    headers = [f"--header={name}: {value}" for name, value in SIGNED.items() if name != "webhook-signature"]
    at = ("--signature", SIGNED["webhook-signature"], "--at", SIGNED["webhook-timestamp"])
    args = ("-", "--forge", "gitlab", "--secret-file", signing, *headers, *at)
    assert found(*args, input=SIGNED_BODY)["verified"]


def test_any_of_several_secrets_authenticates(payload: Path, secret: Path, tmp_path: Path) -> None:
    new = write_secret(tmp_path, name="new", content=b"another")
    args = (payload, "--secret-file", new, "--secret-file", secret, "--signature", f"sha256={digest()}")
    assert verify(*args).stdout.startswith(f"authentic: opened by file {secret}\n")


def test_a_signed_body_that_is_no_payload_is_authentic(tmp_path: Path) -> None:
    secret = write_secret(tmp_path, content=b"It's a Secret to Everybody")
    value = "sha256=757107ea0eb2509fc211221cce984b8a37570b6d7586c22c46f4379c8b043e17"
    result = found("-", "--secret-file", secret, "--signature", value, input=b"Hello, World!")
    assert (result["verified"], result["kind"], result["event"], result["pushes"]) == (
        True,
        "other",
        None,
        [],
    )
    assert any("the daemon answers 400" in line for line in result["explanation"])


def test_an_unreadable_payload_is_reported_once(secret: Path) -> None:
    args = ("-", "--secret-file", secret, "--signature", f"sha256={digest()}", "--event", "push")
    assert found(*args, code=1, input=b"Hello, World!")["explanation"] == [
        "no Content-Type header: read as JSON",
        "the body is not JSON",
    ]


def test_a_push_without_a_repository_is_shown_and_would_be_refused(secret: Path) -> None:
    body = b'{"ref": "refs/heads/main", "before": null, "after": null}'
    args = ("-", "--secret-file", secret, "--signature", f"sha256={digest(body)}")
    result = found(*args, input=body)
    assert (result["pushes"][0]["repo"], result["pushes"][0]["ref"]) == (None, "refs/heads/main")
    assert (
        "the push has no valid name of a repository or of a ref: the daemon answers 400"
        in result["explanation"]
    )


CONFIG = """
    hooks:
      github: {secret: {file: secret}}
      gitea: {secret: {file: gitea}}
      lab: {forge: gitlab, token: {file: token}}
    repos:
      octocat/blog:
        hook: github
        branches: {main: [{name: site, run: x}, {name: docs, run: x, paths: ["docs/**"]}], "*": x}
        tags: {"v*": x}
      octocat/shop: {hook: github, secret: {file: shop}, branches: {main: x}}
    """


@pytest.fixture
def config(tmp_path: Path, secret: Path) -> Path:
    assert secret.exists()
    for name in ("gitea", "token", "shop"):
        write_secret(tmp_path, name=name, content=f"the secret key of {name}\n".encode())
    return write_config(tmp_path, CONFIG)


def test_the_explanation_goes_rule_by_rule(config: Path, payload: Path) -> None:
    headers = ("--header", f"X-Hub-Signature-256: sha256={digest()}", "--header", "X-GitHub-Event: push")
    result = found(payload, "--config", config, "--hook", "github", *headers)
    reason = 'branch "main" is named exactly'
    assert result["targets"] == [{"target": "octocat/blog@main:site", "reason": reason}]
    assert result["explanation"][1:] == [
        f"octocat/blog@main:site runs: {reason}",
        "octocat/blog@main:docs does not run: paths: none of 1 changed files matches",
        'octocat/blog@* does not run: branch "main" comes under "main"',
        'octocat/blog@refs/tags/v* does not run: "refs/heads/main" is a branch, the rule is for a tag',
        'octocat/shop@main does not run: repository "octocat/blog" is not "octocat/shop"',
    ]


def test_the_headers_choose_among_several_hooks(config: Path, payload: Path) -> None:
    signature = f"X-Gitea-Signature: {digest(key='the secret key of gitea')}"
    headers = ("X-GitHub-Event: push", "X-Gogs-Event: push", "X-Gitea-Event: push", signature)
    result = found(payload, "--config", config, *(arg for line in headers for arg in ("--header", line)))
    assert (result["verified"], result["forge"]) == (True, "gitea")
    assert result["explanation"][0] == 'hook "gitea", because of the headers of gitea'


def test_if_the_hook_is_unclear_it_has_to_be_named(config: Path, payload: Path) -> None:
    result = verify(payload, "--config", config)
    assert (result.exit_code, result.stdout) == (2, "")
    assert '--hook with one of "github", "gitea", "lab"' in result.stderr


def test_another_configured_secret_is_recognised(config: Path, payload: Path) -> None:
    value = f"sha256={digest(key='the secret key of shop')}"
    opened = found(payload, "--config", config, "--hook", "github", "--signature", value, code=1)
    assert opened["diagnosis"]["cause"] == "secret of another repository"
    value = f"sha256={digest(key='the secret key of gitea')}"
    other = found(payload, "--config", config, "--hook", "github", "--signature", value, code=1)
    assert other["diagnosis"]["cause"] == "another configured secret"
    assert "file gitea" in other["diagnosis"]["hint"]


def test_a_recorded_timestamp_is_checked_as_of_the_given_time(tmp_path: Path) -> None:
    secret = write_secret(tmp_path, content=SIGNING)
    (tmp_path / "h").write_text(json.dumps(SIGNED))
    args = ("-", "--forge", "gitlab", "--secret-file", secret, "--headers", tmp_path / "h")
    assert found(*args, code=1, input=SIGNED_BODY)["diagnosis"]["cause"] == "timestamp too old"
    for moment in ("1614265330", "2021-02-25T15:02:10Z", "2021-02-25T15:02:10", "2021-02-25T16:02:10+01:00"):
        assert found(*args, "--at", moment, input=SIGNED_BODY)["verified"]


def test_a_token_in_utf8_is_compared_as_it_is_sent(tmp_path: Path) -> None:
    secret = write_secret(tmp_path, content="pässwörd ✓".encode())
    args = ("-", "--forge", "gitlab", "--secret-file", secret)
    assert found(*args, "--header", "X-Gitlab-Token: pässwörd ✓", input=b"{}")["verified"]


@pytest.mark.parametrize(
    ("args", "words"),
    [
        (["/nonexistent"], 'the payload "/nonexistent" cannot be read'),
        (["-", "--headers", "/nonexistent"], 'the headers file "/nonexistent" cannot be read'),
        (["-", "--header", "no colon"], "a header needs a colon"),
        (["-", "--at", "yesterday"], '"yesterday" is not a time'),
        (["-", "--at", "9" * 30], "is not a time"),
        (["-", "--forge", "gitee"], "gitee"),
        (["-", "--headers", "/dev/stdin"], "has no headers"),
    ],
)
def test_invalid_options_are_refused_in_one_sentence(
    args: list[str], words: str, secret: Path, tmp_path: Path
) -> None:
    (tmp_path / "list").write_text("[]")
    named = [str(tmp_path / "list") if arg == "/dev/stdin" else arg for arg in args]
    result = verify("--secret-file", secret, *named, input=b"{}")
    assert (result.exit_code, result.stdout) == (2, "")
    assert words in result.stderr


def test_without_a_configuration_the_options_that_replace_it_are_named(payload: Path, tmp_path: Path) -> None:
    result = verify(payload, "--config", tmp_path / "gone.yaml")
    assert (result.exit_code, result.stdout) == (78, "")
    assert result.stderr.endswith("hint: without a configuration, use --forge and --secret-file\n")


def test_nothing_secret_is_ever_printed(payload: Path, secret: Path, config: Path) -> None:
    for args in (["--secret-file", secret], ["--config", config, "--hook", "github"]):
        for extra in (["--signature", f"sha256={'0' * 64}"], ["--signature", f"sha256={digest()}"], []):
            for form in ([], ["--json"]):
                output = verify(payload, *args, *extra, *form).output
                assert KEY not in output
                assert digest() not in output
                assert hashlib.sha256(KEY.encode()).hexdigest() not in output


def test_hostile_names_do_not_reach_the_terminal(secret: Path) -> None:
    body = json.dumps(
        {"ref": "refs/heads/m", "before": "", "after": "", "pusher": {"name": "a\x1b[2Jb"}}
    ).encode()
    output = verify("-", "--secret-file", secret, input=body).stdout
    assert "\x1b" not in output
    assert "a\\x1b[2Jb" in output
