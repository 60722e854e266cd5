"""Views of runs and deliveries for people and programs. Pure: values in, text or plain JSON values out."""

from webhookd.report.blockers import QueueSnapshot, blockers
from webhookd.report.delivery_view import deliveries_table, delivery_json
from webhookd.report.doctor_view import findings_json, findings_text
from webhookd.report.run_view import attempt_json, end_text, run_json, run_text, runs_table
from webhookd.report.status_view import Status, status_json, status_text
from webhookd.report.text import TerminalFilter
from webhookd.report.times import Step, age, duration, rfc3339, timeline_text

__all__ = [
    "QueueSnapshot",
    "Status",
    "Step",
    "TerminalFilter",
    "age",
    "attempt_json",
    "blockers",
    "deliveries_table",
    "delivery_json",
    "duration",
    "end_text",
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
