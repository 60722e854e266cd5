"""Requests to decisions. Pure: no clock, no I/O, no environment."""
