"""The store: deliveries, runs and attempts, and the only SQL."""

from webhookd.queue.accepting import Acceptance, AcceptanceStatus, AcceptedRun
from webhookd.queue.pruning import Pruned
from webhookd.queue.store import Store

__all__ = ["Acceptance", "AcceptanceStatus", "AcceptedRun", "Pruned", "Store"]
