"""The store: deliveries, runs and attempts, and the only SQL."""

from webhookd.queue.store import Store
from webhookd.queue.values import Acceptance, AcceptanceStatus, AcceptedRun, Pruned

__all__ = ["Acceptance", "AcceptanceStatus", "AcceptedRun", "Pruned", "Store"]
