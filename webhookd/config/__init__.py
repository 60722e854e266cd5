"""YAML to `Config`: schema, loading with line numbers, secrets, durations."""

from webhookd.config.loading import load, load_state_dir
from webhookd.config.locations import default_files, default_state_dir, find, find_new
from webhookd.config.schema import json_schema
from webhookd.config.secret_sources import SecretAccess

__all__ = [
    "SecretAccess",
    "default_files",
    "default_state_dir",
    "find",
    "find_new",
    "json_schema",
    "load",
    "load_state_dir",
]
