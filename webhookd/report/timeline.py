"""The way one push took, as lines with milliseconds. Pure."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from webhookd.report.text import printable


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """Something that happened on the way."""

    at: datetime
    what: str


def timeline_text(steps: Sequence[Step]) -> str:
    """Write the steps in the order in which they happened, each with the time since the first."""
    ordered = sorted(steps, key=lambda step: step.at)
    begin = ordered[0].at
    lines = ((f"{(step.at - begin).total_seconds() * 1000:.0f}", step.what) for step in ordered)
    return "\n".join(f"{milliseconds:>6} ms  {printable(what)}" for milliseconds, what in lines)
