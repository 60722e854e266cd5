import json
from datetime import timedelta
from pathlib import Path

import pytest
from click.testing import CliRunner, Result
from configfiles import REPOS, SECRET, write_config, write_secret
from factories import make_decision, make_delivery, make_match
from stores import StateFolder

from webhookd.cli import main
from webhookd.models.delivery import Kind
from webhookd.models.settings import Forge, History


def ignore(state: StateFolder) -> None:
    delivery = make_delivery(delivery_id="pinged", event="ping", kind=Kind.PING, pushes=())
    state.store.accept(make_decision(delivery=delivery, matches=(), reason="ping"), now=state.tick())


def test_deliveries_are_listed_newest_first_with_their_runs_or_why_there_are_none(state: StateFolder) -> None:
    run = state.push()
    ignore(state)
    shown = state.webhookd("deliveries").stdout.splitlines()
    assert [line.split()[:3] for line in shown] == [
        ["NUMBER", "RECEIVED", "HOOK"],
        ["2", *shown[1].split()[1:3]],
        ["1", *shown[2].split()[1:3]],
    ]
    assert shown[1].split()[-2:] == ["pinged", "ping"]
    assert shown[2].split()[-5:] == ["push", "octocat/blog", "main", str(run), "delivery-1"]


def test_deliveries_as_json_have_everything_but_the_body(state: StateFolder) -> None:
    run = state.push()
    (delivery,) = json.loads(state.webhookd("deliveries", "--json").stdout)
    assert delivery == {
        "number": 1,
        "delivery": "delivery-1",
        "hook": "github",
        "forge": "github",
        "event": "push",
        "kind": "push",
        "opened_by": "file /etc/webhookd/secret",
        "repo": "octocat/blog",
        "refs": ["refs/heads/main"],
        "received_at": "2026-11-24T02:48:38.000Z",
        "has_body": True,
        "runs": [run],
        "reason": "",
    }


def test_the_list_can_start_before_a_number(state: StateFolder) -> None:
    state.push()
    ignore(state)
    shown = json.loads(state.webhookd("deliveries", "--json", "--before", "2").stdout)
    assert [delivery["delivery"] for delivery in shown] == ["delivery-1"]


def test_an_empty_list_is_reported_on_stderr(state: StateFolder) -> None:
    shown = state.webhookd("deliveries")
    assert (shown.exit_code, shown.stdout, shown.stderr) == (0, "", "no deliveries\n")


@pytest.fixture
def config(state: StateFolder) -> Path:
    write_secret(state.path)
    return write_config(state.path, f"state_dir: {state.path}\n{SECRET}{REPOS}")


def replay(config: Path, delivery: str) -> Result:
    return CliRunner().invoke(main, ["replay", "--config", str(config), delivery])


@pytest.mark.parametrize("by", ["number", "id"])
def test_a_deploy_by_hand_cannot_be_replayed_and_the_hint_is_rerun(
    state: StateFolder, config: Path, by: str
) -> None:
    run = state.store.enqueue(make_match(), forge=Forge.GITHUB, now=state.tick())
    name = "1" if by == "number" else run.delivery
    refused = replay(config, name)
    assert (refused.exit_code, refused.stdout) == (1, "")
    assert refused.stderr == (
        f'error: delivery "{name}" was made by `webhookd deploy` and has no payload\n'
        "hint: `webhookd rerun 1` runs it again\n"
    )


def test_a_delivery_whose_payload_is_gone_cannot_be_replayed(state: StateFolder, config: Path) -> None:
    state.push()
    state.end(state.start())
    state.store.prune(History(bodies=1.0), now=state.now + timedelta(seconds=10))
    refused = replay(config, "1")
    assert (refused.exit_code, refused.stdout) == (1, "")
    assert refused.stderr.startswith('error: the payload of delivery "1" is no longer kept\n')


def test_a_missing_delivery_cannot_be_replayed(config: Path) -> None:
    refused = replay(config, "7")
    assert (refused.exit_code, refused.stdout) == (1, "")
    assert refused.stderr == 'error: there is no delivery "7"\nhint: `webhookd deliveries` lists them\n'
