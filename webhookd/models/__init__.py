"""Frozen values that pass between the rooms; imports nothing of ours but `errors`.

The module of a value is imported when somebody asks for it: few commands need all of them.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from webhookd.models.delivery import Decision, Delivery, Kind, Match, PushEvent, Request
    from webhookd.models.layout import AttemptFolder, StateLayout
    from webhookd.models.run import (
        Attempt,
        Claim,
        Counts,
        Ending,
        Finding,
        Level,
        Outcome,
        Run,
        RunState,
        StoredDelivery,
    )
    from webhookd.models.settings import (
        Config,
        Forge,
        History,
        Hook,
        Listen,
        LogTo,
        Network,
        Overlap,
        RefKind,
        Repository,
        Secret,
        Target,
    )

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
    "Network",
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

_MODULES = ("settings", "delivery", "run", "layout")  # the most used ones first


def __getattr__(name: str) -> Any:
    """Import the module of a value."""
    for module in _MODULES if name in __all__ else ():
        found = getattr(import_module(f"{__name__}.{module}"), name, None)
        if found is not None:
            return found
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
