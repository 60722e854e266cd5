"""`webhookd init`: write a first configuration and a secret, and print what to fill in at GitHub.

The secret is made here and never printed, so that it is in no terminal's history or recording: the operator
copies it from its file to GitHub.
"""

import json
import os
import secrets
import shlex
import shutil
import sys
from collections.abc import Iterator
from contextlib import suppress
from itertools import count
from pathlib import Path

import click

from webhookd.cli.http_client import split_url
from webhookd.cli.options import CONFIG, PATH_NAME, config_option
from webhookd.cli.units import ask_systemd, unit_of
from webhookd.errors import UsageError, WebhookdError, in_words

_SAMPLE = 'echo "a push to $WEBHOOKD_REPO: here $WEBHOOKD_COMMIT would be deployed"'

_SCHEMA = "webhookd.schema.json"  # beside the configuration
_HEAD = f"""\
# yaml-language-server: $schema={_SCHEMA}
# What a push runs. `webhookd check` finds errors in this file. Editors know every key by the line above.
"""

_ADDRESS = "http://127.0.0.1:9000"  # the default of `listen`

_PASTE = """
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

  {webhookd} sign{config} --repo {repo} --branch {branch} --send {address}/github-webhook"""


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
def init(  # noqa: PLR0913 - one parameter for each option
    ctx: click.Context,
    *,
    repo: str,
    branch: str,
    run: str,
    cwd: str | None,
    secret_env: str | None,
    url: str,
    force: bool,
) -> None:
    """Write a first configuration and a secret, and print what to fill in at GitHub.

    It asks nothing and overwrites nothing: with --force an existing configuration is renamed, and an existing
    secret is kept.
    """
    import yaml

    from webhookd.config import find_new
    from webhookd.config.names import VARIABLE, check_ref, check_repository

    check_repository(repo)
    check_ref(branch)
    if secret_env is not None and VARIABLE.fullmatch(secret_env) is None:
        raise UsageError("--secret-env takes the name of a variable, not the secret")
    if not run.strip():
        raise UsageError("--run is empty", hint='a command that does nothing is "true"')
    if url:
        split_url(url, example="write https://HOST")
    file = find_new(ctx.meta.get(CONFIG), env=os.environ, uid=os.getuid()).absolute()
    secret = None if secret_env else file.with_name("secret")
    values = {
        "secret": {"env": secret_env} if secret_env else {"file": str(secret)},
        "repos": {repo: {branch: {"run": run, "cwd": str(Path(cwd).absolute())} if cwd else run}},
    }
    text = yaml.safe_dump(values, sort_keys=False, allow_unicode=True, width=float("inf"))
    try:
        done = list(_write(file, _HEAD + text, secret, force=force))
    except OSError as error:
        message = f'"{error.filename or file}" cannot be written: {in_words(error)}'
        raise WebhookdError(message, hint="try another user, or another place: --config FILE") from error
    shown = f"what this prints: {_sudo()}cat {shlex.quote(str(secret))}"
    click.echo("\n".join(done))
    click.echo(
        _instructions(
            file, repo=repo, branch=branch, secret=shown if secret else f"the value of ${secret_env}", url=url
        )
    )


def _instructions(file: Path, *, repo: str, branch: str, secret: str, url: str) -> str:
    """Return what is left to do once *file* is written."""
    page = f"https://github.com/{repo}/settings/hooks/new"
    note = f"\n  YOUR-HOST is a web server with TLS that passes requests on to {_ADDRESS}.\n"
    webhookd = _sudo() + _program()
    config = "" if _is_default(file) else f" --config {shlex.quote(str(file))}"
    return _PASTE.format(
        page="the settings of each repository, Webhooks, Add webhook," if set("*?") & set(repo) else page,
        url=url.rstrip("/") or "https://YOUR-HOST",
        note="" if url else note,
        webhookd=webhookd,
        secret=secret,
        config=config,
        start=_start_service(file) or f"{webhookd} serve{config}",
        repo=shlex.quote(repo),
        branch=shlex.quote(branch),
        address=_ADDRESS,
    )


def _write(file: Path, text: str, secret: Path | None, *, force: bool) -> Iterator[str]:
    """Write the files, and yield a line about each step."""
    from webhookd.config import json_schema

    if file.is_dir():
        raise WebhookdError(f'"{file}" is a folder', hint=f"name the file in it: {file / 'webhookd.yaml'}")
    if file.exists():
        if not force:
            hint = "--force renames it; --config FILE writes another file"
            raise WebhookdError(f'"{file}" exists already', hint=hint)
        numbered = (file.with_name(f"{file.name}.{number}") for number in count(1))
        old = file.rename(next(name for name in numbered if not name.exists()))
        yield f"renamed the old configuration to {old}"
    if not file.parent.exists():
        file.parent.mkdir(parents=True)
        file.parent.chmod(0o755 if os.getuid() == 0 else 0o700)  # root's is for every user
    if secret is not None:
        yield _provide(secret)
    schema = file.with_name(_SCHEMA)
    if not schema.exists():
        _create(schema, json.dumps(json_schema(), indent=2) + "\n", mode=0o644)
        yield f"wrote {schema}, for editors"
    _create(file, text, mode=0o644)
    yield f"wrote {file}"


def _provide(secret: Path) -> str:
    """Keep the existing secret, or make one; an empty file is replaced."""
    if secret.exists():
        if secret.stat().st_size > 0:
            return f"kept the secret in {secret}"
        secret.unlink()
    _create(secret, secrets.token_hex(32) + "\n", mode=0o600)
    if os.getuid() == 0:
        from webhookd.config.accounts import SERVICE_USER

        with suppress(LookupError):  # there is no such user
            shutil.chown(secret, SERVICE_USER, SERVICE_USER)
    return f"wrote a new secret to {secret}, mode 600"


def _create(file: Path, text: str, *, mode: int) -> None:
    """Create a file; it never has a wider mode than this one."""
    descriptor = os.open(file, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
    with os.fdopen(descriptor, "w") as opened:
        opened.write(text)
        os.fchmod(descriptor, mode)


def _start_service(file: Path) -> str:
    """Return the command with which the unit for *file* uses it; "" if no such unit is installed."""
    unit = unit_of(file)
    is_active = unit != "" and ask_systemd("is-active", unit) == "active"
    verb = "reload" if is_active else "enable --now"
    return f"{_sudo()}systemctl {verb} {shlex.quote(unit.removesuffix('.service'))}" if unit else ""


def _sudo() -> str:
    return "sudo " if os.geteuid() == 0 and "SUDO_UID" in os.environ else ""


def _program() -> str:
    """Return this program's name if a shell finds it by that name, else its path."""
    me = Path(sys.argv[0]).absolute()
    if me.parts[-2:] == ("webhookd", "__main__.py"):
        return f"{shlex.quote(sys.executable)} -m webhookd"
    if me.name != "webhookd" or not me.exists():  # another program, which uses this one as a library
        return "webhookd"
    found = shutil.which("webhookd")
    return "webhookd" if found is not None and me.samefile(found) else shlex.quote(str(me))


def _is_default(file: Path) -> bool:
    """Return whether every command finds *file* without --config, also without $WEBHOOKD_CONFIG."""
    from webhookd.config import default_files

    first = next(default_files(env=os.environ, uid=os.getuid()))
    return file == first and "WEBHOOKD_CONFIG" not in os.environ
