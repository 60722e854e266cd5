"""One module per forge, named as its member of `Forge` with "_" for "-"; each has an `ADAPTER` (pure)."""

from importlib import import_module

from webhookd.intake.adapter import Adapter
from webhookd.models import Forge


def forge(name: Forge) -> Adapter:
    """Give the adapter of a forge; only what is used is imported."""
    adapter: Adapter = import_module(f"{__name__}.{name.replace('-', '_')}").ADAPTER
    return adapter
