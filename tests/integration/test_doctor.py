"""The checks of the doctor: targets, store, units, and its probes for every forge."""

import os
import pwd
import shutil
import subprocess
import sys
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from factories import make_hook, make_secret, make_target

from webhookd.cli import doctor_host
from webhookd.config import accounts
from webhookd.deploy.preflight import examine
from webhookd.intake import receive
from webhookd.intake.signing import Probe, probe_body, probe_headers
from webhookd.models.delivery import Request
from webhookd.models.run import Finding, Level
from webhookd.models.settings import Forge
from webhookd.queue import Store

ME = accounts.user_name(os.geteuid())
ROOT = Path(__file__).parents[2]
SIGNING = "whsec_" + "c2VjcmV0" * 4


def found(**over: Any) -> list[tuple[Level, str]]:
    """The findings about a target called x@main, without its name."""
    return [
        (one.level, one.message.removeprefix("x@main: "))
        for one in examine(make_target(name="x@main", **over))
    ]


def levels(findings: list[Finding]) -> list[Level]:
    return [finding.level for finding in findings]


# -- targets


def test_a_good_target_is_reported_with_user_folder_and_program(tmp_path: Path) -> None:
    ((level, message),) = found(run=("ls", "-l"), cwd=tmp_path, env=(("PATH", os.environ["PATH"]),))
    assert level is Level.OK
    assert message.startswith(f"as {ME} (")
    assert f"in {tmp_path}, HOME={pwd.getpwuid(os.geteuid()).pw_dir}, PATH={os.environ['PATH']}, " in message
    assert message.endswith(f"runs {shutil.which('ls')} -l")


def test_the_path_is_the_one_the_command_will_have(tmp_path: Path) -> None:
    tool = tmp_path / "tool"
    tool.touch(mode=0o755)
    message = (Level.PROBLEM, f'there is no program "tool" for "{ME}"')
    assert found(run=("tool",), cwd=tmp_path) == [message]
    assert found(run=("tool",), cwd=tmp_path, env=(("PATH", f"{tmp_path}:/usr/bin"),))[0][0] is Level.OK


def test_a_path_without_the_usual_programs_is_checked_like_any_other(tmp_path: Path) -> None:
    (tmp_path / "deploy").touch(mode=0o755)
    nowhere = (("PATH", "/nonexistent"),)
    ((level, message),) = found(run=("./deploy",), cwd=tmp_path, env=nowhere)
    assert (level, "()" in message) == (Level.OK, False)
    assert found(run=("ls",), cwd=tmp_path, env=nowhere)[0][0] is Level.PROBLEM


def test_a_program_may_be_named_by_its_place_in_the_working_folder(tmp_path: Path) -> None:
    (tmp_path / "deploy").touch(mode=0o755)
    assert found(run=("./deploy",), cwd=tmp_path)[0][0] is Level.OK


def test_a_missing_folder_is_the_only_problem_reported(tmp_path: Path) -> None:
    folder = tmp_path / "nowhere"
    assert found(run=("./deploy",), cwd=folder, on_delete="true") == [
        (Level.PROBLEM, f'"{folder}" is no folder that "{ME}" may enter')
    ]


@pytest.mark.skipif(os.geteuid() != 0, reason="looking as another user takes root")
def test_a_folder_that_the_user_may_not_write_to_is_a_problem() -> None:
    assert found(user="nobody", group="nogroup", cwd=Path("/usr"), run=("none",)) == [
        (Level.PROBLEM, '"nobody" may not write to "/usr"'),
        (Level.PROBLEM, 'there is no program "none" for "nobody"'),
    ]
    assert len(found(user="nobody", group="nogroup", cwd=Path("/usr"), run="true")) == 1


@pytest.mark.skipif(os.geteuid() != 0, reason="looking as another user takes root")
def test_a_missing_home_is_a_warning_that_names_where_commands_start() -> None:
    folder, (level, said) = found(user="nobody", group="nogroup", run="true", on_delete="false")
    assert folder == (
        Level.WARNING,
        '"/nonexistent" is no folder that "nobody" may enter: commands start in "/"',
    )
    assert (level, "(nogroup) in /, HOME=/nonexistent, " in said) == (Level.OK, True)


def test_a_target_with_two_commands_is_listed_once(tmp_path: Path) -> None:
    ((level, message),) = found(run="true", on_delete=("rm", "-r", "x"), cwd=tmp_path)
    assert level is Level.OK
    assert message.endswith(f", runs /bin/sh, on deletion runs {shutil.which('rm')} -r x")


@pytest.mark.parametrize(
    "script", ["./deploy", " ./deploy --all; true", "bin/deploy && true", "/opt/x/deploy"]
)
def test_a_script_that_begins_with_a_missing_program_is_a_problem(tmp_path: Path, script: str) -> None:
    program = script.split(maxsplit=1)[0].rstrip(";")
    missing = [(Level.PROBLEM, f'there is no program "{program}" for "{ME}"')]
    assert found(run=script, cwd=tmp_path) == missing
    if not program.startswith("/"):
        (tmp_path / program).parent.mkdir(exist_ok=True)
        (tmp_path / program).touch(mode=0o644)
        assert found(run=script, cwd=tmp_path) == missing  # it is there, and cannot be executed
        (tmp_path / program).chmod(0o755)
        assert [level for level, _ in found(run=script, cwd=tmp_path)] == [Level.OK]


@pytest.mark.parametrize(
    "script",
    [
        *("cd /srv && ./deploy", "set -x\n./deploy", "if true; then ./deploy; fi", "{ ./deploy; }"),
        *("X=1 ./deploy", "# deploy\n./deploy", '"$HOME"/deploy', "~/deploy", "make() { :; }; make"),
    ],
)
def test_what_a_shell_would_have_to_tell_is_not_guessed(tmp_path: Path, script: str) -> None:
    assert [level for level, _ in found(run=script, cwd=tmp_path)] == [Level.OK]


@pytest.mark.skipif(os.geteuid() != 0, reason="a mount takes root")
def test_a_home_that_the_unit_hides_is_not_called_missing() -> None:
    look = """
from factories import make_target
from webhookd.deploy.preflight import examine
finding = next(examine(make_target(run="true", env=(("HOME", "/home/anna"),))))
print(finding.message, finding.hint)
"""
    script = 'mount -t tmpfs -o mode=755 tmpfs /home && exec "$@"'
    hide = ("unshare", "--mount", "--propagation", "private", "sh", "-c", script, "sh")
    environ = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
    command = [*hide, sys.executable, "-c", look]
    shown = subprocess.run(command, env=environ, capture_output=True, text=True, check=True).stdout
    assert "hidden from the daemon and its commands by the unit's ProtectHome=" in shown
    assert "ProtectHome=no in a drop-in shows it" in shown


def test_a_home_that_the_target_names_is_where_its_commands_start(tmp_path: Path) -> None:
    ((_, message),) = found(run="true", env=(("HOME", str(tmp_path)),))
    assert f" in {tmp_path}, HOME={tmp_path}, " in message


def test_a_missing_user_is_a_problem() -> None:
    assert found(user="no-such-user") == [(Level.PROBLEM, 'there is no user "no-such-user"')]


def test_a_script_with_a_syntax_error_is_a_problem(tmp_path: Path) -> None:
    ((level, message),) = found(run="if true", cwd=tmp_path)
    assert level is Level.PROBLEM
    assert "the script is none that a shell understands" in message


def test_the_command_for_a_deletion_is_checked_too(tmp_path: Path) -> None:
    assert [level for level, _ in found(run="true", on_delete=("no-such-program",), cwd=tmp_path)] == [
        Level.PROBLEM,
        Level.OK,
    ]


# -- probes


@pytest.mark.parametrize("probe", Probe)
@pytest.mark.parametrize("forge", Forge)
def test_a_probe_is_authentic_for_its_forge_and_runs_nothing(forge: Forge, probe: Probe) -> None:
    secrets = (make_secret(SIGNING),) if forge is Forge.GITLAB else (make_secret(),)
    tokens = (make_secret("token"),) if forge is Forge.GITLAB else ()
    hook = make_hook(forge=forge, secrets=secrets, tokens=tokens)
    now = datetime.now(UTC)
    headers = {name.lower(): value for name, value in probe_headers(probe, hook=hook, now=now).items()}
    decision = receive(Request(headers=headers, body=probe_body(probe)), hook=hook, repositories=(), now=now)
    assert (decision.matches, decision.reason != "") == ((), True)


# -- the machine


def test_a_sound_store_is_reported_with_its_counts(tmp_path: Path) -> None:
    Store.open(tmp_path / "webhookd.db").close()
    (finding,) = doctor_host.check_store(tmp_path)
    assert (finding.level, finding.message) == (Level.OK, f'"{tmp_path}" is sound: 0 queued, 0 running')


def test_a_damaged_store_is_a_problem(tmp_path: Path) -> None:
    (tmp_path / "webhookd.db").write_bytes(b"no database at all" * 1000)
    assert levels(list(doctor_host.check_store(tmp_path))) == [Level.PROBLEM]


def test_the_disk_and_the_clock_are_checked(tmp_path: Path) -> None:
    assert [one.check for one in (*doctor_host.check_disk(tmp_path), *doctor_host.check_clock([]))] == [
        "disk",
        "clock",
    ]


def test_a_clock_that_is_not_synchronised_is_a_warning_only_with_gitlab(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(doctor_host, "_TIME_ERROR", doctor_host.clock_state())  # as if it were so now
    (without,) = doctor_host.check_clock([Forge.GITHUB])
    (having,) = doctor_host.check_clock([Forge.GITHUB, Forge.GITLAB])
    assert (without.level, having.level) == (Level.OK, Level.WARNING)
    assert without.message.endswith("the clock is not synchronised")


def test_a_changed_unit_is_reported(tmp_path: Path) -> None:
    shipped = ROOT / "systemd"
    shutil.copy(shipped / "webhookd.socket", tmp_path)
    changed = (shipped / "webhookd.service").read_text().replace("WatchdogSec=30", "WatchdogSec=5")
    (tmp_path / "webhookd.service").write_text(changed)
    service, socket = doctor_host.check_drift(shipped, folders=[tmp_path / "empty", tmp_path])
    assert (service.level, service.message) == (
        Level.WARNING,
        f'"{tmp_path}/webhookd.service" differs from the shipped one',
    )
    assert (socket.level, socket.message) == (Level.OK, f'"{tmp_path}/webhookd.socket" is as shipped')
