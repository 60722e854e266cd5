import signal

import pytest

from webhookd.cli.unwinding import ENDING, Unwinding


@pytest.mark.parametrize("number", ENDING)
def test_a_signal_unwinds(number: signal.Signals) -> None:
    with pytest.raises(SystemExit) as ended, Unwinding():
        signal.raise_signal(number)
    assert ended.value.code == 128 + number


def test_a_held_signal_waits_for_its_release() -> None:
    with Unwinding() as unwinding:
        unwinding.hold()
        signal.raise_signal(signal.SIGTERM)
        with pytest.raises(SystemExit) as ended:
            unwinding.release()
    assert ended.value.code == 143


def test_a_release_without_a_signal_goes_on() -> None:
    with Unwinding() as unwinding:
        unwinding.hold()
        unwinding.release()


def test_handlers_from_before_are_back_afterwards() -> None:
    before = [signal.getsignal(number) for number in ENDING]
    with Unwinding():
        assert [signal.getsignal(number) for number in ENDING] != before
    assert [signal.getsignal(number) for number in ENDING] == before
