"""Where the configuration file is, and the default state directory."""

import pwd
from collections.abc import Iterator, Mapping
from pathlib import Path

from webhookd.errors import ConfigError, Problem

_SYSTEM_FILE = Path("/etc/webhookd/webhookd.yaml")
_SYSTEM_STATE = Path("/var/lib/webhookd")


def find(explicit: Path | None, *, env: Mapping[str, str], uid: int) -> Path:
    """Return the configuration file: *explicit*, else $WEBHOOKD_CONFIG, else the first default that exists.

    Never one in the current folder: that may be a checkout of somebody else's repository.
    """
    if named := _named(explicit, env):
        return named
    places = tuple(default_files(env=env, uid=uid))
    for place in places:
        if _may_be_there(place):
            return place
    first, *others = map(str, places)
    message = " and no ".join(["there is no such file", *others])
    hint = "`webhookd init` writes one; --config FILE names another place"
    raise ConfigError((Problem(file=first, message=message, hint=hint),))


def find_new(explicit: Path | None, *, env: Mapping[str, str], uid: int) -> Path:
    """Return the path for a new configuration: *explicit*, else $WEBHOOKD_CONFIG, else the first default."""
    return _named(explicit, env) or next(default_files(env=env, uid=uid))


def default_files(*, env: Mapping[str, str], uid: int) -> Iterator[Path]:
    """Yield the default paths of a configuration; the first that exists is used."""
    if uid != 0:
        yield _xdg("XDG_CONFIG_HOME", ".config", env=env, uid=uid) / "webhookd.yaml"
    yield _SYSTEM_FILE


def default_state_dir(*, env: Mapping[str, str], uid: int) -> Path:
    """Return $STATE_DIRECTORY, else the folder for root or for the user."""
    if given := env.get("STATE_DIRECTORY"):
        return Path(given.split(":")[0])  # systemd lists several with ":"
    return _SYSTEM_STATE if uid == 0 else _xdg("XDG_STATE_HOME", ".local/state", env=env, uid=uid)


def _named(explicit: Path | None, env: Mapping[str, str]) -> Path | None:
    given = env.get("WEBHOOKD_CONFIG")
    return explicit or (Path(given) if given else None)


def _may_be_there(place: Path) -> bool:
    """Return whether a file may exist; if that is hidden, loading reports who may not read it."""
    try:
        return place.exists()
    except PermissionError:
        return True


def _xdg(variable: str, below_home: str, *, env: Mapping[str, str], uid: int) -> Path:
    """Return the user's folder; the XDG specification says to ignore a relative path in the variable."""
    given = Path(env.get(variable, ""))
    return (given if given.is_absolute() else _home(env, uid) / below_home) / "webhookd"


def _home(env: Mapping[str, str], uid: int) -> Path:
    home = Path(env.get("HOME", ""))
    if home.is_absolute():
        return home
    try:
        return Path(pwd.getpwuid(uid).pw_dir)
    except KeyError:
        return Path("/")
