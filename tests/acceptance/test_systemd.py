"""webhookd as a service of a booted systemd: start, push, reload, stop, crash, journal, doctor."""

import json
import re
import signal
import subprocess
from collections.abc import Iterator

import pytest
from booted import TCP, UNITS, UNIX, WEBHOOKD, Booted, require
from harness import wait_for

# A command that runs until its home has a file `go`, which `release` makes.
WAITS = "cd; rm -f go; echo begun; until [ -e go ]; do sleep 0.05; done; echo ended"
DROP_IN = "/etc/systemd/system/webhookd.service.d/test.conf"


@pytest.fixture
def service(booted: Booted) -> Iterator[Booted]:
    """The shipped service, running with a simple configuration."""
    booted.configure("    main: echo deployed")
    if booted.path(DROP_IN).exists():
        booted.path(DROP_IN).unlink()
        booted.systemctl("daemon-reload")
        booted.systemctl("restart", "webhookd")
    booted.systemctl("reload-or-restart", "webhookd")
    yield booted
    release(booted)


def main_pid(booted: Booted) -> int:
    return int(booted.show("webhookd", "MainPID"))


def signal_main(booted: Booted, signum: signal.Signals) -> None:
    booted.run("kill", f"-{signum.value}", str(main_pid(booted)))


def release(booted: Booted) -> None:
    booted.path("/var/lib/webhookd/go").touch()


def begin(booted: Booted, rules: str = f"    main: {WAITS}", settings: str = "") -> int:
    """Push to a command that waits; return the number of its run when it runs."""
    booted.configure(rules, settings=settings)
    booted.systemctl("reload", "webhookd")
    number = booted.queue()
    wait_for(lambda: booted.log(number) == "begun\n", what="the command")
    return number


def processes(booted: Booted) -> list[str]:
    """Return the processes in the service's control group."""
    listed = booted.run("systemd-cgls", "--no-pager", "-u", "webhookd.service", check=False).stdout
    return re.findall(r"─(\d+) ", listed)


# -- start and stop


def test_one_command_starts_the_service_and_both_sockets_accept_pushes(booted: Booted) -> None:
    booted.systemctl("stop", "webhookd.socket", "webhookd")
    booted.configure("    main: echo deployed")
    booted.systemctl("enable", "--now", "webhookd")
    assert booted.show("webhookd", "ActiveState") == "active"
    assert [booted.deploy(address=address) for address in (TCP, UNIX)] == ["deployed\n", "deployed\n"]


def test_the_start_ends_when_pushes_are_accepted(service: Booted) -> None:
    service.systemctl("stop", "webhookd.socket", "webhookd")
    service.systemctl("start", "webhookd")
    assert service.push().status == 202


def test_a_push_starts_a_stopped_daemon(service: Booted) -> None:
    service.systemctl("stop", "webhookd")
    assert service.show("webhookd", "ActiveState") == "inactive"
    assert service.deploy() == "deployed\n"


def test_the_status_line_shows_what_runs(service: Booted) -> None:
    begin(service)
    wait_for(
        lambda: service.show("webhookd", "StatusText") == "0 queued, running octocat/blog@main",
        what="the status",
    )


def test_a_stop_waits_for_the_end_of_the_command(service: Booted) -> None:
    service.drop_in("test", "[Service]\nTimeoutStopSec=2\n")
    number = begin(service, rules="    main: cd; echo begun; sleep 6; echo ended")
    service.systemctl("stop", "webhookd.socket", "webhookd")
    assert service.show("webhookd", "Result") == "success"
    assert (service.log(number), processes(service)) == ("begun\nended\n", [])
    assert service.ended(number)["state"] == "succeeded"


def test_after_drain_timeout_the_command_is_ended_and_runs_again_later(
    service: Booted,
) -> None:
    number = begin(service, settings="drain_timeout: 1s")
    service.systemctl("stop", "webhookd.socket", "webhookd")
    assert (service.show("webhookd", "Result"), processes(service)) == ("success", [])
    service.configure("    main: echo again")
    service.systemctl("start", "webhookd")
    run = service.ended(number, attempt=2)
    assert (run["state"], run["attempt"], service.log(number, attempt=2)) == ("succeeded", 2, "again\n")


# -- reload


def test_a_reload_applies_a_correct_configuration(service: Booted) -> None:
    pid = main_pid(service)
    service.configure("    main: echo new")
    service.systemctl("reload", "webhookd")
    assert service.deploy() == "new\n"
    assert main_pid(service) == pid


def test_a_wrong_configuration_fails_the_reload_and_is_not_applied(service: Booted) -> None:
    service.configure("    main: {run: echo new, timeout: soon, overlp: queue}")
    assert service.systemctl("reload", "webhookd", check=False).returncode != 0
    told = " ".join(entry["MESSAGE"] for entry in service.journal("-u", "webhookd", "-n", "20"))
    assert "main.timeout:" in told
    assert "main.overlp:" in told
    assert service.show("webhookd", "ActiveState") == "active"
    assert service.deploy() == "deployed\n"


def test_pushes_wait_until_a_wrong_configuration_at_the_start_is_corrected(service: Booted) -> None:
    service.drop_in("test", "[Service]\nRestartSec=1\n")
    service.configure("    main: {run: echo mended, timeout: soon}")
    assert service.systemctl("restart", "webhookd", check=False).returncode != 0
    with service.connect(TCP) as waiting:
        waiting.sendall(b"GET /healthz HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
        restarts = int(service.show("webhookd", "NRestarts"))
        wait_for(lambda: int(service.show("webhookd", "NRestarts")) > restarts + 1, what="two more tries")
        assert service.show("webhookd.socket", "ActiveState") == "active"
        service.configure("    main: echo mended")
        assert waiting.recv(1000).startswith(b"HTTP/1.1 200 OK\r\n")
    assert service.deploy() == "mended\n"


# -- crashes


def test_a_hung_main_loop_is_ended_by_the_watchdog(service: Booted) -> None:
    service.drop_in("test", "[Service]\nWatchdogSec=2\nRestartSec=0\n")
    service.systemctl("restart", "webhookd")
    before = main_pid(service)
    signal_main(service, signal.SIGSTOP)
    wait_for(lambda: main_pid(service) not in (0, before), what="another daemon")
    assert service.deploy() == "deployed\n"
    told = "\n".join(str(entry["MESSAGE"]) for entry in service.journal("-u", "webhookd", "-n", "2000"))
    assert "Watchdog timeout" in told
    assert 'File "' in told.partition("Fatal Python error: Aborted")[2]  # where it hung


def test_a_killed_daemon_leaves_no_process_and_its_run_starts_again(service: Booted) -> None:
    service.drop_in("test", "[Service]\nRestartSec=0\n")
    number = begin(service)
    before = processes(service)
    signal_main(service, signal.SIGKILL)
    wait_for(lambda: service.log(number, attempt=2) == "begun\n", what="the second attempt")
    wait_for(lambda: not set(before) & set(processes(service)), what="the end of all former processes")
    release(service)
    assert service.ended(number, attempt=2)["state"] == "succeeded"


def test_a_command_that_uses_all_memory_is_ended_and_the_daemon_is_not(service: Booted) -> None:
    require(service.limits_memory(), "no memory controller for control groups is here")
    service.drop_in("test", "[Service]\nMemoryMax=200M\nMemorySwapMax=0\n")
    large = "python3 -c 'bytearray(400 << 20)'"
    # Many processes, each smaller than the daemon.
    small = "(python3 -c 'import time; data = bytearray(30 << 20); time.sleep(3)' || echo ended) & "
    service.configure(f"    large: {large}\n    small: {small * 8} wait")
    service.systemctl("restart", "webhookd")
    pid = main_pid(service)
    assert service.ended(service.queue(branch="large"))["reason"] == "exit code 137"
    number = service.queue(branch="small")
    service.ended(number)
    assert "ended" in (service.log(number) or "")
    assert main_pid(service) == pid
    assert service.push(branch="other").status == 200


# -- the journal


def test_the_journal_finds_the_events_of_a_run_by_its_number(service: Booted) -> None:
    run = service.ended(service.queue())
    entries = service.journal(f"WEBHOOKD_RUN={run['run']}")
    phrases = [" ".join(entry["MESSAGE"].split()[:2]) for entry in entries]
    assert phrases == ["delivery queued", "run started", "run ended"]
    assert {entry["WEBHOOKD_DELIVERY"] for entry in entries[:2]} == {run["delivery"]}
    assert [entry["WEBHOOKD_TARGET"] for entry in entries[1:]] == ["octocat/blog@main"] * 2
    assert [entry["PRIORITY"] for entry in entries] == ["6", "6", "6"]


def test_with_log_journal_the_output_goes_to_the_journal_too(service: Booted) -> None:
    service.configure("    main: {run: 'echo one; printf two', log: journal}")
    service.systemctl("reload", "webhookd")
    number = service.queue()
    service.ended(number)
    entries = service.journal("SYSLOG_IDENTIFIER=webhookd-command", f"WEBHOOKD_RUN={number}")
    assert [entry["MESSAGE"] for entry in entries] == ["one", "two"]
    assert {entry["WEBHOOKD_TARGET"] for entry in entries} == {"octocat/blog@main"}
    assert service.log(number) == "one\ntwo"


def test_the_log_can_be_json_lines(service: Booted) -> None:
    command = f"{WEBHOOKD} serve --config /etc/webhookd/webhookd.yaml --log-format json"
    service.drop_in("test", f"[Service]\nExecStart=\nExecStart={command}\n")
    service.systemctl("restart", "webhookd")
    told = [entry["MESSAGE"] for entry in service.journal("-u", "webhookd", "-n", "20", "PRIORITY=6")]
    assert [line for line in told if '"message": "listening", "address": "127.0.0.1:9000"' in line]


# -- the doctor


def diagnosis(booted: Booted, level: str) -> list[str]:
    shown = json.loads(booted.webhookd("doctor", "--json", check=False).stdout)
    return [one["message"] for one in shown["findings"] if one["level"] == level]


def test_the_doctor_finds_no_problem_with_the_shipped_units(service: Booted) -> None:
    assert diagnosis(service, "problem") == []
    told = diagnosis(service, "ok")
    assert [message for message in told if message.endswith("as shipped")] == [
        f'"/etc/systemd/system/{unit}" is as shipped'
        for unit in ("webhookd.service", "webhookd.socket", "webhookd@.service")
    ]
    assert 'up, as "webhookd", on "/var/lib/webhookd"' in told
    assert "unix:/run/webhookd.sock answers, the daemon is healthy" in told


def test_the_doctor_sees_a_target_from_inside_the_sandbox(service: Booted) -> None:
    service.run("install", "-d", "-o", "webhookd", "/srv/site")
    service.configure("    main: {run: make, cwd: /srv/site}")
    service.systemctl("reload", "webhookd")
    assert diagnosis(service, "problem") == ['octocat/blog@main: "webhookd" may not write to "/srv/site"']
    service.drop_in("test", "[Service]\nReadWritePaths=/srv/site\n")
    service.systemctl("restart", "webhookd")
    assert diagnosis(service, "problem") == []


def test_the_doctor_reports_changed_units_and_readable_credentials(service: Booted) -> None:
    unit = service.path("/etc/systemd/system/webhookd.service")
    shipped = unit.read_text()
    service.path("/etc/webhookd/secret").chmod(0o644)
    unit.write_text(shipped.replace("WatchdogSec=30", "WatchdogSec=60"))
    told = diagnosis(service, "warning")
    unit.write_text(shipped)
    service.systemctl("daemon-reload")
    assert [message for message in told if "clock" not in message] == [
        '"/etc/systemd/system/webhookd.service" differs from the shipped one',
        '"/etc/webhookd/secret" can be read by users other than its owner',
    ]


# -- the units


@pytest.mark.parametrize("unit", ["webhookd.service", "webhookd.socket", "webhookd@alice.service"])
def test_systemd_analyze_reports_nothing_about_a_unit(booted: Booted, unit: str) -> None:
    verified = booted.run("systemd-analyze", "verify", unit)
    assert (verified.stdout, verified.stderr) == ("", "")


@pytest.mark.parametrize("unit", ["webhookd.service", "webhookd@.service"])
def test_a_unit_has_a_low_exposure(unit: str) -> None:
    command = ["systemd-analyze", "security", "--offline=true", "--threshold=20", str(UNITS / unit)]
    rated = subprocess.run(command, capture_output=True, text=True, check=False)
    assert rated.returncode == 0, rated.stdout.splitlines()[-1:]
