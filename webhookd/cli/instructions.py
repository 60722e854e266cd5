"""The next steps that `webhookd init` prints: what to fill in at GitHub, and commands for a shell."""

import os
import shlex
import shutil
import sys
from dataclasses import dataclass
from pathlib import Path

from webhookd.errors import ConfigError

_ADDRESS = "http://127.0.0.1:9000"  # the default of `listen`

_PASTE = """\
In GitHub, open {page} and fill in:

  Payload URL   {url}/github-webhook
  Content type  application/json
  Secret        what this prints: {sudo}cat {secret}
  Events        Just the push event
  Active        yes
{note}
Then

  {webhookd} check{config}
  {webhookd} serve{config}

and, while it runs, send a push as GitHub would:

  {webhookd} sign{config} --repo {repo} --branch {branch} --send {address}/github-webhook
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class InitOptions:
    """The options of `webhookd init` that the configuration depends on."""

    repo: str
    branch: str
    run: str
    url: str  # the public address of this machine; "" if it was not given


def instructions(options: InitOptions, file: Path, secret: Path) -> str:
    """Return what is left to do once *file* and *secret* are written."""
    page = f"https://github.com/{options.repo}/settings/hooks/new"
    if set("*?") & set(options.repo):
        page = "the settings of each repository, Webhooks, Add webhook,"
    note = f"\n  YOUR-HOST is a web server with TLS that passes requests on to {_ADDRESS}.\n"
    sudo = "sudo " if os.geteuid() == 0 and "SUDO_UID" in os.environ else ""
    return _PASTE.format(
        page=page,
        url=options.url or "https://YOUR-HOST",
        note="" if options.url else note,
        sudo=sudo,
        webhookd=sudo + _program(),
        secret=shlex.quote(str(secret)),
        config="" if _is_found(file) else f" --config {shlex.quote(str(file))}",
        repo=shlex.quote(options.repo),
        branch=shlex.quote(options.branch),
        address=_ADDRESS,
    )


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
