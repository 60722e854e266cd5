"""What `webhookd init` prints for the operator to do: the form at GitHub, and commands for a shell."""

import os
import shlex
import shutil
import sys
from dataclasses import dataclass
from pathlib import Path

from webhookd import config
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

and, while it serves, a push as GitHub would send it:

  {webhookd} sign{config} --repo {repo} --branch {branch} --send {address}/github-webhook
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Wish:
    """What the configuration shall say."""

    repo: str
    branch: str
    run: str
    url: str  # how GitHub reaches the daemon; "" where nobody said


def instructions(wish: Wish, file: Path, secret: Path) -> str:
    """Say what is left to do once *file* and *secret* are written."""
    page = f"https://github.com/{wish.repo}/settings/hooks/new"
    if set("*?") & set(wish.repo):
        page = "the settings of each repository, Webhooks, Add webhook,"
    note = "" if wish.url else f"\n  YOUR-HOST is where a web server with TLS hands on to {_ADDRESS}.\n"
    sudo = "sudo " if os.geteuid() == 0 and "SUDO_UID" in os.environ else ""
    return _PASTE.format(
        page=page,
        url=wish.url or "https://YOUR-HOST",
        note=note,
        sudo=sudo,
        webhookd=sudo + _program(),
        secret=shlex.quote(str(secret)),
        config="" if _is_found(file) else f" --config {shlex.quote(str(file))}",
        repo=shlex.quote(wish.repo),
        branch=shlex.quote(wish.branch),
        address=_ADDRESS,
    )


def _program() -> str:
    """Name this program as a shell finds it: by its path where $PATH does not lead to it."""
    me = Path(sys.argv[0]).absolute()
    if me.parts[-2:] == ("webhookd", "__main__.py"):
        return f"{shlex.quote(sys.executable)} -m webhookd"
    if me.name != "webhookd" or not me.exists():  # somebody else's process, in which we are a library
        return "webhookd"
    found = shutil.which("webhookd")
    return "webhookd" if found is not None and me.samefile(found) else shlex.quote(str(me))


def _is_found(file: Path) -> bool:
    """Tell whether every command finds *file* unnamed, also in a shell without $WEBHOOKD_CONFIG."""
    elsewhere = {name: value for name, value in os.environ.items() if name != "WEBHOOKD_CONFIG"}
    try:
        return all(config.find(None, env=env, uid=os.getuid()) == file for env in (os.environ, elsewhere))
    except ConfigError:
        return False
