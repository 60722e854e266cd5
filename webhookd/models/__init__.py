"""Frozen values that pass between the rooms; imports nothing of ours but `errors`."""

from webhookd.models.push import Decision, Delivery, Kind, Match, PushEvent, Request
from webhookd.models.runs import Claim, Ending, Outcome, Run, RunState
from webhookd.models.settings import (
    Config,
    Forge,
    History,
    Hook,
    Listen,
    Overlap,
    Problem,
    RefKind,
    Repository,
    Secret,
    Target,
)

__all__ = [
    "Claim",
    "Config",
    "Decision",
    "Delivery",
    "Ending",
    "Forge",
    "History",
    "Hook",
    "Kind",
    "Listen",
    "Match",
    "Outcome",
    "Overlap",
    "Problem",
    "PushEvent",
    "RefKind",
    "Repository",
    "Request",
    "Run",
    "RunState",
    "Secret",
    "Target",
]
