"""The edge where errors become sentences and exit codes."""

import errno
import sys
from collections.abc import Iterator, Sequence
from typing import Any

import click

from webhookd.cli import streams
from webhookd.cli.usage import complaint
from webhookd.errors import ConfigError, WebhookdError, with_file

FAILED = 1
INTERRUPTED = 130  # 128 + SIGINT, as a shell counts
READER_LEFT = 141  # 128 + SIGPIPE: whoever read the output closed it


class Guarded(click.Group):
    """A group under which no exception reaches the user as a traceback, unless asked for by --debug."""

    def list_commands(self, ctx: click.Context) -> list[str]:  # noqa: ARG002 - click's signature
        """Keep the order in which the commands were given: an operator's, not the alphabet's."""
        return list(self.commands)

    def main(
        self,
        args: Sequence[str] | None = None,
        prog_name: str | None = None,
        complete_var: str | None = None,
        standalone_mode: bool = True,  # noqa: FBT001, FBT002 - click's signature
        **extra: Any,
    ) -> Any:
        """Run a command line; what makes no sense in it is told as any other error is."""
        streams.prepare()
        try:
            code = super().main(args, prog_name, complete_var, standalone_mode=False, **extra)
        except click.ClickException as exc:
            code = _refuse(exc)
        except click.Abort:
            code = INTERRUPTED
        except OSError as exc:  # stdout takes no help text
            code = _report(exc, debug=False)
        if standalone_mode:
            sys.exit(code)
        return code

    def invoke(self, ctx: click.Context) -> Any:
        """Run the command; on an error say so on stderr and exit with its code."""
        try:
            result = super().invoke(ctx)
            sys.stdout.flush()
        except (click.ClickException, click.exceptions.Exit):
            raise
        except (KeyboardInterrupt, click.Abort):
            ctx.exit(INTERRUPTED)
        except Exception as exc:  # noqa: BLE001 - the edge: whatever it is, a sentence follows
            ctx.exit(_report(exc, debug=ctx.params["debug"]))
        return result


def _refuse(error: click.ClickException) -> int:
    """Say what makes no sense in a command line."""
    if "\n" in error.format_message():  # not an error: the help, where nothing else was asked for
        error.show()
        return error.exit_code
    message, hint = complaint(error)
    click.echo(f"error: {message}", err=True)
    click.echo(f"hint: {hint}", err=True)
    return error.exit_code


def _report(exc: Exception, *, debug: bool) -> int:
    if isinstance(exc, OSError) and exc.errno == errno.EPIPE:
        streams.discard(sys.stdout)
        return READER_LEFT
    if debug:
        from traceback import print_exception  # noqa: PLC0415 - rarely needed, and start-up counts

        print_exception(exc)
    for line in _lines(exc, debug=debug):
        click.echo(line, err=True)
    if isinstance(exc, OSError):
        streams.discard(sys.stdout)
    return exc.exit_code if isinstance(exc, WebhookdError) else FAILED


def _lines(exc: Exception, *, debug: bool) -> Iterator[str]:
    if isinstance(exc, ConfigError):
        yield from map(str, exc.problems)  # each with its place first, for editors
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
