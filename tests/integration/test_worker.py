"""What the worker does with claims, results and rules, and that no run delays another."""

import os

import pytest
from factories import NOW
from harness import is_alive, read_pids, wait_for
from stores import push_with_failing_commit
from workers import REPOS, AtWork

from webhookd.errors import StoreError
from webhookd.models.run import Ending, RunState


def test_nothing_starts_of_a_push_whose_commit_fails(at_work: AtWork) -> None:
    with pytest.raises(StoreError, match="FOREIGN KEY"):
        push_with_failing_commit(at_work.store, "lost")
    at_work.worker.wake()
    assert at_work.end_of(at_work.push("kept")) is RunState.SUCCEEDED
    assert [run.delivery for run in at_work.store.runs()] == ["kept"]
    assert [path.name for path in at_work.ran.iterdir()] == ["1"]


def test_a_retry_follows_the_rules_its_target_has_now(at_work: AtWork) -> None:
    at_work.configure(retries=1, retry_delay="1s")
    at_work.script.write_text(
        f"until test -e {at_work.folder}/go; do sleep 0.01; done; test $WEBHOOKD_ATTEMPT = 2"
    )
    run = at_work.push("d-1", retries=1)
    wait_for(lambda: at_work.store.run(run).state is RunState.RUNNING, what="its start")
    at_work.configure(retries=1, retry_delay="1s", lock="shared")
    (at_work.folder / "go").touch()
    assert at_work.end_of(run) is RunState.SUCCEEDED
    assert (at_work.store.run(run).attempt, at_work.store.run(run).lane) == (2, "lock shared")


def test_a_run_of_a_removed_target_is_not_retried(at_work: AtWork) -> None:
    here = at_work.folder
    at_work.script.write_text(f"touch {here}/begun; until test -e {here}/go; do sleep 0.01; done; exit 3")
    run = at_work.push("d-1", retries=1)
    wait_for((here / "begun").exists, what="its start")
    at_work.configure(name="renamed")
    (at_work.folder / "go").touch()
    assert at_work.end_of(run) is RunState.FAILED
    assert at_work.store.run(run).attempt == 1


OURS = '"invocation": "%s"'


@pytest.mark.parametrize(
    "text",
    [
        "",
        "no JSON",
        "[]",
        "{}",
        '{"invocation": 1}',
        f'{{{OURS}, "ending": "odd", "ended_at": 1}}',
        f'{{{OURS}, "ending": ["exited"], "ended_at": 1}}',
        f'{{{OURS}, "ending": "exited", "ended_at": "now"}}',
        f'{{{OURS}, "ending": "exited", "ended_at": 1e300}}',
        f'{{{OURS}, "ending": "exited", "ended_at": -1e11}}',
        f'{{{OURS}, "ending": "exited", "ended_at": 1, "exit_code": NaN}}',
        f'{{{OURS}, "ending": "exited", "ended_at": 1, "exit_code": 0.5}}',
        f'{{{OURS}, "ending": "exited", "ended_at": 1, "exit_code": []}}',
        f'{{{OURS}, "ending": "exited", "ended_at": 1, "signal": false}}',
        "[" * 100_000,
        f'{{{OURS}, "ending": "exited", "ended_at": 1, "reason": 5}}',
    ],
)
def test_a_forged_result_is_ignored(at_work: AtWork, text: str) -> None:
    result = f"{at_work.state}/runs/$WEBHOOKD_RUN/$WEBHOOKD_ATTEMPT/result.json"
    forge = f"printf '{text}' $WEBHOOKD_INVOCATION > {result}; kill -KILL $PPID; sleep 600"
    at_work.script.write_text(f"test $WEBHOOKD_ATTEMPT = 2 || {{ {forge}; }}")
    run = at_work.push("d-1")
    assert at_work.end_of(run) is RunState.SUCCEEDED
    assert [attempt.ending for attempt in at_work.store.attempts(run)] == [Ending.INTERRUPTED, Ending.EXITED]


def test_a_forged_result_counts_only_when_the_processes_have_ended(at_work: AtWork) -> None:
    result = f"{at_work.state}/runs/$WEBHOOKD_RUN/$WEBHOOKD_ATTEMPT/result.json"
    forged = f'{{{OURS}, "ending": "exited", "exit_code": 3, "ended_at": 1, "reason": "\\u001b[2Jforged"}}'
    at_work.script.write_text(
        f"printf '{forged}' $WEBHOOKD_INVOCATION > {result}; setsid sleep 600 & "
        f"echo $! > {at_work.folder}/left.pid; kill -KILL $PPID; sleep 600"
    )
    run = at_work.push("d-1")
    assert at_work.end_of(run) is RunState.FAILED
    (left,) = read_pids(at_work.folder)
    assert not is_alive(left)
    assert at_work.store.run(run).reason == "\\x1b[2Jforged"


def test_a_held_lane_does_not_make_the_worker_blocked(at_work: AtWork) -> None:
    before = at_work.push("d-0")
    at_work.end_of(before)
    lock = at_work.launcher.locks.take(at_work.store.run(before).lane)
    assert lock is not None
    run = at_work.push("d-1")
    wait_for(lambda: any(known.reason for known in at_work.store.attempts(run)), what="a try")
    assert not at_work.is_blocked()
    os.close(lock)
    at_work.store.cancel(run, now=NOW)


def test_cancelling_the_run_that_could_not_start_unblocks_the_worker(
    at_work: AtWork,
) -> None:
    runs = at_work.state / "runs"
    runs.rename(at_work.state / "away")
    runs.touch()
    run = at_work.push("d-1")
    wait_for(at_work.is_blocked, what="a try")
    wait_for(lambda: at_work.store.run(run).state is RunState.QUEUED, what="its end")
    at_work.store.cancel(run, now=NOW)
    at_work.worker.wake()
    wait_for(lambda: not at_work.is_blocked(), what="the end of the trouble")


@pytest.mark.parametrize("name", ["runs", "locks"])
def test_a_run_whose_files_cannot_be_made_is_retried_and_delays_no_other(at_work: AtWork, name: str) -> None:
    folder, away = at_work.state / name, at_work.state / "away"
    folder.rename(away)
    folder.write_bytes(b"in the way")
    blocked = at_work.push("d-1")
    wait_for(lambda: any(known.reason for known in at_work.store.attempts(blocked)), what="a try")
    assert at_work.is_blocked()
    folder.unlink()
    away.rename(folder)
    assert at_work.end_of(at_work.push("d-2", REPOS[1])) is RunState.SUCCEEDED
    assert not at_work.is_blocked()
    assert at_work.store.run(blocked).state not in {RunState.FAILED, RunState.CANCELLED}
    assert at_work.store.attempts(blocked)[0].reason.startswith("no supervisor could be started: ")


@pytest.mark.parametrize(
    "spoil",
    [
        "rm -r $folder; touch $folder; exit 3",
        "rm -r $state/runs/$WEBHOOKD_RUN; touch $state/runs/$WEBHOOKD_RUN; exit 3",
        "mkdir $folder/result.json; exit 3",
        "mkdir $folder/result.part; touch $folder/result.part/x; exit 3",
        "rm $folder/payload; mkdir $folder/payload; exit 3",
        "chmod 500 $folder; exit 3",
        "chmod 0 $folder; exit 3",
        "rm -r $state/locks; exit 3",
        "test $WEBHOOKD_ATTEMPT = 2 && exit 3; mv $state/runs $state/gone; kill -KILL $PPID",
        "test $WEBHOOKD_ATTEMPT = 2 && exit 3; mkdir $folder/result.json; kill -KILL $PPID",
        "test $WEBHOOKD_ATTEMPT = 2 && exit 3; rm -r $folder; touch $folder; kill -KILL $PPID",
        "mkfifo $folder/result.json $folder/result.part; exit 3",
        "rm $folder/*; mkfifo $folder/log $folder/log.part $folder/payload; exit 3",
        "$ready; rm -r $spare; mkfifo $spare; exit 3",
        "$ready; rm $spare/1/*; mkfifo $spare/1/log $spare/1/payload; exit 3",
        "for lock in $state/locks/*; do rm $lock; mkfifo $lock; done; exit 3",
        "for lock in $state/locks/*; do rm $lock; ln -s /dev/zero $lock; done; exit 3",
        "for lock in $state/locks/*; do echo $WEBHOOKD_INVOCATION 9999999999999999999 >$lock; done; exit 3",
        "test $WEBHOOKD_ATTEMPT = 2 && exit 3; mkfifo $folder/result.json; kill -KILL $PPID",
        "test $WEBHOOKD_ATTEMPT = 2 && exit 3; ln -s /dev/zero $folder/result.json; kill -KILL $PPID",
        "test $WEBHOOKD_ATTEMPT = 2 && exit 3; truncate -s 3G $folder/result.json; kill -KILL $PPID",
        "test $WEBHOOKD_ATTEMPT = 2 && exit 3; rm $folder/log; mkfifo $folder/log; kill -KILL $PPID",
        "test $WEBHOOKD_ATTEMPT = 2 && exit 3; truncate -s 3G $folder/log; kill -KILL $PPID",
        "test $WEBHOOKD_ATTEMPT = 2 && exit 3; cd $folder/..; mkdir 2; mkfifo 2/payload; kill -KILL $PPID",
        "test $WEBHOOKD_ATTEMPT = 2 && exit 3; ln -s /etc $folder/../2; kill -KILL $PPID",
    ],
)
def test_a_command_that_spoils_its_folder_gets_its_result_and_delays_no_other(
    at_work: AtWork, spoil: str
) -> None:
    folder = "$state/runs/$WEBHOOKD_RUN/$WEBHOOKD_ATTEMPT"
    places = f"state={at_work.state}; folder={folder}; spare=$state/runs/.spare"
    ready = "until test -e $spare/1/log; do sleep 0.01; done"
    at_work.script.write_text(f"{places}; {spoil.replace('$ready', ready)}")
    run = at_work.push("d-1")
    assert at_work.end_of(run) is RunState.FAILED
    assert at_work.store.run(run).exit_code == 3
    at_work.script.write_text("exit 0")
    assert at_work.end_of(at_work.push("d-2")) is RunState.SUCCEEDED


def test_a_run_that_is_not_tracked_is_found_while_pushes_keep_coming(at_work: AtWork) -> None:
    at_work.configure(workers=1)
    at_work.script.write_text(f"until test -e {at_work.folder}/go; do sleep 0.01; done")
    busy = at_work.push("d-1", REPOS[1])
    wait_for(lambda: at_work.store.run(busy).state is RunState.RUNNING, what="its start")
    lost = at_work.push("d-2")
    claim = at_work.store.claim(owner="a claim that came through late", now=NOW)
    assert claim is not None
    assert claim.run.run == lost
    (at_work.folder / "go").touch()

    def has_ended_under_traffic() -> bool:
        at_work.end_of(at_work.push(os.urandom(8).hex(), REPOS[1]))
        return at_work.store.run(lost).state is RunState.SUCCEEDED

    wait_for(has_ended_under_traffic, what="its end")


def test_a_worker_that_is_drained_at_once_waits_for_what_runs(at_work: AtWork) -> None:
    at_work.script.write_text(f"until test -e {at_work.folder}/go; do sleep 0.01; done")
    run = at_work.push("d-1")
    wait_for(lambda: at_work.worker.running, what="its start")
    at_work.worker.leave()
    at_work.thread.join()
    at_work.worker.close()
    at_work.begin()
    at_work.worker.drain()
    wait_for(lambda: at_work.worker.running, what="its adoption")
    (at_work.folder / "go").touch()
    at_work.thread.join()
    assert at_work.store.run(run).state is RunState.SUCCEEDED
