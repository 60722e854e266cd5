"""`webhookd logs`: the output of a run's command, and nothing else on stdout."""

import sys
from collections.abc import Iterator
from pathlib import Path
from threading import Event
from typing import TYPE_CHECKING

import click

from webhookd.cli import output
from webhookd.cli.daemon_link import explain_waiting
from webhookd.cli.logreader import LogReader
from webhookd.cli.options import number, run_number, state_options
from webhookd.cli.state import enter_state_dir, log_file, open_reader
from webhookd.errors import NotFound
from webhookd.models import Run, RunState
from webhookd.report import TerminalFilter, end_text

if TYPE_CHECKING:
    from webhookd.queue import Store

POLL_INTERVAL = 0.2  # seconds
UNFINISHED = (RunState.QUEUED, RunState.RUNNING)


@click.command()
@click.argument("run", type=run_number)
@state_options
@click.option("-f", "--follow", is_flag=True, help="Wait for the run to start, and follow it to its end.")
@click.option("--attempt", type=number, metavar="N", help="This attempt instead of the newest.")
@click.option("--raw", is_flag=True, help="Print every byte as it is, also on a terminal.")
@click.pass_context
def logs(ctx: click.Context, *, run: int, follow: bool, attempt: int | None, raw: bool) -> None:
    """Print the output of a run's command, byte by byte, and nothing else on stdout.

    A terminal gets colours, but no other control sequences, which may come from whoever pushed: they are made
    visible (--raw passes them on).
    """
    folder = enter_state_dir(ctx)
    with open_reader(folder) as store:
        pieces = _follow(store, folder, run, attempt) if follow else _so_far(store, folder, run, attempt)
        _write(pieces, filtered=output.is_terminal() and not raw)
        _explain_end(store.run(run))
        if not follow:
            explain_waiting(store, folder, run)


def _so_far(store: "Store", folder: Path, number: int, attempt: int | None) -> Iterator[bytes]:
    run = store.run(number)
    if attempt is not None and attempt > run.attempt:
        raise _no_attempt(number, attempt)
    wanted = attempt or run.attempt
    if not wanted:
        return
    log = _open(log_file(folder, number, wanted))
    if log is None:
        output.remark(f"attempt {wanted} of run {number} has no log: it was removed, or nothing was started")
        return
    with log:
        yield from _rest(log)


def _follow(store: "Store", folder: Path, number: int, attempt: int | None) -> Iterator[bytes]:
    """Yield output as it is written: of one attempt, or of the newest and those after it."""
    current = attempt or max(store.run(number).attempt, 1)
    while True:
        if store.run(number).attempt < current:
            explain_waiting(store, folder, number)
        yield from _follow_attempt(store, folder, number, current)
        run = store.run(number)
        if attempt is not None and attempt > run.attempt:
            raise _no_attempt(number, attempt)
        if attempt is not None or (run.state not in UNFINISHED and run.attempt <= current):
            return
        current += 1
        output.remark(f"attempt {current} of run {number}")


def _no_attempt(run: int, attempt: int) -> NotFound:
    return NotFound(f"run {run} has no attempt {attempt}", hint=f"see `webhookd runs {run}`")


def _follow_attempt(store: "Store", folder: Path, number: int, attempt: int) -> Iterator[bytes]:
    log: LogReader | None = None
    never = Event()
    try:
        while True:
            run = store.run(
                number
            )  # before reading: after the end of the attempt, one more read gets everything
            log = log or _open(log_file(folder, number, attempt))
            if log:
                yield from _rest(log)
            waits_for_next = run.state is RunState.QUEUED and run.attempt >= attempt
            if run.state not in UNFINISHED or run.attempt > attempt or waits_for_next:
                return
            never.wait(POLL_INTERVAL)
    finally:
        if log:
            log.close()


def _rest(log: LogReader) -> Iterator[bytes]:
    yield from log.rest()
    if skipped := log.skipped():
        output.remark(f"{skipped} bytes in the middle are gone: the log is longer than `history.log_limit`")


def _open(path: Path) -> LogReader | None:
    try:
        return LogReader(path)
    except FileNotFoundError:
        return None


def _write(pieces: Iterator[bytes], *, filtered: bool) -> None:
    out = sys.stdout.buffer
    terminal = TerminalFilter()
    for piece in pieces:
        if filtered:
            click.echo(terminal.feed(piece), nl=False)
        else:
            out.write(piece)
            out.flush()
    if filtered:
        click.echo(terminal.feed(b"", final=True), nl=False)


def _explain_end(run: Run) -> None:
    """Print on stderr why there is no more output, unless the run succeeded."""
    if run.state is RunState.SUPERSEDED and run.superseded_by:
        output.remark(f"run {run.run} was superseded by {run.superseded_by}")
    elif run.state is RunState.QUEUED:
        output.remark(f"run {run.run} is queued; `webhookd logs -f {run.run}` waits for it")
    elif run.reason:
        output.remark(end_text(run))
