"""The documents match the program: an undocumented command, option, key or variable fails a test."""

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import click
import pytest
from factories import make_push, make_run, make_target

from webhookd import config
from webhookd.cli import COMMANDS, main
from webhookd.deploy.environment import Account, build_environment
from webhookd.models.run import Claim
from webhookd.models.settings import Forge
from webhookd.report.run_view import run_json

ROOT = Path(__file__).parents[2]
README = (ROOT / "README.md").read_text()
CONFIGURATION, COMMANDS_PAGE, ENVIRONMENT, FORGES = (
    (ROOT / "docs" / name).read_text()
    for name in ("configuration.md", "commands.md", "environment.md", "forges.md")
)
PAGES = sorted([*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md")])
ID = "{0.name}".format

REAL = {command.name: command.load() for command in COMMANDS}
HELP = {"--help", "-h"}
EXPLAINED_ONCE = {"--config", "--state-dir", "--json"}  # at the top of docs/commands.md, for all commands
QUOTED = re.compile(r"`([^`\n]+)`")
BLOCK = re.compile(r"^```\w*\n(.*?)^```", re.MULTILINE | re.DOTALL)
CALL = re.compile(r"(?:^|[\s/])webhookd +([a-z][a-z-]*)([^|;&\n]*)")


@dataclass(frozen=True)
class Call:
    """A command line of this program as a document shows it."""

    command: str
    options: tuple[str, ...]


def calls(page: str) -> Iterator[Call]:
    """Yield every call in the code of a page, in blocks and in lines."""
    without_comments = re.sub(r"(?m)^\s*#.*", "", "\n".join(BLOCK.findall(page)))
    for code in (without_comments, *QUOTED.findall(BLOCK.sub("", page))):
        for command, rest in CALL.findall(code):
            yield Call(command, tuple(re.findall(r"(?<=\s)(--?[a-z][a-z-]*)", re.sub(r"'[^']*'", "", rest))))


def options_of(command: click.Command) -> set[str]:
    return {name for parameter in (*command.params, *main.params) for name in parameter.opts} | HELP


def keys_of(schema: dict[str, object]) -> Iterator[str]:
    """Yield the name of every property, at any depth."""
    for name, value in schema.items():
        if name == "properties" and isinstance(value, dict):
            yield from value
        if isinstance(value, dict):
            yield from keys_of(value)


def defaults_of(schema: dict[str, object]) -> Iterator[tuple[str, str]]:
    """Yield every key with a default, and that default as it is written in a file."""
    for name, value in schema.items():
        if isinstance(value, dict):
            if "default" in value:
                default = value["default"]
                yield name, default if isinstance(default, str) else json.dumps(default)
            yield from defaults_of(value)


CONFIG_KEYS = sorted(set(keys_of(config.json_schema())))


def variables() -> list[str]:
    """Return the names of all variables of a command, for a branch and for a tag."""
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


def test_the_readme_is_short() -> None:
    assert README.count("\n") <= 250


@pytest.mark.parametrize("page", PAGES, ids=ID)
def test_the_readme_leads_to_every_page(page: Path) -> None:
    assert page.name == "README.md" or f"]({page.relative_to(ROOT)})" in README


@pytest.mark.parametrize("name", REAL)
def test_every_command_has_a_section_with_its_options(name: str) -> None:
    _, heading, section = COMMANDS_PAGE.partition(f"\n### webhookd {name}\n")
    assert heading
    documented = set(re.findall(r"`(--[a-z-]+)", section.partition("\n##")[0]))
    own = {opt for param in REAL[name].params for opt in param.opts if opt.startswith("--")}
    assert own - documented <= EXPLAINED_ONCE


def test_options_of_all_commands_are_explained_once() -> None:
    top = COMMANDS_PAGE.partition("\n### ")[0]
    assert set(re.findall(r"`(--[a-z-]+)", top)) >= EXPLAINED_ONCE | {"--help"}


@pytest.mark.parametrize("page", PAGES, ids=ID)
def test_every_call_shown_is_one_that_exists(page: Path) -> None:
    for call in calls(page.read_text()):
        assert call.command in REAL, f"webhookd {call.command}"
        assert set(call.options) <= options_of(REAL[call.command]), f"{call}"


def test_calls_in_a_page_are_found() -> None:
    page = "Use `webhookd logs 1 -f`.\n```sh\nsudo /opt/bin/webhookd sign --repo 'a --b' --send x | y\n```\n"
    assert list(calls(page)) == [Call("sign", ("--repo", "--send")), Call("logs", ("-f",))]


@pytest.mark.parametrize("key", CONFIG_KEYS)
def test_every_key_of_the_configuration_has_a_row(key: str) -> None:
    assert re.search(rf"^\| `(?:{key}` |\{{{key}: )", CONFIGURATION, re.MULTILINE)


@pytest.mark.parametrize(("key", "default"), sorted(defaults_of(config.json_schema())))
def test_the_row_of_a_key_has_its_default(key: str, default: str) -> None:
    [row] = [line for line in CONFIGURATION.splitlines() if line.startswith(f"| `{key}` | ")]
    assert f"`{default}`" in row


@pytest.mark.parametrize("name", variables())
def test_every_variable_of_a_command_is_documented(name: str) -> None:
    assert f"`{name}`" in ENVIRONMENT


def test_no_variable_is_documented_that_does_not_exist() -> None:
    documented = {name for page in PAGES for name in re.findall(r"\$(WEBHOOKD_[A-Z_]+)", page.read_text())}
    documented |= set(re.findall(r"\bWEBHOOKD_[A-Z_]+", ENVIRONMENT))
    assert documented - {"WEBHOOKD_CONFIG"} == {name for name in variables() if name.startswith("WEBHOOKD_")}


@pytest.mark.parametrize("forge", Forge)
def test_every_forge_is_documented(forge: Forge) -> None:
    assert f"`{forge}`" in CONFIGURATION
    assert f"`{forge}`" in FORGES


def test_the_keys_of_a_run_are_documented_in_their_order() -> None:
    _, _, after = COMMANDS_PAGE.partition("`webhookd runs --json` is a list")
    assert QUOTED.findall(after.partition("Times")[0]) == list(run_json(make_run()))


@pytest.mark.parametrize("page", PAGES, ids=ID)
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


@pytest.mark.parametrize("page", PAGES, ids=ID)
def test_a_file_of_the_project_that_a_page_names_exists(page: Path) -> None:
    folders = "webhookd|tests|docs|systemd|benchmarks"
    named = re.findall(rf"`(?:\.venv/bin/python )?((?:{folders})/[\w./@-]*)`", page.read_text())
    assert [file for file in named if not (ROOT / file).exists()] == []
