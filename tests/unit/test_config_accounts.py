"""Keys that need root, and files that others can change; with real modes and owners."""

import grp
import os
import pwd
from collections.abc import Callable, Iterator
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from configfiles import (
    NOBODY,
    OTHER_USER,
    REPOS,
    SECRET,
    as_nobody,
    load,
    problems,
    target,
    warnings,
    write_config,
    write_secret,
)

from webhookd import config
from webhookd.errors import ConfigError

as_root = pytest.mark.skipif(os.geteuid() != 0, reason="only root can give a file away")
EVERYBODY = "can be changed by every user of this machine"
NOBODYS = f'belongs to the user "{pwd.getpwuid(NOBODY).pw_name}"'
GROUP = next(group for group in grp.getgrall() if group.gr_gid not in {0, os.getgid()})


@pytest.fixture
def folder() -> Iterator[Path]:
    """A folder with a configuration, its secret and a state directory; every user can enter it."""
    with TemporaryDirectory() as name:
        Path(name).chmod(0o755)
        yield prepared(Path(name) / "home")


def prepared(home: Path) -> Path:
    for name in ("etc", "state/runs", "state/locks"):
        (home / name).mkdir(parents=True)
    (home / "state/webhookd.db").touch(mode=0o600)
    for place in (home, *home.rglob("*")):
        place.chmod(place.stat().st_mode & ~0o022)
    write_secret(home / "etc", name="key")
    return home


def text(folder: Path) -> str:
    return f"secret: {{file: key}}\nstate_dir: {folder}/state\n{REPOS}"


def found(told: Callable[..., list[str]], folder: Path) -> list[str]:
    """Return the problems or warnings, without place and hint, each once."""
    lines = told(folder / "etc", text(folder))
    return list(dict.fromkeys(line[line.index('"/') :].partition(" (")[0] for line in lines))


def test_a_usual_setup_has_no_warning(folder: Path) -> None:
    assert found(warnings, folder) == []


@pytest.mark.parametrize("mode", [0o640, 0o600, 0o444])
def test_a_configuration_that_only_its_owner_can_change_has_no_warning(folder: Path, mode: int) -> None:
    file = write_config(folder / "etc", text(folder))
    file.chmod(mode)
    assert config.load(file, env={}, uid=0).warnings == ()


def test_a_configuration_that_everybody_can_change_is_refused(folder: Path) -> None:
    file = write_config(folder / "etc", text(folder))
    file.chmod(0o666)
    with pytest.raises(ConfigError) as refused:
        config.load(file, env={}, uid=0)
    assert str(refused.value) == f'{file}: "{file}" {EVERYBODY} (chmod o-w {file})'
    (warning,) = config.load(file, env={}, uid=0, access=config.SecretAccess.NONE).warnings
    assert warning.message == f'"{file}" {EVERYBODY}'


@pytest.mark.parametrize(
    "place", ["etc", "state", "state/runs", "state/locks", "state/webhookd.db", ".", "etc/key"]
)
def test_what_everybody_can_change_is_refused(folder: Path, place: str) -> None:
    (folder / place).chmod(0o777)
    assert found(problems, folder) == [f'"{folder / place}" {EVERYBODY}']


@pytest.mark.parametrize("place", ["state", "state/runs"])
def test_a_sticky_bit_does_not_make_a_shared_folder_a_state_directory(folder: Path, place: str) -> None:
    (folder / place).chmod(0o1777)
    assert found(problems, folder) == [f'"{folder / place}" {EVERYBODY}']


def test_above_a_folder_the_sticky_bit_protects_it(folder: Path) -> None:
    folder.chmod(0o1777)
    assert found(warnings, folder) == []


@as_root
@pytest.mark.parametrize("place", ["etc", "state", "state/locks", "etc/key"])
def test_what_a_group_can_change_is_a_warning(folder: Path, place: str) -> None:
    os.chown(folder / place, -1, GROUP.gr_gid)
    (folder / place).chmod(0o770)
    assert found(warnings, folder) == [f'"{folder / place}" can be changed by the group "{GROUP.gr_name}"']


@as_root
@pytest.mark.parametrize("place", ["etc", ".", "state/runs", "state/locks", "state/webhookd.db"])
def test_what_belongs_to_another_user_is_refused(folder: Path, place: str) -> None:
    os.chown(folder / place, NOBODY, -1)
    assert found(problems, folder) == [f'"{folder / place}" {NOBODYS}, who can change it']


@as_root
def test_a_configuration_of_another_user_is_refused(folder: Path) -> None:
    file = write_config(folder / "etc", text(folder))
    os.chown(file, NOBODY, -1)
    with pytest.raises(ConfigError, match=NOBODYS):
        config.load(file, env={}, uid=0)
    for place in (folder, *folder.rglob("*")):
        os.chown(place, NOBODY, -1)
    assert config.load(file, env={}, uid=NOBODY).warnings == ()


@as_root
def test_a_secret_of_another_user_is_a_warning(folder: Path) -> None:
    os.chown(folder / "etc/key", NOBODY, -1)
    assert found(warnings, folder) == [f'"{folder}/etc/key" {NOBODYS}']


@as_root
def test_root_checks_the_configuration_of_a_daemon_of_another_user(folder: Path) -> None:
    for place in (folder / "etc/key", folder / "state", *(folder / "state").rglob("*")):
        os.chown(place, NOBODY, -1)
    assert found(warnings, folder) == []


@as_root
def test_the_daemon_reads_what_root_owns_and_its_group_may_read(folder: Path) -> None:
    file = write_config(folder / "etc", text(folder))
    for place in (folder / "etc", file, folder / "etc/key"):
        os.chown(place, 0, NOBODY)
    (folder / "etc").chmod(0o750)
    (folder / "etc/key").chmod(0o640)
    file.chmod(0o640)
    os.setegid(NOBODY)
    try:
        with as_nobody() as uid:
            assert config.load(file, env={}, uid=uid).warnings == ()
    finally:
        os.setegid(0)


@pytest.mark.parametrize("name", ["runs", "locks", "webhookd.db"])
def test_a_symbolic_link_in_the_state_directory_is_refused(folder: Path, name: str) -> None:
    (folder / "state" / name).rename(folder / name)
    (folder / "state" / name).symlink_to(folder / name)
    assert found(problems, folder) == [f'"{folder}/state/{name}" is a symbolic link']


def test_the_state_directory_and_the_configuration_can_be_symbolic_links(folder: Path) -> None:
    (folder / "state").rename(folder / "elsewhere")
    (folder / "state").symlink_to("elsewhere")
    (folder / "etc").rename(folder / "config")
    (folder / "etc").symlink_to("config")
    assert found(warnings, folder) == []
    (folder / "elsewhere").chmod(0o777)
    assert found(problems, folder) == [f'"{folder}/elsewhere" {EVERYBODY}']


@as_root
def test_a_symbolic_link_of_another_user_is_refused(folder: Path) -> None:
    (folder / "shared").mkdir()
    (folder / "shared").chmod(0o1777)
    (folder / "shared/state").symlink_to(folder / "state")
    os.lchown(folder / "shared/state", NOBODY, -1)
    told = problems(folder / "etc", f"{SECRET}state_dir: {folder}/shared/state\n{REPOS}")
    assert [line.partition(", who")[0] for line in told] == [
        f'2:12: state_dir: "{folder}/shared/state" {NOBODYS}'
    ]


def test_a_state_directory_that_is_not_there_yet_has_no_warning(tmp_path: Path) -> None:
    tmp_path.chmod(0o700)
    assert load(tmp_path, f"{SECRET}state_dir: {tmp_path}/a/b\n{REPOS}").warnings == ()


@pytest.mark.parametrize(
    ("keys", "message"),
    [
        ("user: root", "user: only root may run a command as another user"),
        ("group: root", "group: only root may run a command as another group"),
        ("nice: -1", "nice: only root may go below 0"),
    ],
)
def test_keys_that_need_root_are_refused_to_others(tmp_path: Path, keys: str, message: str) -> None:
    assert target(tmp_path, keys).name == "octocat/blog@main"
    text = f"{SECRET}repos: {{a/b: {{main: {{run: make, {keys}}}}}}}"
    (problem,) = problems(tmp_path, text, uid=OTHER_USER)
    hint = "(start webhookd as root, or remove this key: commands run as "
    assert problem.partition("repos.a/b.main.")[2].startswith(f"{message} {hint}")


def test_keys_that_need_root_are_refused_in_the_defaults_too(tmp_path: Path) -> None:
    (problem,) = problems(tmp_path, SECRET + "defaults: {user: root}\n" + REPOS, uid=OTHER_USER)
    assert problem.startswith("2:18: defaults.user: only root may run a command as another user")
