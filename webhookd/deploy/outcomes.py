"""What an ended attempt means to the store and to the log."""

import random
from datetime import UTC, datetime

import structlog

from webhookd.deploy.job import Result
from webhookd.models import Config, Ending, Outcome, Run, RunState

log = structlog.get_logger(__name__)


def outcome_of(result: Result) -> Outcome:
    """Read what a supervisor has left."""
    return Outcome(
        ending=Ending(result.ending),
        exit_code=result.exit_code,
        signal=result.signal,
        reason=result.reason,
        ended_at=datetime.fromtimestamp(result.ended_at, UTC),
    )


def retry_in(run: Run, config: Config) -> float | None:
    """Give the seconds before *run*, if it failed for the first time, may be tried again.

    None where its target is no longer configured. The jitter keeps targets that failed together from
    retrying together.
    """
    target = config.target(run.target)
    return target.retry_delay * random.uniform(0.9, 1.1) if target else None  # noqa: S311 - no secret


def log_end(run: Run, outcome: Outcome) -> None:
    """Say where *run* has got to by *outcome*."""
    write = log.info if run.state is RunState.SUCCEEDED else log.warning
    write(
        "run waits again" if run.state is RunState.QUEUED else "run ended",
        run=run.run,
        target=run.target,
        state=run.state,
        attempt=run.attempt,
        reason=outcome.reason,
    )
