"""Many threads that push, work, operate and watch, on one store or on several of one database."""

import random
import threading
from collections import Counter
from concurrent.futures import ThreadPoolExecutor

from factories import NOW
from stores import CANCELLED, FAILURE, INTERRUPTED, SUCCESS, end, push

from webhookd.errors import NotPossible
from webhookd.models.run import Counts, Run, RunState
from webhookd.models.settings import Overlap
from webhookd.queue import Store

REPOSITORIES = 3
PUSHERS = 6
PUSHES = 40  # by each
WORKERS = 4
OUTCOMES = (SUCCESS, SUCCESS, FAILURE, INTERRUPTED)
TARGETS: tuple[dict[str, object], ...] = (
    {"name": "latest"},
    {"name": "restart", "overlap": Overlap.RESTART},
    {"name": "queue", "overlap": Overlap.QUEUE},
    {"name": "locked", "lock": "web"},
    {"name": "also locked", "lock": "web", "retries": 2},
)
COALESCING = {"latest", "restart", "locked", "also locked"}


def broken_rules(runs: tuple[Run, ...]) -> list[str]:
    """What must never be seen in one state of the store."""
    lanes = Counter(run.lane for run in runs if run.state is RunState.RUNNING)
    slots = Counter(run.slot for run in runs if run.state is RunState.QUEUED and run.target in COALESCING)
    unlinked = [run for run in runs if run.state is RunState.SUPERSEDED and run.superseded_by is None]
    unheld = [run for run in runs if (run.state is RunState.RUNNING) != (run.owner is not None)]
    return [
        *(f"{count} running in {lane}" for lane, count in lanes.items() if count > 1),
        *(f"{count} waiting in {slot}" for slot, count in slots.items() if count > 1),
        *(f"run {run.run} is superseded by nothing" for run in unlinked),
        *(f"run {run.run} is {run.state} and held by {run.owner}" for run in unheld),
    ]


class Crowd:
    """Pushers, workers, an operator and a watcher, until every push has come to its end."""

    def __init__(self, *stores: Store) -> None:
        self._stores = stores
        self.pushed = threading.Event()
        self.done = threading.Event()
        self.accepted: dict[str, int] = {}
        self.broken: list[str] = []

    @property
    def store(self) -> Store:
        """One of the stores, by chance."""
        return random.choice(self._stores)

    def run(self) -> None:
        with ThreadPoolExecutor(max_workers=PUSHERS + WORKERS + 2) as pool:
            pushers = [pool.submit(self.push, n) for n in range(PUSHERS)]
            workers = [pool.submit(self.work, n) for n in range(WORKERS)]
            others = [pool.submit(self.watch), pool.submit(self.operate)]
            try:
                for pusher in pushers:
                    pusher.result()
                self.pushed.set()
                for worker in workers:
                    worker.result()
            finally:
                self.pushed.set()
                self.done.set()
            for other in others:
                other.result()

    def check(self) -> None:
        """Run, and check that no rule was ever broken and nothing is lost."""
        self.run()
        runs = {run.run: run for run in self.store.runs(limit=100_000)}
        assert self.broken == []
        assert broken_rules(tuple(runs.values())) == []
        assert len(self.accepted) == PUSHERS * PUSHES
        assert set(self.accepted.values()) <= set(runs)
        assert self.store.check() == ()
        for run in runs.values():
            assert run.superseded_by is None or run.superseded_by in runs
            assert len(self.store.attempts(run.run)) == run.attempt
        while (claim := self.store.claim(owner="the last", now=NOW.replace(year=2027))) is not None:
            end(self.store, claim)
        assert self.store.counts() == Counts(queued=0, running=0)  # no waiting run was left out of its line

    def push(self, number: int) -> None:
        dice = random.Random(number)
        for n in range(PUSHES):
            delivery = f"{number}-{n}"
            repo = f"octocat/{dice.randrange(REPOSITORIES)}"
            acceptance = push(self.store, delivery, repo=repo, **dice.choice(TARGETS))  # type: ignore[arg-type]
            self.accepted[delivery] = acceptance.runs[0].run

    def work(self, number: int) -> None:
        dice = random.Random(100 + number)
        owner = f"worker {number}"
        while True:
            no_more_comes = self.pushed.is_set()
            claim = self.store.claim(owner=owner, now=NOW.replace(year=2027))
            if claim is not None:
                run = claim.run
                wanted = run.run in self.store.cancel_requested(owner)
                outcome = CANCELLED if wanted else dice.choice(OUTCOMES)
                self.store.finish(
                    run.run, owner=owner, attempt=run.attempt, outcome=outcome, now=NOW, retry_in=0.0
                )
            elif no_more_comes and self.store.counts().queued == 0:
                return

    def operate(self) -> None:
        dice = random.Random(1000)
        while not self.done.is_set():
            for run in self.store.runs(limit=5):
                try:
                    dice.choice((self.store.cancel, self.store.rerun))(run.run, now=NOW)
                except NotPossible:
                    continue
            self.done.wait(0.01)

    def watch(self) -> None:
        while not self.done.is_set():
            self.broken += broken_rules(self.store.runs(limit=100_000))
