"""`webhookd reload`: the running daemon takes its configuration file as it is now."""

import os
from pathlib import Path

import click

from webhookd.cli import output
from webhookd.cli.identity import become_owner
from webhookd.cli.options import state_dir, state_options
from webhookd.errors import ConfigError, NotFound


@click.command()
@state_options
@click.pass_context
def reload(ctx: click.Context) -> None:
    """Check the configuration file and, if nothing is wrong with it, put it in force without a restart.

    Returns when that is done. Exits with 78 if the file is refused; the running configuration then stays in
    force, as it does with every other failure.
    """
    from webhookd.daemon.control import ask  # noqa: PLC0415 - only for commands that change something

    folder = _folder(ctx)
    if folder.is_dir():
        become_owner(folder)
    answer = ask(folder, "reload")
    if answer is None:
        raise NotFound(f'no daemon runs on "{folder}"', hint="start it: its first act is to read the file")
    if "error" in answer:
        output.remark(answer["error"])
        if answer["hint"]:
            output.remark(f"hint: {answer['hint']}")
        output.remark("the configuration that was in force stays in force")
        ctx.exit(answer["exit_code"])
    for warning in answer["warnings"]:
        output.remark(f"warning: {warning}")
    click.echo(f"{answer['file']}: in force")


def _folder(ctx: click.Context) -> Path:
    """Find the daemon; it, and not this process, checks the file, with its own rights and environment."""
    try:
        return state_dir(ctx)
    except ConfigError:
        from webhookd.config import default_state_dir  # noqa: PLC0415 - rarely needed

        folder = default_state_dir(env=os.environ, uid=os.getuid())
        if (folder / "control.sock").exists():
            return folder
        raise
