"""Makes the job of a supervisor from a claimed run and the configuration."""

import grp
import hashlib
import os
import pwd

from webhookd.deploy.environment import Account, build_environment
from webhookd.deploy.job import Job
from webhookd.errors import WebhookdError
from webhookd.models.layout import AttemptFolder
from webhookd.models.run import Claim, Ending, Run
from webhookd.models.settings import Config, LogTo, Target

_GRACE = 10.0  # seconds, for a target that is no longer configured


class LaunchFailed(WebhookdError):
    """An attempt could not be started, for a reason of its own; `ending` is how it is recorded."""

    def __init__(self, message: str, *, ending: Ending) -> None:
        super().__init__(message)
        self.ending = ending


def make_job(claim: Claim, *, config: Config, files: AttemptFolder) -> Job:
    """Return the job for *claim*; LaunchFailed says why there is none."""
    target = config.target(claim.run.target)
    command = None if target is None else target.on_delete if claim.push.deleted else target.run
    if target is None or command is None:
        message = f'target "{claim.run.target}" is no longer configured for this'
        raise LaunchFailed(message, ending=Ending.CANCELLED)
    account = account_of(target)
    invocation = invocation_of(claim.run, files)
    fields = (  # named as in the daemon's own entries
        ("PRIORITY", "6"),
        ("SYSLOG_IDENTIFIER", "webhookd-command"),
        ("WEBHOOKD_RUN", str(claim.run.run)),
        ("WEBHOOKD_ATTEMPT", str(claim.run.attempt)),
        ("WEBHOOKD_TARGET", claim.run.target),
        ("WEBHOOKD_DELIVERY", claim.run.delivery),
    )
    payload = None if claim.body is None else str(files.payload)
    return Job(
        run=claim.run.run,
        attempt=claim.run.attempt,
        invocation=invocation,
        folder=str(files.path),
        # A string is the operator's script; what a request holds reaches it through the environment only.
        argv=("/bin/sh", "-e", "-c", command) if isinstance(command, str) else command,
        cwd=None if target.cwd is None else str(target.cwd),
        env=build_environment(claim, target=target, account=account, invocation=invocation, payload=payload),
        uid=account.uid,
        gid=account.gid,
        umask=target.umask,
        nice=target.nice,
        timeout=target.timeout,
        grace=target.grace,
        log_limit=config.history.log_limit,
        journal=fields if target.log is LogTo.JOURNAL else (),
    )


def cleanup_job(run: Run, *, config: Config, files: AttemptFolder) -> Job:
    """Return the job that ends the processes which an attempt of *run* left behind."""
    target = config.target(run.target)
    return Job(
        run=run.run,
        attempt=run.attempt,
        invocation=invocation_of(run, files),
        folder=str(files.path),
        grace=target.grace if target else _GRACE,
        log_limit=config.history.log_limit,
    )


def invocation_of(run: Run, files: AttemptFolder) -> str:
    """Return the id of the current attempt of *run*, which every daemon finds again and no other attempt has.

    The time of the claim is part of it, since a folder may outlive its database.
    """
    return hashlib.sha256(f"{run.started_at}".encode() + os.fsencode(files.path)).hexdigest()[:32]


def account_of(target: Target) -> Account:
    """Return the account of the commands of *target*; LaunchFailed where it does not exist."""
    try:
        entry = pwd.getpwnam(target.user) if target.user else pwd.getpwuid(os.getuid())
    except KeyError as error:
        if target.user:
            raise LaunchFailed(f'there is no user "{target.user}"', ending=Ending.NOT_STARTED) from error
        return Account(name=str(os.getuid()), home="/", shell="/bin/sh")  # noqa: S604 - a field
    try:
        gid = grp.getgrnam(target.group).gr_gid if target.group else entry.pw_gid
    except KeyError as error:
        raise LaunchFailed(f'there is no group "{target.group}"', ending=Ending.NOT_STARTED) from error
    return Account(
        name=entry.pw_name,
        home=entry.pw_dir,
        shell=entry.pw_shell or "/bin/sh",
        uid=entry.pw_uid if target.user else None,
        gid=gid if target.user or target.group else None,
    )
