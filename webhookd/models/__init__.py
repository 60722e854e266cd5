"""Frozen values that pass between the rooms; imports nothing of ours but `errors`.

The module of a value is imported when somebody asks for it: few commands need all of them.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from webhookd.models.config import Config, History, Listen
    from webhookd.models.findings import Finding, Level
    from webhookd.models.push import Decision, Delivery, Kind, Match, PushEvent, Request
    from webhookd.models.runs import Attempt, Claim, Counts, Ending, Outcome, Run, RunState, StoredDelivery
    from webhookd.models.settings import (
        Forge,
        Hook,
        LogTo,
        Overlap,
        RefKind,
        Repository,
        Secret,
        Target,
    )
    from webhookd.models.statedir import AttemptFolder, StateLayout

__all__ = [
    "Attempt",
    "AttemptFolder",
    "Claim",
    "Config",
    "Counts",
    "Decision",
    "Delivery",
    "Ending",
    "Finding",
    "Forge",
    "History",
    "Hook",
    "Kind",
    "Level",
    "Listen",
    "LogTo",
    "Match",
    "Outcome",
    "Overlap",
    "PushEvent",
    "RefKind",
    "Repository",
    "Request",
    "Run",
    "RunState",
    "Secret",
    "StateLayout",
    "StoredDelivery",
    "Target",
]

_MODULES = ("settings", "push", "config", "runs", "findings", "statedir")  # the most used ones first


def __getattr__(name: str) -> Any:
    """Import the module of a value."""
    for module in _MODULES if name in __all__ else ():
        found = getattr(import_module(f"{__name__}.{module}"), name, None)
        if found is not None:
            return found
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
