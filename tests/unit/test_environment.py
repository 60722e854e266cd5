"""The environment of a command: built from nothing, values only."""

from typing import Any

from factories import COMMIT, NOW, make_push, make_run, make_target

from webhookd.deploy.environment import Account, build_environment
from webhookd.models.delivery import PushEvent
from webhookd.models.run import Claim
from webhookd.models.settings import Target

ACCOUNT = Account(name="deploy", home="/srv/deploy", shell="/bin/bash")


def build(push: PushEvent | None = None, *, target: Target | None = None, **over: Any) -> dict[str, str]:
    claim = Claim(
        run=make_run(started_at=NOW),
        push=push or make_push(),
        body=b"{}",
        content_type="application/json",
        last_commit=over.get("last_commit"),
    )
    payload = over.get("payload", "/var/lib/webhookd/runs/1/1/payload")
    return build_environment(
        claim, target=target or make_target(), account=ACCOUNT, invocation="f" * 32, payload=payload
    )


def test_the_account_gives_home_user_and_shell() -> None:
    environment = build()
    assert {name: environment[name] for name in ("HOME", "USER", "LOGNAME", "SHELL", "LANG")} == {
        "HOME": "/srv/deploy",
        "USER": "deploy",
        "LOGNAME": "deploy",
        "SHELL": "/bin/bash",
        "LANG": "C.UTF-8",
    }


def test_the_targets_own_variables_win_over_the_accounts_but_not_over_the_push() -> None:
    target = make_target(env=(("PATH", "/opt/bin"), ("WEBHOOKD_COMMIT", "forged")))
    environment = build(target=target)
    assert (environment["PATH"], environment["WEBHOOKD_COMMIT"]) == ("/opt/bin", COMMIT)


def test_a_branch_push_names_its_branch_and_no_tag() -> None:
    environment = build(make_push(branch="main", tag=None))
    assert environment["WEBHOOKD_BRANCH"] == "main"
    assert "WEBHOOKD_TAG" not in environment


def test_what_is_unknown_is_unset() -> None:
    environment = build(
        make_push(before=None, commit=None, forced=None, pusher=None, compare_url=None, clone_url=None),
        payload=None,
        last_commit=None,
    )
    unknown = ("BEFORE", "COMMIT", "FORCED", "PUSHER", "COMPARE_URL", "CLONE_URL", "PAYLOAD", "LAST_COMMIT")
    assert not [name for name in unknown if f"WEBHOOKD_{name}" in environment]
    assert "None" not in environment.values()


def test_flags_are_words() -> None:
    environment = build(make_push(created=True, deleted=False, forced=True))
    flags = tuple(environment[f"WEBHOOKD_{name}"] for name in ("CREATED", "DELETED", "FORCED"))
    assert flags == ("true", "false", "true")


def test_values_are_passed_as_they_are_whatever_they_hold() -> None:
    name = "x;touch pwned;$(id)`id`\n--upload-pack=/bin/sh"
    assert build(make_push(pusher=name))["WEBHOOKD_PUSHER"] == name


def test_what_no_variable_can_hold_is_replaced() -> None:
    assert build(make_push(pusher="a\0b\ud800c"))["WEBHOOKD_PUSHER"] == "a\N{REPLACEMENT CHARACTER}b?c"
