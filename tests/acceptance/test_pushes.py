"""The main job, from outside: signed pushes arrive, commands run, an operator reads the results."""

import json
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from urllib.parse import urlencode

import pytest
from daemon import Daemon, push_payload, signed
from harness import wait_for

Start = Callable[..., Daemon]

HOSTILE = "x;touch${IFS}pwned;$(id)`id`"


def test_a_signed_push_runs_its_command(start: Start) -> None:
    daemon = start('    main: echo "deploying $WEBHOOKD_COMMIT for $WEBHOOKD_PUSHER"')
    answer = daemon.push(commit="a" * 40, delivery="d-1")
    expected = {"status": "queued", "delivery": "d-1", "runs": [{"run": 1, "target": "octocat/blog@main"}]}
    assert (answer.status, answer.body) == (202, expected)
    (run,) = daemon.wait_until_idle()
    assert (run["state"], run["exit_code"], run["commit"], run["delivery"]) == (
        "succeeded",
        0,
        "a" * 40,
        "d-1",
    )
    assert daemon.run_command("logs", "1").stdout == f"deploying {'a' * 40} for octocat\n"


def test_a_wrong_secret_runs_nothing_and_gets_no_reason(start: Start) -> None:
    daemon = start("    main: echo deployed")
    answer = daemon.push(secret="wrong")
    assert (answer.status, answer.body) == (
        401,
        {"status": "rejected", "reason": "signature missing or wrong"},
    )
    assert daemon.runs() == []
    wait_for(lambda: 'cause="signature wrong"' in daemon.log, what="a log line about the rejection")


def test_a_branch_name_reaches_the_command_only_as_a_value(start: Start, tmp_path: Path) -> None:
    daemon = start(f'    "**": {{run: "printf %s \\"$WEBHOOKD_BRANCH\\"", cwd: {tmp_path}}}')
    assert daemon.push(branch=HOSTILE).status == 202
    (run,) = daemon.wait_until_idle()
    assert (run["state"], run["ref"]) == ("succeeded", f"refs/heads/{HOSTILE}")
    assert daemon.run_command("logs", "1").stdout == HOSTILE
    assert not list(tmp_path.rglob("pwned"))


def test_the_environment_is_built_from_nothing(start: Start, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CREDENTIALS_DIRECTORY", "/run/credentials")
    daemon = start("    main: {run: env, env: {COLOUR: blue}}")
    daemon.push()
    daemon.wait_until_idle()
    names = {line.partition("=")[0] for line in daemon.run_command("logs", "1").stdout.splitlines()}
    ours = {name for name in names if name.startswith("WEBHOOKD_")}
    # PWD, OLDPWD, SHLVL and _ are the shell's own.
    others = names - ours - {"PWD", "OLDPWD", "SHLVL", "_"}
    assert others == {"PATH", "HOME", "USER", "LOGNAME", "SHELL", "LANG", "COLOUR"}
    assert {"WEBHOOKD_RUN", "WEBHOOKD_PAYLOAD", "WEBHOOKD_BRANCH"} <= ours
    assert "WEBHOOKD_TAG" not in ours


def test_the_payload_is_a_private_file_with_the_forges_json(start: Start) -> None:
    daemon = start('    main: stat -c %a "$WEBHOOKD_PAYLOAD"; cat "$WEBHOOKD_PAYLOAD"')
    payload = push_payload()
    daemon.push(payload)
    daemon.wait_until_idle()
    mode, _, text = daemon.run_command("logs", "1").stdout.partition("\n")
    assert (mode, json.loads(text)) == ("600", payload)


def test_of_200_pushes_at_once_none_is_lost_or_run_twice_at_once(start: Start, tmp_path: Path) -> None:
    script = (
        'mkdir "$WEBHOOKD_BRANCH.lane" || touch overlap; '
        'echo "$WEBHOOKD_COMMIT" >> "$WEBHOOKD_BRANCH.done"; sleep 0.01; rmdir "$WEBHOOKD_BRANCH.lane"'
    )
    daemon = start(f"    '*': {{run: '{script}', cwd: {tmp_path}, overlap: queue}}")
    payloads = [push_payload(branch=f"b{number % 20}") for number in range(200)]
    with ThreadPoolExecutor(16) as pool:
        answers = list(pool.map(daemon.push, payloads))
    assert [answer.status for answer in answers] == [202] * 200
    runs = daemon.wait_until_idle(deadline=120)
    assert {run["state"] for run in runs} == {"succeeded"}
    done = sorted(line for file in tmp_path.glob("*.done") for line in file.read_text().split())
    assert done == sorted(payload["after"] for payload in payloads)
    assert not (tmp_path / "overlap").exists()


def test_during_a_run_only_the_newest_push_waits(start: Start, tmp_path: Path) -> None:
    daemon = start(f"    main: until [ -e {tmp_path}/go ]; do sleep 0.02; done")
    daemon.push()
    wait_for(lambda: daemon.runs()[0]["state"] == "running")
    for _ in range(3):
        daemon.push()
    (tmp_path / "go").touch()
    runs = daemon.wait_until_idle()
    assert [(run["state"], run["superseded_by"]) for run in runs] == [
        ("succeeded", None),
        ("superseded", 3),
        ("superseded", 4),
        ("succeeded", None),
    ]


def test_a_command_is_ended_at_its_time_limit(start: Start) -> None:
    daemon = start("    main: {run: sleep 600, timeout: 1s, grace: 1s}")
    daemon.push()
    (run,) = daemon.wait_until_idle()
    assert (run["state"], run["reason"]) == ("timed_out", "ran into its time limit of 1 s")


def test_logs_follow_prints_output_at_once_and_ends_with_the_run(start: Start, tmp_path: Path) -> None:
    daemon = start(f"    main: echo begun; until [ -e {tmp_path}/go ]; do sleep 0.02; done; echo ended")
    daemon.push()
    outputs: list[str] = []
    follower = threading.Thread(target=lambda: outputs.append(daemon.run_command("logs", "-f", "1").stdout))
    follower.start()
    wait_for(lambda: daemon.run_command("logs", "1").stdout == "begun\n")
    (tmp_path / "go").touch()
    follower.join()
    assert outputs == ["begun\nended\n"]


def test_the_log_says_that_another_hooks_secret_was_used(start: Start, tmp_path: Path) -> None:
    (tmp_path / "other").touch(mode=0o600)
    (tmp_path / "other").write_text("the secret of the other hook")
    daemon = start(
        "    hook: github\n    branches: {main: 'true'}",
        settings=f"hooks: {{other: {{forge: github, secret: {{file: {tmp_path}/other}}}}}}",
    )
    assert daemon.push(secret="the secret of the other hook").status == 401
    wait_for(lambda: "request rejected" in daemon.log)
    line = next(line for line in daemon.log.splitlines() if "request rejected" in line)
    assert 'cause="another configured secret"' in line
    assert "the secret of" not in daemon.log


def test_the_log_says_that_a_form_was_signed_as_its_json(start: Start) -> None:
    daemon = start("    main: 'true'")
    text = json.dumps(push_payload()).encode()
    headers = signed(text) | {"Content-Type": "application/x-www-form-urlencoded"}
    body = urlencode({"payload": text}).encode()
    assert daemon.request("POST", "/github-webhook", body=body, headers=headers).status == 401
    wait_for(lambda: "request rejected" in daemon.log)
    assert 'cause="body form-encoded"' in daemon.log
