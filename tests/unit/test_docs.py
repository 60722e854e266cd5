"""The documents keep up with the program: a command, key, variable or link that is not there fails a test."""

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import click
import pytest
from factories import make_push, make_run, make_target

from webhookd import config, report
from webhookd.cli import COMMANDS, main
from webhookd.deploy.environment import Account, build_environment
from webhookd.models import Claim, Forge

ROOT = Path(__file__).parents[2]
README = (ROOT / "README.md").read_text()
PAGES = sorted([*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md")])

REAL = {command.name: command.load() for command in COMMANDS}
NEVER_NAMED = {"--help", "-h"}
QUOTED = re.compile(r"`([^`\n]+)`")
BLOCK = re.compile(r"^```\w*\n(.*?)^```", re.MULTILINE | re.DOTALL)
CALL = re.compile(r"(?:^|[\s/])webhookd +([a-z][a-z-]*)([^|;&\n]*)")


@dataclass(frozen=True)
class Call:
    """A command line of this program as a document shows it."""

    command: str
    options: tuple[str, ...]


def calls(page: str) -> Iterator[Call]:
    """Yield every call that stands in code, in a block or a line."""
    without_comments = re.sub(r"(?m)^\s*#.*", "", "\n".join(BLOCK.findall(page)))
    for code in (without_comments, *QUOTED.findall(BLOCK.sub("", page))):
        for command, rest in CALL.findall(code):
            yield Call(command, tuple(re.findall(r"(?<=\s)(--?[a-z][a-z-]*)", re.sub(r"'[^']*'", "", rest))))


def options_of(command: click.Command) -> set[str]:
    return {name for parameter in (*command.params, *main.params) for name in parameter.opts} | NEVER_NAMED


def keys_of(schema: dict[str, object]) -> Iterator[str]:
    """Yield the name of every property, at any depth."""
    for name, value in schema.items():
        if name == "properties" and isinstance(value, dict):
            yield from value
        if isinstance(value, dict):
            yield from keys_of(value)


def defaults_of(schema: dict[str, object]) -> Iterator[tuple[str, str]]:
    """Yield every key that has a default, and the default as a file has it."""
    for name, value in schema.items():
        if isinstance(value, dict):
            if "default" in value:
                default = value["default"]
                yield name, default if isinstance(default, str) else json.dumps(default)
            yield from defaults_of(value)


CONFIG_KEYS = sorted(set(keys_of(config.json_schema())))


def variables() -> list[str]:
    """Name the variables of a command for a branch and for a tag, with everything known."""
    names: set[str] = set()
    for ref in ("refs/heads/main", "refs/tags/v1"):
        push = make_push(ref=ref, compare_url="https://x.test/c", clone_url="https://x.test/r.git")
        claim = Claim(
            run=make_run(), push=push, body=b"{}", content_type="application/json", last_commit="0" * 40
        )
        account = Account(name="deploy", home="/home/deploy", shell="/bin/sh")
        names |= build_environment(
            claim, target=make_target(), account=account, invocation="0", payload="/p"
        ).keys()
    return sorted(names)


@pytest.mark.parametrize("name", REAL)
def test_the_readme_has_every_command(name: str) -> None:
    assert f"`webhookd {name}" in README


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.name))
def test_every_call_shown_is_one_that_exists(page: Path) -> None:
    for call in calls(page.read_text()):
        assert call.command in REAL, f"webhookd {call.command}"
        assert set(call.options) <= options_of(REAL[call.command]), f"{call}"


@pytest.mark.parametrize("command", ["sign", "verify"])
def test_the_readme_has_every_option_to_sign_and_verify_with(command: str) -> None:
    section = README.partition("### Signing and verifying by hand")[2].partition("\n## ")[0]
    rows = [line.split("|") for line in section.splitlines() if line.startswith("| `--")]
    told = [row[1] for row in rows if row[2].strip() in {"both", f"`{command}`"}]
    own = {name for param in REAL[command].params for name in param.opts if name.startswith("--")}
    assert set(re.findall(r"`(--[a-z-]+)", "".join(told))) == own - {"--config"}


def test_calls_in_a_page_are_found() -> None:
    page = "Use `webhookd logs 1 -f`.\n```sh\nsudo /opt/bin/webhookd sign --repo 'a --b' --send x | y\n```\n"
    assert list(calls(page)) == [Call("sign", ("--repo", "--send")), Call("logs", ("-f",))]


@pytest.mark.parametrize("key", CONFIG_KEYS)
def test_the_readme_has_every_key_of_the_configuration(key: str) -> None:
    assert re.search(rf"`(?:\w+\.)*{key}`|\{{{key}: ", README)


@pytest.mark.parametrize(("key", "default"), sorted(defaults_of(config.json_schema())))
def test_the_readme_tells_the_default_that_holds(key: str, default: str) -> None:
    [row] = [line for line in README.splitlines() if line.startswith("|") and f"`{key}`" in line]
    assert f"`{default}`" in row


@pytest.mark.parametrize("name", variables())
def test_the_readme_has_every_variable_of_a_command(name: str) -> None:
    assert f"`{name}`" in README


def test_the_readme_names_no_variable_that_is_not_there() -> None:
    told = set(re.findall(r"\bWEBHOOKD_[A-Z_]+", README)) - {"WEBHOOKD_CONFIG"}
    assert told - {"WEBHOOKD_COMPLETE"} == {name for name in variables() if name.startswith("WEBHOOKD_")}


@pytest.mark.parametrize("forge", Forge)
def test_the_readme_has_every_forge(forge: Forge) -> None:
    assert f"`{forge}`" in README


def test_the_readme_has_the_keys_of_a_run_in_their_order() -> None:
    _, _, after = README.partition("`webhookd runs --json` is a list")
    assert QUOTED.findall(after.partition("Times are")[0]) == list(report.run_json(make_run()))


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.name))
def test_a_link_inside_the_project_leads_somewhere(page: Path) -> None:
    for link in re.findall(r"\]\(([^)\s]+)\)", page.read_text()):
        if "://" in link:
            continue
        file, _, anchor = link.partition("#")
        target = page.parent / file if file else page
        assert target.exists(), link
        if anchor:
            headings = re.findall(r"(?m)^#+ (.+)$", target.read_text())
            assert anchor in {re.sub(r"[^\w -]", "", text).lower().replace(" ", "-") for text in headings}, (
                link
            )
