"""`webhookd init`: a configuration and a secret to begin with, and what to paste into GitHub.

The secret is made here and never shown: the operator's own hands carry it from its file to GitHub, and no
terminal's history, log or recording gets it from us.
"""

import os
import pwd
import re
import secrets
from collections.abc import Iterator
from itertools import count
from pathlib import Path

import click

from webhookd.cli.instructions import Wish, instructions
from webhookd.cli.options import config_option, new_config_file
from webhookd.config.names import check_branch, check_repository
from webhookd.errors import UsageError, WebhookdError, in_words

_SERVICE_USER = "webhookd"  # of systemd/webhookd.service
_SAMPLE = 'echo "a push to $WEBHOOKD_REPO: here $WEBHOOKD_COMMIT would be deployed"'
_URL = re.compile(r"https?://[^\s/?#]+(?:/[^\s?#]*)?", re.IGNORECASE)

_CONFIG = """\
# What a push runs. `webhookd check` finds what is wrong with it, `webhookd schema` tells an editor every key.

secret: {secret}

repos:
  {repo}:
    {branch}: {run}
"""


@click.command()
@config_option
@click.option("--repo", default="octocat/blog", show_default=True, help="Repository, as GitHub shows it.")
@click.option("--branch", default="main", show_default=True, help="Branch whose pushes run the command.")
@click.option("--run", default=_SAMPLE, help="The command.  [default: one that prints a line]")
@click.option("--url", default="", metavar="URL", help="How GitHub reaches this machine: https://HOST")
@click.option("--force", is_flag=True, help="Put an older configuration aside instead of refusing.")
@click.pass_context
def init(  # noqa: PLR0913 - click passes each option by name
    ctx: click.Context, *, repo: str, branch: str, run: str, url: str, force: bool
) -> None:
    """Write a configuration and a secret, and print what to paste into GitHub.

    Asks nothing and destroys nothing: with --force an older configuration is renamed, and a secret that is
    there already is used again.
    """
    wish = _checked(Wish(repo=repo, branch=branch, run=run, url=url.rstrip("/")))
    file = new_config_file(ctx).absolute()
    secret = file.parent / "secret"
    try:
        done = list(_write(wish, file, secret, force=force))
    except OSError as error:
        hint = "as another user, or elsewhere: --config FILE"
        raise WebhookdError(
            f'"{error.filename or file}" cannot be written: {in_words(error)}', hint=hint
        ) from error
    click.echo("\n".join(done))
    click.echo("\n" + instructions(wish, file, secret), nl=False)


def _checked(wish: Wish) -> Wish:
    """Refuse what would make a configuration that is refused."""
    check_repository(wish.repo)
    check_branch(wish.branch)
    if not wish.run.strip():
        raise UsageError("--run is empty", hint='a command that does nothing is "true"')
    if wish.url and _URL.fullmatch(wish.url) is None:
        raise UsageError(f'"{wish.url}" is not a URL that GitHub could send to', hint="write https://HOST")
    return wish


def _write(wish: Wish, file: Path, secret: Path, *, force: bool) -> Iterator[str]:
    """Write both files, and say so line by line."""
    if file.is_dir():
        raise WebhookdError(f'"{file}" is a folder', hint=f"name the file in it: {file / 'webhookd.yaml'}")
    if secret.exists() and not secret.is_file():
        raise WebhookdError(f'"{secret}" is not a regular file', hint="the secret goes there: move it away")
    if file.exists():
        if not force:
            hint = "--force puts it aside; --config FILE writes elsewhere"
            raise WebhookdError(f'"{file}" is there already', hint=hint)
        yield f"renamed the older one to {_put_aside(file)}"
    _make_folder(file.parent)
    yield _provide(secret)
    _create(file, _config(wish, secret), mode=0o644)
    yield f"wrote {file}"


def _provide(secret: Path) -> str:
    """Keep the secret that is there, or make one; an empty file is none, and gives way."""
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
        return False  # somebody else's, of whom the daemon may be one


def _put_aside(file: Path) -> Path:
    """Rename *file* to the first free name; nothing is overwritten."""
    numbered = (file.with_name(f"{file.name}.{number}") for number in count(1))
    aside = next(name for name in numbered if not name.exists())
    return file.rename(aside)


def _make_folder(folder: Path) -> None:
    """Make *folder*; a system-wide one is for every user to look into, one of a user's for that user."""
    if not folder.exists():
        folder.mkdir(parents=True)
        folder.chmod(0o755 if os.getuid() == 0 else 0o700)


def _create(file: Path, text: str, *, mode: int) -> None:
    """Write a file that was not there before, with exactly this mode from its first moment on."""
    descriptor = os.open(file, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
    with os.fdopen(descriptor, "w") as opened:
        opened.write(text)
        os.fchmod(descriptor, mode)


def _give_to_service(secret: Path) -> None:
    """Let the user that the systemd unit runs as read the secret; it stays root's where there is none."""
    if os.getuid() != 0:
        return
    try:
        service = pwd.getpwnam(_SERVICE_USER)
    except KeyError:
        return
    os.chown(secret, service.pw_uid, service.pw_gid)


def _config(wish: Wish, secret: Path) -> str:
    return _CONFIG.format(
        repo=_one_line(wish.repo),
        branch=_one_line(wish.branch),
        run=_one_line(wish.run),
        secret=_one_line({"file": str(secret)}),
    )


def _one_line(value: str | dict[str, str]) -> str:
    """Write *value* as YAML on one line, in quotes where it needs them."""
    import yaml  # noqa: PLC0415 - its import takes longer than all the rest

    style = '"' if "\n" in value else None
    dumped: str = yaml.safe_dump(
        value, default_style=style, default_flow_style=True, width=float("inf"), allow_unicode=True
    )
    return dumped.removesuffix("...\n").rstrip("\n")
