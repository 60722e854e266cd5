"""Floods of rejections become few lines and exact numbers."""

from structlog.typing import EventDict

from webhookd.web.rejections import INTERVAL, Rejection, Rejections

WRONG = Rejection(status=401, cause="signature wrong", hook="github")
LOST = Rejection(status=404, cause="no such path", hook="")


def note(rejections: Rejections, kind: Rejection, *, now: float, path: str = "/x") -> None:
    rejections.note(kind, address="192.0.2.7", path=path, detail="the signature does not match", now=now)


def test_the_first_of_a_kind_is_logged_whole(logged: list[EventDict]) -> None:
    note(Rejections(), WRONG, now=0.0)
    assert logged == [
        {
            "log_level": "warning",
            "event": "request rejected",
            "status": 401,
            "cause": "signature wrong",
            "hook": "github",
            "address": "192.0.2.7",
            "path": "/x",
            "detail": "the signature does not match",
        }
    ]


def test_the_ones_after_it_are_a_number_once_their_minute_is_over(logged: list[EventDict]) -> None:
    rejections = Rejections()
    for second in range(10):
        note(rejections, WRONG, now=second)
        rejections.flush(now=second)
    assert len(logged) == 1
    rejections.flush(now=INTERVAL)
    assert logged[1:] == [
        {
            "log_level": "warning",
            "event": "requests rejected",
            "status": 401,
            "cause": "signature wrong",
            "hook": "github",
            "count": 9,
            "seconds": 60,
        }
    ]


def test_kinds_are_folded_each_by_itself(logged: list[EventDict]) -> None:
    rejections = Rejections()
    for kind in (WRONG, LOST, WRONG, LOST, LOST):
        note(rejections, kind, now=0.0)
    assert len(logged) == 2
    assert rejections.counts == {WRONG: 2, LOST: 3}


def test_a_flood_that_goes_on_is_a_line_a_minute(logged: list[EventDict]) -> None:
    rejections = Rejections()
    for second in range(600):
        for _ in range(100):
            note(rejections, WRONG, now=second)
        rejections.flush(now=second)
    assert len(logged) == 10
    assert rejections.counts[WRONG] == 60_000


def test_after_a_quiet_minute_the_next_one_is_logged_whole_again(logged: list[EventDict]) -> None:
    rejections = Rejections()
    note(rejections, WRONG, now=0.0)
    rejections.flush(now=INTERVAL)
    note(rejections, WRONG, now=INTERVAL + 1)
    assert [entry["event"] for entry in logged] == ["request rejected"] * 2


def test_a_long_path_is_cut(logged: list[EventDict]) -> None:
    note(Rejections(), LOST, now=0.0, path="/" + "x" * 10_000)
    assert len(logged[0]["path"]) == 100
