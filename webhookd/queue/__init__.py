"""The store: deliveries, runs and attempts, and the only SQL."""
