"""A reload while the daemon runs: a correct file is applied, a wrong one changes nothing."""

import signal
from collections.abc import Callable
from pathlib import Path

import pytest
from daemon import Daemon
from harness import wait_for

Start = Callable[..., Daemon]

WAITS = (
    "{{cwd: {folder}, run: 'touch $WEBHOOKD_RUN.begun; until [ -e go ]; do sleep 0.02; done; echo {word}'}}"
)


def output(daemon: Daemon, run: int) -> str:
    return daemon.run_command("logs", str(run)).stdout


def test_a_correct_file_is_applied_at_once(start: Start) -> None:
    daemon = start("    main: echo old")
    daemon.change("    main: echo new\n    dev: echo dev")
    assert daemon.run_command("reload").stdout == f"{daemon.config}: in force\n"
    assert daemon.push(branch="dev").status == 202
    assert daemon.push().status == 202
    daemon.wait_until_idle()
    assert [output(daemon, 1), output(daemon, 2)] == ["dev\n", "new\n"]


def test_a_wrong_file_changes_nothing_and_all_its_errors_are_listed(start: Start) -> None:
    daemon = start("    main: echo old")
    daemon.change("    main: {run: echo new, timeout: soon, overlp: queue}", settings="workers: many")
    refused = daemon.run_command("reload", check=False)
    assert refused.returncode == 78
    assert refused.stdout == ""
    assert [word for word in ("timeout", "overlp", "workers") if word not in refused.stderr] == []
    assert refused.stderr.endswith("the old configuration stays in force\n")
    daemon.push()
    daemon.change("    main: echo never in force")
    daemon.wait_until_idle()
    assert output(daemon, 1) == "old\n"


def test_a_running_command_keeps_its_rules_and_waiting_runs_get_the_new_ones(
    start: Start, tmp_path: Path
) -> None:
    daemon = start(f"    main: {WAITS.format(folder=tmp_path, word='old')}")
    daemon.push()
    wait_for((tmp_path / "1.begun").exists, what="the first run")
    daemon.push()
    daemon.change("    main: echo new")
    daemon.run_command("reload")
    (tmp_path / "go").touch()
    assert [run["state"] for run in daemon.wait_until_idle()] == ["succeeded", "succeeded"]
    assert [output(daemon, 1), output(daemon, 2)] == ["old\n", "new\n"]


def test_waiting_runs_of_a_removed_target_are_cancelled_with_the_reason(start: Start, tmp_path: Path) -> None:
    daemon = start(f"    main: {WAITS.format(folder=tmp_path, word='old')}")
    daemon.push()
    wait_for((tmp_path / "1.begun").exists, what="the first run")
    daemon.push()
    daemon.change("    dev: echo dev")
    daemon.run_command("reload")
    (tmp_path / "go").touch()
    first, second = daemon.wait_until_idle()
    assert (first["state"], output(daemon, 1)) == ("succeeded", "old\n")
    assert (second["state"], second["reason"]) == ("cancelled", "its target is no longer configured")
    wait_for(lambda: "run cancelled run=2 target=octocat/blog@main" in daemon.log, what="a log line about it")


def test_a_change_that_needs_a_restart_is_refused_and_says_so(start: Start) -> None:
    daemon = start("    main: echo old")
    daemon.change("    main: echo new", port=1)
    refused = daemon.run_command("reload", check=False)
    assert refused.returncode == 1
    assert refused.stderr.splitlines() == [
        "error: listen cannot change while the daemon runs",
        "hint: `systemctl restart webhookd` changes it; or put the old value back",
        "the old configuration stays in force",
    ]
    daemon.push()
    daemon.wait_until_idle()
    assert output(daemon, 1) == "old\n"


@pytest.mark.parametrize("beside", [(), ("--state-dir",)])
def test_a_file_other_than_the_daemons_is_refused_and_the_daemons_is_named(
    start: Start, tmp_path: Path, beside: tuple[str, ...]
) -> None:
    daemon = start("    main: echo old")
    other = tmp_path / "other.yaml"
    if beside:
        beside = (*beside, str(daemon.state_dir))  # then the command needs no configuration
    else:
        other.write_text(daemon.config.read_text())
    refused = daemon.run_command("reload", "--config", str(other), *beside, check=False)
    assert (refused.returncode, refused.stdout) == (1, "")
    assert refused.stderr.splitlines() == [
        f'error: the daemon on "{daemon.state_dir}" uses "{daemon.config}", not "{other}"',
        "hint: name that file; to use another one, restart the daemon with it",
    ]
    assert "configuration reloaded" not in daemon.log


def test_the_daemons_file_can_be_given_as_a_link_or_not_at_all(start: Start, tmp_path: Path) -> None:
    daemon = start("    main: echo old")
    link = tmp_path / "link.yaml"
    link.symlink_to(daemon.config)
    for named in (("--config", str(link)), ("--state-dir", str(daemon.state_dir))):
        assert daemon.run_command("reload", *named).stdout == f"{daemon.config}: in force\n"


def test_a_changed_state_directory_gets_the_hint_to_restart(start: Start) -> None:
    daemon = start("    main: echo old")
    moved = daemon.config.read_text().replace(str(daemon.state_dir), f"{daemon.folder}/elsewhere")
    daemon.config.write_text(moved)
    refused = daemon.run_command("reload", check=False)
    assert (refused.returncode, refused.stderr.splitlines()) == (
        1,
        [
            f'error: no daemon runs on "{daemon.folder}/elsewhere"',
            "hint: start it; a change of `state_dir` needs a restart: systemctl restart webhookd",
        ],
    )


def test_sighup_reloads_too(start: Start) -> None:
    daemon = start("    main: echo old")
    assert daemon.process is not None
    daemon.change("    main: {run: echo new, nonsense: 1}")
    daemon.process.send_signal(signal.SIGHUP)
    wait_for(lambda: "reload refused problem=" in daemon.log, what="the refusal")
    assert "repos.octocat/blog.main.nonsense" in daemon.log
    daemon.change("    main: echo new")
    daemon.process.send_signal(signal.SIGHUP)
    wait_for(lambda: "configuration reloaded" in daemon.log, what="the reload")
    daemon.push()
    daemon.wait_until_idle()
    assert output(daemon, 1) == "new\n"


def test_after_a_reload_the_new_secret_is_accepted_and_the_old_one_is_not(start: Start) -> None:
    daemon = start("    main: echo deployed")
    (daemon.folder / "secret").write_text("a secret that is quite new\n")
    daemon.run_command("reload")
    assert daemon.push().status == 401
    assert daemon.push(secret="a secret that is quite new").status == 202


def test_without_a_daemon_there_is_nothing_to_reload(start: Start) -> None:
    daemon = start("    main: echo deployed")
    daemon.stop()
    refused = daemon.run_command("reload", check=False)
    assert (refused.returncode, refused.stderr.splitlines()[0]) == (
        1,
        f'error: no daemon runs on "{daemon.state_dir}"',
    )


def test_a_restart_also_applies_the_new_rules_to_waiting_runs(start: Start, tmp_path: Path) -> None:
    daemon = start(f"    main: {WAITS.format(folder=tmp_path, word='old')}", settings="drain_timeout: 0s")
    daemon.push()
    wait_for((tmp_path / "1.begun").exists, what="the first run")
    daemon.push()
    assert daemon.stop() == 0
    daemon.change("    dev: echo dev")
    daemon.start()
    assert {run["state"] for run in daemon.wait_until_idle()} <= {"cancelled", "superseded"}
