"""The meaning of GitLab's payloads."""

from typing import Any

import pytest
from factories import BEFORE, COMMIT

from webhookd.intake.forges import forge
from webhookd.models.delivery import Kind, PushEvent
from webhookd.models.settings import Forge

GITLAB = forge(Forge.GITLAB)
ZEROS = "0" * 40


def payload(**over: Any) -> dict[str, Any]:
    """A push as GitLab sends it: oldest commit first, the newest twenty at most."""
    commit = {"id": COMMIT, "message": "Say hello\n", "added": ["b"], "removed": [], "modified": ["a"]}
    values: dict[str, Any] = {
        "object_kind": "push",
        "event_name": "push",
        "before": BEFORE,
        "after": COMMIT,
        "ref": "refs/heads/main",
        "checkout_sha": COMMIT,
        "user_name": "Octo Cat",
        "user_username": "octocat",
        "user_email": "octocat@example.com",
        "project": {
            "path_with_namespace": "group/sub/blog",
            "git_http_url": "https://gitlab.example.com/group/sub/blog.git",
            "git_ssh_url": "git@gitlab.example.com:group/sub/blog.git",
            "web_url": "https://gitlab.example.com/group/sub/blog",
            "default_branch": "main",
        },
        "commits": [{**commit, "id": BEFORE, "message": "Earlier"}, commit],
        "total_commits_count": 2,
    }
    return values | over


def push(event: str = "Push Hook", **over: Any) -> PushEvent:
    [push_event] = GITLAB.read(event, payload(**over)).pushes
    return push_event


def test_a_push_sets_every_field() -> None:
    assert push() == PushEvent(
        repo="group/sub/blog",
        ref="refs/heads/main",
        branch="main",
        before=BEFORE,
        after=COMMIT,
        commit=COMMIT,
        pusher="octocat",
        message="Say hello\n",
        clone_url="https://gitlab.example.com/group/sub/blog.git",
        changed_files=("a", "b"),
        files_complete=True,
    )


def test_the_commit_of_an_annotated_tag_is_the_one_it_points_at() -> None:
    event = push("Tag Push Hook", ref="refs/tags/v1", before=ZEROS, after="a" * 40, object_kind="tag_push")
    assert (event.tag, event.after, event.commit, event.created) == ("v1", "a" * 40, COMMIT, True)


def test_a_deletion_has_no_commit() -> None:
    event = push(after=ZEROS, checkout_sha=None, commits=[], total_commits_count=0)
    assert (event.deleted, event.after, event.commit) == (True, None, None)


@pytest.mark.parametrize(
    "over",
    [
        {"total_commits_count": 3},
        {"total_commits_count": None, "commits": [{"added": ["a"], "removed": [], "modified": []}] * 20},
        {"before": ZEROS},
        {"commits": [{"id": COMMIT}]},
        {"commits": [], "total_commits_count": 0},
    ],
)
def test_a_list_that_may_lack_some_files_is_incomplete(over: dict[str, Any]) -> None:
    assert push(**over).files_complete is False


@pytest.mark.parametrize(
    ("body", "kind"),
    [
        ({"object_kind": "push"}, Kind.PUSH),
        ({"object_kind": None, "event_name": "tag_push"}, Kind.PUSH),
        ({"object_kind": None, "event_name": "project_create"}, Kind.OTHER),
        ({"object_kind": None, "event_name": "repository_update"}, Kind.PUSH),
        ({"object_kind": "merge_request"}, Kind.OTHER),
    ],
)
def test_the_body_of_a_system_hook_says_what_it_is(body: dict[str, Any], kind: Kind) -> None:
    assert GITLAB.read("System Hook", payload(**body)).kind is kind


def test_the_update_of_a_repository_has_every_change_of_a_push() -> None:
    main, gone = {"ref": "refs/heads/main"}, {"ref": "refs/tags/v1"}
    changes = [main | {"before": BEFORE, "after": COMMIT}, gone | {"before": COMMIT, "after": "0" * 40}]
    body = {**payload(), "object_kind": None, "event_name": "repository_update", "changes": changes}
    update = {key: value for key, value in body.items() if key in {"event_name", "changes", "project"}}
    pushes = GITLAB.read("System Hook", update).pushes
    assert [(push.repo, push.ref, push.commit, push.deleted) for push in pushes] == [
        ("group/sub/blog", "refs/heads/main", COMMIT, False),
        ("group/sub/blog", "refs/tags/v1", None, True),
    ]
    assert [(push.changed_files, push.files_complete) for push in pushes] == [(None, False)] * 2


def test_other_events_are_not_a_push_whatever_their_body_says() -> None:
    reading = GITLAB.read("Pipeline Hook", payload())
    assert (reading.kind, reading.repo) == (Kind.OTHER, "group/sub/blog")


@pytest.mark.parametrize(
    ("body", "event"),
    [
        ({"object_kind": "push"}, "Push Hook"),
        ({"object_kind": "tag_push"}, "Tag Push Hook"),
        ({"object_kind": "merge_request"}, "Merge Request Hook"),
        ({"object_kind": "build"}, "Job Hook"),
        ({"event_name": "push"}, "System Hook"),
        ({}, ""),
    ],
)
def test_the_event_is_inferred_from_the_payload(body: dict[str, Any], event: str) -> None:
    assert GITLAB.guess(body) == event
