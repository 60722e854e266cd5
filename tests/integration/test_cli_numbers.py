import pytest
from statefolder import StateFolder

HUGE = "99999999999999999999"  # more than 2**63, which is where the numbers of the store end


@pytest.mark.parametrize("command", ["runs", "logs", "cancel", "rerun"])
def test_a_number_that_no_run_can_have_is_one_that_none_has(state: StateFolder, command: str) -> None:
    shown = state.webhookd(command, HUGE)
    assert (shown.exit_code, shown.stdout) == (1, "")
    assert shown.stderr == f"error: there is no run {HUGE}\nhint: `webhookd runs` lists them\n"


@pytest.mark.parametrize(
    ("args", "option"),
    [
        (["runs", "--before", HUGE], "--before"),
        (["runs", "--limit", HUGE], "--limit"),
        (["deliveries", "--before", HUGE], "--before"),
        (["deliveries", "--limit", "9" * 5000], "--limit"),
        (["logs", "1", "--attempt", HUGE], "--attempt"),
    ],
)
def test_a_number_too_large_for_an_option_is_refused(
    state: StateFolder, args: list[str], option: str
) -> None:
    shown = state.webhookd(*args)
    assert (shown.exit_code, shown.stdout) == (2, "")
    assert shown.stderr.splitlines()[0] == f'error: {option}: "{args[-1]}" is too large'


@pytest.mark.parametrize("text", ["x", "0", "-1", "1.5", "1_0", "", "\x1b[2J", "\N{ARABIC-INDIC DIGIT ONE}"])
def test_what_is_no_number_is_repeated_with_its_place(state: StateFolder, text: str) -> None:
    shown = state.webhookd("runs", "--limit", text)
    assert (shown.exit_code, shown.stdout) == (2, "")
    seen = text.replace("\x1b", "\\x1b")
    assert shown.stderr.splitlines()[0] == f'error: --limit: "{seen}" is not a whole number from 1 up'


def test_zeros_in_front_change_no_number(state: StateFolder) -> None:
    run = state.push()
    assert state.webhookd("runs", "0" * 30 + str(run)).exit_code == 0
