"""The meaning of the payloads of Bitbucket Cloud and Data Center: many changes in one delivery."""

from typing import Any

import pytest
from factories import BEFORE, COMMIT, NOW, hook_of, sign_document

from webhookd.errors import BadPayload
from webhookd.intake import receive
from webhookd.intake.forges import Reading, forge
from webhookd.models.delivery import Kind, PushEvent
from webhookd.models.settings import Forge

CLOUD, DC = forge(Forge.BITBUCKET), forge(Forge.BITBUCKET_DC)
ZEROS = "0" * 40
PAGE = "https://bitbucket.example.com/octocat/blog"


def side(name: str, commit: str, kind: str = "branch") -> dict[str, Any]:
    return {"type": kind, "name": name, "target": {"hash": commit, "message": "Say hello\n"}}


def change(**over: Any) -> dict[str, Any]:
    values: dict[str, Any] = {
        "old": side("main", BEFORE),
        "new": side("main", COMMIT),
        "links": {"html": {"href": f"{PAGE}/compare"}},
        "forced": False,
        "truncated": False,
        "commits": [{"hash": COMMIT}],
    }
    return values | over


def cloud(*changes: dict[str, Any]) -> tuple[PushEvent, ...]:
    payload = {
        "push": {"changes": list(changes)},
        "repository": {"full_name": "octocat/blog", "links": {"html": {"href": PAGE}}},
        "actor": {"nickname": "octocat", "display_name": "Octo Cat"},
    }
    return CLOUD.read("repo:push", payload).pushes


def test_a_cloud_push_sets_every_field() -> None:
    assert cloud(change()) == (
        PushEvent(
            repo="octocat/blog",
            ref="refs/heads/main",
            branch="main",
            before=BEFORE,
            after=COMMIT,
            commit=COMMIT,
            forced=False,
            pusher="octocat",
            message="Say hello\n",
            compare_url=f"{PAGE}/compare",
            clone_url=f"{PAGE}.git",
        ),
    )


def test_a_cloud_push_has_as_many_events_as_changes() -> None:
    changes = [
        change(),
        change(old=None, new=side("v1", COMMIT, "tag")),
        change(new=None, commits=None),
        change(old=None, new=None),
    ]
    events = cloud(*changes)
    assert [(e.ref, e.created, e.deleted, e.commit) for e in events] == [
        ("refs/heads/main", False, False, COMMIT),
        ("refs/tags/v1", True, False, COMMIT),
        ("refs/heads/main", False, True, None),
    ]
    assert cloud() == ()


def test_a_push_without_a_repository_is_refused_even_without_changes() -> None:
    for name, event in ((Forge.BITBUCKET, "repo:push"), (Forge.BITBUCKET_DC, "repo:refs_changed")):
        signed = sign_document(b"{}", hook_of(name), event=event)
        with pytest.raises(BadPayload):
            receive(signed.request(), hook=hook_of(name), repositories=[], now=NOW)


def test_a_cloud_branch_may_be_named_like_a_ref() -> None:
    [event] = cloud(change(new=side("refs/heads/x", COMMIT)))
    assert (event.ref, event.branch) == ("refs/heads/refs/heads/x", "refs/heads/x")


def test_the_files_of_a_truncated_cloud_push_are_incomplete() -> None:
    [event] = cloud(change(truncated=True, forced=True))
    assert (event.forced, event.files_complete) == (True, False)


def test_a_mercurial_branch_is_a_branch() -> None:
    [event] = cloud(change(new=side("default", COMMIT, "named_branch")))
    assert event.branch == "default"


@pytest.mark.parametrize("changes", ["x", [1], {"a": 1}])
def test_cloud_changes_of_the_wrong_type_are_refused(changes: object) -> None:
    with pytest.raises(BadPayload):
        CLOUD.read("repo:push", {"push": {"changes": changes}, "repository": {"full_name": "a/b"}})


def test_other_cloud_events_are_not_a_push() -> None:
    payload = {"repository": {"full_name": "octocat/blog"}}
    assert CLOUD.read("repo:fork", payload) == Reading(kind=Kind.OTHER, repo="octocat/blog")


def dc_change(kind: str = "UPDATE", ref: str = "refs/heads/main", **over: Any) -> dict[str, Any]:
    values: dict[str, Any] = {
        "ref": {"id": ref, "displayId": ref.rpartition("/")[2], "type": "BRANCH"},
        "refId": ref,
        "fromHash": ZEROS if kind == "ADD" else BEFORE,
        "toHash": ZEROS if kind == "DELETE" else COMMIT,
        "type": kind,
    }
    return values | over


def dc_payload(*changes: dict[str, Any], **over: Any) -> dict[str, Any]:
    clone = [{"name": "ssh", "href": "ssh://x"}, {"name": "http", "href": "https://x.git"}]
    values: dict[str, Any] = {
        "eventKey": "repo:refs_changed",
        "actor": {"name": "octocat", "emailAddress": "octocat@example.com"},
        "repository": {
            "slug": "blog",
            "project": {"key": "~octocat"},
            "links": {"clone": clone, "self": [{"href": "https://x/browse"}]},
        },
        "changes": list(changes),
    }
    return values | over


def dc(*changes: dict[str, Any], **over: Any) -> tuple[PushEvent, ...]:
    return DC.read("repo:refs_changed", dc_payload(*changes, **over)).pushes


def test_a_dc_push_sets_every_field() -> None:
    assert dc(dc_change(), toCommit={"id": COMMIT, "message": "Say hello"}) == (
        PushEvent(
            repo="~octocat/blog",
            ref="refs/heads/main",
            branch="main",
            before=BEFORE,
            after=COMMIT,
            commit=COMMIT,
            pusher="octocat",
            message="Say hello",
            clone_url="https://x.git",
        ),
    )


def test_a_dc_push_has_as_many_events_as_changes() -> None:
    events = dc(dc_change(), dc_change("ADD", "refs/tags/v1"), dc_change("DELETE", "refs/heads/old"))
    assert [(e.ref, e.created, e.deleted, e.commit) for e in events] == [
        ("refs/heads/main", False, False, COMMIT),
        ("refs/tags/v1", True, False, COMMIT),
        ("refs/heads/old", False, True, None),
    ]
    assert dc() == ()


def test_the_commit_of_a_single_annotated_dc_tag_is_the_one_it_points_at() -> None:
    tag, to_commit = dc_change("ADD", "refs/tags/v1"), {"id": "a" * 40}
    assert [event.commit for event in dc(tag, toCommit=to_commit)] == ["a" * 40]
    assert [event.commit for event in dc(tag, dc_change(), toCommit=to_commit)] == [COMMIT, COMMIT]


def test_an_old_dc_has_no_links() -> None:
    [event] = dc(dc_change(), repository={"slug": "blog", "project": {"key": "PRJ"}})
    assert (event.repo, event.clone_url) == ("PRJ/blog", None)


@pytest.mark.parametrize("repository", [None, {}, {"slug": "blog"}, {"project": {"key": "PRJ"}}])
def test_half_a_dc_name_is_no_name(repository: object) -> None:
    assert [event.repo for event in dc(dc_change(), repository=repository)] == [""]


def test_the_dc_connection_test_is_a_ping() -> None:
    assert DC.read("diagnostics:ping", {"test": True}) == Reading(kind=Kind.PING)


def test_a_mirror_that_catches_up_is_not_a_push() -> None:
    reading = DC.read("mirror:repo_synchronized", dc_payload(dc_change()))
    assert (reading.kind, reading.repo, bool(reading.reason)) == (Kind.OTHER, "~octocat/blog", True)


def test_a_cloud_push_from_a_dc_plugin_is_not_a_dc_push() -> None:
    assert DC.read("repo:push", {"push": {"changes": []}}).kind is Kind.OTHER


def test_the_event_is_inferred_from_the_payload() -> None:
    assert CLOUD.guess({"push": {"changes": []}}) == "repo:push"
    assert CLOUD.guess({"push": "x"}) == ""
    assert DC.guess(dc_payload(dc_change())) == "repo:refs_changed"
    assert DC.guess({"changes": [], "repository": {}}) == "repo:refs_changed"
    assert DC.guess({"test": True}) == "diagnostics:ping"
    assert DC.guess({"eventKey": "pr:merged"}) == "pr:merged"
