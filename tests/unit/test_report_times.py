"""Moments, spans and timelines in words."""

from datetime import UTC, datetime, timedelta, timezone

import pytest
from factories import NOW

from webhookd.report.text import age, duration, rfc3339, timeline_text


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (-1, "0.00s"),
        (0, "0.00s"),
        (0.2449, "0.24s"),
        (9.994, "9.99s"),
        (9.996, "10s"),
        (59.6, "1m00s"),
        (185, "3m05s"),
        (3600, "1h00m"),
        (7_830, "2h10m"),
        (4 * 86400 + 3 * 3600 + 59, "4d03h"),
    ],
)
def test_a_duration_has_at_most_two_units(seconds: float, text: str) -> None:
    assert duration(seconds) == text


@pytest.mark.parametrize(
    ("seconds", "text"),
    [(-5, "0s ago"), (59.9, "59s ago"), (60, "1m ago"), (7199, "1h ago"), (200_000, "2d ago")],
)
def test_an_age_has_one_unit(seconds: float, text: str) -> None:
    assert age(NOW - timedelta(seconds=seconds), now=NOW) == text


def test_moments_are_utc_to_the_millisecond() -> None:
    berlin = timezone(timedelta(hours=1))
    assert rfc3339(datetime(2026, 11, 24, 3, 48, 38, 123_456, tzinfo=berlin)) == "2026-11-24T02:48:38.123Z"
    assert rfc3339(datetime(2026, 11, 24, 2, 48, 38, tzinfo=UTC)) == "2026-11-24T02:48:38.000Z"


def test_steps_are_in_order_with_the_milliseconds_since_the_first() -> None:
    steps = [
        (NOW + timedelta(milliseconds=1250), "command ended: succeeded"),
        (NOW, "push sent"),
        (NOW + timedelta(milliseconds=7.4), "answered 202"),
    ]
    assert timeline_text(steps).splitlines() == [
        "     0 ms  push sent",
        "     7 ms  answered 202",
        "  1250 ms  command ended: succeeded",
    ]
