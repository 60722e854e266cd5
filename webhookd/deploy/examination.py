"""What a command will find when it starts: its user, its folder, its program.

Looked at by a child that is that user and stands in that folder. Where the daemon itself does it, its sandbox
counts.
"""

import shlex
import subprocess
from collections.abc import Iterator

from webhookd.deploy.environment import Account, account_environment
from webhookd.deploy.jobs import account_of
from webhookd.errors import LaunchFailed
from webhookd.models import Finding, Level, Target

CHECK = "target"
_PATIENCE = 10.0  # seconds; a folder may be on a network that hangs

# Prints the groups, then what is wrong with the folder, then where the program is.
_LOOK = """
id -Gn | tr ' ' ','
if ! cd -- "$1" 2>/dev/null; then echo closed; elif [ ! -w . ]; then echo read-only; else echo fine; fi
command -v -- "$2"
"""


def examine(target: Target) -> Iterator[Finding]:
    """Look at everything that the commands of *target* need."""
    try:
        account, uid, gid = account_of(target)
    except LaunchFailed as error:
        yield _problem(target, str(error), "make it, or write another name")
        return
    environment = account_environment(target, account)
    commands = [target.run] if target.on_delete is None else [target.run, target.on_delete]
    for command in dict.fromkeys(commands):
        yield from _examine(target, command, account, environment, (uid, gid))


def _examine(
    target: Target,
    command: str | tuple[str, ...],
    account: Account,
    environment: dict[str, str],
    ids: tuple[int | None, int | None],
) -> Iterator[Finding]:
    folder = str(target.cwd or account.home)
    program = "/bin/sh" if isinstance(command, str) else command[0]
    try:
        groups, state, place = _look(folder, program, environment, ids)
    except (OSError, subprocess.SubprocessError) as error:
        yield _problem(target, f'nothing can run as "{account.name}": {error}', "see the log of a run")
        return
    yield from _about_folder(target, folder, state, account)
    if not place:
        what = f'there is no program "{program}" for "{account.name}"'
        yield _problem(target, what, f"install it, or name it with its path; PATH is {environment['PATH']}")
        return
    wrong = _syntax_error(command) if isinstance(command, str) else ""
    if wrong:
        yield _problem(target, f"the script is none that a shell understands: {wrong}", "see sh(1)")
        return
    said = (
        f"as {account.name} ({groups}) in {folder}, HOME={environment['HOME']}, PATH={environment['PATH']}, "
        f"runs {shlex.join([place, *([] if isinstance(command, str) else command[1:])])}"
    )
    yield Finding(check=CHECK, level=Level.OK, message=f"{target.name}: {said}")


def _look(
    folder: str, program: str, environment: dict[str, str], ids: tuple[int | None, int | None]
) -> tuple[str, str, str]:
    uid, gid = ids
    looked = subprocess.run(
        ["/bin/sh", "-c", _LOOK, "sh", folder, program],
        cwd="/",
        env=environment,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        timeout=_PATIENCE,
        user=uid,
        group=gid,
        extra_groups=None if uid is None and gid is None else [],
        check=False,
    )
    groups, state, *place = looked.stdout.decode(errors="replace").splitlines()
    return groups, state, place[0] if place else ""


def _about_folder(target: Target, folder: str, state: str, account: Account) -> Iterator[Finding]:
    """Judge the folder: one that somebody named has to be of use, a home that is none is no surprise."""
    level = Level.WARNING if target.cwd is None else Level.PROBLEM
    if state == "closed":
        what = f'{target.name}: "{folder}" is no folder that "{account.name}" may enter'
        yield Finding(check=CHECK, level=level, message=what, hint="make it, or set `cwd` to another")
    elif state == "read-only":
        what = f'{target.name}: "{account.name}" may not write to "{folder}"'
        hint = f"as root: chown {account.name}: {folder}; under systemd also ReadWritePaths={folder}"
        yield Finding(check=CHECK, level=level, message=what, hint=hint)


def _syntax_error(script: str) -> str:
    read = subprocess.run(
        ["/bin/sh", "-n", "-c", script],
        stdin=subprocess.DEVNULL,
        capture_output=True,
        timeout=_PATIENCE,
        check=False,
    )
    return read.stderr.decode(errors="replace").strip() if read.returncode else ""


def _problem(target: Target, message: str, hint: str) -> Finding:
    return Finding(check=CHECK, level=Level.PROBLEM, message=f"{target.name}: {message}", hint=hint)
