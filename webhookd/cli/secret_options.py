"""The options of `sign` and `verify` that choose a configured hook, or a forge and secrets."""

import os
import sys
from collections.abc import Callable
from contextlib import nullcontext
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

import click

from webhookd.cli.configuration import load_config
from webhookd.cli.options import PATH_NAME, config_option
from webhookd.errors import BadValue, ConfigError, UsageError, in_words
from webhookd.models.settings import Forge, Hook, Repository, Secret

Function = TypeVar("Function", bound=Callable[..., Any])

DEFAULT_ADDRESS = "127.0.0.1:9000"
_LARGEST_INPUT = 256 * 1024**2  # bytes; no daemon takes a larger payload
_LARGEST_SECRET = 4096  # bytes, as in the configuration


@dataclass(frozen=True, slots=True, kw_only=True)
class SecretOptions:
    """The options that `secret_options` adds."""

    hook: str | None
    forge: str | None
    secret_file: tuple[str, ...]
    secret_env: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Candidates:
    """The hooks that the options allow, and what else the configuration has."""

    hooks: tuple[Hook, ...]
    every_hook: tuple[Hook, ...]  # also those that the options exclude
    repositories: tuple[Repository, ...] = ()
    address: str = DEFAULT_ADDRESS  # where the daemon listens


def secret_options(command: Function) -> Function:
    """Add the options that choose a forge and its secrets."""
    for option in (
        click.option("--secret-env", multiple=True, metavar="VARIABLE", help="Variable with the secret."),
        click.option(
            "--secret-file", multiple=True, type=PATH_NAME, metavar="FILE", help="File with the secret."
        ),
        click.option(
            "--forge", type=click.Choice([*map(str, Forge)]), help="Forge that sends.  [default: github]"
        ),
        click.option("--hook", metavar="NAME", help="Hook of the configuration."),
    ):
        option(command)
    return config_option(command)


def candidates(ctx: click.Context, options: SecretOptions) -> Candidates:
    """Return the hooks that *options* allow: those of the configuration, unless the options have a secret."""
    if options.secret_file or options.secret_env:
        if options.hook is not None:
            hint = "leave it out, or leave out --secret-file and --secret-env"
            raise UsageError("--hook takes its secret from the configuration", hint=hint)
        secrets = (*map(_from_file, options.secret_file), *map(_from_variable, options.secret_env))
        hook = _hook_of(Forge(options.forge or Forge.GITHUB), secrets)
        return Candidates(hooks=(hook,), every_hook=(hook,))
    try:
        config = load_config(ctx)
    except ConfigError as exc:
        exc.hint = "without a configuration, use --forge and --secret-file"
        raise
    fitting = tuple(
        hook
        for hook in config.hooks
        if options.hook in {None, hook.name} and options.forge in {None, str(hook.forge)}
    )
    if not fitting:
        known = ", ".join(f'"{hook.name}" ({hook.forge})' for hook in config.hooks)
        raise UsageError("the configuration has no such hook", hint=f"it has {known}")
    tcp = next((str(listen) for listen in config.listen if listen.unix is None), DEFAULT_ADDRESS)
    return Candidates(hooks=fitting, every_hook=config.hooks, repositories=config.repositories, address=tcp)


def read_input(name: str, what: str, *, largest: int = _LARGEST_INPUT) -> bytes:
    """Read the file called *name*, or standard input for "-"; errors call it *what*."""
    if name == "-" and sys.stdin is None:
        hint = "name a file, or redirect one: < FILE"
        raise UsageError(f"{what} cannot be read: standard input is closed", hint=hint)
    try:
        with nullcontext(sys.stdin.buffer) if name == "-" else Path(name).open("rb") as file:
            content: bytes = file.read(largest + 1)
    except OSError as exc:
        raise UsageError(f'{what} "{name}" cannot be read: {in_words(exc)}') from exc
    if len(content) > largest:
        raise UsageError(f'{what} "{name}" is longer than {largest} bytes', hint="is it the right one?")
    return content


def _hook_of(forge: Forge, secrets: tuple[Secret, ...]) -> Hook:
    """Make a hook from a forge and its secrets; for a forge with plain tokens, a secret may be one."""
    from webhookd.intake.forges import forge as adapter_of
    from webhookd.intake.signature import split_tokens

    signing, tokens = split_tokens(secrets, adapter_of(forge).scheme)
    return Hook(name=str(forge), path=f"/{forge}-webhook", forge=forge, secrets=signing, tokens=tokens)


def _from_file(name: str) -> Secret:
    return _secret(f"file {name}", read_input(name, "the secret file", largest=_LARGEST_SECRET))


def _from_variable(name: str) -> Secret:
    if name not in os.environ:
        hint = "write the name of an exported variable, or use --secret-file"
        raise UsageError("the variable that --secret-env names is not set", hint=hint)
    return _secret(f"env {name}", os.fsencode(os.environ[name]))


def _secret(label: str, content: bytes) -> Secret:
    try:
        return Secret(label=label, key=Secret.key_in(content))
    except BadValue as exc:
        raise UsageError(f"{label}: {exc}", hint=exc.hint) from exc
