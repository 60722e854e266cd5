from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from webhookd.config.durations import parse_duration, parse_size
from webhookd.errors import BadValue


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("0", 0),
        ("90", 90),
        ("90s", 90),
        ("15m", 900),
        ("2h", 7200),
        ("3d", 259_200),
        ("0.5s", 0.5),
        ("1.5h", 5400),
    ],
)
def test_a_duration_is_a_number_and_a_unit(text: str, seconds: float) -> None:
    assert parse_duration(text) == seconds


@pytest.mark.parametrize(
    ("text", "hint"),
    [
        ("10 minutes", "write 10m"),
        ("10 m", "write 10m"),
        ("10M", "write 10m"),
        ("1.5 hours", "write 1.5h"),
        ("2 Days", "write 2d"),
        ("500ms", "write 90, 90s, 15m, 2h or 3d"),
        ("-5s", "write 90, 90s, 15m, 2h or 3d"),
        ("", "write 90, 90s, 15m, 2h or 3d"),
        ("soon", "write 90, 90s, 15m, 2h or 3d"),
        ("5 parsecs", "write 90, 90s, 15m, 2h or 3d"),
        ("1:30", "write 90, 90s, 15m, 2h or 3d"),
        ("٣s", "write 90, 90s, 15m, 2h or 3d"),
        ("nan", "write 90, 90s, 15m, 2h or 3d"),
        ("inf", "write 90, 90s, 15m, 2h or 3d"),
        ("1e3", "write 90, 90s, 15m, 2h or 3d"),
        ("10s\n", "write 10s"),
    ],
)
def test_an_invalid_duration_is_refused_with_a_valid_form(text: str, hint: str) -> None:
    with pytest.raises(BadValue, match="is not a duration") as refused:
        parse_duration(text)
    assert refused.value.hint == hint


@pytest.mark.parametrize("text", ["36501d", "9" * 400, "9" * 400 + "d"])
def test_a_duration_over_a_century_is_refused(text: str) -> None:
    with pytest.raises(BadValue, match="longer than 100 years"):
        parse_duration(text)


@pytest.mark.parametrize(
    ("text", "size"),
    [
        ("0", 0),
        ("4096", 4096),
        ("10B", 10),
        ("512KiB", 524_288),
        ("10MiB", 10_485_760),
        ("1GiB", 1_073_741_824),
    ],
)
def test_a_size_is_a_number_and_a_unit(text: str, size: int) -> None:
    assert parse_size(text) == size


@pytest.mark.parametrize(
    ("text", "hint"),
    [
        ("25MB", "write 25MiB"),
        ("25 mb", "write 25MiB"),
        ("25M", "write 25MiB"),
        ("1.5MiB", "write 4096, 512KiB, 10MiB or 1GiB"),
        ("-1", "write 4096, 512KiB, 10MiB or 1GiB"),
        ("10 bytes", "write 4096, 512KiB, 10MiB or 1GiB"),
        ("much", "write 4096, 512KiB, 10MiB or 1GiB"),
        ("1.5", "write 4096, 512KiB, 10MiB or 1GiB"),
    ],
)
def test_an_invalid_size_is_refused_with_a_valid_form(text: str, hint: str) -> None:
    with pytest.raises(BadValue, match="is not a size") as refused:
        parse_size(text)
    assert refused.value.hint == hint


@pytest.mark.parametrize("text", ["9" * 5000, "9999999GiB"])
def test_a_size_over_a_pebibyte_is_refused(text: str) -> None:
    with pytest.raises(BadValue, match="more than a pebibyte"):
        parse_size(text)


def said(parse: Callable[[str], float], text: str) -> str:
    try:
        return str(parse(text))
    except BadValue as refused:
        return str(refused)


@pytest.mark.parametrize("parse", [parse_duration, parse_size])
@given(text=st.text())
def test_any_text_is_parsed_or_refused_in_one_line(parse: Callable[[str], float], text: str) -> None:
    assert said(parse, text).isprintable()


def test_a_bad_value_is_also_a_value_error_for_pydantic_and_click() -> None:
    with pytest.raises(ValueError, match="is not a duration"):
        parse_duration("x")
