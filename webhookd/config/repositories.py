"""The `repos` of a file: which hook each comes in by, its own secrets, and its targets."""

from collections import defaultdict
from collections.abc import Iterable, Mapping

from webhookd.config import schema
from webhookd.config.document import KeyPath
from webhookd.config.findings import Findings
from webhookd.config.secret_sources import Expected, Secrets
from webhookd.config.targets import Rule, build_target, check_names, rules, with_defaults
from webhookd.config.wording import nearest, quoted
from webhookd.models import Forge, Hook, Repository


def build_repositories(
    settings: schema.Settings,
    hook_names: tuple[str, ...],
    hooks: Iterable[Hook],
    findings: Findings,
    secrets: Secrets,
) -> tuple[Repository, ...]:
    """Give the repositories; what is wrong with them is noted in *findings*."""
    if not settings.repos and not findings.spoiled(("repos",)):
        findings.error(("repos",), "names no repository", "add repos: {OWNER/NAME: {main: COMMAND}}")
    _check_letter_case(settings, findings)
    by_repo = _rules_by_repo(settings, findings)
    gitlab = {hook.name for hook in hooks if hook.forge is Forge.GITLAB}
    repositories = []
    for name, repository in (settings.repos or {}).items():
        own = repository if isinstance(repository, schema.LongForm) else schema.LongForm()
        hook = _hook(name, own, hook_names, findings)
        expected = Expected.EITHER if hook in gitlab else Expected.ANYTHING
        targets = (build_target(rule, hook=hook, findings=findings) for rule in by_repo[name])
        repositories.append(
            Repository(
                pattern=name,
                hook=hook,
                secrets=secrets.read(("repos", name, "secret"), own.secret, expected=expected),
                targets=tuple(target for target in targets if target is not None),
            )
        )
    return tuple(repositories)


def _check_letter_case(settings: schema.Settings, findings: Findings) -> None:
    """Check that no two keys mean the same repository: forges compare them without letter case."""
    first: dict[str, str] = {}
    for name in settings.repos or {}:
        other = first.setdefault(name.casefold(), name)
        if other != name:
            hint = "put the rules of both below one key"
            findings.error(("repos", name), f"is {quoted(other)} in other letter case", hint, at_key=True)


def _rules_by_repo(settings: schema.Settings, findings: Findings) -> Mapping[str, list[Rule]]:
    complete = [with_defaults(rule, settings.defaults) for rule in rules(settings)]
    check_names(complete, findings)
    by_repo: defaultdict[str, list[Rule]] = defaultdict(list)
    for rule in complete:
        by_repo[rule.repo].append(rule)
    for name in settings.repos or {}:
        here: KeyPath = ("repos", name)
        if not by_repo[name] and not findings.spoiled(here):
            findings.error(here, "names no branch and no tag", "add a branch: main: COMMAND", at_key=True)
    return by_repo


def _hook(name: str, repository: schema.LongForm, hook_names: tuple[str, ...], findings: Findings) -> str:
    """Give the name of the hook that a repository comes in by; "" where that is not to be told."""
    here: KeyPath = ("repos", name)
    named = repository.hook
    if named is None:
        if len(hook_names) > 1 and not findings.spoiled((*here, "hook")):
            hint = f'write hook: {hook_names[0]}, or another; branches then stand below "branches"'
            findings.error(here, 'needs "hook": there are several hooks', hint, at_key=True)
        return hook_names[0] if len(hook_names) == 1 else ""
    if named not in hook_names and not findings.spoiled(("hooks", named)):
        hint = nearest(named, hook_names) or f"there is {', '.join(hook_names) or 'none'}"
        findings.error((*here, "hook"), f"there is no hook {quoted(named)}", hint)
    return named
