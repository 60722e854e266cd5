import json

from factories import make_decision, make_delivery
from statefolder import StateFolder

from webhookd.models import Kind


def ignore(state: StateFolder) -> None:
    delivery = make_delivery(delivery_id="pinged", event="ping", kind=Kind.PING, pushes=())
    state.store.accept(make_decision(delivery=delivery, matches=(), reason="ping"), now=state.tick())


def test_deliveries_are_listed_newest_first_with_their_runs_or_why_there_are_none(state: StateFolder) -> None:
    run = state.push()
    ignore(state)
    shown = state.webhookd("deliveries").stdout.splitlines()
    assert [line.split() for line in (shown[1][:20], shown[2][:20])] == [
        ["pinged", "github"],
        ["delivery-1", "github"],
    ]
    assert shown[1].endswith("ping")
    assert shown[2].rstrip().endswith(str(run))


def test_deliveries_as_json_tell_everything_but_the_body(state: StateFolder) -> None:
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
        "received_at": "2026-11-24T02:48:38.000Z",
        "has_body": True,
        "runs": [run],
        "reason": "",
    }


def test_the_list_goes_on_below_a_number(state: StateFolder) -> None:
    state.push()
    ignore(state)
    shown = json.loads(state.webhookd("deliveries", "--json", "--before", "2").stdout)
    assert [delivery["delivery"] for delivery in shown] == ["delivery-1"]


def test_an_empty_list_is_said_beside_the_data(state: StateFolder) -> None:
    shown = state.webhookd("deliveries")
    assert (shown.exit_code, shown.stdout, shown.stderr) == (0, "", "no deliveries\n")
