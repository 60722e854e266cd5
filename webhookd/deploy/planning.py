"""Makes the job of a supervisor from a claimed run and the configuration."""

import grp
import hashlib
import os
import pwd
from pathlib import Path

from webhookd.deploy.environment import Account, build_environment
from webhookd.deploy.job import Job
from webhookd.errors import WebhookdError
from webhookd.intake import json_text
from webhookd.models.layout import AttemptFolder
from webhookd.models.run import Claim, Ending, Run
from webhookd.models.settings import Config, LogTo, Target

_GRACE = 10.0  # seconds, for a target that is no longer configured


class LaunchFailed(WebhookdError):
    """An attempt could not be started, for a reason of its own; `ending` is how it is recorded."""

    def __init__(self, message: str, *, ending: Ending) -> None:
        super().__init__(message)
        self.ending = ending


def make_job(claim: Claim, *, config: Config, folder: Path, has_payload: bool) -> Job:
    """Return the job for *claim*; LaunchFailed says why there is none."""
    target = config.target(claim.run.target)
    command = _command(claim, target)
    if target is None or command is None:
        message = f'target "{claim.run.target}" is no longer configured for this'
        raise LaunchFailed(message, ending=Ending.CANCELLED)
    account, uid, gid = account_of(target)
    invocation = invocation_of(claim.run, folder)
    payload = str(AttemptFolder(folder).payload) if has_payload else None
    return Job(
        run=claim.run.run,
        attempt=claim.run.attempt,
        invocation=invocation,
        folder=str(folder),
        # A string is the operator's script; what a request holds reaches it through the environment only.
        argv=("/bin/sh", "-e", "-c", command) if isinstance(command, str) else command,
        cwd=None if target.cwd is None else str(target.cwd),
        env=build_environment(claim, target=target, account=account, invocation=invocation, payload=payload),
        uid=uid,
        gid=gid,
        umask=target.umask,
        nice=target.nice,
        timeout=target.timeout,
        grace=target.grace,
        log_limit=config.history.log_limit,
        journal=_journal_fields(claim.run) if target.log is LogTo.JOURNAL else (),
    )


def payload_of(claim: Claim) -> bytes | None:
    """Return the forge's JSON, also when it came in a form; None when the body is no longer kept."""
    if claim.body is None:
        return None
    return json_text(claim.body, claim.content_type)


def _journal_fields(run: Run) -> tuple[tuple[str, str], ...]:
    """Return the fields of a command's output in the journal, named as in the daemon's own entries."""
    return (
        ("PRIORITY", "6"),
        ("SYSLOG_IDENTIFIER", "webhookd-command"),
        ("WEBHOOKD_RUN", str(run.run)),
        ("WEBHOOKD_ATTEMPT", str(run.attempt)),
        ("WEBHOOKD_TARGET", run.target),
        ("WEBHOOKD_DELIVERY", run.delivery),
    )


def cleanup_job(run: Run, *, config: Config, folder: Path) -> Job:
    """Return the job that ends the processes which an attempt of *run* left behind."""
    target = config.target(run.target)
    return Job(
        run=run.run,
        attempt=run.attempt,
        invocation=invocation_of(run, folder),
        folder=str(folder),
        grace=target.grace if target else _GRACE,
        log_limit=config.history.log_limit,
    )


def invocation_of(run: Run, folder: Path) -> str:
    """Return the id of the current attempt of *run*, which every daemon finds again and no other attempt has.

    The time of the claim is part of it, since a folder may outlive its database.
    """
    return hashlib.sha256(f"{run.started_at}".encode() + os.fsencode(folder)).hexdigest()[:32]


def _command(claim: Claim, target: Target | None) -> str | tuple[str, ...] | None:
    if target is None:
        return None
    return target.on_delete if claim.push.deleted else target.run


def account_of(target: Target) -> tuple[Account, int | None, int | None]:
    """Return the account of the command, and the uid and gid to change to, None for the daemon's own."""
    try:
        entry = pwd.getpwnam(target.user) if target.user else pwd.getpwuid(os.getuid())
    except KeyError as error:
        if target.user:
            message = f'there is no user "{target.user}"'
            raise LaunchFailed(message, ending=Ending.NOT_STARTED) from error
        nobody = Account(name=str(os.getuid()), home="/", shell="/bin/sh")  # noqa: S604 - a field
        return nobody, None, None
    try:
        gid = grp.getgrnam(target.group).gr_gid if target.group else entry.pw_gid
    except KeyError as error:
        message = f'there is no group "{target.group}"'
        raise LaunchFailed(message, ending=Ending.NOT_STARTED) from error
    account = Account(name=entry.pw_name, home=entry.pw_dir, shell=entry.pw_shell or "/bin/sh")
    return account, entry.pw_uid if target.user else None, gid if target.user or target.group else None
