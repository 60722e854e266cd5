"""The meaning of the payloads of Gitea, Forgejo and Gogs, and the differences between the three."""

from typing import Any

import pytest
from factories import BEFORE, COMMIT

from webhookd.intake.forges import Reading, forge
from webhookd.models.delivery import Kind, PushEvent
from webhookd.models.settings import Forge

FAMILY = [Forge.GITEA, Forge.FORGEJO, Forge.GOGS]
ZEROS = "0" * 40
REPOSITORY = {
    "full_name": "octocat/blog",
    "clone_url": "https://gitea.example.com/octocat/blog.git",
    "ssh_url": "git@gitea.example.com:octocat/blog.git",
    "html_url": "https://gitea.example.com/octocat/blog",
    "default_branch": "main",
}


def payload(**over: Any) -> dict[str, Any]:
    """A push as the three send it: newest commit first."""
    commit = {"id": COMMIT, "message": "Say hello\n", "added": ["b"], "removed": [], "modified": ["a"]}
    values: dict[str, Any] = {
        "ref": "refs/heads/main",
        "before": BEFORE,
        "after": COMMIT,
        "compare_url": "https://gitea.example.com/octocat/blog/compare/a...b",
        "commits": [commit, {**commit, "id": BEFORE, "message": "Earlier"}],
        "repository": REPOSITORY,
        "pusher": {"login": "octocat", "username": "octocat", "email": "octocat@example.com"},
    }
    return values | over


def push(name: Forge, event: str = "push", **over: Any) -> PushEvent:
    [push_event] = forge(name).read(event, payload(**over)).pushes
    return push_event


@pytest.mark.parametrize("name", FAMILY)
def test_a_push_sets_every_field(name: Forge) -> None:
    assert push(name, total_commits=2) == PushEvent(
        repo="octocat/blog",
        ref="refs/heads/main",
        branch="main",
        before=BEFORE,
        after=COMMIT,
        commit=COMMIT,
        pusher="octocat",
        message="Say hello\n",
        compare_url="https://gitea.example.com/octocat/blog/compare/a...b",
        clone_url="https://gitea.example.com/octocat/blog.git",
        changed_files=("a", "b"),
        files_complete=True,
    )


@pytest.mark.parametrize("name", FAMILY)
def test_zeros_say_what_was_created_or_deleted(name: Forge) -> None:
    assert push(name, before=ZEROS).created
    deleted = push(name, after=ZEROS, commits=[])
    assert (deleted.deleted, deleted.commit) == (True, None)
    assert push(name, before="0" * 64, after="c" * 64).created


@pytest.mark.parametrize("name", FAMILY)
@pytest.mark.parametrize("same", [ZEROS, COMMIT])
def test_the_test_button_sends_a_push_that_changes_nothing(name: Forge, same: str) -> None:
    event = push(name, before=same, after=same)
    assert (event.test, event.created, event.deleted) == (True, False, False)


@pytest.mark.parametrize("name", FAMILY)
def test_a_cut_list_of_commits_is_incomplete(name: Forge) -> None:
    commits = [{"id": COMMIT, "added": ["b"], "removed": [], "modified": []}]
    assert push(name, commits=commits, total_commits=2).files_complete is False
    assert push(name, commits=commits * 5, total_commits=5).files_complete is True
    assert push(name, commits=commits * 5).files_complete is False
    assert push(name, commits=commits * 4).files_complete is True
    assert push(name, commits=[{"id": COMMIT}]).changed_files is None


@pytest.mark.parametrize("total", [-1, 10**400, True, "2", 1.5])
def test_an_impossible_number_of_commits_is_unknown(total: object) -> None:
    event = push(Forge.GITEA, total_commits=total)
    assert event.files_complete


TAG = {
    "ref": "v1",
    "ref_type": "tag",
    "sha": COMMIT,
    "repository": REPOSITORY,
    "sender": {"login": "octocat"},
}
GONE = {key: value for key, value in TAG.items() if key != "sha"}


@pytest.mark.parametrize("name", FAMILY)
@pytest.mark.parametrize("ref", ["old", "refs/heads/old"])
def test_the_deletion_of_a_branch_is_a_delete_event(name: Forge, ref: str) -> None:
    [event] = forge(name).read("delete", {**GONE, "ref": ref, "ref_type": "branch"}).pushes
    assert (event.ref, event.branch, event.deleted) == ("refs/heads/old", "old", True)
    assert (event.before, event.after, event.commit, event.pusher) == (None, None, None, "octocat")


@pytest.mark.parametrize("name", [Forge.GITEA, Forge.FORGEJO])
@pytest.mark.parametrize("event", ["create", "delete"])
def test_gitea_and_forgejo_push_tags_and_their_other_event_does_not_count(name: Forge, event: str) -> None:
    assert forge(name).read(event, TAG if event == "create" else GONE) == Reading(
        kind=Kind.OTHER,
        repo="octocat/blog",
        reason=f'event "{event}": the push event of the same change counts',
    )


def test_gogs_sends_only_create_and_delete_for_a_tag() -> None:
    [created] = forge(Forge.GOGS).read("create", TAG).pushes
    assert (created.tag, created.created, created.after, created.commit) == ("v1", True, COMMIT, COMMIT)
    [deleted] = forge(Forge.GOGS).read("delete", GONE).pushes
    assert (deleted.tag, deleted.deleted, deleted.commit) == ("v1", True, None)


@pytest.mark.parametrize("name", FAMILY)
def test_the_create_event_of_a_branch_does_not_count(name: Forge) -> None:
    assert forge(name).read("create", {**TAG, "ref_type": "branch"}).kind is Kind.OTHER


@pytest.mark.parametrize("name", FAMILY)
@pytest.mark.parametrize("ref_type", [None, "note", 17])
def test_a_ref_of_another_type_is_not_a_push(name: Forge, ref_type: object) -> None:
    assert forge(name).read("delete", {**GONE, "ref_type": ref_type}).kind is Kind.OTHER


@pytest.mark.parametrize("name", FAMILY)
def test_the_event_is_inferred_from_the_payload(name: Forge) -> None:
    guess = forge(name).guess
    assert guess(payload()) == "push"
    assert guess(TAG) == "create"
    assert guess({"ref": "x", "ref_type": "tag", "pusher_type": "user"}) == "delete"
    assert guess({"action": "opened"}) == ""
