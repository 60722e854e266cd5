"""The `repos` of a file: the hook and the secrets of each repository, and its targets with the `defaults`."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

from webhookd.config.document import Document, KeyPath
from webhookd.config.names import doubt_about_files, doubt_about_name, hidden
from webhookd.config.schema import LongForm, Settings, TargetKeys, Targets
from webhookd.config.secret_sources import Expected, SecretReader
from webhookd.config.wording import nearest, quoted
from webhookd.models.settings import Forge, RefKind, Repository, Target


@dataclass(frozen=True, slots=True, kw_only=True)
class GivenTarget:
    """One target as it is written in the file."""

    at: KeyPath
    repo: str
    ref_kind: RefKind
    pattern: str
    keys: TargetKeys

    @property
    def name(self) -> str:
        """The target's name: octocat/blog@main, octocat/shop@refs/tags/v*, octocat/shop@main:site."""
        ref = f"refs/tags/{self.pattern}" if self.ref_kind is RefKind.TAG else self.pattern
        name = f":{self.keys.name}" if self.keys.name is not None else ""
        return f"{self.repo}@{ref}{name}"


def given_targets(settings: Settings, document: Document) -> Iterator[GivenTarget]:
    """Yield the targets of all repositories, in the order of the file."""
    for repo, rules in (settings.repos or {}).items():
        here: KeyPath = ("repos", repo)
        if isinstance(rules, LongForm):
            yield from _targets_of(repo, (*here, "branches"), RefKind.BRANCH, rules.branches, document)
            yield from _targets_of(repo, (*here, "tags"), RefKind.TAG, rules.tags, document)
        else:
            yield from _targets_of(repo, here, RefKind.BRANCH, rules, document)


def _targets_of(
    repo: str, here: KeyPath, ref_kind: RefKind, rules: Mapping[str, Targets] | None, document: Document
) -> Iterator[GivenTarget]:
    for pattern, targets in (rules or {}).items():
        for index, target in enumerate(targets):
            at = document.known((*here, pattern, index))  # without the index where it is no list
            keys = TargetKeys(run=target) if isinstance(target, str) else target
            yield GivenTarget(at=at, repo=repo, ref_kind=ref_kind, pattern=pattern, keys=keys)


def _with_defaults(given: GivenTarget, defaults: TargetKeys | None) -> GivenTarget:
    """Merge the keys of a target over the *defaults*; `env` variable by variable."""
    if defaults is None:
        return given
    below, own = defaults.stated(), given.keys.stated()
    merged = {**below, **own, "env": {**below.get("env", {}), **own.get("env", {})}}
    return replace(given, keys=TargetKeys.model_construct(**merged))


def build_repositories(
    settings: Settings,
    targets: Sequence[GivenTarget],
    forges: Mapping[str, Forge | None],
    document: Document,
    secrets: SecretReader,
) -> tuple[Repository, ...]:
    """Return the repositories; what is wrong with them is recorded in *document*.

    *forges* has the forge of each hook, None where that is not clear.
    """
    if not settings.repos and not document.has_error(("repos",)):
        document.error(("repos",), "names no repository", "add repos: {OWNER/NAME: {main: COMMAND}}")
    _check_letter_case(settings, document)
    given = [_with_defaults(target, settings.defaults) for target in targets]
    _check_names(given, document)
    _warn_of_patterns(settings, targets, document)
    repositories = []
    for name, rules in (settings.repos or {}).items():
        own = rules if isinstance(rules, LongForm) else LongForm()
        hook = _hook_of(name, own, tuple(forges), document)
        expected = Expected.EITHER if forges.get(hook) is Forge.GITLAB else Expected.ANYTHING
        its_own = [target for target in given if target.repo == name]
        if not its_own and not document.has_error(("repos", name)):
            hint = "add a branch: main: COMMAND"
            document.error(("repos", name), "names no branch and no tag", hint, at_key=True)
        built = (_target(target, hook, document) for target in its_own)
        repositories.append(
            Repository(
                pattern=name,
                hook=hook,
                secrets=secrets.read(("repos", name, "secret"), own.secret, expected=expected),
                targets=tuple(target for target in built if target is not None),
            )
        )
    return tuple(repositories)


def _check_letter_case(settings: Settings, document: Document) -> None:
    """Check that no two keys are the same repository: forges compare names without regard to case."""
    first: dict[str, str] = {}
    for name in settings.repos or {}:
        other = first.setdefault(name.casefold(), name)
        if other != name:
            hint = "put the rules of both below one key"
            document.error(("repos", name), f"differs from {quoted(other)} only in case", hint, at_key=True)


def _check_names(given: Iterable[GivenTarget], document: Document) -> None:
    """Check that no two targets have the same name."""
    first: dict[str, GivenTarget] = {}
    for target in given:
        if first.setdefault(target.name, target) is not target:
            hint = 'give each its own "name"; one command with its arguments is {run: [make, site]}'
            document.error(target.at, f"a second target called {quoted(target.name)}", hint)


def _warn_of_patterns(settings: Settings, targets: Iterable[GivenTarget], document: Document) -> None:
    """Warn of patterns that match something else than they seem to, or nothing."""
    for repositories in _by_hook(settings):
        _warn_of_names(("repos",), {name.casefold(): name for name in repositories}, document)
    refs: dict[KeyPath, dict[str, str]] = {}
    for target in targets:
        rule = target.at[:-1] if isinstance(target.at[-1], int) else target.at
        refs.setdefault(rule[:-1], {})[target.pattern] = target.pattern
        _warn_of_files(target.at, target.keys, document)
    for above, patterns in refs.items():
        _warn_of_names(above, patterns, document)
    _warn_of_files(("defaults",), settings.defaults or TargetKeys(), document)


def _by_hook(settings: Settings) -> Iterable[list[str]]:
    """Return the keys of `repos` that a push of the same hook can mean."""
    found: dict[str | None, list[str]] = {}
    for name, rules in (settings.repos or {}).items():
        found.setdefault(rules.hook if isinstance(rules, LongForm) else None, []).append(name)
    return found.values()


def _warn_of_names(above: KeyPath, written: Mapping[str, str], document: Document) -> None:
    """Warn of the names below *above*: as they are compared -> as they are in the file."""
    for name in written.values():
        if doubt := doubt_about_name(name):
            document.warn((*above, name), *doubt, at_key=True)
    for later, earlier in hidden(written):
        message = f"is never used: {quoted(written[earlier])} above it matches the same"
        document.warn((*above, written[later]), message, "move it up", at_key=True)


def _warn_of_files(at: KeyPath, keys: TargetKeys, document: Document) -> None:
    for key, patterns in (("paths", keys.paths), ("paths_ignore", keys.paths_ignore)):
        for index, pattern in enumerate(patterns or ()):
            if doubt := doubt_about_files(pattern):
                document.warn(document.known((*at, key, index)), *doubt)


def _hook_of(name: str, repository: LongForm, hook_names: tuple[str, ...], document: Document) -> str:
    """Return the name of the repository's hook, or "" if it is not clear."""
    here: KeyPath = ("repos", name)
    named = repository.hook
    if named is None:
        if len(hook_names) > 1 and not document.has_error((*here, "hook")):
            hint = f'write hook: {hook_names[0]}, or another; branches then stand below "branches"'
            document.error(here, 'needs "hook": there are several hooks', hint, at_key=True)
        return hook_names[0] if len(hook_names) == 1 else ""
    if named not in hook_names and not document.has_error(("hooks", named)):
        hint = nearest(named, hook_names) or f"there is {', '.join(hook_names) or 'none'}"
        document.error((*here, "hook"), f"there is no hook {quoted(named)}", hint)
    return named


def _target(given: GivenTarget, hook: str, document: Document) -> Target | None:
    """Return a complete target; None and an error if it has no command."""
    keys = given.keys.stated()
    if "run" not in keys:
        if not document.has_error((*given.at, "run"), ("defaults",)):
            document.error(given.at, "has no command", "add run: COMMAND", at_key=True)
        return None
    keys |= {"name": given.name, "env": tuple(keys.get("env", {}).items())}
    return Target(hook=hook, repo=given.repo, ref_kind=given.ref_kind, pattern=given.pattern, **keys)
