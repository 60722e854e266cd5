"""Whatever happens to the runs of a slot, the oldest that waits is its head, and no other run is one."""

import random

import pytest
from factories import NOW, make_target
from stores import CANCELLED, FAILURE, INTERRUPTED, SUCCESS, end, later, push

from webhookd.errors import NotPossible
from webhookd.models.settings import Overlap
from webhookd.queue import Store

TARGETS = {
    "latest": make_target(name="latest"),
    "queue": make_target(name="queue", overlap=Overlap.QUEUE, retries=1),
    "restart": make_target(name="restart", overlap=Overlap.RESTART),
    "locked": make_target(name="locked", lock="web", settle=5.0),
}
EXPECTED = """
SELECT min(id) AS id, repo FROM run WHERE state = 'queued'
AND slot NOT IN (SELECT slot FROM run WHERE state = 'running') GROUP BY slot, repo ORDER BY id
"""
HEADS = "SELECT id, repo FROM run WHERE head = 1 ORDER BY id"
LINE = "SELECT repo FROM turn ORDER BY repo"


Line = tuple[list[tuple[int, str]], list[str]]  # heads with their repositories; the repositories in line


def line_of(store: Store) -> Line:
    """Return the line that a claim looks at."""
    read = store._db.read  # noqa: SLF001 - heads do not show, they only make claims quick
    heads = [(row["id"], row["repo"]) for row in read(lambda tx: tx.all(HEADS, {}))]
    return heads, [row["repo"] for row in read(lambda tx: tx.all(LINE, {}))]


def expected_line(store: Store) -> Line:
    """Return the line that follows from the states of all runs."""
    rows = store._db.read(lambda tx: tx.all(EXPECTED, {}))  # noqa: SLF001 - as above
    heads = [(row["id"], row["repo"]) for row in rows]
    return heads, sorted({repo for _, repo in heads})


class Life:
    """A store to which things happen by chance."""

    def __init__(self, store: Store, seed: int) -> None:
        self.store = store
        self.dice = random.Random(seed)
        self.seconds = 0

    def go_on(self) -> None:
        self.seconds += self.dice.randrange(4)
        often, seldom = (self.push, self.claim, self.finish), (self.operate, self.reload)
        self.dice.choice((*often, *often, *seldom))()

    def push(self) -> None:
        name = self.dice.choice(list(TARGETS))
        target = TARGETS[name]
        options = {"overlap": target.overlap, "retries": target.retries, "lock": target.lock}
        push(
            self.store,
            f"push at {self.seconds} {self.dice.random()}",
            now=later(self.seconds),
            repo=f"octocat/{self.dice.randrange(2)}",
            ref=f"refs/heads/{self.dice.randrange(2)}",
            **options | {"name": name, "settle": target.settle},
        )

    def claim(self) -> None:
        self.store.claim(owner="me", now=later(self.seconds))

    def finish(self) -> None:
        for run in self.store.running()[:1]:
            outcome = self.dice.choice((SUCCESS, FAILURE, INTERRUPTED, CANCELLED))
            now = later(self.seconds)
            self.store.finish(
                run.run, owner="me", attempt=run.attempt, outcome=outcome, now=now, retry_in=2.0
            )

    def operate(self) -> None:
        runs = self.store.runs(limit=8)
        if runs:
            step = self.dice.choice((self.store.cancel, self.store.rerun))
            try:
                step(self.dice.choice(runs).run, now=later(self.seconds))
            except NotPossible:
                self.store.pause("latest", now=NOW)

    def reload(self) -> None:
        """Remove one target, and supersede all but the newest of what waits in line."""
        kept = dict(TARGETS)
        del kept[self.dice.choice(list(TARGETS))]
        kept["queue"] = make_target(name="queue", overlap=Overlap.LATEST)
        self.store.take_over(kept.values(), now=later(self.seconds))


@pytest.mark.parametrize("seed", range(3))
def test_the_heads_follow_from_the_states_of_all_runs(store: Store, seed: int) -> None:
    life = Life(store, seed)
    for _ in range(120):
        life.go_on()
        assert line_of(store) == expected_line(store)


def test_a_repository_that_comes_back_goes_to_the_end_of_the_line(store: Store) -> None:
    for repo in ("a", "b"):
        for ref in ("refs/heads/1", "refs/heads/2"):
            push(store, f"{repo} {ref}", repo=repo, ref=ref)
    order = []
    for _ in range(5):
        claim = store.claim(owner="me", now=NOW)
        assert claim is not None
        order.append(claim.run.repo)
        end(store, claim)
        if claim.run.repo == "a":
            push(store, f"again {len(order)}", repo="a", ref=f"refs/heads/{len(order)}")
    assert order == ["a", "b", "a", "b", "a"]
