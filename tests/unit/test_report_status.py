"""The status of daemon, store and targets, as text and as JSON."""

from dataclasses import replace
from datetime import timedelta

from factories import NOW, make_run

from webhookd.models.run import RunState
from webhookd.report.run_view import run_json
from webhookd.report.status_view import Status, status_json, status_text

RUNNING = make_run(run=14, state=RunState.RUNNING, started_at=NOW)
WAITING = make_run(run=15)
DONE = make_run(run=9, state=RunState.SUCCEEDED, started_at=NOW, ended_at=NOW + timedelta(seconds=60))
STATUS = Status(
    daemon_up=True,
    daemon_pid=4711,
    state_dir="/var/lib/webhookd",
    queued=1,
    running=1,
    active=(RUNNING, WAITING),
    last=(("octocat/blog@main", DONE), ("octocat/shop@main", None)),
)


def test_the_status_names_daemon_runs_and_targets() -> None:
    assert status_text(STATUS, now=NOW + timedelta(seconds=90)).splitlines() == [
        "daemon   up (pid 4711)",
        "state    /var/lib/webhookd",
        "store    ok",
        "queued   1",
        "running  1",
        "",
        "now",
        "  14  > running  octocat/blog@main  main  for 1m30s",
        "  15  . queued   octocat/blog@main  main  1m ago",
        "",
        "last run of each target",
        "  9  + succeeded  octocat/blog@main  main  30s ago",
        "  -  never        octocat/shop@main",
    ]


def test_a_daemon_that_stops_says_what_it_waits_for() -> None:
    text = status_text(replace(STATUS, stopping=True), now=NOW)
    said = "daemon   stopping (pid 4711): it starts no runs, and waits for the running ones"
    assert text.splitlines()[0] == said
    assert status_json(replace(STATUS, stopping=True))["daemon"]["stopping"] is True


def test_an_idle_daemon_takes_five_lines() -> None:
    idle = Status(daemon_up=False, state_dir="/var/lib/webhookd", queued=0, running=0)
    assert status_text(idle, now=NOW).splitlines() == [
        "daemon   down",
        "state    /var/lib/webhookd",
        "store    ok",
        "queued   0",
        "running  0",
    ]


def test_a_refused_configuration_is_reported() -> None:
    refused = Status(daemon_up=True, config_problem="refused: w.yaml:3:1: x: unknown key", state_dir="/srv/w")
    assert status_text(refused, now=NOW).splitlines()[:2] == [
        "daemon  up",
        "config  refused: w.yaml:3:1: x: unknown key",
    ]
    assert status_json(refused)["config"] == {"ok": False, "problem": "refused: w.yaml:3:1: x: unknown key"}


def test_a_store_that_cannot_be_read_has_no_counts() -> None:
    damaged = Status(daemon_up=True, state_dir="/srv/w", store_problem="the database is damaged")
    assert status_text(damaged, now=NOW).splitlines() == [
        "daemon  up",
        "state   /srv/w",
        "store   the database is damaged",
    ]
    assert (status_json(damaged)["queued"], status_json(damaged)["running"]) == (None, None)


def test_colour_does_not_count_as_width() -> None:
    text = status_text(STATUS, now=NOW, width=40, color=True)
    assert "\x1b[36m> running\x1b[0m" in text
    bare = text.replace("\x1b[36m", "").replace("\x1b[32m", "").replace("\x1b[0m", "")
    assert bare == status_text(STATUS, now=NOW, width=40)
    assert max(map(len, bare.splitlines())) <= 40


def test_the_status_as_json_has_the_same_facts() -> None:
    assert status_json(STATUS) == {
        "daemon": {"up": True, "pid": 4711, "stopping": False},
        "state_dir": "/var/lib/webhookd",
        "config": {"ok": True, "problem": None},
        "store": {"ok": True, "problem": None},
        "queued": 1,
        "running": 1,
        "runs": [run_json(RUNNING), run_json(WAITING)],
        "paused": [],
        "targets": [
            {"target": "octocat/blog@main", "last": run_json(DONE)},
            {"target": "octocat/shop@main", "last": None},
        ],
    }
