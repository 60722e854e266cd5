"""Claimed runs to ended ones: supervisors, processes, logs, locks."""
