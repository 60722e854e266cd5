"""Runs as text, as a table and as JSON."""

import re
from datetime import datetime, timedelta
from typing import Any

from factories import COMMIT, NOW, make_run
from hypothesis import given
from hypothesis import strategies as st

from webhookd.errors import printable
from webhookd.models.run import Attempt, Ending, RunState
from webhookd.report.blockers import QueueSnapshot
from webhookd.report.run_view import HEADINGS, attempt_json, run_json, run_text, runs_table
from webhookd.report.text import columns

ENDED = NOW + timedelta(seconds=185)
LATER = NOW + timedelta(minutes=10)


def snapshot(now: datetime, **over: Any) -> QueueSnapshot:
    values: dict[str, Any] = {"daemon_up": True, "paused": (), "running": (), "queued": ()}
    return QueueSnapshot(now=now, **(values | over))


def make_attempt(**over: object) -> Attempt:
    values = {
        "run": 12,
        "attempt": 1,
        "owner": "d1",
        "started_at": NOW,
        "ended_at": ENDED,
        "ending": Ending.EXITED,
        "exit_code": 3,
        "signal": None,
        "reason": "exited with 3",
    }
    return Attempt(**(values | over))  # type: ignore[arg-type]


def test_the_table_aligns_what_people_look_for() -> None:
    runs = [
        make_run(run=13, state=RunState.RUNNING, started_at=NOW + timedelta(seconds=595), ref="refs/tags/v1"),
        make_run(
            run=9, state=RunState.FAILED, started_at=NOW, ended_at=ENDED, reason="exited with 3", pusher=None
        ),
    ]
    assert runs_table(runs, queue=snapshot(LATER)).splitlines() == [
        "RUN  STATE      TARGET             REF      COMMIT    PUSHER   QUEUED   TOOK   REASON, TITLE",
        "13   > running  octocat/blog@main  tags/v1  6113728f  octocat  10m ago  5.00s",
        "9    x failed   octocat/blog@main  main     6113728f           10m ago  3m05s  exited with 3",
    ]


def test_a_reason_that_does_not_fit_goes_on_below_itself() -> None:
    run = make_run(run=9, state=RunState.FAILED, reason="the command was not found in any folder of PATH")
    assert runs_table([run], queue=snapshot(NOW), width=80).splitlines() == [
        "RUN  STATE     TARGET             REF   QUEUED  TOOK  REASON, TITLE",
        "9    x failed  octocat/blog@main  main  0s ago        the command was not found",
        "                                                      in any folder of PATH",
    ]


def test_a_narrow_terminal_leaves_out_the_pusher_and_then_the_commit_and_never_the_rest() -> None:
    runs = [make_run(run=9, state=RunState.FAILED, started_at=NOW, ended_at=ENDED, reason="exited with 3")]
    headings = runs_table(runs, queue=snapshot(LATER), width=95).splitlines()[0]
    assert re.split(" {2,}", headings) == [*HEADINGS]
    assert runs_table(runs, queue=snapshot(LATER), width=84).splitlines() == [
        "RUN  STATE     TARGET             REF   COMMIT    QUEUED   TOOK   REASON, TITLE",
        "9    x failed  octocat/blog@main  main  6113728f  10m ago  3m05s  exited with 3",
    ]
    other = make_run(run=8, ref="refs/heads/preview/1", target="octocat/blog@preview/*")
    assert runs_table([*runs, other], queue=snapshot(LATER), width=40).splitlines() == [
        "RUN STATE TARGET REF QUEUED TOOK",
        "    REASON, TITLE",
        "9 x failed octocat/blog@main main",
        "    10m ago 3m05s exited with 3",
        "8 . queued octocat/blog@preview/*",
        "    preview/1 10m ago",
    ]


def test_one_long_name_leaves_the_other_rows_aligned() -> None:
    long = "a-group/with-a-subgroup/and-a-long-name@main"
    runs = [make_run(run=9, target=long, reason="x"), make_run(run=8, reason="y")]
    assert runs_table(runs, queue=snapshot(LATER), width=60).splitlines() == [
        "RUN  STATE     TARGET           QUEUED   TOOK  REASON, TITLE",
        "9 . queued a-group/with-a-subgroup/and-a-long-name@main",
        "    10m ago x",
        "8    . queued  octocat/blog@main  10m ago        y",
    ]


@given(
    width=st.integers(10, 120),
    reason=st.text(st.characters(codec="utf-8"), max_size=60),
    repo=st.text(st.characters(codec="utf-8"), min_size=1, max_size=40),
)
def test_at_no_width_is_anything_wider_than_the_terminal_or_cut(width: int, reason: str, repo: str) -> None:
    run = make_run(reason=reason, target=f"{repo}@main", title="Say it")
    text = runs_table([run], queue=snapshot(NOW), width=width)
    assert max(map(columns, text.splitlines())) <= width
    for word in printable(f"{reason} {run.target}").split():
        assert word in "".join(text.split())


def test_a_run_without_a_reason_shows_the_title_of_its_commit() -> None:
    run = make_run(title="Say hello", reason="exited with 3", state=RunState.FAILED)
    assert runs_table([run], queue=snapshot(NOW)).endswith('  exited with 3 "Say hello"')
    assert runs_table([make_run(title="Say hello")], queue=snapshot(NOW)).endswith('  "Say hello"')


def test_colour_changes_no_letter_of_the_table() -> None:
    runs = [make_run(run=number, state=state) for number, state in enumerate(RunState)]
    plain = runs_table(runs, queue=snapshot(NOW))
    painted = runs_table(runs, queue=snapshot(NOW), color=True)
    assert "\x1b[31mx failed\x1b[0m" in painted
    for code in ("0", "2", "31", "32", "33", "36"):
        painted = painted.replace(f"\x1b[{code}m", "")
    assert painted == plain


def test_every_state_has_its_own_mark() -> None:
    table = runs_table([make_run(state=state) for state in RunState], queue=snapshot(NOW))
    marks = [line.split()[1] for line in table.splitlines()[1:]]
    assert len(set(marks)) == len(RunState)


def test_a_pusher_cannot_move_the_cursor() -> None:
    table = runs_table(
        [make_run(pusher="\x1b[2Joctocat\nroot", ref="refs/heads/\u202emain")], queue=snapshot(NOW)
    )
    assert len(table.splitlines()) == 2
    assert "\\x1b[2Joctocat\\nroot" in table
    assert "\\u202emain" in table


def test_wide_characters_take_two_columns() -> None:
    first, second = runs_table(
        [make_run(pusher="山田"), make_run(pusher="abcd")], queue=snapshot(NOW)
    ).splitlines()[1:]
    assert first.index("0s ago") + 2 == second.index("0s ago")


def test_json_has_exactly_the_promised_keys() -> None:
    run = make_run(
        state=RunState.FAILED, attempt=2, exit_code=3, reason="exited with 3", started_at=NOW, ended_at=ENDED
    )
    assert run_json(run) == {
        "run": 12,
        "target": "octocat/blog@main",
        "lane": "octocat/blog@main octocat/blog refs/heads/main",
        "state": "failed",
        "attempt": 2,
        "reason": "exited with 3",
        "exit_code": 3,
        "repo": "octocat/blog",
        "ref": "refs/heads/main",
        "commit": COMMIT,
        "title": None,
        "pusher": "octocat",
        "delivery": "72d3162e-cc78-11e3-81ab-4c9367dc0958",
        "queued_at": "2026-11-24T02:48:38.000Z",
        "started_at": "2026-11-24T02:48:38.000Z",
        "ended_at": "2026-11-24T02:51:43.000Z",
        "superseded_by": None,
    }


def test_a_queued_run_has_null_for_what_has_not_happened() -> None:
    values = run_json(make_run(commit=None, pusher=None))
    assert [key for key, value in values.items() if value is None] == [
        "exit_code",
        "commit",
        "title",
        "pusher",
        "started_at",
        "ended_at",
        "superseded_by",
    ]


def test_one_run_is_shown_with_its_attempts() -> None:
    run = make_run(state=RunState.RUNNING, attempt=2, started_at=ENDED)
    attempts = [
        make_attempt(),
        make_attempt(attempt=2, started_at=ENDED, ended_at=None, ending=None, reason=""),
    ]
    assert run_text(run, attempts, queue=snapshot(LATER)).splitlines() == [
        "run         12",
        "state       > running",
        "target      octocat/blog@main",
        "repository  octocat/blog",
        "ref         refs/heads/main",
        f"commit      {COMMIT}",
        "pusher      octocat",
        "lane        octocat/blog@main octocat/blog refs/heads/main",
        "delivery    72d3162e-cc78-11e3-81ab-4c9367dc0958 by github",
        "queued      2026-11-24T02:48:38.000Z (10m ago)",
        "started     2026-11-24T02:51:43.000Z (6m ago)",
        "took        6m55s",
        "attempt 1   exited with 3 (3m05s)",
        "attempt 2   running for 6m55s",
    ]


def test_an_attempt_as_json_says_how_it_ended() -> None:
    assert attempt_json(make_attempt()) == {
        "attempt": 1,
        "ending": "exited",
        "exit_code": 3,
        "signal": None,
        "reason": "exited with 3",
        "started_at": "2026-11-24T02:48:38.000Z",
        "ended_at": "2026-11-24T02:51:43.000Z",
    }


def test_what_blocks_a_queued_run_is_its_reason_in_the_table_and_a_line_of_its_own() -> None:
    run = make_run()
    paused = snapshot(NOW, daemon_up=False, paused=("octocat/blog@main",))
    assert runs_table([run], queue=paused).endswith("  the daemon is down")
    assert run_text(run, [], queue=paused).splitlines()[1:4] == [
        "state       . queued",
        "waits       the daemon is down (`systemctl start webhookd` or `webhookd serve` starts it)",
        "waits       its target is paused (`webhookd resume octocat/blog@main` ends that)",
    ]


def test_a_run_that_waits_for_its_next_attempt_keeps_the_reason_of_the_last() -> None:
    run = make_run(attempt=1, reason="attempt 1 of 2: exit code 3")
    assert runs_table([run], queue=snapshot(NOW, daemon_up=False)).endswith("  attempt 1 of 2: exit code 3")


def test_an_attempt_says_its_ending_once() -> None:
    attempt = make_attempt(ending=Ending.CANCELLED, exit_code=None, reason="cancelled")
    shown = run_text(make_run(), [attempt], queue=snapshot(LATER))
    assert shown.splitlines()[-1] == "attempt 1   cancelled (3m05s)"
