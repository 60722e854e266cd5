"""Many threads on one store: no rule of a lane or slot is ever broken, and nothing is lost."""

import threading
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from crowd import Crowd
from factories import NOW
from stores import push

from webhookd.errors import WebhookdError
from webhookd.queue import Store


def test_no_rule_is_broken_and_nothing_is_lost(tmp_path: Path) -> None:
    """`test_store_postgres` has the same for three hosts."""
    with Store.open(tmp_path / "webhookd.db") as store:
        Crowd(store).check()


def test_one_delivery_sent_many_times_at_once_runs_once(store: Store) -> None:
    start = threading.Barrier(16)

    def send(_: int) -> str:
        start.wait()
        return push(store, "same").status

    with ThreadPoolExecutor(max_workers=16) as pool:
        answers = Counter(pool.map(send, range(16)))
    assert answers == {"queued": 1, "already queued": 15}
    assert len(store.runs()) == 1


def test_one_run_is_claimed_by_one_worker(store: Store) -> None:
    for n in range(8):
        push(store, f"push-{n}", ref=f"refs/heads/{n}")
    start = threading.Barrier(16)

    def claim(number: int) -> int | None:
        start.wait()
        claimed = store.claim(owner=f"worker {number}", now=NOW)
        return None if claimed is None else claimed.run.run

    with ThreadPoolExecutor(max_workers=16) as pool:
        claimed = list(pool.map(claim, range(16)))
    assert sorted(run for run in claimed if run is not None) == list(range(1, 9))


def test_readers_and_the_writer_may_close_at_any_moment(store: Store) -> None:
    def use(number: int) -> None:
        try:
            for n in range(200):
                push(store, f"{number}-{n}")
                store.runs()
        except WebhookdError as error:
            assert str(error) == "the store is closed"  # noqa: PT017  it may also never be raised

    with ThreadPoolExecutor(max_workers=8) as pool:
        users = [pool.submit(use, number) for number in range(8)]
        store.close()
        for user in users:
            user.result()
