"""The JSON Schema, the example file and the reference agree with the models."""

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import jsonschema
import pytest
import yaml
from configfiles import KEY, write_config, write_secret

from webhookd import config
from webhookd.config.schema import HistoryKeys, HookKeys, LongForm, SecretSource, Settings, TargetKeys
from webhookd.models.settings import Target

ROOT = Path(__file__).parents[2]
EXAMPLE = ROOT / "config.example.yaml"
REFERENCE = ROOT / "docs" / "configuration.md"
MODELS = (Settings, HistoryKeys, HookKeys, LongForm, SecretSource, TargetKeys)
KEYS = sorted({key for model in MODELS for key in model.model_fields})

SHORTEST = """
secret: {file: /etc/webhookd/secret}
repos:
  octocat/blog:
    main: cd /srv/blog && git pull --ff-only && make site
"""

LONGER = """
listen: 127.0.0.1:9000
state_dir: /var/lib/webhookd
workers: 4
max_body: 25MiB
trusted_proxies: [127.0.0.1]
history: {keep: 90d, runs_per_target: 1000, log_limit: 10MiB, bodies: 30d}
defaults: {timeout: 30m, grace: 10s, overlap: latest}
hooks:
  github: {secret: {file: /etc/webhookd/github}}
  codeberg:
    forge: forgejo
    path: /codeberg-webhook
    secret: [{env: NEW_SECRET}, {env: OLD_SECRET}]
    allow_from: [192.0.2.0/24]
  lab: {forge: gitlab, token: {credential: gitlab-token}}
repos:
  octocat/blog:
    hook: github
    branches:
      main: make deploy
      "preview/*": {run: ./preview up, on_delete: ./preview down}
  octocat/shop:
    hook: github
    secret: {credential: shop}
    branches:
      main:
        - {name: site, run: [make, site], cwd: /srv/shop, paths: ["site/**"]}
        - {name: docs, run: make docs, paths: ["docs/**"]}
    tags:
      "v*": ./release.sh
"""


@pytest.fixture(scope="module")
def validator() -> jsonschema.Draft202012Validator:
    schema = config.json_schema()
    jsonschema.Draft202012Validator.check_schema(schema)
    return jsonschema.Draft202012Validator(schema)


def described(schema: dict[str, Any]) -> Iterator[tuple[str, dict[str, Any]]]:
    """Yield every key of every mapping in the schema."""
    for mapping in (schema, *schema["$defs"].values()):
        yield from mapping.get("properties", {}).items()


def keys_in(data: Any) -> set[str]:
    if isinstance(data, dict):
        return {str(key) for key in data}.union(*map(keys_in, data.values()))
    return set().union(*map(keys_in, data)) if isinstance(data, list) else set()


UNQUOTED = "secret: x\ndefaults: {run: true}\nrepos: {a/b: {main: {cwd: /srv, name: 1, lock: 7}}}\n"


@pytest.mark.parametrize("text", [SHORTEST, LONGER, UNQUOTED, EXAMPLE.read_text()])
def test_the_schema_accepts_what_webhookd_accepts(
    tmp_path: Path, validator: jsonschema.Draft202012Validator, text: str
) -> None:
    assert [error.message for error in validator.iter_errors(yaml.safe_load(text))] == []
    file = write_config(tmp_path, text)
    assert config.load(file, env={}, uid=0, access=config.SecretAccess.NONE).repositories != ()


@pytest.mark.parametrize(
    "mistake",
    [
        "sercet: x",
        "workers: 0",
        "workers: many",
        "listen: {a: b}",
        "state_dir: [/srv]",
        "history: {keep: 10 minutes}",
        "history: {log_limit: 10MB}",
        "defaults: {overlap: lastest}",
        "defaults: {nice: 20}",
        "defaults: {umask: [022]}",
        "hooks: {x: {forge: githup}}",
        "hooks: {x: {secret: {file: a, env: b}}}",
        "hooks: {x: {secret: {}}}",
        "hooks: {x: {secret: {fil: a}}}",
        "repos: {a/b: make}",
        "repos: {a/b: {}}",
        "repos: {a/b: {main: [[make]]}}",
        "repos: {a/b: {timeout: 5m}}",
        "repos: {a/b: {main: x, branches: {y: z}}}",
        "repos: {a/b: {main: {rnu: x}}}",
        "repos: {a/b: {main: {run: }}}",
    ],
)
def test_the_schema_refuses_mistakes(validator: jsonschema.Draft202012Validator, mistake: str) -> None:
    rest = {"secret": "x", "repos": {"a/b": {"main": "x"}}}
    assert validator.is_valid(rest)
    assert not validator.is_valid(rest | yaml.safe_load(mistake))


def test_the_schema_needs_repositories(validator: jsonschema.Draft202012Validator) -> None:
    assert not validator.is_valid({"secret": "x"})


def test_the_schema_names_its_dialect_and_itself() -> None:
    schema = config.json_schema()
    assert schema["$schema"] == "https://json-schema.org/draft/2020-12/schema"
    assert schema["$id"] == "urn:webhookd:configuration"


def test_every_key_says_its_default_to_the_editor() -> None:
    needed = {"run", "repos", "secret", "file", "env", "credential"}
    silent = {
        key
        for key, about in described(config.json_schema())
        if "default" not in about and not re.search("Default[:,]", about["description"])
    }
    assert silent <= needed


def test_every_key_is_described_for_the_editor() -> None:
    found = dict(described(config.json_schema()))
    assert sorted(found) == KEYS
    assert [key for key, about in found.items() if not about.get("description", "").endswith(".")] == []


def test_the_schema_uses_only_standard_keywords() -> None:
    known = jsonschema.Draft202012Validator.VALIDATORS.keys() | {
        "$schema",
        "$id",
        "$defs",
        "default",
        "description",
        "examples",
        "title",
    }
    text = repr(config.json_schema())
    assert re.findall(r"'(?:ge|le|gt|lt)': ", text) == []
    assert set(config.json_schema()) <= known


def test_the_example_shows_every_key() -> None:
    assert sorted(set(KEYS) - keys_in(yaml.safe_load(EXAMPLE.read_text()))) == []


def test_the_example_loads_if_its_secrets_and_accounts_exist(tmp_path: Path) -> None:
    for name in ("secret", "codeberg-authorization", "gitlab-token", "shop"):
        write_secret(tmp_path, name=name, content=name.encode() * 16)
    write_secret(tmp_path, name="gitlab-signing", content=b"whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw\n")
    text = EXAMPLE.read_text().replace("/etc/webhookd", str(tmp_path))
    for account in ("user: deploy", "group: www-data"):
        text = text.replace(account, f"{account.partition(':')[0]}: root")
    env = {"NEW_SECRET": KEY, "OLD_SECRET": KEY[::-1], "CREDENTIALS_DIRECTORY": str(tmp_path)}
    loaded = config.load(write_config(tmp_path, text), env=env, uid=0)
    assert loaded.warnings == ()
    assert [t.name for r in loaded.repositories for t in r.targets] == [
        "octocat/blog@main",
        "octocat/blog@preview/*",
        "octocat/shop@main:site",
        "octocat/shop@main:docs",
        "octocat/shop@refs/tags/v*",
        "group/**@main",
    ]


def test_the_defaults_that_the_example_shows_are_the_defaults(tmp_path: Path) -> None:
    shown = yaml.safe_load(EXAMPLE.read_text())
    told = set(re.findall(r"^# .*Default: .*\n(?:# .*\n)*(\w+):", EXAMPLE.read_text(), re.MULTILINE))
    assert told == {"state_dir", "trusted_proxies"}  # their comments name another value than the one shown
    text = yaml.safe_dump(
        {key: value for key, value in shown.items() if key not in told | {"secret", "hooks", "repos"}}
    )
    write_secret(tmp_path)
    rest = "secret: {file: secret}\nrepos: {a/b: {main: x}}\n"
    plain = config.load(write_config(tmp_path, rest), env={}, uid=0)
    assert config.load(write_config(tmp_path, text + rest), env={}, uid=0) == plain


@pytest.mark.parametrize("model", MODELS)
def test_the_reference_has_a_line_for_every_key(model: type[Any]) -> None:
    text = REFERENCE.read_text()
    told = re.findall(r"^\| `\{?(\w+)", text, re.MULTILINE)
    assert [key for key in model.model_fields if key not in told] == []


def test_the_reference_shows_the_defaults() -> None:
    text = REFERENCE.read_text()
    for key, about in described(config.json_schema()):
        if "default" in about:
            line = next(line for line in text.splitlines() if line.startswith(f"| `{key}` "))
            shown = (
                about["default"] if isinstance(about["default"], str) else re.escape(str(about["default"]))
            )
            assert re.search(rf"`[^`]*{shown}".replace("'", "."), line), line


def test_every_key_of_a_target_has_a_field_in_the_loaded_target() -> None:
    assert set(TargetKeys.model_fields) <= set(Target.__dataclass_fields__)
