"""`webhookd verify --config`: the hook, the rules, other secrets."""

import hashlib
from pathlib import Path

import pytest
from configfiles import write_config, write_secret
from verifying import BODY, KEY, digest, found, verify

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
def secret(tmp_path: Path) -> Path:
    return write_secret(tmp_path, content=KEY.encode() + b"\n")


@pytest.fixture
def payload(tmp_path: Path) -> Path:
    file = tmp_path / "payload"
    file.write_bytes(BODY)
    return file


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


def test_nothing_secret_is_ever_printed(payload: Path, secret: Path, config: Path) -> None:
    for args in (["--secret-file", secret], ["--config", config, "--hook", "github"]):
        for extra in (["--signature", f"sha256={'0' * 64}"], ["--signature", f"sha256={digest()}"], []):
            for form in ([], ["--json"]):
                output = verify(payload, *args, *extra, *form).output
                assert KEY not in output
                assert digest() not in output
                assert hashlib.sha256(KEY.encode()).hexdigest() not in output
