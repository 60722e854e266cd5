"""`webhookd init`: write a first configuration and a secret, and print what to fill in at GitHub.

The secret is made here and never printed, so that it is in no terminal's history or recording: the operator
copies it from its file to GitHub.
"""

import json
import os
import pwd
import re
import secrets
import shlex
import shutil
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import count
from pathlib import Path
from typing import Any

import click

from webhookd.cli.configuration import new_config_file
from webhookd.cli.options import PATH_NAME, config_option
from webhookd.cli.units import ask_systemd, unit_of
from webhookd.errors import ConfigError, UsageError, WebhookdError, in_words

_SAMPLE = 'echo "a push to $WEBHOOKD_REPO: here $WEBHOOKD_COMMIT would be deployed"'
_URL = re.compile(r"https?://[^\s/?#]+(?:/[^\s?#]*)?", re.IGNORECASE)

_SCHEMA = "webhookd.schema.json"  # beside the configuration
_CONFIG = """\
# yaml-language-server: $schema={schema}
# What a push runs. `webhookd check` finds errors in this file. Editors know every key by the line above.

secret: {secret}

repos:
  {repo}:
    {branch}: {target}
"""

_ADDRESS = "http://127.0.0.1:9000"  # the default of `listen`

_PASTE = """\
In GitHub, open {page} and fill in:

  Payload URL   {url}/github-webhook
  Content type  application/json
  Secret        {secret}
  Events        Just the push event
  Active        yes
{note}
Then

  {webhookd} check{config}
  {start}

and, while it runs, send a push as GitHub would:

  {webhookd} sign{config} --repo {repo} --branch {branch} --send {address}/github-webhook
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class InitOptions:
    """The options of `webhookd init` that the configuration depends on."""

    repo: str
    branch: str
    run: str
    cwd: Path | None
    secret_env: str | None  # the variable that holds the secret, instead of a file
    url: str  # the public address of this machine; "" if it was not given


@click.command()
@config_option
@click.option("--repo", default="octocat/blog", show_default=True, help="Repository, as GitHub shows it.")
@click.option("--branch", default="main", show_default=True, help="Branch whose pushes run the command.")
@click.option("--run", default=_SAMPLE, help="The command.  [default: one that prints a line]")
@click.option("--cwd", type=PATH_NAME, metavar="DIR", help="Folder in which the command starts.")
@click.option(
    "--secret-env", metavar="NAME", help="Variable with the secret, instead of a file with a new one."
)
@click.option("--url", default="", metavar="URL", help="Public address of this machine: https://HOST")
@click.option(
    "--force", is_flag=True, help="Rename an existing configuration, instead of refusing to replace it."
)
@click.pass_context
def init(ctx: click.Context, /, *, url: str, cwd: str | None, force: bool, **given: Any) -> None:
    """Write a first configuration and a secret, and print what to fill in at GitHub.

    It asks nothing and overwrites nothing: with --force an existing configuration is renamed, and an existing
    secret is kept.
    """
    from webhookd.config.names import VARIABLE, check_branch, check_repository

    options = InitOptions(cwd=Path(cwd).absolute() if cwd else None, url=url.rstrip("/"), **given)
    check_repository(options.repo)
    check_branch(options.branch)
    if options.secret_env is not None and VARIABLE.fullmatch(options.secret_env) is None:
        raise UsageError("--secret-env takes the name of a variable, not the secret")
    if not options.run.strip():
        raise UsageError("--run is empty", hint='a command that does nothing is "true"')
    if options.url and _URL.fullmatch(options.url) is None:
        raise UsageError(f'"{options.url}" is not a URL that GitHub can send to', hint="write https://HOST")
    file = new_config_file(ctx).absolute()
    secret = file.parent / "secret"
    try:
        done = list(_write(options, file, secret, force=force))
    except OSError as error:
        hint = "try another user, or another place: --config FILE"
        raise WebhookdError(
            f'"{error.filename or file}" cannot be written: {in_words(error)}', hint=hint
        ) from error
    click.echo("\n".join(done))
    click.echo("\n" + _instructions(options, file, secret), nl=False)


def _write(options: InitOptions, file: Path, secret: Path, *, force: bool) -> Iterator[str]:
    """Write the files, and yield a line about each step."""
    from webhookd.config import json_schema

    if file.is_dir():
        raise WebhookdError(f'"{file}" is a folder', hint=f"name the file in it: {file / 'webhookd.yaml'}")
    if options.secret_env is None and secret.exists() and not secret.is_file():
        raise WebhookdError(
            f'"{secret}" is not a regular file', hint="the secret needs this name: move it away"
        )
    if file.exists():
        if not force:
            hint = "--force renames it; --config FILE writes another file"
            raise WebhookdError(f'"{file}" exists already', hint=hint)
        yield f"renamed the old configuration to {_rename(file)}"
    if not file.parent.exists():
        file.parent.mkdir(parents=True)
        file.parent.chmod(0o755 if os.getuid() == 0 else 0o700)  # root's is for every user
    if options.secret_env is None:
        yield _provide(secret)
    schema = file.with_name(_SCHEMA)
    if not schema.exists():
        _create(schema, json.dumps(json_schema(), indent=2) + "\n", mode=0o644)
        yield f"wrote {schema}, for editors"
    target = {"run": options.run, "cwd": str(options.cwd)} if options.cwd is not None else options.run
    source = {"env": options.secret_env} if options.secret_env else {"file": str(secret)}
    values: dict[str, str | dict[str, str]] = {
        "secret": source,
        "repo": options.repo,
        "branch": options.branch,
        "target": target,
    }
    text = _CONFIG.format(schema=_SCHEMA, **{key: _one_line(value) for key, value in values.items()})
    _create(file, text, mode=0o644)
    yield f"wrote {file}"


def _provide(secret: Path) -> str:
    """Keep the existing secret, or make one; an empty file is replaced."""
    if secret.exists():
        if not _is_empty(secret):
            return f"kept the secret in {secret}"
        secret.unlink()
    _create(secret, secrets.token_hex(32) + "\n", mode=0o600)
    _give_to_service(secret)
    return f"wrote a new secret to {secret}, mode 600"


def _is_empty(secret: Path) -> bool:
    try:
        return not secret.read_bytes().strip()
    except PermissionError:
        return False  # another user's, perhaps the daemon's


def _rename(file: Path) -> Path:
    """Rename *file* to the first free name."""
    numbered = (file.with_name(f"{file.name}.{number}") for number in count(1))
    return file.rename(next(name for name in numbered if not name.exists()))


def _create(file: Path, text: str, *, mode: int) -> None:
    """Create a file; it never has a wider mode than this one."""
    descriptor = os.open(file, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
    with os.fdopen(descriptor, "w") as opened:
        opened.write(text)
        os.fchmod(descriptor, mode)


def _give_to_service(secret: Path) -> None:
    """Make the user of the systemd unit the secret's owner, if there is such a user."""
    if os.getuid() != 0:
        return
    from webhookd.config.accounts import SERVICE_USER

    try:
        service = pwd.getpwnam(SERVICE_USER)
    except KeyError:
        return
    os.chown(secret, service.pw_uid, service.pw_gid)


def _one_line(value: str | dict[str, str]) -> str:
    """Return *value* as YAML on one line, in quotes if it needs them."""
    import yaml

    style = '"' if "\n" in value else None
    dumped: str = yaml.safe_dump(
        value, default_style=style, default_flow_style=True, width=float("inf"), allow_unicode=True
    )
    return dumped.removesuffix("...\n").rstrip("\n")


def _instructions(options: InitOptions, file: Path, secret: Path) -> str:
    """Return what is left to do once *file* and *secret* are written."""
    page = f"https://github.com/{options.repo}/settings/hooks/new"
    if set("*?") & set(options.repo):
        page = "the settings of each repository, Webhooks, Add webhook,"
    note = f"\n  YOUR-HOST is a web server with TLS that passes requests on to {_ADDRESS}.\n"
    sudo = "sudo " if os.geteuid() == 0 and "SUDO_UID" in os.environ else ""
    webhookd = sudo + _program()
    config = "" if _is_found(file) else f" --config {shlex.quote(str(file))}"
    shown = f"what this prints: {sudo}cat {shlex.quote(str(secret))}"
    return _PASTE.format(
        page=page,
        url=options.url or "https://YOUR-HOST",
        note="" if options.url else note,
        sudo=sudo,
        webhookd=webhookd,
        secret=f"the value of ${options.secret_env}" if options.secret_env else shown,
        config=config,
        start=_start_service(file, sudo) or f"{webhookd} serve{config}",
        repo=shlex.quote(options.repo),
        branch=shlex.quote(options.branch),
        address=_ADDRESS,
    )


def _start_service(file: Path, sudo: str) -> str:
    """Return the command with which the unit for *file* uses it; "" if no such unit is installed."""
    unit = unit_of(file)
    is_active = unit != "" and ask_systemd("is-active", unit) == "active"
    verb = "reload" if is_active else "enable --now"
    return f"{sudo}systemctl {verb} {shlex.quote(unit.removesuffix('.service'))}" if unit else ""


def _program() -> str:
    """Return this program's name if a shell finds it by that name, else its path."""
    me = Path(sys.argv[0]).absolute()
    if me.parts[-2:] == ("webhookd", "__main__.py"):
        return f"{shlex.quote(sys.executable)} -m webhookd"
    if me.name != "webhookd" or not me.exists():  # another program, which uses this one as a library
        return "webhookd"
    found = shutil.which("webhookd")
    return "webhookd" if found is not None and me.samefile(found) else shlex.quote(str(me))


def _is_found(file: Path) -> bool:
    """Return whether every command finds *file* without --config, also without $WEBHOOKD_CONFIG."""
    from webhookd import config

    elsewhere = {name: value for name, value in os.environ.items() if name != "WEBHOOKD_CONFIG"}

    try:
        return all(config.find(None, env=env, uid=os.getuid()) == file for env in (os.environ, elsewhere))
    except ConfigError:
        return False
