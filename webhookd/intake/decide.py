"""Which targets an understood delivery runs, or in words why none (pure)."""

from collections.abc import Sequence

from webhookd.intake import matching
from webhookd.intake.adapter import Reading
from webhookd.intake.refs import split_ref
from webhookd.models import Hook, Kind, Match, PushEvent, Repository


def decide(
    event: str, reading: Reading, repositories: Sequence[Repository], hook: Hook
) -> tuple[tuple[Match, ...], str]:
    """Give the matches; where there are none, the reason."""
    if reading.kind is Kind.PING:
        return (), "ping"
    if reading.kind is Kind.OTHER:
        return (), reading.reason or f'event "{event}" is not a push'
    if not reading.pushes:
        return (), "a push without any change"
    decided = [decide_push(push, repositories, hook) for push in reading.pushes]
    matches = tuple(match for found, _ in decided for match in found)
    reasons = dict.fromkeys(reason for _, why_not in decided for reason in why_not)
    return matches, "" if matches else "; ".join(reasons)


def decide_push(
    push: PushEvent, repositories: Sequence[Repository], hook: Hook
) -> tuple[list[Match], list[str]]:
    """Give the matches of one push event, and why those targets of its rule that do not run do not."""
    if push.test:
        return [], ["test push: nothing changed"]
    kind, name = split_ref(push.ref)
    repository = matching.repository_for(repositories, hook=hook.name, repo=push.repo)
    targets = () if repository is None else matching.targets_for(repository, kind, name)
    if not targets:
        return [], [f"no target for {push.repo} {push.ref}"]
    skipped = {target.name: matching.skipped(push, target) for target in targets}
    matches = [
        Match(push=push, target=target, reason=matching.why(kind, name, target.pattern))
        for target in targets
        if not skipped[target.name]
    ]
    return matches, [reason for reason in skipped.values() if reason]
