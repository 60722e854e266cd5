"""Builds the parts and keeps them running: listeners, signals, drain."""
