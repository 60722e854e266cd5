"""Frozen values that pass between the rooms; imports nothing of ours but `errors`."""

from webhookd.models.findings import Finding, Level
from webhookd.models.push import Decision, Delivery, Kind, Match, PushEvent, Request
from webhookd.models.runs import Attempt, Claim, Counts, Ending, Outcome, Run, RunState, StoredDelivery
from webhookd.models.settings import (
    Config,
    Forge,
    History,
    Hook,
    Listen,
    LogTo,
    Overlap,
    Problem,
    RefKind,
    Repository,
    Secret,
    Target,
)

__all__ = [
    "Attempt",
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
    "Problem",
    "PushEvent",
    "RefKind",
    "Repository",
    "Request",
    "Run",
    "RunState",
    "Secret",
    "StoredDelivery",
    "Target",
]
