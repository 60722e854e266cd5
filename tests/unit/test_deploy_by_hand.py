"""The push event of a deploy by hand."""

import pytest
from factories import make_target

from webhookd.cli.deploy import push_by_hand
from webhookd.errors import UsageError
from webhookd.models.delivery import PushEvent
from webhookd.models.settings import RefKind


def test_nothing_is_known_of_it_but_repository_and_ref() -> None:
    push = push_by_hand(make_target(), repo=None, ref=None)
    assert push == PushEvent(repo="octocat/blog", ref="refs/heads/main", branch="main")


@pytest.mark.parametrize(
    ("kind", "ref", "full"),
    [
        (RefKind.BRANCH, "x", "refs/heads/x"),
        (RefKind.BRANCH, "tags/v1", "refs/tags/v1"),
        (RefKind.TAG, "v1", "refs/tags/v1"),
        (RefKind.TAG, "refs/heads/x", "refs/heads/x"),
    ],
)
def test_a_ref_means_what_it_means_to_check(kind: RefKind, ref: str, full: str) -> None:
    assert push_by_hand(make_target(ref_kind=kind, pattern="*"), repo=None, ref=ref).ref == full


@pytest.mark.parametrize("over", [{"pattern": "preview/*"}, {"repo": "octocat/*"}])
def test_a_pattern_does_not_name_one(over: dict[str, str]) -> None:
    with pytest.raises(UsageError, match="matches many"):
        push_by_hand(make_target(**over), repo=None, ref=None)
