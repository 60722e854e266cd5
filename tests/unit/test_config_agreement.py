"""An editor with the JSON Schema accepts each generated document that `webhookd check` accepts."""

from pathlib import Path
from typing import Any, TypeAlias

import jsonschema
import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from webhookd import config
from webhookd.errors import ConfigError

Values: TypeAlias = st.SearchStrategy[Any]

SCALARS = (
    None,
    False,
    0,
    1,
    -1,
    7,
    1.5,
    "",
    " ",
    "x",
    "a b",
    "10m",
    "/abs",
    "9",
    "~x",
    "!x",
    "x/",
    "refs/tags/v",
)
LISTS: Any = ([], [None], ["x"], [["x"]])
MAPPINGS: Any = ({}, {"x": "y"}, {"run": "x"}, {"file": "x"}, {"env": "X", "file": "x"})
JUNK: Values = st.sampled_from((*SCALARS, *LISTS, *MAPPINGS))
YES: Any = True


def usually(*values: object) -> Values:
    """Mostly one of *values*, sometimes anything."""
    good = st.sampled_from(values)
    return st.one_of(good, good, good, good, good, JUNK)


def mapping(keys: dict[str, Values]) -> Values:
    """A mapping with some of the *keys*, and seldom an unknown one."""
    some = st.fixed_dictionaries({}, optional=keys)
    return st.one_of(some, some, some, st.fixed_dictionaries({"unknown": JUNK}, optional=keys))


def one_or_list(values: Values) -> Values:
    return st.one_of(values, values, st.lists(values, max_size=2))


SECRET = one_or_list(
    usually(
        "s" * 32, 12345, {"file": "secret"}, {"env": "NAME"}, {"credential": "x"}, {"file": 5}, {"env": True}
    )
)
DURATION = usually("10m", "1.5h", 90, 1.5, "0s")
COMMAND = usually("make", YES, 5, ["make", "x"], ["make", 5, True], ["", "x"])
FILES = one_or_list(usually("site/**", "*.md", 5, -1, YES, ".x"))
TARGET_KEYS: dict[str, Values] = {
    "run": COMMAND,
    "name": usually("site", 1, "a.b", YES),
    "cwd": usually("/srv"),
    "env": usually({"A": "b", "C": 5, "D": True}, {"WEBHOOKD_X": "y"}, {"1": "y"}),
    "user": usually("deploy", 1000, -1),
    "group": usually("www-data"),
    "umask": usually("022", "0o22", "0022", "1000"),
    "nice": usually(5, -20, 19, 20),
    "log": usually("file", "journal"),
    "timeout": DURATION,
    "grace": DURATION,
    "overlap": usually("latest", "queue"),
    "settle": DURATION,
    "lock": usually("docker", 7),
    "retries": usually(3, 100, 101),
    "retry_delay": DURATION,
    "paths": FILES,
    "paths_ignore": FILES,
    "on_delete": COMMAND,
    "skip_message": one_or_list(usually("[skip]", 5, YES)),
}
TARGET = st.one_of(
    COMMAND,
    mapping(TARGET_KEYS),
    st.builds(lambda run, rest: {**rest, "run": run}, COMMAND, mapping(TARGET_KEYS)),
)
TARGETS = one_or_list(TARGET)
BRANCH = st.sampled_from(
    ["main", "dev/*", "on", "1.10", "refs/heads/x", "a b", "", "@", "x.", "timeout", "run", "-"]
)
BRANCHES = st.dictionaries(BRANCH, TARGETS, max_size=2)
LONG = mapping(
    {"hook": usually("github", "gitea", 5), "secret": SECRET, "branches": BRANCHES, "tags": BRANCHES}
)
REPO = st.sampled_from(
    ["a/b", "a/*", "**", "a/b/c", "~u/r", "a", "*", "a/b.git", "a//b", "a/..", "x y/z", "h:a/b"]
)
HOOK = mapping(
    {
        "forge": usually("github", "gitlab", "gitea"),
        "path": usually("/x", "/a/b", "/healthz", "/a/../b", "x", "/a//b"),
        "secret": SECRET,
        "token": SECRET,
        "authorization": SECRET,
        "allow_from": one_or_list(usually("192.0.2.0/24", "::1")),
    }
)
HOOK_NAME = st.sampled_from(["github", "gitlab", "gitea", "mine", "my hook", "-x"])
SETTINGS = mapping(
    {
        "secret": SECRET,
        "listen": one_or_list(usually("127.0.0.1:9000", "unix:/run/x")),
        "state_dir": usually("/var/lib/x"),
        "workers": usually(4, 256, 257),
        "max_body": usually("25MiB", 4096, "1GiB"),
        "trusted_proxies": one_or_list(usually("127.0.0.1")),
        "drain_timeout": DURATION,
        "history": mapping(
            {
                "keep": DURATION,
                "runs_per_target": usually(10, 0),
                "log_limit": usually("1MiB", 5000),
                "bodies": DURATION,
            }
        ),
        "defaults": st.one_of(mapping(TARGET_KEYS), st.just({"run": "x"})),
        "hooks": st.dictionaries(HOOK_NAME, HOOK, max_size=2),
        "repos": st.one_of(
            st.dictionaries(REPO, st.one_of(BRANCHES, LONG), max_size=2),
            st.just({"a/b": {"main": "x"}}),
            JUNK,
        ),
    }
)
DOCUMENT = st.one_of(
    SETTINGS,
    st.builds(lambda d: {"secret": "s" * 32, "repos": {"a/b": {"main": "x"}}, **d}, SETTINGS),
    st.builds(lambda t: {"secret": "s" * 32, "repos": {"a/b": {"main": t}}}, TARGETS),
    st.builds(lambda r: {"secret": "s" * 32, "repos": {"a/b": r}}, st.one_of(BRANCHES, LONG)),
)

VALIDATOR = jsonschema.Draft202012Validator(config.json_schema())


@pytest.fixture(scope="module")
def file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("agreement") / "webhookd.yaml"


def is_refused(file: Path, document: object) -> bool:
    file.write_text(yaml.safe_dump(document))
    try:
        config.load(file, env={}, uid=0, access=config.SecretAccess.NONE)
    except ConfigError:
        return True
    return False


@given(DOCUMENT)
def test_the_schema_accepts_what_check_accepts(file: Path, document: object) -> None:
    errors = [f"{list(error.path)}: {error.message}" for error in VALIDATOR.iter_errors(document)]
    assert errors == [] or is_refused(file, document)
