"""What a command's output is in the journal; a socket of our own stands in for journald."""

import os
import socket
from collections.abc import Iterator
from pathlib import Path

import pytest
from journald import decode, received

from webhookd.deploy.journal import LONGEST, Copy, encode

FIELDS = [("WEBHOOKD_RUN", b"12")]


@pytest.fixture
def log(tmp_path: Path) -> Iterator[int]:
    descriptor = os.open(tmp_path / "log", os.O_RDWR | os.O_CREAT | os.O_APPEND)
    yield descriptor
    os.close(descriptor)


def copy_of(log: int, journald: socket.socket, *, limit: int = 10_000) -> Copy:
    return Copy(log, FIELDS, limit=limit, journal=Path(journald.getsockname()))


def messages(journald: socket.socket) -> list[str]:
    return [message for entry in received(journald) for message in entry["MESSAGE"]]


def test_a_value_with_newlines_arrives_unchanged() -> None:
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


def test_a_journal_that_is_behind_delays_nobody_and_gets_the_rest_later(
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
