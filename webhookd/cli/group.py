"""The group of all commands: imports a command when it runs; turns errors into messages and exit codes."""

import errno
import re
import sys
from collections.abc import Iterator
from importlib import import_module
from typing import Any, NoReturn

import click

from webhookd.cli import output
from webhookd.errors import ConfigError, WebhookdError, with_file

FAILED = 1
INTERRUPTED = 130  # 128 + SIGINT, as a shell counts
READER_LEFT = 141  # 128 + SIGPIPE: the reader of stdout closed it

_QUOTED = re.compile(r"'([^']*)'")


class LazyCommand(click.Command):
    """Stands for the command *name* of the module `webhookd.cli.MODULE` until that command is run.

    click begins every command with `make_context`: the real command takes over there.
    """

    name: str

    def __init__(self, name: str, module: str, short_help: str) -> None:
        super().__init__(name, short_help=short_help)
        self.module = module

    def load(self) -> click.Command:
        """Import the real command."""
        command: click.Command = getattr(import_module(f"webhookd.cli.{self.module}"), self.name)
        return command

    def make_context(
        self, info_name: str | None, args: list[str], parent: click.Context | None = None, **extra: Any
    ) -> click.Context:
        """Start the real command; an error in its options belongs to that command."""
        command = self.load()
        given = list(args)  # click empties the other one
        try:
            ctx = command.make_context(info_name, args, parent, **extra)
            _refuse_repeated(ctx, given)
        except click.UsageError as error:
            error.ctx = error.ctx or click.Context(command, parent, info_name)  # click's parser sets none
            raise
        return ctx


def _refuse_repeated(ctx: click.Context, args: list[str]) -> None:
    """Refuse an option that is given twice, of which click would use the last one only."""
    seen = set()
    for param in ctx.command.make_parser(ctx).parse_args(args)[2]:
        if isinstance(param, click.Option) and not (param.multiple or param.is_flag or param.count):
            if param.name in seen:
                raise click.UsageError(f'"{param.opts[0]}" is given twice', ctx)
            seen.add(param.name)


class CommandGroup(click.Group):
    """A group under which no exception reaches the user as a traceback, except with --debug."""

    def list_commands(self, ctx: click.Context) -> list[str]:  # noqa: ARG002 - click's signature
        """Keep the order in which the commands were given; click's is alphabetical."""
        return list(self.commands)

    def main(self, *args: Any, **extra: Any) -> NoReturn:
        """Run a command line and exit; report a wrong one in the same form as any other error."""
        output.prepare_streams()
        try:
            code: int | None = super().main(*args, **{**extra, "standalone_mode": False})
        except click.ClickException as exc:
            code = _report_usage(exc)
        except click.Abort:
            code = INTERRUPTED
        except OSError as exc:  # the help text cannot be written to stdout
            code = _report(exc, debug=False)
        sys.exit(code)

    def invoke(self, ctx: click.Context) -> None:
        """Run the command; report an error on stderr and exit with its code."""
        try:
            super().invoke(ctx)
            sys.stdout.flush()
        except (click.ClickException, click.exceptions.Exit):
            raise
        except (KeyboardInterrupt, click.Abort):
            ctx.exit(INTERRUPTED)
        except Exception as exc:  # noqa: BLE001 - every error is reported here, and only here
            ctx.exit(_report(exc, debug=ctx.params["debug"]))


def _report(exc: Exception, *, debug: bool) -> int:
    if isinstance(exc, OSError) and exc.errno == errno.EPIPE:
        output.discard(sys.stdout)
        return READER_LEFT
    for line in _lines(exc, debug=debug):
        output.remark(line)
    if isinstance(exc, OSError):
        output.discard(sys.stdout)
    return exc.exit_code if isinstance(exc, WebhookdError) else FAILED


def _lines(exc: Exception, *, debug: bool) -> Iterator[str]:
    if debug:
        from traceback import format_exception

        yield from "".join(format_exception(exc)).splitlines()
    if isinstance(exc, ConfigError):
        yield from map(str, exc.problems)  # each begins with its place, for editors
    elif isinstance(exc, WebhookdError):
        yield f"error: {exc}"
    elif isinstance(exc, OSError) and exc.strerror:
        yield f"error: {with_file(exc)}"
    else:
        yield f"error: {type(exc).__name__}: {exc}".splitlines()[0]
        if not debug:
            yield "hint: `webhookd --debug COMMAND` shows the traceback"
    if isinstance(exc, WebhookdError) and exc.hint:
        yield f"hint: {exc.hint}"


def _report_usage(error: click.ClickException) -> int:
    """Report a wrong command line in the form of our errors."""
    if "\n" in error.format_message():  # not an error: the help, because no command was given
        error.show()
        return error.exit_code
    command = error.ctx.command_path if isinstance(error, click.UsageError) and error.ctx else "webhookd"
    message = error.format_message()
    message = message[:1].lower() + message[1:]
    if type(error) is click.BadParameter and error.param is not None:  # ours put the place first
        param = error.param
        place = param.opts[-1] if isinstance(param, click.Option) else param.human_readable_name
        message = f"{place}: {error.message}"
    message = _QUOTED.sub(r'"\1"', message).removesuffix(".")
    output.remark(f"error: {message}")
    output.remark(f"hint: see `{command} --help`")
    return error.exit_code
