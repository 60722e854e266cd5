"""What a command will find when it starts: its user, its folder, its program.

Looked at by a child that is that user and stands in that folder. Where the daemon itself does it, its sandbox
counts.
"""

import re
import shlex
import subprocess
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TypeAlias

from webhookd.deploy.environment import Account, account_environment
from webhookd.deploy.planning import LaunchFailed, account_of
from webhookd.models.run import Finding, Level
from webhookd.models.settings import Target

CHECK = "target"
_FIRST_WORD = re.compile(r"\s*([\w./+-]+)(?=[\s;&|]|\Z)", re.ASCII)
_PATIENCE = 10.0  # seconds; a folder may be on a network that hangs

# Prints the groups, then what is wrong with the folder, then a line for each program: its place, or nothing.
_LOOK = """
groups=$(PATH=/usr/bin:/bin; id -Gn)
echo "$groups"
if ! cd -- "$1" 2>/dev/null; then echo closed; elif [ ! -w . ]; then echo read-only; else echo fine; fi
shift
for program; do
    place=$(command -v -- "$program")
    case $place in */*) [ -f "$place" ] && [ -x "$place" ] || place= ;; esac
    echo "$place"
done
"""

Command: TypeAlias = str | tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class _Stage:
    """Where the commands of a target run: as whom, with which variables, in which folder."""

    target: Target
    account: Account

    @property
    def environment(self) -> dict[str, str]:
        return account_environment(self.target, self.account)

    @property
    def folder(self) -> str:
        return str(self.target.cwd or self.environment["HOME"])

    def finding(self, level: Level, message: str, hint: str = "") -> Finding:
        return Finding(check=CHECK, level=level, message=f"{self.target.name}: {message}", hint=hint)


def examine(target: Target) -> Iterator[Finding]:
    """Look at everything that the commands of *target* need."""
    try:
        stage = _Stage(target=target, account=account_of(target))
    except LaunchFailed as error:
        what = f"{target.name}: {error}"
        yield Finding.problem(CHECK, what, "make it, or write another name")
        return
    commands = {"runs": target.run}
    if target.on_delete not in {None, target.run}:
        commands["on deletion runs"] = target.on_delete
    try:
        groups, state, places = _look(stage, [_program(command) for command in commands.values()])
    except (OSError, subprocess.SubprocessError) as error:
        message = f'nothing can run as "{stage.account.name}": {error}'
        yield stage.finding(Level.PROBLEM, message, "see the log of a run")
        return
    if state != "fine":
        yield _about_folder(stage, state)
    if state == "closed" and target.cwd is not None:
        return  # no command starts, and what a relative path leads to is not to be told
    judged = [
        (when, command, place, _problem_of(stage, command, place))
        for (when, command), place in zip(commands.items(), places, strict=True)
    ]
    yield from dict.fromkeys(problem for *_, problem in judged if problem)
    fine = [
        f"{when} {shlex.join(['/bin/sh'] if isinstance(command, str) else [place, *command[1:]])}"
        for when, command, place, problem in judged
        if not problem
    ]
    if fine and (state == "fine" or target.cwd is None):
        folder = "/" if state == "closed" else stage.folder
        variables = ", ".join(f"{name}={stage.environment[name]}" for name in ("HOME", "PATH"))
        said = f"as {stage.account.name} ({groups}) in {folder}, {variables}, {', '.join(fine)}"
        yield stage.finding(Level.OK, said)


def _program(command: Command) -> str:
    """Return the program that *command* starts with: of a script its first word, if that is a plain one."""
    if not isinstance(command, str):
        return command[0]
    first = _FIRST_WORD.match(command)
    return first[1] if first else "/bin/sh"


def _look(stage: _Stage, programs: Sequence[str]) -> tuple[str, str, list[str]]:
    uid, gid = stage.account.uid, stage.account.gid
    looked = subprocess.run(
        ["/bin/sh", "-c", _LOOK, "sh", stage.folder, *programs],
        cwd="/",
        env=stage.environment,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        timeout=_PATIENCE,
        user=uid,
        group=gid,
        extra_groups=None if uid is None and gid is None else [],
        check=False,
    )
    said = looked.stdout.decode(errors="replace").splitlines()
    if len(said) != 2 + len(programs):
        raise subprocess.SubprocessError("the shell did not say what it was asked for")
    groups, state, *places = said
    return groups.replace(" ", ","), state, places


def _about_folder(stage: _Stage, state: str) -> Finding:
    """Judge the folder: one that somebody named has to be of use, a home that is none is no surprise."""
    user, folder, is_home = stage.account.name, stage.folder, stage.target.cwd is None
    level = Level.WARNING if is_home else Level.PROBLEM
    if state == "read-only":
        command = f"chown {user}: {shlex.quote(folder)}"
        hint = f"as root `{command}`; under systemd also ReadWritePaths={folder}"
        return stage.finding(level, f'"{user}" may not write to "{folder}"', hint)
    what, hint = f'is no folder that "{user}" may enter', "make it, or set `cwd` to another"
    if _is_hidden(folder):
        what = "is hidden from the daemon and its commands by the unit's ProtectHome="
        hint = "ProtectHome=no in a drop-in shows it; or set `cwd`, and HOME in `env`, to another"
    so = ': commands start in "/"' if is_home else ""
    return stage.finding(level, f'"{folder}" {what}{so}', hint)


def _is_hidden(folder: str) -> bool:
    """Return whether something empty lies over the homes: ProtectHome in systemd.exec(5)."""
    tops = [top for top in ("/home", "/root", "/run/user") if f"{folder}/".startswith(f"{top}/")]
    mounts = [line.split() for line in Path("/proc/self/mountinfo").read_text().splitlines()]  # proc(5)
    return any(
        mount[4] in tops and ("/systemd/inaccessible/" in mount[3] or mount[mount.index("-") + 1] == "tmpfs")
        for mount in mounts
    )


def _problem_of(stage: _Stage, command: Command, place: str) -> Finding | None:
    """Return why *command*, whose program is at *place*, cannot run."""
    if not place:
        what = f'there is no program "{_program(command)}" for "{stage.account.name}"'
        hint = f"install it, or name it with its path; PATH is {stage.environment['PATH']}"
        return stage.finding(Level.PROBLEM, what, hint)
    if not isinstance(command, str):
        return None
    read = subprocess.run(
        ["/bin/sh", "-n", "-c", command],
        stdin=subprocess.DEVNULL,
        capture_output=True,
        timeout=_PATIENCE,
        check=False,
    )
    if read.returncode == 0:
        return None
    wrong = read.stderr.decode(errors="replace").strip()
    return stage.finding(Level.PROBLEM, f"the script is none that a shell understands: {wrong}", "see sh(1)")
