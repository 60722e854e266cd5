"""`webhookd verify`: sources of body, headers and keys, its output, and that no secret is printed."""

import json
from pathlib import Path

import pytest
from configfiles import write_secret
from verifying import BODY, KEY, SIGNED, SIGNED_BODY, SIGNING, digest, found, verify


@pytest.fixture
def secret(tmp_path: Path) -> Path:
    return write_secret(tmp_path, content=KEY.encode() + b"\n")


@pytest.fixture
def payload(tmp_path: Path) -> Path:
    file = tmp_path / "payload"
    file.write_bytes(BODY)
    return file


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


def test_hostile_names_do_not_reach_the_terminal(secret: Path) -> None:
    body = json.dumps(
        {"ref": "refs/heads/m", "before": "", "after": "", "pusher": {"name": "a\x1b[2Jb"}}
    ).encode()
    output = verify("-", "--secret-file", secret, input=body).stdout
    assert "\x1b" not in output
    assert "a\\x1b[2Jb" in output
