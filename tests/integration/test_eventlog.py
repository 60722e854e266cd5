"""The daemon's log as it leaves the process; a socket of our own stands in for journald."""

import json
import os
import re
import socket
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from journald import received

from webhookd.daemon.eventlog import leads_to_journal

PRELUDE = """
import logging, os, socket, sys, threading, warnings
from pathlib import Path
import structlog
from webhookd.daemon import eventlog
log = structlog.get_logger("webhookd.deploy.worker")  # as in a module: before the log is set up
"""


def logged_by(
    code: str, *, form: str = "text", stderr: int = subprocess.PIPE, argument: Path | str = ""
) -> str:
    """Run *code* in a process whose log is set up, and return its standard error."""
    setting_up = f"eventlog.set_up({form!r}, environ={{}})\n"
    return run(setting_up + code, stderr=stderr, argument=argument)


def run(code: str, *, stderr: int = subprocess.PIPE, argument: Path | str = "") -> str:
    command = [sys.executable, "-c", PRELUDE + code, str(argument)]
    return subprocess.run(command, stdout=stderr, stderr=stderr, text=True, check=True, timeout=60).stderr


def values_of(line: str) -> dict[str, Any]:
    values: dict[str, Any] = json.loads(line)
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z", values.pop("time"))
    return values


def test_a_line_has_time_level_and_message_and_then_the_fields() -> None:
    line = logged_by("log.warning('run ended', run=12, target='octocat/blog@main', reason='exit code 3')")
    time, rest = line.split(" ", 1)
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z", time)
    assert rest == 'WARNING run ended run=12 target=octocat/blog@main reason="exit code 3"\n'


VALUES = {
    "octocat/blog@main": "octocat/blog@main",
    "exit code 3": '"exit code 3"',
    "a=b": '"a=b"',
    'say "hi"': r'"say \"hi\""',
    r"C:\temp": r'"C:\\temp"',
    "x\nERROR forged=1": r'"x\nERROR forged=1"',
    "\x1b[2J\x7f\x9b": r'"\u001b[2J\u007f\u009b"',
    "line\u2028separator": r'"line\u2028separator"',
    "txt\u202egpj.exe": r'"txt\u202egpj.exe"',
    "not\udcffUTF-8": r'"not\udcffUTF-8"',
    "Zürich": "Zürich",
    "Zürich am See": '"Zürich am See"',
}


def test_a_value_stays_in_its_field_and_on_its_line() -> None:
    lines = logged_by(f"for value in {list(VALUES)!r}:\n    log.info('x', value=value)").splitlines()
    assert [line.partition("INFO x value=")[2] for line in lines] == list(VALUES.values())


def test_a_field_without_a_value_is_left_out() -> None:
    line = logged_by("log.info('x', none=None, word='', list=[], tuple=(), zero=0, no=False)")
    assert line.endswith(" x zero=0 no=False\n")


def test_several_runs_are_a_list() -> None:
    code = "log.info('delivery %s', 'queued', hook='github', runs=[12, 13])"
    assert logged_by(code).endswith(" delivery queued hook=github runs=12,13\n")
    assert values_of(logged_by(code, form="json")) == {
        "level": "info",
        "message": "delivery queued",
        "hook": "github",
        "runs": [12, 13],
    }


def test_a_json_line_is_one_line_whatever_its_values_hold() -> None:
    (line,) = logged_by("log.info('x', file=Path('/a\\nb'), error=OSError('c'))", form="json").splitlines()
    assert values_of(line) == {"level": "info", "message": "x", "file": "/a\nb", "error": "c"}


FAILING = """
try:
    raise ValueError("odd\\n2026-01-01T00:00:00.000Z INFO forged\\x1b[2J")
except ValueError:
    log.exception("request failed", path="/x")
"""


def test_no_line_of_a_traceback_can_pass_for_an_event() -> None:
    first, *more = logged_by(FAILING).splitlines()
    assert first.endswith(" ERROR request failed path=/x")
    assert more[0] == "  Traceback (most recent call last):"
    assert more[-1] == r"  2026-01-01T00:00:00.000Z INFO forged\u001b[2J"


def test_a_traceback_is_one_json_line() -> None:
    (line,) = logged_by(FAILING, form="json").splitlines()
    values = values_of(line)
    assert "ValueError: odd" in values.pop("traceback")
    assert values == {"level": "error", "message": "request failed", "path": "/x"}


def test_libraries_and_warnings_are_in_the_same_log() -> None:
    lines = logged_by(
        "logging.getLogger('waitress').error('odd %s', 'a\\nb')\n"
        "logging.getLogger('waitress').debug('quiet')\n"
        "warnings.warn_explicit('old', UserWarning, 'x.py', 7)\n"
    ).splitlines()
    assert [line.split(" ", 1)[1] for line in lines] == [
        r"ERROR odd a\nb",
        r"WARNING x.py:7: UserWarning: old\n",
    ]


def test_the_end_of_a_thread_by_an_error_is_an_event() -> None:
    code = "thread = threading.Thread(target=lambda: 1 / 0, name='worker')\nthread.start()\nthread.join()"
    (line,) = logged_by(code, form="json").splitlines()
    values = values_of(line)
    assert "ZeroDivisionError" in values.pop("traceback")
    assert values == {"level": "critical", "message": "thread ended", "thread": "worker"}


@pytest.mark.parametrize("spoil", ["os.close(2)", "os.dup2(os.open('/dev/full', os.O_WRONLY), 2)"])
def test_a_log_that_cannot_be_written_stops_nobody(spoil: str) -> None:
    assert "Traceback" not in logged_by(f"{spoil}\nlog.info('lost')\nos._exit(0)")  # and it exits with 0


def test_a_reader_that_went_away_stops_nobody(tmp_path: Path) -> None:
    went_on = tmp_path / "went-on"
    reading, writing = os.pipe()
    os.close(reading)
    with os.fdopen(writing, "wb") as stderr:
        code = "log.info('lost')\nPath(sys.argv[1]).write_text('went on')"
        logged_by(code, stderr=stderr.fileno(), argument=went_on)
    assert went_on.read_text() == "went on"


# Standard error is as systemd makes it: a stream to the journal.
IN_JOURNAL = """
status = os.fstat(2)
environ = {"JOURNAL_STREAM": f"{status.st_dev}:{status.st_ino}"}
"""


def test_an_event_is_a_journal_entry_with_its_fields(journald: socket.socket) -> None:
    path = journald.getsockname()
    run(
        f"{IN_JOURNAL}eventlog.set_up(None, environ=environ, journal_at=Path({path!r}))\n"
        "log.warning('run ended', run=12, reason='exit\\ncode 1', state='failed')\n"
        f"log.info('delivery queued', runs=[12, 13])\n{FAILING}"
    )
    ended, queued, failed = received(journald)
    assert ended == {
        "MESSAGE": [r'run ended run=12 reason="exit\ncode 1" state=failed'],
        "PRIORITY": ["4"],
        "SYSLOG_IDENTIFIER": ["webhookd"],
        "LOGGER": ["webhookd.deploy.worker"],
        "WEBHOOKD_RUN": ["12"],
        "WEBHOOKD_REASON": ["exit\ncode 1"],
        "WEBHOOKD_STATE": ["failed"],
    }
    assert queued["WEBHOOKD_RUN"] == ["12", "13"]
    assert failed["MESSAGE"][0].startswith("request failed path=/x\n  Traceback")


def test_what_the_journal_does_not_take_goes_to_standard_error_with_its_priority(tmp_path: Path) -> None:
    path = str(tmp_path / "journal")
    lines = run(
        f"{IN_JOURNAL}gone = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)\n"
        f"gone.bind({path!r})\n"
        f"eventlog.set_up(None, environ=environ, journal_at=Path({path!r}))\n"
        f"gone.close()\n{FAILING}"
    ).splitlines()
    assert lines[:2] == ["<3>request failed path=/x", "<3>  Traceback (most recent call last):"]
    assert [line for line in lines if not line.startswith("<3>")] == []


def test_lines_of_json_have_a_priority_in_the_journal() -> None:
    lines = run(f"{IN_JOURNAL}eventlog.set_up('json', environ=environ)\nlog.warning('odd')")
    assert values_of(lines.removeprefix("<4>")) == {"level": "warning", "message": "odd"}


def test_only_the_very_stream_that_systemd_names_is_the_journal(tmp_path: Path) -> None:
    with (tmp_path / "stream").open("w") as stream:
        status = os.fstat(stream.fileno())
        assert leads_to_journal(stream.fileno(), {"JOURNAL_STREAM": f"{status.st_dev}:{status.st_ino}"})
        assert not leads_to_journal(stream.fileno(), {"JOURNAL_STREAM": f"{status.st_dev}:1"})
        assert not leads_to_journal(stream.fileno(), {})
