"""From a file to a `Config`, or to all its errors at once."""

import os
import re
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from contextlib import suppress
from pathlib import Path

from webhookd.config.accounts import Exposure, check_rights, exposures, reading_hint, user_name
from webhookd.config.document import Document, KeyPath
from webhookd.config.hooks import build_hooks, given_hooks
from webhookd.config.locations import default_state_dir
from webhookd.config.parsing import parse_yaml
from webhookd.config.repositories import build_repositories, given_targets
from webhookd.config.schema import Settings, TargetKeys
from webhookd.config.secret_sources import SecretAccess, SecretReader
from webhookd.config.validation import validated
from webhookd.config.wording import pasted, quoted, quoted_path
from webhookd.errors import ConfigError, Problem, in_words
from webhookd.models.layout import StateLayout
from webhookd.models.settings import Config, History, Hook, Repository

_LARGEST = 1024**2  # bytes
_UNCHANGED = frozenset({"listen", "workers", "max_body", "trusted_proxies", "drain_timeout"})


def load(
    path: Path,
    *,
    env: Mapping[str, str],
    uid: int,
    access: SecretAccess = SecretAccess.ALL,
    credential: Callable[[str], Path | None] = lambda _: None,
) -> Config:
    """Load a configuration for a daemon that runs as *uid*; raise ConfigError with all errors at once.

    Outside the daemon's unit, *credential* returns the file that the unit loads as the credential of a name.
    With `SecretAccess.NONE` it is only to be looked at: `user`, `group` and `nice` then need no root.
    """
    document = parse_yaml(_text(path, uid=uid), file=str(path))
    settings = validated(document)
    targets = tuple(given_targets(settings, document))
    if access is not SecretAccess.NONE:
        check_rights(document, ("defaults",), settings.defaults or TargetKeys(), uid=uid)
        for target in targets:
            check_rights(document, target.at, target.keys, uid=uid)
    state_dir = settings.state_dir or default_state_dir(env=env, uid=uid)
    trusted = {uid, os.getuid(), *_owner(state_dir)}
    _check_exposed(path, StateLayout(state_dir), document, trusted=trusted, access=access)
    secrets = SecretReader(
        document=document, access=access, env=env, uid=uid, trusted=trusted, credential=credential
    )
    given = given_hooks(settings, document)
    hooks = build_hooks(given, settings, document, secrets)
    forges = dict.fromkeys(given) | {hook.name: hook.forge for hook in hooks}
    repositories = build_repositories(settings, targets, forges, document, secrets)
    document.raise_errors()
    _warn(settings, hooks, repositories, document)
    return Config(
        file=path.absolute(),
        state_dir=state_dir,
        history=History(**settings.history.stated()) if settings.history else History(),
        hooks=hooks,
        repositories=repositories,
        warnings=document.warnings,
        **{key: value for key, value in settings.stated().items() if key in _UNCHANGED},
    )


def load_state_dir(path: Path, *, env: Mapping[str, str], uid: int) -> Path:
    """Return the state directory that a file means, even if other keys of the file are wrong.

    Raise ConfigError if this key is wrong, or if the file has no keys at all.
    """
    text = _text(path, uid=uid)
    document = parse_yaml(text, file=str(path))
    if document.errors and not isinstance(document.data, dict):  # not valid YAML, but the line may be
        line = re.search(r"^state_dir:.*$", text, re.MULTILINE)
        document = parse_yaml(line[0] if line else "{}", file=str(path))
    settings = validated(document)
    if document.has_error(("state_dir",)):
        document.raise_errors()
    return settings.state_dir or default_state_dir(env=env, uid=uid)


def _text(path: Path, *, uid: int) -> str:
    """Read a file; raise ConfigError if it cannot be read. What is not UTF-8 is refused as YAML."""
    try:
        with path.open("rb") as file:
            content = file.read(_LARGEST + 1)
    except OSError as error:
        raise _refused(path, *_why_unreadable(path, error, uid=uid)) from None
    if len(content) > _LARGEST:
        raise _refused(path, f"the file is larger than {_LARGEST // 1024**2}MiB", "is it the right one?")
    return content.decode("utf-8-sig", "surrogateescape")


def _why_unreadable(path: Path, error: OSError, *, uid: int) -> tuple[str, str]:
    if isinstance(error, FileNotFoundError | NotADirectoryError):
        return "there is no such file", f"`webhookd init --config {pasted(path)}` writes one"
    if isinstance(error, PermissionError):
        return f"the user {quoted(user_name(uid))} may not read this file", reading_hint(path, uid=uid)
    if isinstance(error, IsADirectoryError):
        return "this is a folder", f"name the file in it: {path / 'webhookd.yaml'}"
    return f"the file cannot be read: {in_words(error)}", ""


def _refused(path: Path, message: str, hint: str) -> ConfigError:
    return ConfigError((Problem(file=str(path), message=message, hint=hint),))


def _owner(folder: Path) -> Iterator[int]:
    """Yield the owner of the state directory, as whom its daemon runs, if there is such a folder."""
    with suppress(OSError):
        yield folder.stat().st_uid


def _check_exposed(
    file: Path, state: StateLayout, document: Document, *, trusted: Collection[int], access: SecretAccess
) -> None:
    """Check that nobody else can change the configuration or the state directory, and so what runs."""
    found: list[tuple[KeyPath, Exposure]] = [((), exposure) for exposure in exposures(file, trusted=trusted)]
    for place in (state.root, state.runs, state.locks, state.database):
        found += [(("state_dir",), exposure) for exposure in exposures(place, trusted=trusted)]
        if place != state.root and place.is_symlink():
            exposure = Exposure(
                message=f"{quoted_path(place)} is a symbolic link", hint="only state_dir may be one"
            )
            found.append((("state_dir",), exposure))
    for at, exposure in dict.fromkeys(found):
        record = document.warn if exposure.is_doubtful or access is SecretAccess.NONE else document.error
        record(at, exposure.message, exposure.hint)


def _warn(
    settings: Settings, hooks: Iterable[Hook], repositories: Iterable[Repository], document: Document
) -> None:
    """Warn of what is allowed, but probably a mistake."""
    used = {repository.hook for repository in repositories}
    for hook in hooks:
        if hook.name not in used:
            at: KeyPath = ("hooks", hook.name)
            at = at if document.known(at) == at else ("secret",)
            message = f"no repository uses the hook {quoted(hook.name)}"
            document.warn(at, message, f"a repository names it: hook: {hook.name}", at_key=True)
    for index, network in enumerate(settings.trusted_proxies or ()):
        if network.prefixlen == 0:
            hint = "any client can then send any address: name the proxy's own"
            at = document.known(("trusted_proxies", index))
            document.warn(at, "trusts the whole internet", hint)
