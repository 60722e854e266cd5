from pathlib import Path

import pytest
from configfiles import REPOS, SECRET, load

from webhookd import config
from webhookd.config.locations import default_state_dir
from webhookd.errors import ConfigError

USER = 1000
SYSTEM = Path("/etc/webhookd/webhookd.yaml")


def user_file(folder: Path) -> Path:
    file = folder / "webhookd" / "webhookd.yaml"
    file.parent.mkdir()
    file.touch()
    return file


def test_a_named_file_is_used_wherever_it_is(tmp_path: Path) -> None:
    env = {"WEBHOOKD_CONFIG": "/else/where.yaml", "XDG_CONFIG_HOME": str(tmp_path)}
    user_file(tmp_path)
    assert config.find(Path("named.yaml"), env=env, uid=USER) == Path("named.yaml")
    assert config.find(None, env=env, uid=USER) == Path("/else/where.yaml")


def test_a_new_file_is_the_named_one_or_the_users_own() -> None:
    env = {"WEBHOOKD_CONFIG": "/else/where.yaml"}
    assert config.find_new(Path("named.yaml"), env=env, uid=USER) == Path("named.yaml")
    assert config.find_new(None, env=env, uid=USER) == Path("/else/where.yaml")
    own = Path("/home/u/.config/webhookd/webhookd.yaml")  # whatever the system has
    assert config.find_new(None, env={"HOME": "/home/u"}, uid=USER) == own
    assert config.find_new(None, env={}, uid=0) == SYSTEM


def test_an_empty_variable_names_no_file(tmp_path: Path) -> None:
    file = user_file(tmp_path)
    env = {"WEBHOOKD_CONFIG": "", "XDG_CONFIG_HOME": str(tmp_path)}
    assert config.find(None, env=env, uid=USER) == file


def test_a_users_own_file_is_found_by_the_variable_or_below_home(tmp_path: Path) -> None:
    file = user_file(tmp_path)
    assert config.find(None, env={"XDG_CONFIG_HOME": str(tmp_path)}, uid=USER) == file
    home = tmp_path / "home"
    (home / ".config").mkdir(parents=True)
    below_home = user_file(home / ".config")
    assert config.find(None, env={"HOME": str(home)}, uid=USER) == below_home
    assert config.find(None, env={"HOME": str(home), "XDG_CONFIG_HOME": "relative"}, uid=USER) == below_home


def test_the_users_file_comes_before_the_systems() -> None:
    assert list(config.default_files(env={"HOME": "/home/u"}, uid=USER)) == [
        Path("/home/u/.config/webhookd/webhookd.yaml"),
        SYSTEM,
    ]


def test_root_has_only_the_systems_file() -> None:
    assert list(config.default_files(env={"HOME": "/root", "XDG_CONFIG_HOME": "/x"}, uid=0)) == [SYSTEM]


def test_the_current_folder_is_never_searched(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "webhookd.yaml").touch()
    user_file(tmp_path)
    monkeypatch.chdir(tmp_path)
    places = config.default_files(env={"HOME": "/nowhere"}, uid=USER)
    assert all(place.is_absolute() and not place.is_relative_to(tmp_path) for place in places)


@pytest.mark.skipif(SYSTEM.exists(), reason=f"{SYSTEM} is there")
def test_a_missing_file_is_reported_with_the_searched_places(tmp_path: Path) -> None:
    with pytest.raises(ConfigError) as refused:
        config.find(None, env={"HOME": str(tmp_path)}, uid=USER)
    assert str(refused.value) == (
        f"{tmp_path}/.config/webhookd/webhookd.yaml: there is no such file and no {SYSTEM} "
        "(`webhookd init` writes one; --config FILE names another place)"
    )


@pytest.mark.parametrize(
    ("env", "uid", "folder"),
    [
        ({}, 0, "/var/lib/webhookd"),
        ({"XDG_STATE_HOME": "/x"}, 0, "/var/lib/webhookd"),
        ({"STATE_DIRECTORY": "/var/lib/one:/var/lib/two"}, 0, "/var/lib/one"),
        ({"STATE_DIRECTORY": "/var/lib/one", "HOME": "/home/u"}, USER, "/var/lib/one"),
        ({"XDG_STATE_HOME": "/x", "HOME": "/home/u"}, USER, "/x/webhookd"),
        ({"XDG_STATE_HOME": "x", "HOME": "/home/u"}, USER, "/home/u/.local/state/webhookd"),
        ({"HOME": "/home/u"}, USER, "/home/u/.local/state/webhookd"),
        ({"HOME": "relative"}, 4_000_000, "/.local/state/webhookd"),
    ],
)
def test_the_default_state_directory_is_systemds_or_the_users(
    env: dict[str, str], uid: int, folder: str
) -> None:
    assert default_state_dir(env=env, uid=uid) == Path(folder)


def test_the_key_wins_over_the_default_state_directory(tmp_path: Path) -> None:
    env = {"STATE_DIRECTORY": "/var/lib/w"}
    assert load(tmp_path, SECRET + REPOS, env=env).state_dir == Path("/var/lib/w")
    assert load(tmp_path, "state_dir: /srv/s\n" + SECRET + REPOS, env=env).state_dir == Path("/srv/s")
