from datetime import timedelta

from factories import NOW

from webhookd.report import Step, timeline_text


def test_steps_stand_in_the_order_of_time_with_milliseconds_since_the_first() -> None:
    steps = [
        Step(at=NOW + timedelta(milliseconds=1250), what="command ended: succeeded"),
        Step(at=NOW, what="push sent"),
        Step(at=NOW + timedelta(milliseconds=7.4), what="answered 202"),
    ]
    assert timeline_text(steps).splitlines() == [
        "     0 ms  push sent",
        "     7 ms  answered 202",
        "  1250 ms  command ended: succeeded",
    ]
