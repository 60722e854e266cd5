"""What a request means: requests in, decisions out; no clock, no I/O, no environment (pure)."""

from webhookd.intake.forges import forge
from webhookd.intake.matching import RuleVerdict, explain, wanted_files
from webhookd.intake.payloads import json_text
from webhookd.intake.receive import precheck, receive, receive_again

__all__ = [
    "RuleVerdict",
    "explain",
    "forge",
    "json_text",
    "precheck",
    "receive",
    "receive_again",
    "wanted_files",
]
