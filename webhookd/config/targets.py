"""The targets of a file: every rule of every repository, with the `defaults` below it."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace

from webhookd.config import schema
from webhookd.config.document import KeyPath
from webhookd.config.findings import Findings
from webhookd.config.hooks import many
from webhookd.config.wording import quoted
from webhookd.models import RefKind, Target


@dataclass(frozen=True, slots=True, kw_only=True)
class Rule:
    """One target as it stands in the file."""

    at: KeyPath
    repo: str
    ref_kind: RefKind
    pattern: str
    given: schema.Target

    @property
    def name(self) -> str:
        """What the target is called: octocat/blog@main, octocat/shop@refs/tags/v*, octocat/shop@main:site."""
        ref = f"refs/tags/{self.pattern}" if self.ref_kind is RefKind.TAG else self.pattern
        name = f":{self.given.name}" if self.given.name is not None else ""
        return f"{self.repo}@{ref}{name}"


def rules(settings: schema.Settings) -> Iterator[Rule]:
    """Give the rules of all repositories, in the order of the file."""
    for repo, repository in (settings.repos or {}).items():
        here: KeyPath = ("repos", repo)
        if isinstance(repository, schema.LongForm):
            yield from _rules((*here, "branches"), repo, RefKind.BRANCH, repository.branches)
            yield from _rules((*here, "tags"), repo, RefKind.TAG, repository.tags)
        else:
            yield from _rules(here, repo, RefKind.BRANCH, repository)


def _rules(
    here: KeyPath, repo: str, ref_kind: RefKind, patterns: Mapping[str, schema.Rule] | None
) -> Iterator[Rule]:
    for pattern, rule in (patterns or {}).items():
        for at, given in _places((*here, pattern), rule):
            target = schema.Target(run=given) if isinstance(given, str) else given
            yield Rule(at=at, repo=repo, ref_kind=ref_kind, pattern=pattern, given=target)


def _places(at: KeyPath, rule: schema.Rule) -> Iterator[tuple[KeyPath, str | schema.Target]]:
    """Give the targets that stand at one branch or tag."""
    if isinstance(rule, list):
        yield from (((*at, index), given) for index, given in enumerate(rule))
    else:
        yield at, rule


def with_defaults(rule: Rule, defaults: schema.Target | None) -> Rule:
    """Lay the keys of a rule over the *defaults*; of `env`, variable by variable."""
    if defaults is None:
        return rule
    below, own = defaults.stated(), rule.given.stated()
    env = {**below.get("env", {}), **own.get("env", {})}
    merged = {**below, **own, **({"env": env} if env else {})}
    return replace(rule, given=schema.Target.model_construct(**merged))


def build_target(rule: Rule, *, hook: str, findings: Findings) -> Target | None:
    """Make the target of a complete *rule*; None, and a problem, where it has no command."""
    keys = rule.given.stated()
    if "run" not in keys:
        if not findings.spoiled((*rule.at, "run"), ("defaults",)):
            findings.error(rule.at, "has no command", "add run: COMMAND", at_key=True)
        return None
    keys.pop("name", None)
    for key in ("paths", "paths_ignore", "skip_message"):
        if key in keys:
            keys[key] = many(keys[key])
    for key in ("run", "on_delete"):
        if isinstance(keys.get(key), list):
            keys[key] = tuple(keys[key])
    if "env" in keys:
        keys["env"] = tuple(keys["env"].items())
    return Target(
        name=rule.name, hook=hook, repo=rule.repo, ref_kind=rule.ref_kind, pattern=rule.pattern, **keys
    )


def check_names(all_rules: list[Rule], findings: Findings) -> None:
    """Check that no two targets have the same name."""
    first: dict[str, Rule] = {}
    for rule in all_rules:
        if first.setdefault(rule.name, rule) is not rule:
            hint = 'give each its own "name"; one command with its arguments is {run: [make, site]}'
            findings.error(rule.at, f"a second target called {quoted(rule.name)}", hint)
