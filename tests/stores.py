"""Stores for tests: the steps push, start and end, and a state directory with runs in it."""

import fcntl
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

from click.testing import CliRunner, Result
from factories import NOW, make_decision, make_delivery, make_match, make_push, make_target

from webhookd.cli import main
from webhookd.models.delivery import Decision
from webhookd.models.run import Claim, Ending, Outcome, Run, RunState
from webhookd.models.settings import Target
from webhookd.queue import Acceptance, Store, accepting, rows
from webhookd.queue.dialect import Transaction

OWNER = "this daemon"
SUCCESS = Outcome(ending=Ending.EXITED, exit_code=0)
FAILURE = Outcome(ending=Ending.EXITED, exit_code=1, reason="exit code 1")
INTERRUPTED = Outcome(ending=Ending.INTERRUPTED, reason="its supervisor left no result")
CANCELLED = Outcome(ending=Ending.CANCELLED)
TRANSITIONS = {  # no other state is left
    RunState.QUEUED: {RunState.RUNNING, RunState.SUPERSEDED, RunState.CANCELLED},
    RunState.RUNNING: set(RunState) - {RunState.RUNNING},
}


def later(seconds: float) -> datetime:
    """Return the time *seconds* after NOW."""
    return NOW + timedelta(seconds=seconds)


def delivery_of(delivery_id: str, *targets: dict[str, Any], **push: Any) -> Decision:
    """Return a decision about one push that matches each of *targets* (changed fields of a target)."""
    event = make_push(**push)
    matches = tuple(make_match(push=event, target=make_target(**values)) for values in targets or ({},))
    return make_decision(delivery=make_delivery(delivery_id=delivery_id, pushes=(event,)), matches=matches)


def push(
    store: Store,
    delivery_id: str,
    *,
    now: datetime = NOW,
    repo: str = "octocat/blog",
    ref: str = "refs/heads/main",
    **target: Any,
) -> Acceptance:
    """Accept a delivery of one push to one target, named after the repository."""
    decision = delivery_of(delivery_id, {"name": f"{repo}@main", "repo": repo, **target}, repo=repo, ref=ref)
    return store.accept(decision, now=now)


def push_with_failing_commit(store: Store, delivery_id: str) -> None:
    """Accept a push in a transaction whose commit fails."""
    decision = delivery_of(delivery_id)
    delivery = rows.delivery_values(decision.delivery, reason="")

    def work(tx: Transaction) -> None:
        tx.execute("PRAGMA defer_foreign_keys = ON", {})
        accepting.accept(tx, delivery, [rows.run_values(match, now=NOW) for match in decision.matches])
        tx.execute("INSERT INTO attempt (run_id, n, owner, started_at) VALUES (99, 1, '', 0)", {})

    store._db.write(work)  # noqa: SLF001 - the store itself has no such failure


def queued(acceptance: Acceptance) -> int:
    """Return the number of the queued run."""
    (run,) = acceptance.runs
    return run.run


def start(store: Store, *, now: datetime = NOW, owner: str = OWNER) -> Claim:
    """Claim a run; there must be one."""
    claim = store.claim(owner=owner, now=now)
    assert claim is not None, "nothing could be claimed"
    return claim


def end(
    store: Store,
    claim: Claim,
    outcome: Outcome = SUCCESS,
    *,
    now: datetime = NOW,
    retry_in: float | None = None,
) -> Run:
    """Finish a claimed run."""
    run = claim.run
    return store.finish(
        run.run, owner=run.owner or "", attempt=run.attempt, outcome=outcome, now=now, retry_in=retry_in
    )


def states(store: Store) -> dict[int, str]:
    """Return the state of every run."""
    return {run.run: run.state.value for run in reversed(store.runs(limit=1000))}


# -- a state directory, for tests of the commands that read it


class StateFolder:
    """A directory with a real store; each step advances the time by one second."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.store = Store.open(path / "webhookd.db")
        self.now = NOW
        self.pushed = 0

    def tick(self) -> datetime:
        """Advance the time by one second and return it."""
        self.now += timedelta(seconds=1)
        return self.now

    def push(self, target: Target | None = None, **push: object) -> int:
        """Accept a push and return the number of its run."""
        self.pushed += 1
        match = make_match(push=make_push(**push), target=target or make_target())
        delivery = make_delivery(delivery_id=f"delivery-{self.pushed}", pushes=(match.push,))
        accepted = self.store.accept(make_decision(delivery=delivery, matches=(match,)), now=self.tick())
        return accepted.runs[0].run

    def start(self) -> int:
        """Claim the next run and return its number."""
        return start(self.store, now=self.tick()).run.run

    def end(self, run: int, exit_code: int = 0, *, retry_in: float | None = None) -> None:
        """Record that the command of *run* has exited."""
        reason = f"exited with {exit_code}" if exit_code else ""
        outcome = Outcome(ending=Ending.EXITED, exit_code=exit_code, reason=reason, ended_at=self.tick())
        attempt = self.store.run(run).attempt
        self.store.finish(run, owner=OWNER, attempt=attempt, outcome=outcome, now=self.now, retry_in=retry_in)

    def write_log(self, run: int, output: bytes, *, attempt: int = 1) -> Path:
        """Append to the log of an attempt and return its path."""
        log = self.path / "runs" / str(run) / str(attempt) / "log"
        log.parent.mkdir(parents=True, exist_ok=True)
        with log.open("ab") as file:
            file.write(output)
        return log

    def webhookd(self, command: str, *args: str) -> Result:
        """Run a command on this directory."""
        return webhookd_on(self.path, command, *args)

    def webhookd_bare(self, command: str, *args: str) -> Result:
        """Run a command with these arguments only."""
        return CliRunner().invoke(main, [command, *args])


def webhookd_on(folder: Path, command: str, *args: str) -> Result:
    """Run a command on any state directory."""
    return CliRunner().invoke(main, [command, "--state-dir", str(folder), *args])


@contextmanager
def locked(folder: Path, text: str = "4711\n") -> Iterator[None]:
    """Lock the daemon's lock file, as a running daemon does."""
    with (folder / "daemon.lock").open("w") as lock:
        lock.write(text)
        lock.flush()
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield
