import json
from pathlib import Path

import pytest
from factories import COMMIT, make_target
from stores import StateFolder, webhookd_on

from webhookd.models.settings import Overlap


def numbers(state: StateFolder, *args: str) -> list[int]:
    shown = state.webhookd("runs", "--json", *args)
    assert shown.exit_code == 0
    return [run["run"] for run in json.loads(shown.stdout)]


def test_runs_are_listed_newest_first(state: StateFolder) -> None:
    first = state.push(ref="refs/heads/main")
    second = state.push(ref="refs/heads/next")
    assert numbers(state) == [second, first]


def test_the_list_as_json_has_the_promised_keys_and_nothing_else_on_stdout(state: StateFolder) -> None:
    run = state.push()
    state.start()
    state.end(run, 3)
    shown = state.webhookd("runs", "--json")
    assert shown.stderr == ""
    assert json.loads(shown.stdout) == [
        {
            "run": run,
            "target": "octocat/blog@main",
            "lane": "octocat/blog@main octocat/blog refs/heads/main",
            "state": "failed",
            "attempt": 1,
            "reason": "exited with 3",
            "exit_code": 3,
            "repo": "octocat/blog",
            "ref": "refs/heads/main",
            "commit": COMMIT,
            "title": "Say hello",
            "pusher": "octocat",
            "delivery": "delivery-1",
            "queued_at": "2026-11-24T02:48:39.000Z",
            "started_at": "2026-11-24T02:48:40.000Z",
            "ended_at": "2026-11-24T02:48:41.000Z",
            "superseded_by": None,
        }
    ]


def test_the_table_has_20_runs_and_the_json_has_all(state: StateFolder) -> None:
    for number in range(21):
        state.push(ref=f"refs/heads/b{number}")
    assert len(numbers(state)) == 21
    assert len(state.webhookd("runs").stdout.splitlines()) == 1 + 20  # with the heading


def test_the_list_can_be_filtered_by_state(state: StateFolder) -> None:
    old = state.push()
    new = state.push()
    assert numbers(state, "--state", "superseded") == [old]
    assert numbers(state, "--state", "queued") == [new]


def test_the_list_can_be_filtered_by_target_and_repository(state: StateFolder) -> None:
    shop = make_target(name="octocat/shop@main", repo="octocat/shop")
    blog_run = state.push()
    shop_run = state.push(shop, repo="Octocat/Shop")
    assert numbers(state, "--target", "octocat/shop@main") == [shop_run]
    assert numbers(state, "--repo", "octocat/BLOG") == [blog_run]
    assert numbers(state, "--repo", "octocat/shop") == [shop_run]
    assert numbers(state, "--repo", "octocat") == []


def test_the_list_can_start_before_a_run(state: StateFolder) -> None:
    queue = make_target(overlap=Overlap.QUEUE)
    pushed = [state.push(queue) for _ in range(5)]
    newest_first = pushed[::-1]
    assert numbers(state, "--limit", "2") == newest_first[:2]
    assert numbers(state, "--limit", "2", "--before", str(newest_first[1])) == newest_first[2:4]


def test_a_repository_is_found_beyond_the_first_page(state: StateFolder) -> None:
    wanted = state.push(repo="octocat/rare")
    queue = make_target(overlap=Overlap.QUEUE)
    for _ in range(210):
        state.push(queue)
    assert numbers(state, "--repo", "octocat/rare") == [wanted]


def test_an_empty_list_is_empty_on_stdout(state: StateFolder) -> None:
    shown = state.webhookd("runs")
    assert (shown.stdout, shown.stderr, shown.exit_code) == ("", "no runs\n", 0)
    assert numbers(state) == []


def test_without_json_a_table_is_printed(state: StateFolder) -> None:
    state.push()
    heading, line = state.webhookd("runs").stdout.splitlines()
    assert heading.split()[:3] == ["RUN", "STATE", "TARGET"]
    assert line.split()[:4] == ["1", ".", "queued", "octocat/blog@main"]


def test_one_run_is_shown_with_its_attempts(state: StateFolder) -> None:
    run = state.push(make_target(retries=1))
    state.start()
    state.end(run, 3, retry_in=0)
    state.start()
    shown = state.webhookd("runs", str(run))
    assert "attempt 1   exited with 3 (1.00s)" in shown.stdout
    values = json.loads(state.webhookd("runs", str(run), "--json").stdout)
    assert (values["run"], values["state"]) == (run, "running")
    assert [(attempt["attempt"], attempt["ending"]) for attempt in values["attempts"]] == [
        (1, "exited"),
        (2, None),
    ]


def test_an_unknown_run_is_an_error(state: StateFolder) -> None:
    shown = state.webhookd("runs", "99")
    assert (shown.exit_code, shown.stdout) == (1, "")
    assert "there is no run 99" in shown.stderr


@pytest.mark.parametrize("args", [("--limit", "0"), ("--state", "sleeping"), ("zero",)])
def test_an_invalid_option_is_a_usage_error(state: StateFolder, args: tuple[str, ...]) -> None:
    assert state.webhookd("runs", *args).exit_code == 2


@pytest.mark.parametrize("option", ["--target", "--repo", "--limit", "--before", "--state"])
def test_a_run_and_a_filter_exclude_each_other(state: StateFolder, option: str) -> None:
    run = state.push()
    shown = state.webhookd("runs", str(run), option, "queued" if option == "--state" else "1")
    assert (shown.exit_code, shown.stdout) == (2, "")
    assert shown.stderr.startswith(f"error: {option} applies to the list, not to run 1\n")


def test_a_folder_without_a_store_is_an_error(tmp_path: Path) -> None:
    shown = webhookd_on(tmp_path, "runs")
    assert shown.exit_code == 1
    assert shown.stderr.startswith(f'error: no store in "{tmp_path}"\nhint: ')


def test_a_missing_state_directory_is_an_error(tmp_path: Path) -> None:
    assert f'no state directory "{tmp_path}/gone"' in webhookd_on(tmp_path / "gone", "runs").stderr
