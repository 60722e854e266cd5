"""`webhookd reload`: the running daemon takes its configuration file as it is now."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import click

from webhookd.cli import output
from webhookd.cli.options import daemon_dir, named_config, state_options
from webhookd.cli.state import enter, is_there, other_file
from webhookd.errors import ConfigError, NotFound, NotPossible


@click.command()
@state_options
@click.pass_context
def reload(ctx: click.Context) -> None:
    """Check the configuration file and, if nothing is wrong with it, put it in force without a restart.

    The file is the one that the daemon was started with. Returns when that is done. Exits with 78 if the file
    is refused; the running configuration then stays in force, as it does with every other failure.
    """
    from webhookd.daemon.control import ask  # noqa: PLC0415 - only for commands that change something

    folder = daemon_dir(ctx)
    answer = None
    if is_there(folder):
        enter(folder)
        _refuse_other_file(folder, named_config(ctx))
        answer = ask(folder, "reload")  # the daemon checks the file, with its own rights and environment
    if answer is None:
        hint = "start it; a change of `state_dir` takes a restart: systemctl restart webhookd"
        raise NotFound(f'no daemon runs on "{folder}"', hint=hint)
    if "error" in answer:
        _say_refused(answer)
        ctx.exit(answer["exit_code"])
    for warning in answer["warnings"]:
        output.remark(f"warning: {warning}")
    click.echo(f"{answer['file']}: in force")


def _refuse_other_file(folder: Path, named: Path | None) -> None:
    """Refuse to let somebody believe that the file they named is in force."""
    works_with = other_file(folder, named)
    if works_with is not None:
        message = f'the daemon on "{folder}" works with "{works_with}", not with "{named}"'
        raise NotPossible(message, hint="name that file; to change to another takes a restart of the daemon")


def _say_refused(answer: Mapping[str, Any]) -> None:
    is_file = answer["exit_code"] == ConfigError.exit_code  # problems, each with its place first
    output.remark(answer["error"] if is_file else f"error: {answer['error']}")
    if answer["hint"]:
        output.remark(f"hint: {answer['hint']}")
    output.remark("the configuration that was in force stays in force")
