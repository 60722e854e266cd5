"""Output of commands, made safe for a terminal."""

import re

from hypothesis import given
from hypothesis import strategies as st

from webhookd.report.text import TerminalFilter

HARMLESS = re.compile(r"\x1b\[[0-9;:]*m|\x1b\[[0-2]?K|[\t\n\r]")


def shown(*pieces: bytes) -> str:
    terminal = TerminalFilter()
    return "".join([*map(terminal.feed, pieces), terminal.feed(b"", final=True)])


def test_colours_tabs_and_progress_bars_stay() -> None:
    line = "\x1b[1;31mfailed\x1b[0m\t50%\r\x1b[K100%\n"
    assert shown(line.encode()) == line


def test_a_sequence_that_does_more_than_colour_becomes_visible() -> None:
    assert shown(b"\x1b]0;title\x07\x1b[2J\x1b[6n\x08\x7f") == "^[]0;title^G^[[2J^[[6n^H^?"


def test_characters_that_change_the_writing_direction_become_visible() -> None:
    assert shown("rm \u202e\u2066x\n".encode()) == "rm \\u202e\\u2066x\n"


def test_eight_bit_control_characters_become_visible() -> None:
    assert shown("\x9b2J".encode()) == "\\x9b2J"
    assert shown(b"\x9b2J") == "\\x9b2J"


def test_bytes_that_are_not_text_become_visible() -> None:
    assert shown(b"caf\xe9\n") == "caf\\xe9\n"


def test_a_colour_or_letter_cut_in_two_is_shown_whole() -> None:
    assert shown(b"\x1b", b"[3", b"1mred \xc3", b"\xa9") == "\x1b[31mred é"


def test_a_sequence_that_never_ends_is_shown_at_the_end() -> None:
    assert shown(b"\x1b[31") == "^[[31"


@given(st.lists(st.binary(max_size=8)))
def test_no_control_sequence_but_colour_reaches_the_terminal(pieces: list[bytes]) -> None:
    rest = HARMLESS.sub("", shown(*pieces))
    assert not re.search(r"[\x00-\x1f\x7f-\x9f]", rest)


@given(st.binary(), st.integers(0, 40))
def test_the_pieces_of_the_output_make_no_difference(data: bytes, at: int) -> None:
    assert shown(data[:at], data[at:]) == shown(data)
