"""The options of `sign` and `verify` that choose a configured hook, or a forge and secrets."""

import functools
import os
import sys
from collections.abc import Callable, Sequence
from contextlib import nullcontext
from pathlib import Path
from typing import Any

import click

from webhookd.cli.configuration import load_config
from webhookd.cli.options import PATH_NAME, config_option
from webhookd.errors import BadValue, ConfigError, UsageError, in_words
from webhookd.models.settings import Config, Forge, Hook, Secret

_LARGEST_INPUT = 256 * 1024**2  # bytes; no daemon takes a larger payload
_LARGEST_SECRET = 4096  # bytes, as in the configuration


def secret_options(command: Callable[..., None]) -> Callable[..., None]:
    """Add the options that choose a hook; the command gets the `config`, and the `hooks` that fit them."""

    @config_option
    @click.option("--hook", metavar="NAME", help="Hook of the configuration.")
    @click.option(
        "--forge", type=click.Choice(list(map(str, Forge))), help="Forge that sends.  [default: github]"
    )
    @click.option(
        "--secret-file", multiple=True, type=PATH_NAME, metavar="FILE", help="File with the secret."
    )
    @click.option("--secret-env", multiple=True, metavar="VARIABLE", help="Variable with the secret.")
    @functools.wraps(command)
    def with_hooks(
        *,
        hook: str | None,
        forge: str | None,
        secret_file: Sequence[str],
        secret_env: Sequence[str],
        **others: Any,
    ) -> None:
        secrets = (*map(_from_file, secret_file), *map(_from_variable, secret_env))
        if secrets and hook is not None:
            hint = "leave it out, or leave out --secret-file and --secret-env"
            raise UsageError("--hook takes its secret from the configuration", hint=hint)
        config = _config_of(Forge(forge or Forge.GITHUB), secrets) if secrets else _loaded()
        hooks = tuple(
            each for each in config.hooks if hook in {None, each.name} and forge in {None, each.forge}
        )
        if not hooks:
            known = ", ".join(f'"{each.name}" ({each.forge})' for each in config.hooks)
            raise UsageError("the configuration has no such hook", hint=f"it has {known}")
        command(config=config, hooks=hooks, **others)

    return with_hooks


def unclear_hook(hooks: Sequence[Hook]) -> UsageError:
    """Return the error for *hooks* of which more than one may be meant."""
    names = ", ".join(f'"{hook.name}"' for hook in hooks)
    return UsageError("it is not clear which hook is meant", hint=f"--hook with one of {names}")


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


def _loaded() -> Config:
    try:
        return load_config(click.get_current_context())
    except ConfigError as exc:
        exc.hint = "without a configuration, use --forge and --secret-file"
        raise


def _config_of(forge: Forge, secrets: tuple[Secret, ...]) -> Config:
    """Return a configuration of one hook; for a forge with plain tokens, a secret may be one."""
    from webhookd.intake.forges import forge as adapter_of
    from webhookd.intake.signature import split_tokens

    signing, tokens = split_tokens(secrets, adapter_of(forge).scheme)
    hook = Hook(name=forge, path=f"/{forge}-webhook", forge=forge, secrets=signing, tokens=tokens)
    return Config(file=Path(), state_dir=Path(), hooks=(hook,))


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
