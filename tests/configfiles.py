"""A folder with a secret and a configuration, loaded or refused; shared by the tests of the configuration."""

import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from textwrap import dedent

import pytest

from webhookd import config
from webhookd.errors import ConfigError
from webhookd.models.settings import Config, Target

OTHER_USER = 1000  # a uid other than root's
NOBODY = 65534
KEY = "0123456789abcdef0123456789abcdef"
SECRET = "secret: {file: secret}\n"  # written by `write_secret`
REPOS = "repos: {octocat/blog: {main: make deploy}}\n"


def write_secret(folder: Path, *, name: str = "secret", content: bytes = KEY.encode() + b"\n") -> Path:
    """Write a secret that causes no warning."""
    file = folder / name
    file.write_bytes(content)
    file.chmod(0o600)
    return file


def write_config(folder: Path, text: str | bytes) -> Path:
    """Write a configuration; common indentation of the text is removed."""
    file = folder / "webhookd.yaml"
    file.write_bytes(text if isinstance(text, bytes) else dedent(text).encode())
    file.chmod(0o644)
    return file


def load(folder: Path, text: str | bytes, *, env: Mapping[str, str] | None = None, uid: int = 0) -> Config:
    """Load *text* as a configuration in *folder*, beside a secret."""
    write_secret(folder)
    return config.load(write_config(folder, text), env=env or {}, uid=uid)


def target(folder: Path, keys: str) -> Target:
    """Load the target octocat/blog@main with these *keys* and a command."""
    loaded = load(folder, f"{SECRET}repos: {{octocat/blog: {{main: {{run: make, {keys}}}}}}}")
    return loaded.repositories[0].targets[0]


def problems(
    folder: Path, text: str | bytes, *, env: Mapping[str, str] | None = None, uid: int = 0
) -> list[str]:
    """Return the errors of *text*, line by line, without the name of the file."""
    with pytest.raises(ConfigError) as refused:
        load(folder, text, env=env, uid=uid)
    assert str(refused.value).splitlines() == [str(problem) for problem in refused.value.problems]
    return [_without_file(folder, line) for line in str(refused.value).splitlines()]


def warnings(folder: Path, text: str | bytes, *, env: Mapping[str, str] | None = None) -> list[str]:
    """Return the warnings about *text*, line by line, without the name of the file."""
    return [_without_file(folder, str(warning)) for warning in load(folder, text, env=env).warnings]


def _without_file(folder: Path, line: str) -> str:
    return line.removeprefix(str(folder / "webhookd.yaml")).removeprefix(":").strip()


@contextmanager
def as_nobody() -> Iterator[int]:
    """Become a user without rights, if this is root, and yield the uid."""
    if os.getuid() != 0:
        yield os.getuid()
        return
    os.setresuid(NOBODY, NOBODY, 0)
    try:
        yield NOBODY
    finally:
        os.setresuid(0, 0, 0)
