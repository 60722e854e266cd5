"""What reaches the journal, and the log elsewhere; a socket of our own stands in for journald."""

import io
import json
import logging
import os
import socket
import struct
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from webhookd.daemon.logs import (
    JournalHandler,
    JsonFormatter,
    PriorityFormatter,
    TextFormatter,
    leads_to_journal,
)
from webhookd.deploy.journal import LONGEST, Copy, Journal, encode

FIELDS = [("WEBHOOKD_RUN", b"12")]


@pytest.fixture
def journald(tmp_path: Path) -> Iterator[socket.socket]:
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as sock:
        sock.bind(str(tmp_path / "journal"))
        sock.settimeout(0)
        yield sock


@pytest.fixture
def log(tmp_path: Path) -> Iterator[int]:
    descriptor = os.open(tmp_path / "log", os.O_RDWR | os.O_CREAT | os.O_APPEND)
    yield descriptor
    os.close(descriptor)


def received(journald: socket.socket) -> list[dict[str, list[str]]]:
    """The entries so far, read as journald reads them."""
    entries = []
    while True:
        try:
            entries.append(decode(journald.recv(1024**2)))
        except BlockingIOError:
            return entries


def decode(data: bytes) -> dict[str, list[str]]:
    entry: dict[str, list[str]] = {}
    while data:
        head, _, data = data.partition(b"\n")
        name, equals, value = head.partition(b"=")
        if not equals:
            (length,) = struct.unpack("<Q", data[:8])
            value, data = data[8 : 8 + length], data[9 + length :]
        entry.setdefault(name.decode(), []).append(value.decode())
    return entry


def copy_of(log: int, journald: socket.socket, *, limit: int = 10_000) -> Copy:
    return Copy(log, FIELDS, limit=limit, journal=Path(journald.getsockname()))


def messages(journald: socket.socket) -> list[str]:
    return [message for entry in received(journald) for message in entry["MESSAGE"]]


def test_a_value_with_newlines_comes_through_whole() -> None:
    fields = [("MESSAGE", b"one\ntwo=2"), ("WEBHOOKD_RUN", b"12"), ("WEBHOOKD_RUN", b"13")]
    assert decode(encode(fields)) == {"MESSAGE": ["one\ntwo=2"], "WEBHOOKD_RUN": ["12", "13"]}


def test_a_value_is_cut_where_the_journal_would_refuse_it() -> None:
    assert decode(encode([("MESSAGE", b"x" * 1_000_000)])) == {"MESSAGE": ["x" * LONGEST]}


def test_complete_lines_are_copied_as_they_come(log: int, journald: socket.socket) -> None:
    copy = copy_of(log, journald)
    os.write(log, b"one\ntw")
    copy.step()
    assert received(journald) == [{"MESSAGE": ["one"], "WEBHOOKD_RUN": ["12"]}]
    os.write(log, b"o\n\nthree")
    copy.step()
    assert messages(journald) == ["two", ""]
    copy.close()
    assert messages(journald) == ["three"]


def test_a_line_without_an_end_is_cut_and_nothing_of_it_is_lost(log: int, journald: socket.socket) -> None:
    copy = copy_of(log, journald, limit=1_000_000)
    os.write(log, b"x" * (LONGEST + 10))
    copy.step()
    copy.close()
    assert [len(message) for message in messages(journald)] == [LONGEST, 10]


def test_no_more_than_the_limit_is_copied(log: int, journald: socket.socket) -> None:
    copy = copy_of(log, journald, limit=8)
    os.write(log, b"one\ntwo\nthree\n")
    copy.step()
    copy.step()
    copy.close()
    assert messages(journald) == ["one", "two", "[webhookd: the rest is in the log of the run alone]"]


def test_a_journal_that_is_behind_holds_nobody_up_and_gets_the_rest_later(
    log: int, journald: socket.socket
) -> None:
    copy = copy_of(log, journald, limit=1_000_000)
    lines = [f"line {number}" for number in range(20_000)]
    os.write(log, "".join(f"{line}\n" for line in lines).encode())
    copy.step()
    first = messages(journald)
    assert 0 < len(first) < len(lines)
    read = list(first)
    while len(read) < len(lines):
        copy.step()
        read += messages(journald)
    assert read == lines
    copy.close()


def test_without_a_journal_the_log_says_so(log: int, tmp_path: Path) -> None:
    copy = Copy(log, FIELDS, limit=100, journal=tmp_path / "nowhere")
    copy.step()
    copy.close()
    assert (
        tmp_path / "log"
    ).read_text() == "[webhookd: not copied to the journal: no such file or directory]\n"


def record(template: str, *args: object, level: int = logging.INFO) -> logging.LogRecord:
    return logging.LogRecord("webhookd.deploy.worker", level, "", 0, template, args, None)


def failed_record() -> logging.LogRecord:
    with pytest.raises(ValueError, match="invalid") as caught:
        int("odd")
    info = (caught.type, caught.value, caught.tb)
    return logging.LogRecord("x", logging.ERROR, "", 0, "request failed path=%s", ("/x",), info)


def test_an_event_is_an_entry_with_its_fields(journald: socket.socket) -> None:
    handler = JournalHandler(Journal(Path(journald.getsockname())), instead=logging.NullHandler())
    handler.handle(record("run ended run=%d reason=%s", 12, "exit\ncode 1", level=logging.WARNING))
    handler.close()
    assert received(journald) == [
        {
            "MESSAGE": ['run ended run=12 reason="exit\\x0acode 1"'],
            "PRIORITY": ["4"],
            "SYSLOG_IDENTIFIER": ["webhookd"],
            "LOGGER": ["webhookd.deploy.worker"],
            "WEBHOOKD_RUN": ["12"],
            "WEBHOOKD_REASON": ["exit\ncode 1"],
        }
    ]


def test_a_traceback_is_one_entry(journald: socket.socket) -> None:
    handler = JournalHandler(Journal(Path(journald.getsockname())), instead=logging.NullHandler())
    handler.handle(failed_record())
    handler.close()
    (entry,) = received(journald)
    assert entry["MESSAGE"][0].startswith("request failed path=/x\nTraceback")


def test_what_the_journal_does_not_take_goes_elsewhere(journald: socket.socket) -> None:
    lines = io.StringIO()
    handler = JournalHandler(Journal(Path(journald.getsockname())), instead=logging.StreamHandler(lines))
    journald.close()
    handler.handle(record("stopped"))
    handler.close()
    assert lines.getvalue() == "stopped\n"


def test_json_lines_have_the_fields_by_name() -> None:
    line = JsonFormatter().format(record("run ended run=%d target=%s", 12, 'a"\nb'))
    values = json.loads(line)
    assert values.pop("time").endswith("Z")
    assert values == {"level": "info", "message": "run ended", "run": 12, "target": 'a"\nb'}
    assert "\n" not in line


def test_a_traceback_is_one_json_line() -> None:
    line = JsonFormatter().format(failed_record())
    assert "ValueError: invalid" in json.loads(line)["traceback"]
    assert "\n" not in line


def test_each_line_for_the_journal_has_its_priority() -> None:
    lines = PriorityFormatter(TextFormatter()).format(failed_record()).splitlines()
    assert len(lines) > 2
    assert [line for line in lines if not line.startswith("<3>")] == []


def test_only_the_very_stream_that_systemd_names_is_the_journal(tmp_path: Path) -> None:
    with (tmp_path / "stream").open("w") as stream:
        status = os.fstat(stream.fileno())
        assert leads_to_journal(stream.fileno(), {"JOURNAL_STREAM": f"{status.st_dev}:{status.st_ino}"})
        assert not leads_to_journal(stream.fileno(), {"JOURNAL_STREAM": f"{status.st_dev}:1"})
        assert not leads_to_journal(stream.fileno(), {})


THREAD = """
import os, threading
from webhookd.daemon import logs
logs.set_up(logs.Format.JSON, environ=os.environ)
thread = threading.Thread(target=lambda: 1 / 0, name="worker")
thread.start()
thread.join()
"""


def test_the_end_of_a_thread_by_an_error_is_an_event() -> None:
    ended = subprocess.run([sys.executable, "-c", THREAD], capture_output=True, text=True, check=True)
    (line,) = ended.stderr.splitlines()
    values = json.loads(line)
    assert (values["level"], values["message"], values["thread"]) == ("critical", "thread ended", "worker")
    assert "ZeroDivisionError" in values["traceback"]
