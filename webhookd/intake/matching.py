"""Find the targets that a push runs, and why or why not (pure).

Of the keys in `repos`, and of the rules of one repository, the exact name wins, then the first pattern in
the file. The winning key may have several targets: all of them run.
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace

from webhookd.errors import printable
from webhookd.intake import globs
from webhookd.intake.forges import Reading
from webhookd.intake.refs import PREFIXES, split_ref
from webhookd.models.delivery import Kind, Match, PushEvent
from webhookd.models.settings import RefKind, Repository, Target

MOST_RUNS = 1000  # that one delivery can queue
MOST_REASONS = 10  # shown of a delivery that runs nothing


@dataclass(frozen=True, slots=True, kw_only=True)
class RuleVerdict:
    """What one rule says about a ref or a push."""

    target: Target
    matched: bool
    reason: str


def repositories_of(hook: str, repositories: Iterable[Repository]) -> list[Repository]:
    """Return the keys of `repos` that belong to the hook of that name."""
    return [repository for repository in repositories if repository.hook == hook]


def repository_for(repositories: Iterable[Repository], *, hook: str, repo: str) -> Repository | None:
    """Return the key of `repos` that *repo* belongs to at *hook*; names compare case-insensitively."""
    folded = repo.casefold()
    mine = [(repository.pattern.casefold(), repository) for repository in repositories_of(hook, repositories)]
    exact = next((repository for pattern, repository in mine if pattern == folded), None)
    return exact or next((repository for pattern, repository in mine if _fits(pattern, folded)), None)


def decide(event: str, reading: Reading, repository: Repository | None) -> tuple[tuple[Match, ...], str]:
    """Return what a delivery for *repository* runs; the reason when it runs nothing or not everything."""
    if reading.kind is Kind.PING:
        return (), "ping"
    if reading.kind is Kind.OTHER:
        return (), reading.reason or f'event "{event}" is not a push'
    if not reading.pushes:
        return (), "a push without any change"
    decided = [_decide_push(push, repository) for push in reading.pushes]
    matches = tuple(match for found, _ in decided for match in found)
    left_out = [reading.reason] if reading.reason else []
    if matches:
        if len(matches) > MOST_RUNS:
            left_out.append(f"only the first {MOST_RUNS} of {len(matches)} runs were queued")
        return matches[:MOST_RUNS], "; ".join(left_out)
    reasons = [*dict.fromkeys(reason for _, why_not in decided for reason in why_not)]
    more = [f"and {len(reasons) - MOST_REASONS} more reasons"] if len(reasons) > MOST_REASONS else []
    return (), "; ".join([*left_out, *reasons[:MOST_REASONS], *more])


def _decide_push(push: PushEvent, repository: Repository | None) -> tuple[list[Match], list[str]]:
    """Return the matches of one push event, and why the other targets of its rule do not run."""
    if push.test:
        return [], ["test push: nothing changed"]
    kind, name = split_ref(push.ref)
    targets = () if repository is None else targets_for(repository, kind, name)
    if not targets:
        return [], [printable(f"no target for {push.repo} {push.ref}")]
    skipped = [(target, skip_reason(push, target)) for target in targets]
    matches = [
        Match(push=push, target=target, reason=_why(kind, name, target.pattern))
        for target, reason in skipped
        if not reason
    ]
    return matches, [reason for _, reason in skipped if reason]


def targets_for(repository: Repository, kind: RefKind, name: str) -> tuple[Target, ...]:
    """Return the targets of the rule that a branch or tag belongs to."""
    rules = [target for target in repository.targets if target.ref_kind is kind]
    winner = _winner([target.pattern for target in rules], name)
    return tuple(target for target in rules if target.pattern == winner)


def skip_reason(push: PushEvent, target: Target) -> str:
    """Return why *target* does not run for a push that its rule matches; "" when it runs."""
    if push.deleted:
        return "" if target.on_delete is not None else "deletion and no on_delete"
    words = next((words for words in target.skip_message if words in (push.message or "")), None)
    if words is not None:
        return f'skip_message "{words}" in the commit message'
    return _paths_reason(push, target)


def explain(
    repositories: Sequence[Repository], *, hook: str | None, repo: str, ref: str
) -> tuple[RuleVerdict, ...]:
    """Return, rule by rule in file order, whether it matches *repo* and the full *ref*."""
    kind, name = split_ref(ref)
    asked = repositories if hook is None else repositories_of(hook, repositories)
    chosen = {r.hook: repository_for(asked, hook=r.hook, repo=repo) for r in asked}
    return tuple(
        verdict
        for repository in asked
        for verdict in _verdicts(repository, chosen[repository.hook], repo, kind, name)
    )


def explain_push(push: PushEvent, repositories: Sequence[Repository]) -> Iterator[RuleVerdict]:
    """Yield, rule by rule, whether its target runs for *push*, and why or why not."""
    for verdict in explain(repositories, hook=None, repo=push.repo, ref=push.ref):
        skipped = skip_reason(push, verdict.target) if verdict.matched else ""
        runs = verdict.matched and not skipped and not push.test
        yield replace(verdict, matched=runs, reason=skipped or verdict.reason)


def wanted_files(target: Target) -> str:
    """Return in words which changed files *target* needs; "" when it runs whatever was changed."""
    kinds = (("matches", target.paths), ("does not match", target.paths_ignore))
    clauses = [f"{verb} {_one_of(patterns)}" for verb, patterns in kinds if patterns]
    return f"only if a changed file {' and '.join(clauses)}" if clauses else ""


def _one_of(patterns: Iterable[str]) -> str:
    return " or ".join(f'"{pattern}"' for pattern in patterns)


def _paths_reason(push: PushEvent, target: Target) -> str:
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


def _why(kind: RefKind, name: str, pattern: str) -> str:
    """Return in words why *pattern* matches a branch or tag."""
    if pattern == name:
        return printable(f'{kind} "{name}" is named exactly')
    return printable(f'{kind} "{name}" matches "{pattern}"')


def _verdicts(
    repository: Repository, chosen: Repository | None, repo: str, kind: RefKind, name: str
) -> Iterator[RuleVerdict]:
    other = _not_this_repository(repository, chosen, repo)
    winner = _winner([t.pattern for t in repository.targets if t.ref_kind is kind], name)
    for target in repository.targets:
        reason = printable(other or _not_this_rule(target, kind, name, winner))
        yield RuleVerdict(
            target=target, matched=not reason, reason=reason or _why(kind, name, target.pattern)
        )


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
