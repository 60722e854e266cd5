"""Views of runs and deliveries for people and programs. Pure: values in, text or plain JSON values out."""

from webhookd.report.deliveries import deliveries_table, delivery_json
from webhookd.report.findings import findings_json, findings_text
from webhookd.report.runs import attempt_json, run_json, run_text, runs_table
from webhookd.report.status import Status, status_json, status_text
from webhookd.report.terminal import TerminalFilter
from webhookd.report.timeline import Step, timeline_text
from webhookd.report.times import age, duration, rfc3339

__all__ = [
    "Status",
    "Step",
    "TerminalFilter",
    "age",
    "attempt_json",
    "deliveries_table",
    "delivery_json",
    "duration",
    "findings_json",
    "findings_text",
    "rfc3339",
    "run_json",
    "run_text",
    "runs_table",
    "status_json",
    "status_text",
    "timeline_text",
]
