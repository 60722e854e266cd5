"""Views of runs and deliveries for people and programs. Pure: values in, text or plain JSON values out."""

from webhookd.report.deliveries import deliveries_table, delivery_json
from webhookd.report.findings import findings_json, findings_text
from webhookd.report.runs import attempt_json, end_text, run_json, run_text
from webhookd.report.runs_table import runs_table
from webhookd.report.status import Status, status_json, status_text
from webhookd.report.terminal import TerminalFilter
from webhookd.report.timeline import Step, timeline_text
from webhookd.report.times import age, duration, rfc3339
from webhookd.report.waiting import Surroundings, hindrances

__all__ = [
    "Status",
    "Step",
    "Surroundings",
    "TerminalFilter",
    "age",
    "attempt_json",
    "deliveries_table",
    "delivery_json",
    "duration",
    "end_text",
    "findings_json",
    "findings_text",
    "hindrances",
    "rfc3339",
    "run_json",
    "run_text",
    "runs_table",
    "status_json",
    "status_text",
    "timeline_text",
]
