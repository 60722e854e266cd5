"""The command line: one file per command, imported when that command runs."""

import click

from webhookd import __version__
from webhookd.cli.errors import Guarded
from webhookd.cli.lazy import LazyCommand
from webhookd.cli.options import config_option

COMMANDS = (
    LazyCommand("serve", "webhookd.cli.serve:serve", "Receive pushes and run their commands."),
    LazyCommand("check", "webhookd.cli.check:check", "Say what is wrong with the configuration."),
    LazyCommand("init", "webhookd.cli.init:init", "Write a configuration and a secret to begin with."),
    LazyCommand("schema", "webhookd.cli.schema:schema", "Print the configuration's JSON Schema."),
    LazyCommand("demo", "webhookd.cli.demo:demo", "Deploy one push, start to end, in a temporary folder."),
    LazyCommand("status", "webhookd.cli.status:status", "Show whether the daemon is up and what it does."),
    LazyCommand("runs", "webhookd.cli.runs:runs", "List runs, newest first, or show one."),
    LazyCommand("logs", "webhookd.cli.logs:logs", "Print the output of a run's command."),
    LazyCommand("deliveries", "webhookd.cli.deliveries:deliveries", "List what arrived, newest first."),
    LazyCommand("deploy", "webhookd.cli.deploy:deploy", "Run a target without a push."),
    LazyCommand("cancel", "webhookd.cli.cancel:cancel", "Stop a run that is queued or running."),
    LazyCommand("rerun", "webhookd.cli.rerun:rerun", "Queue an ended run once more."),
    LazyCommand("doctor", "webhookd.cli.doctor:doctor", "Look whether everything that a deploy needs works."),
    LazyCommand("reload", "webhookd.cli.reload:reload", "Let the daemon read its configuration again."),
    LazyCommand("pause", "webhookd.cli.pause:pause", "Start no run of a target for a while."),
    LazyCommand("resume", "webhookd.cli.pause:resume", "Let a paused target go on."),
    LazyCommand("replay", "webhookd.cli.replay:replay", "Take a stored delivery as if it came again."),
    LazyCommand("sign", "webhookd.cli.sign:sign", "Make a signed delivery, and send it if asked."),
    LazyCommand(
        "verify", "webhookd.cli.verify:verify", "Say whether a delivery is authentic, and what it runs."
    ),
)


@click.group(
    cls=Guarded,
    commands={command.name: command for command in COMMANDS},
    context_settings={"help_option_names": ["-h", "--help"]},
)
@config_option
@click.option("--debug", is_flag=True, help="Show the traceback of an error.")
@click.version_option(__version__, "--version", message="%(prog)s %(version)s")
def main(*, debug: bool) -> None:
    """Run your deploy command for every verified push."""
