"""Restarts and reloads of the service while clients push: no request is refused."""

from booted import TCP, UNIX, Booted
from harness import wait_for


def states(booted: Booted) -> list[str]:
    return [run["state"] for run in booted.runs()]


def test_restarts_and_reloads_under_load_fail_no_request_and_lose_no_push(booted: Booted) -> None:
    booted.configure("    main: 'true'", settings="history: {runs_per_target: 1000000}")
    booted.systemctl("start", "webhookd")
    with booted.load(TCP, UNIX) as clients:
        for _ in range(8):
            booted.systemctl("restart", "webhookd")
        for _ in range(3):
            booted.systemctl("reload", "webhookd")
        output, _ = clients.communicate("stop\n", timeout=120)
    assert output.startswith("0 failed of "), output
    wait_for(lambda: set(states(booted)) <= {"succeeded", "superseded"}, what="the end of all runs")
    assert len(states(booted)) == int(output.split()[3].rstrip(","))
