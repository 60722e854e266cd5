"""A configuration as a whole, as frozen values (pure; built by `config/`)."""

from dataclasses import dataclass
from ipaddress import IPv4Network, IPv6Network
from pathlib import Path

from webhookd.errors import Problem
from webhookd.models.settings import Hook, Repository, Target


@dataclass(frozen=True, slots=True, kw_only=True)
class Listen:
    """One address to listen on: TCP (`host` and `port`) or a unix socket (`unix`)."""

    host: str = ""
    port: int = 0
    unix: Path | None = None

    def __str__(self) -> str:
        if self.unix is not None:
            return f"unix:{self.unix}"
        return f"[{self.host}]:{self.port}" if ":" in self.host else f"{self.host}:{self.port}"


@dataclass(frozen=True, slots=True, kw_only=True)
class History:
    """How much of the past is kept."""

    keep: float = 90 * 86400.0  # seconds
    runs_per_target: int = 1000
    log_limit: int = 10 * 1024**2  # bytes of one command's output
    bodies: float = 30 * 86400.0  # seconds a payload is kept


@dataclass(frozen=True, slots=True, kw_only=True)
class Config:
    """A whole, valid configuration."""

    file: Path
    state_dir: Path
    listen: tuple[Listen, ...] = (Listen(host="127.0.0.1", port=9000),)
    workers: int = 4
    max_body: int = 25 * 1024**2  # bytes
    trusted_proxies: tuple[IPv4Network | IPv6Network, ...] = ()
    drain_timeout: float = 600.0  # seconds
    history: History = History()
    hooks: tuple[Hook, ...] = ()
    repositories: tuple[Repository, ...] = ()
    warnings: tuple[Problem, ...] = ()

    def hook_at(self, path: str) -> Hook | None:
        """Give the hook that answers at URL *path*, compared exactly."""
        return next((hook for hook in self.hooks if hook.path == path), None)

    @property
    def targets(self) -> tuple[Target, ...]:
        """All targets, in the order of the file."""
        return tuple(target for repository in self.repositories for target in repository.targets)

    def target(self, name: str) -> Target | None:
        """Give the target called *name*."""
        return next((target for target in self.targets if target.name == name), None)
