"""What an operator does without a push: deploy by hand, pause and resume a target, replay."""

import signal
from collections.abc import Callable

from daemon import Daemon
from harness import wait_for

Start = Callable[..., Daemon]


def test_a_deploy_by_hand_runs_at_once_without_a_commit(start: Start) -> None:
    daemon = start('    main: echo "$WEBHOOKD_REPO $WEBHOOKD_BRANCH ${WEBHOOKD_COMMIT-unset}"')
    assert daemon.run_command("deploy", "octocat/blog@main").stdout == "1\n"
    assert [run["state"] for run in daemon.wait_until_idle()] == ["succeeded"]
    assert daemon.run_command("logs", "1").stdout == "octocat/blog main unset\n"


def test_a_target_with_a_pattern_needs_a_ref(start: Start) -> None:
    daemon = start('    "preview/*": echo "$WEBHOOKD_BRANCH"')
    refused = daemon.run_command("deploy", "octocat/blog@preview/*", check=False)
    assert (refused.returncode, "name one with --ref" in refused.stderr) == (2, True)
    daemon.run_command("deploy", "octocat/blog@preview/*", "--ref", "preview/x")
    daemon.wait_until_idle()
    assert daemon.run_command("logs", "1").stdout == "preview/x\n"


def test_a_ref_that_the_target_does_not_match_is_refused(start: Start) -> None:
    daemon = start('    "preview/*": echo "$WEBHOOKD_BRANCH"')
    refused = daemon.run_command("deploy", "octocat/blog@preview/*", "--ref", "main", check=False)
    assert refused.returncode == 2
    assert 'would not run "octocat/blog@preview/*"' in refused.stderr
    assert daemon.runs() == []


def test_for_an_unknown_target_the_nearest_name_is_suggested(start: Start) -> None:
    daemon = start("    main: 'true'")
    refused = daemon.run_command("deploy", "octocat/blog@mian", check=False)
    assert refused.returncode == 1
    assert 'did you mean "octocat/blog@main"?' in refused.stderr


def test_pushes_to_a_paused_target_wait_until_it_is_resumed(start: Start) -> None:
    daemon = start("    main: 'true'")
    daemon.run_command("pause", "octocat/blog@main")
    assert daemon.push().status == 202
    assert "octocat/blog@main" in daemon.run_command("status").stdout.partition("paused")[2]
    assert [run["state"] for run in daemon.runs()] == ["queued"]
    daemon.run_command("resume", "octocat/blog@main")
    wait_for(lambda: [run["state"] for run in daemon.runs()] == ["succeeded"])


def test_status_and_pause_go_by_the_configuration_in_force(start: Start) -> None:
    daemon = start("    main: 'true'")
    daemon.change("    next: 'true'")
    status = daemon.run_command("status").stdout
    assert ("octocat/blog@main" in status, "octocat/blog@next" in status) == (True, False)
    for command in ("pause", "deploy"):
        refused = daemon.run_command(command, "octocat/blog@next", check=False)
        assert refused.returncode == 1
        assert refused.stderr.splitlines() == [
            'error: there is no target "octocat/blog@next"',
            "hint: the file has it, but it is not in force: `webhookd reload`",
        ]
    daemon.run_command("pause", "octocat/blog@main")
    daemon.run_command("reload")
    assert "octocat/blog@next" in daemon.run_command("status").stdout
    daemon.config.write_text("repos: [")
    daemon.run_command("pause", "octocat/blog@next", "--state-dir", str(daemon.state_dir))


def test_a_daemon_that_waits_says_for_what_and_a_second_signal_hurries_it(start: Start) -> None:
    daemon = start("    main: sleep 60")
    assert "stopping" not in daemon.run_command("status").stdout
    daemon.push()
    wait_for(lambda: "run started" in daemon.log, what="a command to run")
    assert daemon.process is not None
    daemon.process.send_signal(signal.SIGINT)
    said = "stopping when the running commands have ended - another signal ends them now"
    wait_for(lambda: f"{said} running=octocat/blog@main" in daemon.log)
    assert daemon.run_command("status").stdout.startswith("daemon   stopping (pid ")
    waiting = daemon.run_command("deploy", "octocat/blog@main").stderr
    assert "run 2 waits: the daemon is stopping (the next one starts it)" in waiting
    assert "the daemon is stopping" in daemon.run_command("runs").stdout
    assert "!  warning  daemon         stopping: it starts no runs" in daemon.run_command("doctor").stdout
    assert daemon.stop(signal.SIGINT) == 0
    assert daemon.run_command("status", check=False).stdout.startswith("daemon   down")


def test_deploy_runs_and_logs_print_why_a_run_waits(start: Start) -> None:
    daemon = start("    main: 'true'")
    daemon.run_command("pause", "octocat/blog@main")
    waits = "its target is paused"
    way_out = f"run 1 waits: {waits} (`webhookd resume octocat/blog@main` ends that)\n"
    queued = daemon.run_command("deploy", "octocat/blog@main")
    assert (queued.stdout, queued.stderr.splitlines(keepends=True)[1:]) == ("1\n", [way_out])
    assert waits in daemon.run_command("runs").stdout
    assert waits in daemon.run_command("runs", "1").stdout
    assert daemon.run_command("logs", "1").stderr.endswith(way_out)
    daemon.stop()
    again = daemon.run_command("deploy", "octocat/blog@main").stderr
    assert "run 2 waits: the daemon is down" in again
    assert "run 2 waits: its target is paused" in again


def test_a_run_behind_another_names_it(start: Start) -> None:
    daemon = start("    main: sleep 60")
    daemon.run_command("deploy", "octocat/blog@main")
    wait_for(lambda: [run["state"] for run in daemon.runs()] == ["running"])
    assert (
        "run 2 waits: run 1 is running in its lane\n"
        in daemon.run_command("deploy", "octocat/blog@main").stderr
    )
    daemon.run_command("cancel", "1")
    wait_for(lambda: daemon.runs()[0]["state"] == "cancelled")
    daemon.run_command("cancel", "2")
    assert daemon.run_command("logs", "1").stderr == "run 1: cancelled\n"


def test_an_ignored_delivery_can_be_replayed_with_a_new_configuration(start: Start) -> None:
    daemon = start("    main: 'true'")
    assert daemon.push(branch="next", commit="c" * 40, delivery="missed").body["status"] == "ignored"
    daemon.repos += "\n    next: echo $WEBHOOKD_COMMIT"
    daemon.stop()
    daemon.start()
    assert daemon.run_command("replay", "missed").stdout == "1\n"
    daemon.wait_until_idle()
    assert daemon.run_command("logs", "1").stdout == "c" * 40 + "\n"


def test_replay_prints_why_a_run_waits(start: Start) -> None:
    daemon = start("    main: 'true'")
    daemon.push(branch="next", delivery="missed")
    daemon.repos += "\n    next: 'true'"
    daemon.stop()
    daemon.write_config()
    assert "\nrun 1 waits: the daemon is down" in daemon.run_command("replay", "missed").stderr


def test_replaying_a_delivery_that_has_just_succeeded_queues_nothing(start: Start) -> None:
    daemon = start("    main: 'true'")
    daemon.push(delivery="done")
    daemon.wait_until_idle()
    again = daemon.run_command("replay", "done")
    assert (again.stdout, again.stderr) == ("1\n", "duplicate\n")
    assert len(daemon.runs()) == 1


def test_an_unknown_delivery_cannot_be_replayed(start: Start) -> None:
    refused = start("    main: 'true'").run_command("replay", "nowhere", check=False)
    assert (refused.returncode, 'there is no delivery "nowhere"' in refused.stderr) == (1, True)
