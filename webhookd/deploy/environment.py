"""The environment of a command, built from nothing (pure).

A value from a request is only ever the value of a variable here: never a name, never a part of a command line
or a path. What is unknown is unset.
"""

from dataclasses import dataclass

from webhookd.models.run import Claim
from webhookd.models.settings import Target

_PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"


@dataclass(frozen=True, slots=True, kw_only=True)
class Account:
    """The user a command runs as, from the user database, and the ids to change to (None: the daemon's)."""

    name: str
    home: str
    shell: str
    uid: int | None = None
    gid: int | None = None


def build_environment(
    claim: Claim, *, target: Target, account: Account, invocation: str, payload: str | None
) -> dict[str, str]:
    """Return all variables of the command that *claim* starts.

    *payload* is the path of the file with the payload, None where it is no longer kept.
    """
    run, push = claim.run, claim.push
    variables: dict[str, str | None] = {
        **account_environment(target, account),
        "WEBHOOKD_RUN": str(run.run),
        "WEBHOOKD_ATTEMPT": str(run.attempt),
        "WEBHOOKD_TARGET": run.target,
        "WEBHOOKD_HOOK": run.hook,
        "WEBHOOKD_FORGE": run.forge,
        "WEBHOOKD_DELIVERY": run.delivery,
        "WEBHOOKD_LAST_COMMIT": claim.last_commit,
        "WEBHOOKD_REPO": push.repo,
        "WEBHOOKD_REF": push.ref,
        "WEBHOOKD_BRANCH": push.branch,
        "WEBHOOKD_TAG": push.tag,
        "WEBHOOKD_BEFORE": push.before,
        "WEBHOOKD_AFTER": push.after,
        "WEBHOOKD_COMMIT": push.commit,
        "WEBHOOKD_CREATED": _flag(push.created),
        "WEBHOOKD_DELETED": _flag(push.deleted),
        "WEBHOOKD_FORCED": _flag(push.forced),
        "WEBHOOKD_PUSHER": push.pusher,
        "WEBHOOKD_COMPARE_URL": push.compare_url,
        "WEBHOOKD_CLONE_URL": push.clone_url,
        "WEBHOOKD_INVOCATION": invocation,
        "WEBHOOKD_PAYLOAD": payload,
    }
    return {name: _without_nul(value) for name, value in variables.items() if value is not None}


def account_environment(target: Target, account: Account) -> dict[str, str]:
    """Return the variables that are the same for every run of *target*."""
    return {
        "PATH": _PATH,
        "HOME": account.home,
        "USER": account.name,
        "LOGNAME": account.name,
        "SHELL": account.shell,
        "LANG": "C.UTF-8",
        **dict(target.env),
    }


def _flag(value: bool | None) -> str | None:  # noqa: FBT001 - it is what is written, not an option
    return None if value is None else ("true" if value else "false")


def _without_nul(value: str) -> str:
    """Replace what a variable cannot hold (environ(7)); no forge sends such a value."""
    return value.replace("\0", "\N{REPLACEMENT CHARACTER}").encode("utf-8", "replace").decode()
