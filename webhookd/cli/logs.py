"""`webhookd logs`: the output of a run's command, and nothing else on stdout."""

import os
import sys
from collections.abc import Iterator
from contextlib import ExitStack, suppress
from pathlib import Path
from threading import Event
from typing import TYPE_CHECKING, BinaryIO

import click

from webhookd.cli import output
from webhookd.cli.daemon_link import explain_waiting
from webhookd.cli.options import number, state_options
from webhookd.cli.state import enter_state_dir, open_reader
from webhookd.deploy.job import open_regular
from webhookd.errors import NotFound
from webhookd.models.layout import StateLayout
from webhookd.models.run import Run, RunState
from webhookd.report.text import TerminalFilter

if TYPE_CHECKING:
    from webhookd.queue import Store

POLL_INTERVAL = 0.2  # seconds
PIECE = 64 * 1024  # bytes
UNFINISHED = (RunState.QUEUED, RunState.RUNNING)


@click.command()
@click.argument("run", type=number)
@state_options
@click.option("-f", "--follow", is_flag=True, help="Wait for the run to start, and follow it to its end.")
@click.option("--attempt", type=number, metavar="N", help="This attempt instead of the newest.")
@click.option("--raw", is_flag=True, help="Print every byte as it is, also on a terminal.")
@click.pass_context
def logs(ctx: click.Context, *, run: int, follow: bool, attempt: int | None, raw: bool) -> None:
    """Print the output of a run's command, byte by byte, and nothing else on stdout.

    On a terminal, colours are kept. Other control sequences become visible text, since a commit message may
    contain them (--raw passes them on).
    """
    folder = enter_state_dir(ctx)
    with open_reader(folder) as store:
        pieces = _read(store, folder, run, attempt, follow=follow)
        _write(pieces, filtered=output.is_terminal() and not raw)
        _explain_end(store.run(run))
        if not follow:
            explain_waiting(store, folder, run)


def _read(store: "Store", folder: Path, number: int, wanted: int | None, *, follow: bool) -> Iterator[bytes]:
    """Yield the output of one attempt; when following, also of the attempts after the newest."""
    run = store.run(number)
    current = wanted or max(run.attempt, 1)
    while True:
        if follow and run.attempt < current:
            explain_waiting(store, folder, number)
        yield from _read_attempt(store, folder, number, current, follow=follow)
        run = store.run(number)
        if wanted is not None and wanted > run.attempt:
            hint = f"see `webhookd runs {number}`"
            raise NotFound(f"run {number} has no attempt {wanted}", hint=hint)
        if not follow or wanted is not None or (run.state not in UNFINISHED and run.attempt <= current):
            return
        current += 1
        output.remark(f"attempt {current} of run {number}")


def _read_attempt(
    store: "Store", folder: Path, number: int, attempt: int, *, follow: bool
) -> Iterator[bytes]:
    """Yield the output of an attempt; when following, wait for its start and its end."""
    path = StateLayout(folder).attempt(number, attempt).log
    never = Event()
    with ExitStack() as stack:
        log: LogReader | None = None
        while True:
            run = store.run(number)  # first: once an attempt has ended, one more read gets everything
            if log is None:
                with suppress(FileNotFoundError):
                    log = LogReader(stack.enter_context(os.fdopen(open_regular(path, os.O_RDONLY), "rb")))
            if log is not None:
                yield from log.rest()
            waits_for_next = run.state is RunState.QUEUED and run.attempt >= attempt
            if not follow or run.state not in UNFINISHED or run.attempt > attempt or waits_for_next:
                break
            never.wait(POLL_INTERVAL)
    if log is not None and log.skipped:
        remark = f"{log.skipped} bytes in the middle are gone: the log is longer than `history.log_limit`"
        output.remark(remark)
    if log is None and not follow and run.attempt >= attempt:
        output.remark(f"attempt {attempt} of run {number} has no log: it was removed, or nothing was started")


class LogReader:
    """A log that may still be written; each `rest` continues where the one before ended.

    The supervisor punches a hole into a log that outgrows its limit: the hole is skipped, not printed as
    zeros. The supervisor may also truncate the file: reading continues at the new end.
    """

    def __init__(self, file: BinaryIO) -> None:
        self.skipped = 0  # bytes of holes
        self._fd = file.fileno()
        self._at = 0

    def rest(self) -> Iterator[bytes]:
        """Yield in pieces what has been written since the last call."""
        while (size := os.fstat(self._fd).st_size) != self._at:
            self._at = min(self._at, size)
            try:
                begin = os.lseek(self._fd, self._at, os.SEEK_DATA)
            except OSError:  # ENXIO: no data up to the end
                begin = size
            self.skipped += begin - self._at
            end = os.lseek(self._fd, begin, os.SEEK_HOLE) if begin < size else size
            piece = os.pread(self._fd, min(end - begin, PIECE), begin)
            self._at = begin + len(piece)
            yield piece


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
    if run.state is RunState.QUEUED:
        output.remark(f"run {run.run} is queued; `webhookd logs -f {run.run}` waits for it")
    elif run.reason:
        output.remark(f"run {run.run}: {run.reason}")
