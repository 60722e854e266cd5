import os
import pty
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO

from factories import make_target
from harness import wait_for
from stores import StateFolder, locked

from webhookd.cli.logs import LogReader
from webhookd.models.layout import StateLayout

NO_TEXT = b"caf\xe9\x00\x1b[2J\r\n"


@contextmanager
def following(state: StateFolder, *args: str) -> "Iterator[subprocess.Popen[bytes]]":
    command = [sys.executable, "-m", "webhookd", "logs", "-f", "--state-dir", str(state.path), *args]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as process:
        try:
            yield process
        finally:
            process.kill()


def read(stream: IO[bytes] | None, size: int) -> bytes:
    assert stream is not None
    return stream.read(size)


def test_the_output_is_printed_byte_by_byte_and_alone(state: StateFolder) -> None:
    run = state.push()
    state.start()
    state.write_log(run, NO_TEXT)
    state.end(run)
    shown = state.webhookd("logs", str(run))
    assert (shown.stdout_bytes, shown.stderr, shown.exit_code) == (NO_TEXT, "", 0)


def test_a_large_log_is_printed_completely(state: StateFolder) -> None:
    run = state.push()
    state.start()
    output = os.urandom(300_000)
    state.write_log(run, output)
    assert state.webhookd("logs", str(run)).stdout_bytes == output


def test_the_newest_attempt_is_shown_unless_another_is_asked_for(state: StateFolder) -> None:
    run = state.push(make_target(retries=1))
    for attempt in (1, 2):
        state.start()
        state.write_log(run, b"attempt %d\n" % attempt, attempt=attempt)
        state.end(run, 3, retry_in=0)
    assert state.webhookd("logs", str(run)).stdout_bytes == b"attempt 2\n"
    assert state.webhookd("logs", str(run), "--attempt", "1").stdout_bytes == b"attempt 1\n"
    missing = state.webhookd("logs", str(run), "--attempt", "3")
    assert (missing.exit_code, missing.stdout) == (1, "")
    assert f"run {run} has no attempt 3" in missing.stderr


def test_the_reason_of_a_failure_is_printed_on_stderr(state: StateFolder) -> None:
    run = state.push()
    state.start()
    state.write_log(run, b"make: *** [deploy] Error 3\n")
    state.end(run, 3)
    shown = state.webhookd("logs", str(run))
    assert shown.stdout == "make: *** [deploy] Error 3\n"
    assert shown.stderr == f"run {run}: exited with 3\n"
    assert shown.exit_code == 0


def test_a_superseded_run_names_its_successor(state: StateFolder) -> None:
    old = state.push()
    new = state.push()
    shown = state.webhookd("logs", str(old))
    assert (shown.stdout, shown.stderr) == ("", f"run {old}: run {new} took its place\n")


def test_a_queued_run_has_no_output_yet(state: StateFolder) -> None:
    run = state.push()
    with locked(state.path):
        shown = state.webhookd("logs", str(run))
    assert (shown.stdout, shown.exit_code) == ("", 0)
    assert shown.stderr == f"run {run} is queued; `webhookd logs -f {run}` waits for it\n"


def test_the_reason_why_a_run_waits_is_printed(state: StateFolder) -> None:
    run = state.push()
    state.store.pause("octocat/blog@main", now=state.tick())
    assert state.webhookd("logs", str(run)).stderr.splitlines() == [
        f"run {run} is queued; `webhookd logs -f {run}` waits for it",
        f"run {run} waits: the daemon is down (`systemctl start webhookd` or `webhookd serve` starts it)",
        f"run {run} waits: its target is paused (`webhookd resume octocat/blog@main` ends that)",
    ]


def test_following_prints_once_why_the_run_waits(state: StateFolder) -> None:
    run = state.push()
    state.store.pause("octocat/blog@main", now=state.tick())
    with locked(state.path), following(state, str(run)) as process:
        assert process.stderr is not None
        assert process.stderr.readline() == (
            b"run 1 waits: its target is paused (`webhookd resume octocat/blog@main` ends that)\n"
        )
        state.store.resume("octocat/blog@main")
        state.start()
        state.end(run)
        assert read(process.stderr, -1) == b""


def test_an_unknown_run_is_an_error(state: StateFolder) -> None:
    shown = state.webhookd("logs", "7")
    assert (shown.exit_code, shown.stdout) == (1, "")
    assert "there is no run 7" in shown.stderr


def test_a_missing_log_is_reported(state: StateFolder) -> None:
    run = state.push()
    state.start()
    state.end(run)
    shown = state.webhookd("logs", str(run))
    assert (shown.stdout, shown.exit_code) == ("", 0)
    assert shown.stderr.startswith(f"attempt 1 of run {run} has no log")


def test_following_waits_for_the_start_and_ends_with_the_run(state: StateFolder) -> None:
    run = state.push()
    with following(state, str(run)) as process:
        state.start()
        state.write_log(run, b"one\n")
        assert read(process.stdout, 4) == b"one\n"
        state.write_log(run, b"two\n")
        assert read(process.stdout, 4) == b"two\n"
        assert process.poll() is None
        state.write_log(run, b"three\n")
        state.end(run)
        assert read(process.stdout, -1) == b"three\n"
        assert process.wait(timeout=30) == 0


def test_following_goes_on_with_the_next_attempt(state: StateFolder) -> None:
    run = state.push(make_target(retries=1))
    state.start()
    state.write_log(run, b"first\n")
    with following(state, str(run)) as process:
        assert read(process.stdout, 6) == b"first\n"
        state.end(run, 3, retry_in=0)
        state.start()
        state.write_log(run, b"second\n", attempt=2)
        assert read(process.stdout, 7) == b"second\n"
        state.end(run)
        assert read(process.stdout, -1) == b""
        assert b"attempt 2 of run %d\n" % run in read(process.stderr, -1)


def test_following_one_attempt_ends_with_it(state: StateFolder) -> None:
    run = state.push(make_target(retries=1))
    state.start()
    state.write_log(run, b"first\n")
    with following(state, str(run), "--attempt", "1") as process:
        assert read(process.stdout, 6) == b"first\n"
        state.end(run, 3, retry_in=60)
        assert process.wait(timeout=30) == 0


def test_following_a_missing_attempt_is_an_error(state: StateFolder) -> None:
    run = state.push()
    state.end(state.start(), 3)
    shown = state.webhookd("logs", "-f", str(run), "--attempt", "7")
    assert (shown.exit_code, shown.stdout) == (1, "")
    assert f"run {run} has no attempt 7" in shown.stderr


def test_following_a_superseded_run_ends_and_names_its_successor(state: StateFolder) -> None:
    old = state.push()
    with following(state, str(old)) as process:
        new = state.push()
        assert process.wait(timeout=30) == 0
        assert read(process.stderr, -1).endswith(b"run %d: run %d took its place\n" % (old, new))


def test_an_interrupted_follower_prints_no_error(state: StateFolder) -> None:
    run = state.push()
    state.start()
    state.write_log(run, b"one\n")
    with following(state, str(run)) as process:
        read(process.stdout, 4)
        process.send_signal(2)
        assert process.wait(timeout=30) == 130
        assert read(process.stderr, -1) == b""


def on_a_terminal(state: StateFolder, *args: str) -> bytes:
    """Run `logs` with a terminal as its stdout and return what the terminal gets."""
    ours, theirs = pty.openpty()
    command = [sys.executable, "-m", "webhookd", "logs", "--state-dir", str(state.path), *args]
    subprocess.run(command, stdout=theirs, check=True, timeout=30)
    os.close(theirs)
    shown = b""
    try:
        while piece := os.read(ours, 65536):
            shown += piece
    except OSError:  # EIO: the other side is closed
        return shown
    finally:
        os.close(ours)
    return shown


def test_a_terminal_gets_colours_and_no_other_sequence(state: StateFolder) -> None:
    run = state.push()
    state.start()
    state.write_log(run, b"\x1b[32mok\x1b[0m \x1b]0;pwned\x07\n")
    state.end(run)
    assert on_a_terminal(state, str(run)) == b"\x1b[32mok\x1b[0m ^[]0;pwned^G\r\n"
    assert on_a_terminal(state, str(run), "--raw") == b"\x1b[32mok\x1b[0m \x1b]0;pwned\x07\r\n"


def test_a_hole_in_a_log_is_skipped(tmp_path: Path) -> None:
    path = tmp_path / "log"
    with path.open("wb") as log:
        log.write(b"head" * 1024)
        log.seek(1024 * 1024)
        log.write(b"tail")
    with path.open("rb") as log:
        reader = LogReader(log)
        shown = b"".join(reader.rest())
        assert shown == b"head" * 1024 + b"tail"
        assert reader.skipped == 1024 * 1024 - 4096


def test_a_skipped_hole_is_reported(state: StateFolder) -> None:
    run = state.push()
    state.start()
    log = state.write_log(run, b"head" * 1024)
    with log.open("r+b") as file:
        file.seek(1024 * 1024)
        file.write(b"tail")
    shown = state.webhookd("logs", str(run))
    assert shown.stdout_bytes == b"head" * 1024 + b"tail"
    assert "1044480 bytes in the middle are gone: the log is longer than `history.log_limit`" in shown.stderr


def test_after_a_log_was_truncated_reading_continues_at_its_end(tmp_path: Path) -> None:
    path = tmp_path / "log"
    path.write_bytes(b"0123456789")
    with path.open("rb") as file:
        reader = LogReader(file)
        assert b"".join(reader.rest()) == b"0123456789"
        os.truncate(path, 4)
        assert b"".join(reader.rest()) == b""
        with path.open("ab") as log:
            log.write(b"more")
        assert b"".join(reader.rest()) == b"more"


def test_a_log_removed_while_it_is_read_is_read_to_its_end(state: StateFolder) -> None:
    run = state.push()
    state.start()
    log = state.write_log(run, b"one\n")
    with following(state, str(run)) as process:
        assert read(process.stdout, 4) == b"one\n"
        with log.open("ab") as held:
            log.unlink()
            held.write(b"two\n")
        state.end(run)
        wait_for(lambda: process.poll() is not None, what="the end of logs -f")
        assert read(process.stdout, -1) == b"two\n"


def test_a_log_that_is_no_file_of_ours_is_an_error(state: StateFolder) -> None:
    run = state.push()
    state.start()
    state.write_log(run, b"")
    path = StateLayout(state.path).attempt(run, 1).log
    path.unlink()
    os.mkfifo(path)
    state.end(run)
    shown = state.webhookd("logs", str(run))
    assert (shown.exit_code, shown.stdout) == (1, "")
    assert f'"{path}"' in shown.stderr
    assert "not a regular file" in shown.stderr
