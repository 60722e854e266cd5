"""A reload over a real store: what waits takes the new rules, and half a reload does not exist."""

import sqlite3
from pathlib import Path

import pytest
from factories import make_hook, make_repository, make_target
from stores import push, queued, start
from structlog.typing import EventDict

from webhookd import config
from webhookd.daemon.reload import ConfigInForce, apply_config
from webhookd.errors import ConfigError, NotPossible, StoreUnavailable
from webhookd.models.run import RunState
from webhookd.models.settings import Config, Listen, Target
from webhookd.queue import Store
from webhookd.queue.sqlite_files import open_database


def make_config(*targets: Target, **over: object) -> Config:
    values: dict[str, object] = {
        "file": Path("/etc/webhookd/webhookd.yaml"),
        "state_dir": Path("/var/lib/webhookd"),
        "hooks": (make_hook(),),
        "repositories": (make_repository(targets=targets or (make_target(),)),),
    }
    return Config(**(values | over))  # type: ignore[arg-type]


def in_force(old: Config, new: Config, *, listens_by_itself: bool = True) -> ConfigInForce:
    return ConfigInForce(old, load=lambda: new, listens_by_itself=listens_by_itself)


def test_a_reload_puts_the_new_configuration_in_force(store: Store) -> None:
    new = make_config(workers=7)
    current = in_force(make_config(), new)
    assert current.reload(store) is new
    assert current() is new


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"state_dir": Path("/elsewhere")}, "state_dir cannot change while the daemon runs"),
        ({"listen": (Listen(host="0.0.0.0", port=80),)}, "listen cannot change while the daemon runs"),
    ],
)
def test_a_reload_that_needs_a_restart_changes_nothing(
    store: Store, change: dict[str, object], message: str
) -> None:
    old = make_config()
    run = queued(push(store, "d-1"))
    current = in_force(old, make_config(make_target(name="another"), **change))
    with pytest.raises(NotPossible, match=message):
        current.reload(store)
    assert current() is old
    assert store.run(run).state is RunState.QUEUED


def test_listen_may_change_where_systemd_holds_the_sockets(store: Store) -> None:
    new = make_config(listen=(Listen(host="0.0.0.0", port=80),))
    assert in_force(make_config(), new, listens_by_itself=False).reload(store) is new


def test_a_refused_file_changes_nothing(store: Store, tmp_path: Path) -> None:
    file = tmp_path / "webhookd.yaml"
    file.write_text("repos: {octocat/blog: {main: echo new}}\nworkers: 0\n")
    old = make_config()
    current = ConfigInForce(old, load=lambda: config.load(file, env={}, uid=1000))
    with pytest.raises(ConfigError) as refused:
        current.reload(store)
    assert len(refused.value.problems) == 2
    assert current() is old


def test_a_reload_that_cannot_reach_what_waits_changes_nothing(tmp_path: Path) -> None:
    path, old = tmp_path / "webhookd.db", make_config()
    current = in_force(old, make_config(make_target(name="another")))
    with Store(open_database(path, patience=0.2)) as store:
        run = queued(push(store, "d-1"))
        locker = sqlite3.connect(path, isolation_level=None)
        locker.execute("BEGIN IMMEDIATE")
        with pytest.raises(StoreUnavailable):
            current.reload(store)
        locker.close()
        assert current() is old
        assert store.run(run).state is RunState.QUEUED


def test_waiting_runs_of_a_removed_target_are_cancelled(store: Store, logged: list[EventDict]) -> None:
    gone = queued(push(store, "d-1"))
    kept = queued(push(store, "d-2", repo="octocat/shop"))
    apply_config(store, make_config(make_target(name="octocat/shop@main")))
    assert (store.run(gone).state, store.run(gone).reason) == (
        RunState.CANCELLED,
        "its target is no longer configured",
    )
    assert store.run(kept).state is RunState.QUEUED
    assert logged == [
        {
            "event": "run cancelled",
            "log_level": "warning",
            "run": gone,
            "target": "octocat/blog@main",
            "reason": "its target is no longer configured",
        }
    ]


def test_what_runs_is_left_alone(store: Store) -> None:
    push(store, "d-1")
    claim = start(store)
    apply_config(store, make_config(make_target(name="another")))
    assert store.run(claim.run.run).state is RunState.RUNNING


def test_a_waiting_run_moves_to_the_lane_its_target_has_now(store: Store) -> None:
    run = queued(push(store, "d-1"))
    apply_config(store, make_config(make_target(lock="build")))
    assert store.run(run).lane == "lock build"
