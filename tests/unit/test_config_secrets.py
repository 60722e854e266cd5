import os
from collections.abc import Iterator
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from configfiles import KEY, REPOS, SECRET, as_nobody, load, problems, warnings, write_config, write_secret
from hypothesis import given
from hypothesis import strategies as st

from webhookd import config
from webhookd.config.accounts import user_name
from webhookd.errors import ConfigError
from webhookd.models.settings import Secret

EDGES = "the secret begins or ends with white space or a quote (webhookd takes it as a part of the secret)"
LITERAL = "the secret is written out in this file (keep it in a file of its own, mode 600: {file: …})"


def secrets_of(folder: Path, source: str, **variables: str) -> tuple[Secret, ...]:
    return load(folder, f"secret: {source}\n{REPOS}", env=variables).hooks[0].secrets


def problem_of(folder: Path, source: str, **variables: str) -> str:
    (problem,) = problems(folder, f"secret: {source}\n{REPOS}", env=variables)
    return problem.removeprefix("1:9: secret: ")


def warnings_about(folder: Path, key: str) -> list[str]:
    found = warnings(folder, f"secret: {{env: KEY}}\n{REPOS}", env={"KEY": key})
    return [line.removeprefix("1:9: secret: ") for line in found]


def test_a_secret_comes_from_a_file_a_variable_or_a_credential(tmp_path: Path) -> None:
    write_secret(tmp_path, name="credential", content=b"c" * 32)
    sources = f"[{{file: {tmp_path}/secret}}, {{env: NAME}}, {{credential: credential}}]"
    assert secrets_of(tmp_path, sources, NAME="n" * 32, CREDENTIALS_DIRECTORY=str(tmp_path)) == (
        Secret(label=f"file {tmp_path}/secret", key=KEY.encode()),
        Secret(label="env NAME", key=b"n" * 32),
        Secret(label="credential credential", key=b"c" * 32),
    )


def test_a_relative_file_is_below_the_configurations_folder(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir("/")
    assert secrets_of(tmp_path, "{file: ./secret}")[0].key == KEY.encode()


def test_a_literal_secret_is_used_with_a_warning(tmp_path: Path) -> None:
    text = f"hooks: {{github: {{secret: [{{file: secret}}, {KEY}]}}}}\n{REPOS}"
    assert load(tmp_path, text).hooks[0].secrets[1] == Secret(
        label="literal hooks.github.secret[1]", key=KEY.encode()
    )
    assert warnings(tmp_path, text) == [f"1:43: hooks.github.secret[1]: {LITERAL}"]


def test_outside_the_daemon_a_secret_of_its_environment_is_a_warning(
    tmp_path: Path,
) -> None:
    write_secret(tmp_path)
    file = write_config(
        tmp_path, f"secret: [{{credential: x}}, {{env: X}}, {{env: Y}}, {{file: secret}}]\n{REPOS}"
    )
    loaded = config.load(file, env={"Y": "y" * 32}, uid=0, access=config.SecretAccess.OUTSIDE)
    assert [secret.label for secret in loaded.hooks[0].secrets] == [
        "credential x",
        "env X",
        "env Y",
        "file secret",
    ]
    assert [secret.key for secret in loaded.hooks[0].secrets[2:]] == [b"y" * 32, KEY.encode()]
    assert [warning.key for warning in loaded.warnings] == ["secret[0]", "secret[1]"]


def test_outside_the_daemon_a_missing_secret_file_is_an_error(tmp_path: Path) -> None:
    file = write_config(tmp_path, f"secret: {{file: nowhere}}\n{REPOS}")
    with pytest.raises(ConfigError, match="the file named here does not exist"):
        config.load(file, env={}, uid=0, access=config.SecretAccess.OUTSIDE)


@pytest.mark.parametrize(
    ("content", "key"),
    [
        (b"0123456789abcdef", b"0123456789abcdef"),
        (b"0123456789abcdef\n", b"0123456789abcdef"),
        (b"0123456789abcdef\r\n", b"0123456789abcdef"),
        (b"0123456789abcdef\n\n", b"0123456789abcdef\n"),
        (b"0123456789abcdef\r", b"0123456789abcdef\r"),
        (b" 0123456789abcdef ", b" 0123456789abcdef "),
        (b"\xff\x00\xfe3456789abcdef", b"\xff\x00\xfe3456789abcdef"),
        ("Schlüssel 山 und mehr".encode(), "Schlüssel 山 und mehr".encode()),
    ],
)
def test_exactly_one_newline_at_the_end_is_removed(tmp_path: Path, content: bytes, key: bytes) -> None:
    write_secret(tmp_path, name="other", content=content)
    assert secrets_of(tmp_path, "{file: other}")[0].key == key


def test_the_newline_is_removed_from_every_source(tmp_path: Path) -> None:
    assert secrets_of(tmp_path, "{env: NAME}", NAME=KEY + "\n")[0].key == KEY.encode()
    assert secrets_of(tmp_path, f"|\n  {KEY}\n")[0].key == KEY.encode()


def test_a_variable_that_is_not_utf8_keeps_its_bytes(tmp_path: Path) -> None:
    value = os.fsdecode(b"\xff" * 20)
    assert secrets_of(tmp_path, "{env: NAME}", NAME=value)[0].key == b"\xff" * 20


@given(st.binary(min_size=17, max_size=200))
def test_a_key_is_the_content_of_the_file_without_one_newline(
    tmp_path_factory: pytest.TempPathFactory, content: bytes
) -> None:
    folder = tmp_path_factory.mktemp("secret")
    write_secret(folder, name="other", content=b"x" + content + b"\n")
    (secret,) = secrets_of(folder, "{file: other}")
    assert secret.key == b"x" + content.removesuffix(b"\r")


@pytest.mark.parametrize("content", [b"\0", b"\0" * 32 + b"\n", b"\0" * 100, b" \0\n"])
def test_a_secret_of_nul_bytes_is_refused_as_hmac_takes_it_for_an_empty_one(
    tmp_path: Path, content: bytes
) -> None:
    write_secret(tmp_path, name="other", content=content)
    assert problem_of(tmp_path, "{file: other}").startswith("the secret is empty")


@pytest.mark.parametrize("content", [b"", b"\n", b"\r\n", b"\n\n", b" \t\n"])
def test_an_empty_secret_is_refused(tmp_path: Path, content: bytes) -> None:
    write_secret(tmp_path, name="other", content=content)
    empty = "the secret is empty (an empty secret would let everybody in: openssl rand -hex 32)"
    assert problem_of(tmp_path, "{file: other}") == empty
    assert problem_of(tmp_path, "{env: NAME}", NAME=content.decode()) == empty
    assert problem_of(tmp_path, "''") == empty


def test_a_missing_secret_file_is_refused_with_a_command_that_makes_it(tmp_path: Path) -> None:
    file = tmp_path / "nowhere"
    assert problem_of(tmp_path, f"{{file: {file}}}") == (
        f'"{file}" does not exist (make one: (umask 077; openssl rand -hex 32 > {file}))'
    )


def test_a_secret_has_to_be_in_a_regular_file(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    for file in (tmp_path / "pipe", tmp_path, Path("/dev/zero")):
        assert problem_of(tmp_path, f"{{file: {file}}}") == (
            f'"{file}" is not a regular file (name the file itself)'
        )


def test_a_file_that_is_longer_than_any_secret_is_refused(tmp_path: Path) -> None:
    file = write_secret(tmp_path, name="other", content=b"x" * 4097)
    assert problem_of(tmp_path, "{file: other}") == (
        f'"{file}" is longer than any secret (at most 4096 bytes)'
    )


@pytest.fixture
def open_folder() -> Iterator[Path]:
    """A folder that every user may look into, other than pytest's."""
    with TemporaryDirectory() as name:
        Path(name).chmod(0o755)
        yield Path(name)


def test_an_unreadable_secret_is_refused_with_the_name_of_the_user(open_folder: Path) -> None:
    file = write_config(open_folder, SECRET + REPOS)
    write_secret(open_folder).chmod(0)
    with as_nobody() as uid, pytest.raises(ConfigError) as refused:
        config.load(file, env={}, uid=uid)
    (problem,) = refused.value.problems
    user = user_name(uid)
    assert problem.message == f'"{open_folder}/secret" cannot be read by the user "{user}"'
    assert problem.hint == (
        f"run this as root or as the daemon's user; if that is {user}: chown {user} {open_folder}/secret"
    )


def test_an_unreadable_configuration_is_refused_with_the_name_of_the_user(open_folder: Path) -> None:
    file = write_config(open_folder, SECRET + REPOS)
    file.chmod(0)
    with as_nobody() as uid, pytest.raises(ConfigError) as refused:
        config.load(file, env={}, uid=uid)
    user = user_name(uid)
    assert str(refused.value) == (
        f'{file}: the user "{user}" may not read this file '
        f"(run this as root or as the daemon's user; if that is {user}: chown {user} {file})"
    )


def test_the_command_of_a_hint_can_be_pasted_into_a_shell(tmp_path: Path) -> None:
    (tmp_path / "it's a").mkdir()
    assert problem_of(tmp_path, f'{{file: "{tmp_path}/it\'s a/secret"}}') == (
        f'"{tmp_path}/it\'s a/secret" does not exist '
        f"(make one: (umask 077; openssl rand -hex 32 > '{tmp_path}/it'\"'\"'s a/secret'))"
    )


def test_a_variable_that_is_not_set_is_refused(tmp_path: Path) -> None:
    assert problem_of(tmp_path, "{env: NAME}") == (
        "the variable named here is not set "
        "(it has to be set where webhookd starts (systemd: EnvironmentFile=))"
    )


def test_a_credential_outside_a_unit_is_refused(tmp_path: Path) -> None:
    assert problem_of(tmp_path, "{credential: hook}") == (
        "there are no credentials outside a systemd unit "
        "(the unit needs LoadCredential=NAME:/PATH; elsewhere `webhookd check --without-secrets`)"
    )


@pytest.mark.parametrize(
    ("source", "problem"),
    [
        ("{}", "names no place for the secret (exactly one of file, env, credential)"),
        (
            "{file: secret, env: X}",
            "names several places for the secret (exactly one of file, env, credential)",
        ),
    ],
)
def test_a_source_names_exactly_one_place(tmp_path: Path, source: str, problem: str) -> None:
    assert problem_of(tmp_path, source) == problem


@pytest.mark.parametrize(
    ("source", "problem"),
    [
        ("{file: ~/secret}", 'file: begins with "~", which is not expanded (write the path out)'),
        ("{file: ''}", "file: is empty (write the path of a file)"),
        ("{file: [x]}", "file: must be a path, not a list"),
        ("{env: A=B}", 'env: is not a plain name (no spaces and none of "/", ":", "=" and "$")'),
        (
            "{credential: ../x}",
            'credential: is not a plain name (no spaces and none of "/", ":", "=" and "$")',
        ),
        ("[]", "is an empty list (write a value, or remove the key)"),
    ],
)
def test_an_invalid_place_is_refused(tmp_path: Path, source: str, problem: str) -> None:
    (told,) = problems(tmp_path, f"secret: {source}\n{REPOS}")
    assert told.partition(": secret")[2].lstrip(".: ") == problem


def test_every_secret_of_a_list_is_checked(tmp_path: Path) -> None:
    sources = "[{env: A}, {env: B}, {file: secret}]"
    found = problems(tmp_path, f"secret: {sources}\n{REPOS}")
    assert [line.partition(" is not set")[0] for line in found] == [
        "1:10: secret[0]: the variable named here",
        "1:20: secret[1]: the variable named here",
    ]


@pytest.mark.parametrize(
    ("mode", "doubts"),
    [
        (0o600, []),
        (0o640, []),
        (0o644, ["can be read by every user of this machine"]),
    ],
)
def test_a_secret_file_open_to_everybody_is_a_warning(tmp_path: Path, mode: int, doubts: list[str]) -> None:
    file = write_secret(tmp_path, name="other")
    file.chmod(mode)
    assert warnings(tmp_path, "secret: {file: other}\n" + REPOS) == [
        f'1:9: secret: "{file}" {doubt} (chmod 600 {file})' for doubt in doubts
    ]


@pytest.mark.parametrize(
    ("key", "doubts"),
    [
        ("x" * 16, []),
        ("x" * 15, ["the secret is shorter than 16 bytes (it can be guessed: openssl rand -hex 32)"]),
        (KEY + " ", [EDGES]),
        (KEY + "\n\n", [EDGES]),
        (f'"{KEY}"', [EDGES]),
        (f"'{KEY}'", [EDGES]),
    ],
)
def test_a_secret_that_is_probably_a_mistake_is_a_warning(
    tmp_path: Path, key: str, doubts: list[str]
) -> None:
    assert warnings_about(tmp_path, key) == doubts


def open_files() -> int:
    return len(list(Path("/proc/self/fd").iterdir()))


def test_reading_a_secret_leaves_no_file_open(tmp_path: Path) -> None:
    before = open_files()
    secrets_of(tmp_path, "{file: secret}")
    problem_of(tmp_path, "{file: /dev/zero}")
    assert open_files() == before
