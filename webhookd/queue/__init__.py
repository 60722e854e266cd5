"""The store: deliveries, runs and attempts, and the only SQL."""

from webhookd.queue.store import Store
from webhookd.queue.values import Acceptance, AcceptedRun, Pruned, Status

__all__ = ["Acceptance", "AcceptedRun", "Pruned", "Status", "Store"]
