"""YAML to `Config`: schema, loading with line numbers, secrets, durations."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from webhookd.config.locations import default_files, default_state_dir, find, find_new
from webhookd.models import Config

__all__ = [
    "default_files",
    "default_state_dir",
    "find",
    "find_new",
    "json_schema",
    "load",
    "peek",
    "state_dir",
]


def load(path: Path, *, env: Mapping[str, str], uid: int) -> Config:
    """Load a configuration for a daemon that runs as *uid*; raise ConfigError with every problem at once."""
    from webhookd.config import loading  # noqa: PLC0415 - pydantic and yaml, which few commands need

    return loading.load(path, env=env, uid=uid)


def peek(path: Path, *, env: Mapping[str, str], uid: int) -> Config:
    """Load a configuration without its secrets, for somebody who only looks.

    Each secret is a key that opens nothing, and `user`, `group` and `nice` need no root.
    """
    from webhookd.config import loading  # noqa: PLC0415 - as above

    return loading.peek(path, env=env, uid=uid)


def state_dir(path: Path, *, env: Mapping[str, str], uid: int) -> Path:
    """Give the state directory that a file means, whatever else is wrong with the file.

    Raise ConfigError when that very key is wrong, or the file holds nothing that could be read.
    """
    from webhookd.config import loading  # noqa: PLC0415 - as above

    return loading.state_dir(path, env=env, uid=uid)


def json_schema() -> dict[str, Any]:
    """Give the JSON Schema of a configuration file, for editors."""
    from webhookd.config import editors  # noqa: PLC0415 - as above

    return editors.json_schema()
