"""`webhookd logs`: what a run's command printed, and nothing else."""

import sys
from collections.abc import Iterator
from pathlib import Path
from threading import Event
from typing import TYPE_CHECKING

import click

from webhookd.cli import output
from webhookd.cli.logreader import LogReader
from webhookd.cli.numbers import number, run_number
from webhookd.cli.options import state_options
from webhookd.cli.state import enter_state_dir, log_file, open_reader
from webhookd.cli.waiting import say_why
from webhookd.errors import NotFound
from webhookd.models import Run, RunState
from webhookd.report import TerminalFilter, end_text

if TYPE_CHECKING:
    from webhookd.queue import Store

LOOK_AGAIN = 0.2  # seconds
GOING_ON = (RunState.QUEUED, RunState.RUNNING)


@click.command()
@click.argument("run", type=run_number)
@state_options
@click.option("-f", "--follow", is_flag=True, help="Go on until the run has ended; wait for it to start.")
@click.option("--attempt", type=number, metavar="N", help="That attempt instead of the newest.")
@click.option("--raw", is_flag=True, help="On a terminal too, print every byte as it is.")
@click.pass_context
def logs(ctx: click.Context, *, run: int, follow: bool, attempt: int | None, raw: bool) -> None:
    """Print the output of a run's command, byte by byte, and nothing else on stdout.

    On a terminal only colours pass; other control sequences, which a pusher may have
    brought in, are made visible (--raw lets them through).
    """
    folder = enter_state_dir(ctx)
    with open_reader(folder) as store:
        pieces = _follow(store, folder, run, attempt) if follow else _so_far(store, folder, run, attempt)
        _write(pieces, safely=output.is_terminal() and not raw)
        _say_why_there_is_no_more(store.run(run))
        if not follow:
            say_why(store, folder, run)


def _so_far(store: "Store", folder: Path, number: int, attempt: int | None) -> Iterator[bytes]:
    run = store.run(number)
    if attempt is not None and attempt > run.attempt:
        raise _no_attempt(number, attempt)
    wanted = attempt or run.attempt
    if not wanted:
        return
    try:
        with LogReader(log_file(folder, number, wanted)) as log:
            yield from _rest(log)
    except FileNotFoundError:
        output.remark(f"attempt {wanted} of run {number} has no log: it was removed, or nothing was started")


def _follow(store: "Store", folder: Path, number: int, attempt: int | None) -> Iterator[bytes]:
    """Yield output as it comes, of one attempt or of the newest and those after it."""
    current = attempt or max(store.run(number).attempt, 1)
    while True:
        if store.run(number).attempt < current:
            say_why(store, folder, number)
        yield from _follow_attempt(store, folder, number, current)
        run = store.run(number)
        if attempt is not None and attempt > run.attempt:
            raise _no_attempt(number, attempt)
        if attempt is not None or (run.state not in GOING_ON and run.attempt <= current):
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
            run = store.run(number)  # first, so that what is read after its end is all there is
            log = log or _open(log_file(folder, number, attempt))
            if log:
                yield from _rest(log)
            if _is_over(run, attempt):
                return
            never.wait(LOOK_AGAIN)
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


def _is_over(run: Run, attempt: int) -> bool:
    """Tell whether *attempt* of the run is over, or will never be."""
    waits_for_next = run.state is RunState.QUEUED and run.attempt >= attempt
    return run.state not in GOING_ON or run.attempt > attempt or waits_for_next


def _write(pieces: Iterator[bytes], *, safely: bool) -> None:
    out = sys.stdout.buffer
    terminal = TerminalFilter()
    for piece in pieces:
        if safely:
            click.echo(terminal.feed(piece), nl=False)
        else:
            out.write(piece)
            out.flush()
    if safely:
        click.echo(terminal.feed(b"", final=True), nl=False)


def _say_why_there_is_no_more(run: Run) -> None:
    if run.state is RunState.SUPERSEDED and run.superseded_by:
        output.remark(f"run {run.run} was superseded by {run.superseded_by}")
    elif run.state is RunState.QUEUED:
        output.remark(f"run {run.run} is queued; `webhookd logs -f {run.run}` waits for it")
    elif run.reason:
        output.remark(end_text(run))
