"""Which hook and keys `sign` and `verify` work with: a configured hook's, or a forge and a secret."""

import os
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, TypeVar

import click

from webhookd.cli.inputs import read_input
from webhookd.cli.options import NAMED, config_option, load_config
from webhookd.errors import BadValue, ConfigError, UsageError
from webhookd.models import Forge, Hook, Repository, Secret

if TYPE_CHECKING:
    from webhookd.models import Config

Function = TypeVar("Function", bound=Callable[..., Any])

DEFAULT_ADDRESS = "127.0.0.1:9000"
_FORGES = [str(forge) for forge in Forge]
_LARGEST_SECRET = 4096  # bytes, as in the configuration


@dataclass(frozen=True, slots=True, kw_only=True)
class Chosen:
    """Hooks to choose from, and all repositories."""

    hooks: tuple[Hook, ...]
    every_hook: tuple[Hook, ...]  # also those that the options exclude
    repositories: tuple[Repository, ...] = ()
    address: str = DEFAULT_ADDRESS  # where the daemon listens


def key_options(command: Function) -> Function:
    """Add the options that say which forge and which keys."""
    click.option("--secret-env", multiple=True, metavar="VARIABLE", help="Variable with the secret.")(command)
    click.option(
        "--secret-file",
        multiple=True,
        type=NAMED,
        metavar="FILE",
        help="File with the secret.",
    )(command)
    click.option("--forge", type=click.Choice(_FORGES), help="Who sends.  [default: github]")(command)
    click.option("--hook", metavar="NAME", help="Hook of the configuration.")(command)
    return config_option(command)


def choose(
    ctx: click.Context,
    *,
    hook: str | None,
    forge: str | None,
    secret_file: Sequence[str],
    secret_env: Sequence[str],
) -> Chosen:
    """Give the hooks that the options mean; those of the configuration where they name no secret."""
    if secret_file or secret_env:
        if hook is not None:
            hint = "leave it out, or leave out --secret-file and --secret-env"
            raise UsageError("--hook names one of the configuration, which a secret stands in for", hint=hint)
        secrets = (*map(_from_file, secret_file), *map(_from_variable, secret_env))
        stand_in = _stand_in(Forge(forge or Forge.GITHUB), secrets)
        return Chosen(hooks=(stand_in,), every_hook=(stand_in,))
    config = _configuration(ctx)
    fitting = tuple(h for h in config.hooks if hook in {None, h.name} and forge in {None, str(h.forge)})
    if not fitting:
        known = ", ".join(f'"{h.name}" ({h.forge})' for h in config.hooks)
        raise UsageError("the configuration has no such hook", hint=f"it has {known}")
    tcp = next((str(listen) for listen in config.listen if listen.unix is None), DEFAULT_ADDRESS)
    return Chosen(hooks=fitting, every_hook=config.hooks, repositories=config.repositories, address=tcp)


def _configuration(ctx: click.Context) -> "Config":
    try:
        return load_config(ctx)
    except ConfigError as exc:
        exc.hint = "without a configuration, --forge and --secret-file say what is needed"
        raise


def _stand_in(forge: Forge, secrets: tuple[Secret, ...]) -> Hook:
    """Make a hook of a forge and its secrets; where the forge knows plain tokens, a secret may be one."""
    from webhookd.intake.forges import forge as adapter_of  # noqa: PLC0415
    from webhookd.intake.signature import split_tokens  # noqa: PLC0415

    signing, tokens = split_tokens(secrets, adapter_of(forge).scheme)
    return Hook(name=str(forge), path=f"/{forge}-webhook", forge=forge, secrets=signing, tokens=tokens)


def _from_file(name: str) -> Secret:
    return _secret(f"file {name}", read_input(name, "the secret file", most=_LARGEST_SECRET))


def _from_variable(name: str) -> Secret:
    if name not in os.environ:
        raise UsageError(f'the variable "{name}" is not set', hint="export it, or use --secret-file")
    return _secret(f"env {name}", os.fsencode(os.environ[name]))


def _secret(label: str, content: bytes) -> Secret:
    try:
        return Secret(label=label, key=Secret.key_in(content))
    except BadValue as exc:
        raise UsageError(f"{label}: {exc}", hint=exc.hint) from exc
