"""The meaning of GitHub's payloads."""

from typing import Any

import pytest
from factories import BEFORE, COMMIT

from webhookd.intake.forges import Reading, forge
from webhookd.intake.samples import SampleSpec
from webhookd.models.delivery import Kind, PushEvent
from webhookd.models.settings import Forge

GITHUB = forge(Forge.GITHUB)
ZEROS = "0" * 40


def payload(**over: Any) -> dict[str, Any]:
    """A push as GitHub sends it, with the fields that are read."""
    head = {"id": COMMIT, "message": "Say hello\n", "added": ["b"], "removed": [], "modified": ["a"]}
    values: dict[str, Any] = {
        "ref": "refs/heads/main",
        "before": BEFORE,
        "after": COMMIT,
        "created": False,
        "deleted": False,
        "forced": False,
        "compare": "https://github.example.com/octocat/blog/compare/a...b",
        "repository": {
            "full_name": "octocat/blog",
            "clone_url": "https://github.example.com/octocat/blog.git",
            "ssh_url": "git@github.example.com:octocat/blog.git",
            "html_url": "https://github.example.com/octocat/blog",
            "default_branch": "main",
        },
        "pusher": {"name": "octocat", "email": "octocat@example.com"},
        "sender": {"login": "octocat-bot"},
        "commits": [head],
        "head_commit": head,
    }
    return values | over


def push(**over: Any) -> PushEvent:
    [event] = GITHUB.read("push", payload(**over)).pushes
    return event


def test_a_push_sets_every_field() -> None:
    assert push() == PushEvent(
        repo="octocat/blog",
        ref="refs/heads/main",
        branch="main",
        before=BEFORE,
        after=COMMIT,
        commit=COMMIT,
        forced=False,
        pusher="octocat",
        message="Say hello\n",
        compare_url="https://github.example.com/octocat/blog/compare/a...b",
        clone_url="https://github.example.com/octocat/blog.git",
        changed_files=("a", "b"),
        files_complete=True,
    )


def test_a_branch_keeps_its_slashes() -> None:
    assert push(ref="refs/heads/feature/a/b").branch == "feature/a/b"
    assert push(ref="refs/heads/refs/heads/x").branch == "refs/heads/x"


def test_what_is_neither_branch_nor_tag_has_no_name() -> None:
    event = push(ref="refs/pull/1/head")
    assert (event.branch, event.tag) == (None, None)


def test_a_deletion_has_no_commit() -> None:
    event = push(after=ZEROS, deleted=True, head_commit=None, commits=[])
    assert (event.deleted, event.after, event.commit, event.before) == (True, None, None, BEFORE)


def test_the_commit_of_an_annotated_tag_is_the_one_it_points_at() -> None:
    event = push(ref="refs/tags/v1", after="a" * 40, before=ZEROS, created=True)
    assert (event.tag, event.after, event.commit) == ("v1", "a" * 40, COMMIT)


def test_ids_of_sha256_repositories_are_ids() -> None:
    event = push(before="0" * 64, after="b" * 64, created=None, head_commit={"id": "b" * 64})
    assert (event.before, event.after, event.commit, event.created) == (None, "b" * 64, "b" * 64, True)


@pytest.mark.parametrize("value", ["--upload-pack=x", "main", "$(id)", "abc", 17, None, {}, "g" * 40])
def test_what_is_not_an_object_id_is_unknown(value: object) -> None:
    event = push(after=value, head_commit={"id": value})
    assert (event.after, event.commit) == (None, None)


@pytest.mark.parametrize(
    "over",
    [
        {"created": True, "before": ZEROS},
        {"forced": True},
        {"commits": []},
        {"commits": [{"id": COMMIT}]},
        {"commits": [{"id": COMMIT, "added": [], "modified": ["a"]}]},
        {"commits": [{"added": [], "removed": [], "modified": ["a"]}] * 2048},
        {"commits": [{"added": [17], "removed": [], "modified": ["a"]}]},
    ],
)
def test_a_list_that_may_lack_some_files_is_incomplete(over: dict[str, Any]) -> None:
    assert push(**over).files_complete is False


def test_without_flags_the_ids_decide() -> None:
    flagless = {"created": None, "deleted": None, "forced": None}
    assert push(**flagless, before=ZEROS).created
    assert push(**flagless, after=ZEROS).deleted
    assert push(**flagless).forced is None


def test_equal_ids_are_a_test() -> None:
    for same in (ZEROS, COMMIT):
        event = push(before=same, after=same, created=False, deleted=False)
        assert (event.test, event.created, event.deleted) == (True, False, False)
    assert push(before=None, after=None).test is False


def test_text_that_cannot_be_stored_is_repaired() -> None:
    event = push(pusher={"name": "a\ud800b"}, head_commit={"id": COMMIT, "message": "x" * 100_000})
    assert event.pusher == "a?b"
    assert event.message == "x" * 16_384


def test_a_ping_is_a_ping_and_everything_else_is_not_a_push() -> None:
    assert GITHUB.read("ping", {"zen": "…", "hook": {}}) == Reading(kind=Kind.PING)
    other = {"ref": "x", "repository": {"full_name": "octocat/blog"}}
    for event in ("create", "delete", "issues", "made_up"):
        assert GITHUB.read(event, other) == Reading(kind=Kind.OTHER, repo="octocat/blog")


@pytest.mark.parametrize("repository", [None, "x", [], {"full_name": 1}, {}])
def test_other_events_may_have_any_shape(repository: object) -> None:
    assert GITHUB.read("issues", {"repository": repository}) == Reading(kind=Kind.OTHER)


def test_the_event_is_inferred_from_the_payload() -> None:
    assert GITHUB.guess(payload()) == "push"
    assert GITHUB.guess({"zen": "…", "hook": {}}) == "ping"
    assert GITHUB.guess({"action": "opened"}) == ""


def test_a_sample_has_what_the_models_of_githubkit_require() -> None:
    """All of their models were tried; these fields were missing once (githubkit 0.16)."""
    push = GITHUB.sample(SampleSpec(delivery="d-1")).payload
    ping = GITHUB.sample(SampleSpec(delivery="d-1", event="ping")).payload
    required = {"forks", "has_pages", "mirror_url", "open_issues", "watchers"}
    assert required <= push["repository"].keys() & ping["repository"].keys()
    assert {"config", "created_at", "updated_at"} <= ping["hook"].keys()
