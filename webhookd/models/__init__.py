"""Frozen values that pass between the rooms; each is imported from its module."""
