"""Floods of rejections become few lines and exact numbers."""

import logging

import pytest

from webhookd.web.rejections import INTERVAL, Kind, Rejections

WRONG = Kind(status=401, cause="signature wrong", hook="github")
LOST = Kind(status=404, cause="no such path", hook="-")


@pytest.fixture(autouse=True)
def _listen(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO, logger="webhookd")


def note(rejections: Rejections, kind: Kind, *, now: float, path: str = "/x") -> None:
    rejections.note(kind, address="192.0.2.7", path=path, detail="the signature does not match", now=now)


def test_the_first_of_a_kind_is_told_whole(caplog: pytest.LogCaptureFixture) -> None:
    note(Rejections(), WRONG, now=0.0)
    (message,) = caplog.messages
    assert message == (
        "request rejected status=401 cause=signature wrong hook=github address=192.0.2.7 path=/x "
        "detail=the signature does not match"
    )


def test_the_ones_after_it_are_a_number_once_their_minute_is_over(caplog: pytest.LogCaptureFixture) -> None:
    rejections = Rejections()
    for second in range(10):
        note(rejections, WRONG, now=second)
        rejections.flush(now=second)
    assert len(caplog.messages) == 1
    rejections.flush(now=INTERVAL)
    assert caplog.messages[1:] == [
        "requests rejected status=401 cause=signature wrong hook=github count=9 seconds=60"
    ]


def test_kinds_are_folded_each_by_itself(caplog: pytest.LogCaptureFixture) -> None:
    rejections = Rejections()
    for kind in (WRONG, LOST, WRONG, LOST, LOST):
        note(rejections, kind, now=0.0)
    assert len(caplog.messages) == 2
    assert rejections.counts == {WRONG: 2, LOST: 3}


def test_a_flood_that_goes_on_is_a_line_a_minute(caplog: pytest.LogCaptureFixture) -> None:
    rejections = Rejections()
    for second in range(600):
        for _ in range(100):
            note(rejections, WRONG, now=second)
        rejections.flush(now=second)
    assert len(caplog.messages) == 10
    assert rejections.counts[WRONG] == 60_000


def test_after_a_quiet_minute_the_next_one_is_told_whole_again(caplog: pytest.LogCaptureFixture) -> None:
    rejections = Rejections()
    note(rejections, WRONG, now=0.0)
    rejections.flush(now=INTERVAL)
    note(rejections, WRONG, now=INTERVAL + 1)
    assert [message.partition(" status")[0] for message in caplog.messages] == ["request rejected"] * 2


def test_a_long_path_is_cut(caplog: pytest.LogCaptureFixture) -> None:
    note(Rejections(), LOST, now=0.0, path="/" + "x" * 10_000)
    assert len(caplog.messages[0]) < 300
