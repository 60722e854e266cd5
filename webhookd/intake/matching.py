"""Find the targets that a ref change runs, and say why or why not (pure).

Of the keys in `repos`, and of the rules of one repository, the exact name wins, then the first pattern in
the file. The winning key may have several targets: all of them run.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from webhookd.intake import globs
from webhookd.intake.refs import PREFIXES, split_ref
from webhookd.models import PushEvent, RefKind, Repository, Target


@dataclass(frozen=True, slots=True, kw_only=True)
class RuleVerdict:
    """What one rule says to a repository and ref."""

    target: Target
    matched: bool
    reason: str


def repository_for(repositories: Iterable[Repository], *, hook: str, repo: str) -> Repository | None:
    """Give the key of `repos` that *repo* comes under; names compare case-insensitively."""
    folded = repo.casefold()
    mine = [(r.pattern.casefold(), r) for r in repositories if r.hook == hook]
    exact = next((r for pattern, r in mine if pattern == folded), None)
    return exact or next((r for pattern, r in mine if _fits(pattern, folded)), None)


def targets_for(repository: Repository, kind: RefKind, name: str) -> tuple[Target, ...]:
    """Give the targets of the rule that a branch or tag comes under."""
    rules = [target for target in repository.targets if target.ref_kind is kind]
    winner = _winner([target.pattern for target in rules], name)
    return tuple(target for target in rules if target.pattern == winner)


def why(kind: RefKind, name: str, pattern: str) -> str:
    """Say in words why *pattern* takes a branch or tag."""
    if pattern == name:
        return f'{kind} "{name}" is named exactly'
    return f'{kind} "{name}" matches "{pattern}"'


def explain(
    repositories: Sequence[Repository], *, hook: str | None, repo: str, ref: str
) -> tuple[RuleVerdict, ...]:
    """Say rule by rule, in file order, what runs for *repo* and the full *ref*."""
    kind, name = split_ref(ref)
    asked = [r for r in repositories if hook is None or r.hook == hook]
    chosen = {r.hook: repository_for(asked, hook=r.hook, repo=repo) for r in asked}
    return tuple(
        verdict
        for repository in asked
        for verdict in _verdicts(repository, chosen[repository.hook], repo, kind, name)
    )


def skipped(push: PushEvent, target: Target) -> str:
    """Say why *target* does not run for a push that its rule takes; "" when it runs."""
    if push.deleted:
        return "" if target.on_delete is not None else "deletion and no on_delete"
    words = next((words for words in target.skip_message if words in (push.message or "")), None)
    if words is not None:
        return f'skip_message "{words}" in the commit message'
    return _no_path(push, target)


def wanted_files(target: Target) -> str:
    """Say in words which changed files *target* needs; "" where it runs whatever was changed."""
    kinds = (("matches", target.paths), ("does not match", target.paths_ignore))
    clauses = [f"{verb} {_one_of(patterns)}" for verb, patterns in kinds if patterns]
    return f"only if a changed file {' and '.join(clauses)}" if clauses else ""


def _one_of(patterns: Iterable[str]) -> str:
    return " or ".join(f'"{pattern}"' for pattern in patterns)


def _no_path(push: PushEvent, target: Target) -> str:
    """Filter by changed files, but only when the forge gave all of them."""
    files = push.changed_files
    if not (target.paths or target.paths_ignore) or files is None or not push.files_complete:
        return ""
    wanted = [file for file in files if not target.paths or _any(target.paths, file)]
    if not wanted:
        return f"paths: none of {len(files)} changed files matches"
    if all(_any(target.paths_ignore, file) for file in wanted):
        return f"paths_ignore: all of {len(wanted)} changed files match"
    return ""


def _any(patterns: Iterable[str], file: str) -> bool:
    return any(_fits(pattern, file) for pattern in patterns)


def _fits(pattern: str, name: str) -> bool:
    return pattern == name or (globs.is_pattern(pattern) and globs.matches(pattern, name))


def _winner(patterns: Sequence[str], name: str) -> str | None:
    if name in patterns:
        return name
    return next((pattern for pattern in patterns if _fits(pattern, name)), None)


def _verdicts(
    repository: Repository, chosen: Repository | None, repo: str, kind: RefKind, name: str
) -> Iterable[RuleVerdict]:
    stranger = _not_this_repository(repository, chosen, repo)
    winner = _winner([t.pattern for t in repository.targets if t.ref_kind is kind], name)
    for target in repository.targets:
        reason = stranger or _not_this_rule(target, kind, name, winner)
        yield RuleVerdict(target=target, matched=not reason, reason=reason or why(kind, name, target.pattern))


def _not_this_repository(repository: Repository, chosen: Repository | None, repo: str) -> str:
    if repository is chosen:
        return ""
    if chosen is None or not _fits(repository.pattern.casefold(), repo.casefold()):
        return f'repository "{repo}" is not "{repository.pattern}"'
    return f'repository "{repo}" comes under "{chosen.pattern}"'


def _not_this_rule(target: Target, kind: RefKind, name: str, winner: str | None) -> str:
    if kind is RefKind.OTHER:
        return f'"{name}" is neither a branch nor a tag'
    if target.ref_kind is not kind:
        return f'"{PREFIXES[kind]}{name}" is a {kind}, the rule is for a {target.ref_kind}'
    if target.pattern == winner:
        return ""
    if winner is not None and _fits(target.pattern, name):
        return f'{kind} "{name}" comes under "{winner}"'
    return f'{kind} "{name}" is not "{target.pattern}"'
