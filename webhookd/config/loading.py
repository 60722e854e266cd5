"""From a file to a `Config`, or to everything that is wrong with it at once."""

from collections.abc import Iterable, Mapping
from ipaddress import IPv4Network, IPv6Network
from pathlib import Path

from webhookd.config.accounts import complaints
from webhookd.config.addresses import repeated
from webhookd.config.document import KeyPath
from webhookd.config.files import read_text
from webhookd.config.findings import Findings
from webhookd.config.hooks import build_hooks, hook_specs, many
from webhookd.config.locations import default_state_dir
from webhookd.config.parsing import parse
from webhookd.config.repositories import build_repositories
from webhookd.config.schema import Settings
from webhookd.config.secret_sources import OutsideReader, SealedSecrets, SecretReader, Secrets
from webhookd.config.targets import rules
from webhookd.config.validation import validated
from webhookd.config.wording import quoted
from webhookd.models import Config, History, Hook, Repository

_PLAIN = frozenset({"workers", "max_body", "drain_timeout"})  # keys whose values are taken over as they are


def load(path: Path, *, env: Mapping[str, str], uid: int) -> Config:
    """Load a configuration for a daemon that runs as *uid*; raise ConfigError with every problem at once."""
    return _load(SecretReader, path, env=env, uid=uid)


def inspect(path: Path, *, env: Mapping[str, str], uid: int) -> Config:
    """Load a configuration as *uid*'s daemon would, without what only the daemon's surroundings hold."""
    return _load(OutsideReader, path, env=env, uid=uid)


def peek(path: Path, *, env: Mapping[str, str], uid: int) -> Config:
    """Load a configuration for somebody who only looks, and may be another user than the daemon's.

    Secrets stay where they are: each becomes a key that opens nothing. And nobody has to be root.
    """
    findings = _parsed(path, uid=uid)
    settings = validated(findings)
    return _config(path, settings, findings, SealedSecrets(), default_state_dir(env=env, uid=uid))


def state_dir(path: Path, *, env: Mapping[str, str], uid: int) -> Path:
    """Give the state directory that a file means, whatever else is wrong with the file.

    Raise ConfigError when that very key is wrong, or the file holds nothing that could be read.
    """
    findings = _parsed(path, uid=uid)
    settings = validated(findings)
    if findings.spoiled(("state_dir",)):
        findings.raise_if_any()
    return settings.state_dir or default_state_dir(env=env, uid=uid)


def _load(reader: type[SecretReader], path: Path, *, env: Mapping[str, str], uid: int) -> Config:
    findings = _parsed(path, uid=uid)
    settings = validated(findings)
    _check_rights(settings, findings, uid=uid)
    secrets = reader(findings, env=env, uid=uid, folder=path.absolute().parent)
    return _config(path, settings, findings, secrets, default_state_dir(env=env, uid=uid))


def _parsed(path: Path, *, uid: int) -> Findings:
    text, doubts = read_text(path, uid=uid)
    findings = Findings(parse(text, file=str(path)))
    for message, hint in doubts:
        findings.warn((), message, hint)
    return findings


def _config(
    path: Path, settings: Settings, findings: Findings, secrets: Secrets, default_state: Path
) -> Config:
    """Put the parts together once nothing is wrong with any of them."""
    _check_listen(findings)
    specs = hook_specs(settings, findings)
    hooks = build_hooks(specs, findings, secrets)
    names = tuple(spec.name for spec in specs)
    repositories = build_repositories(settings, names, hooks, findings, secrets)
    findings.raise_if_any()
    _doubt(settings, hooks, repositories, findings)
    plain = {key: value for key, value in settings.stated().items() if key in _PLAIN}
    if settings.listen is not None:
        plain["listen"] = many(settings.listen)
    return Config(
        file=path.absolute(),
        state_dir=settings.state_dir or default_state,
        trusted_proxies=many(settings.trusted_proxies),
        history=History(**(settings.history.stated() if settings.history else {})),
        hooks=hooks,
        repositories=repositories,
        warnings=findings.warnings(),
        **plain,
    )


def _check_listen(findings: Findings) -> None:
    """Check that no address is there twice, in the whole list: one that is wrong cuts off all behind it."""
    listen = findings.document.data.get("listen")
    if isinstance(listen, list):
        for index, address in repeated(listen):
            findings.error(("listen", index), f"{quoted(str(address))} is there twice", "remove one")


def _check_rights(settings: Settings, findings: Findings, *, uid: int) -> None:
    """Check that there are the users and groups that commands shall run as, and the right to it."""
    targets = [(rule.at, rule.given) for rule in rules(settings)]
    if settings.defaults is not None:
        targets.insert(0, (("defaults",), settings.defaults))
    for at, target in targets:
        for where, message, hint in complaints(at, target, uid=uid):
            findings.error(where, message, hint)


def _doubt(
    settings: Settings, hooks: Iterable[Hook], repositories: Iterable[Repository], findings: Findings
) -> None:
    """Warn of what is allowed, and most often not meant."""
    used = {repository.hook for repository in repositories}
    for hook in hooks:
        if hook.name not in used:
            at: KeyPath = ("hooks", hook.name)
            at = at if findings.document.known(at) == at else ("secret",)
            message = f"no repository comes in by hook {quoted(hook.name)}"
            findings.warn(at, message, f"a repository names it: hook: {hook.name}", at_key=True)
    proxies: tuple[IPv4Network | IPv6Network, ...] = many(settings.trusted_proxies)
    for index, network in enumerate(proxies):
        if network.prefixlen == 0:
            hint = "anybody can then send under any address: name the proxy's own"
            where = findings.document.known(("trusted_proxies", index))
            findings.warn(where, "trusts the whole internet", hint)
