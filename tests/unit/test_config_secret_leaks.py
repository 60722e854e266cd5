"""No message, warning or repr about a configuration repeats a secret or a piece of one."""

from pathlib import Path

import pytest
from configfiles import REPOS, load, problems

from webhookd.errors import ConfigError

HUNTER = "hunter2hunter2hunter2"


@pytest.mark.parametrize("key", ["file", "env", "credential"])
@pytest.mark.parametrize(
    "secret",
    [
        "qD/4m:XyvQ==",
        "/qD/4m:XyvQ==",
        "/qD4mXyvQ",
        "~qD4mXyvQ",
        "$qD4mXyvQ",
        "qD4mXyvQ",
        "qD4m XyvQ",
        "qD4m/../XyvQ",
        "qD4mXyvQ" * 40,
        "qD4m\\x00XyvQ",
    ],
)
@pytest.mark.parametrize("env", [{}, {"CREDENTIALS_DIRECTORY": "/run"}])
def test_a_secret_in_place_of_a_name_is_not_repeated(
    key: str, secret: str, env: dict[str, str], tmp_path: Path
) -> None:
    (problem,) = problems(tmp_path, f'secret: {{{key}: "{secret}"}}\n{REPOS}', env=env)
    assert ["qD4m" in problem, "XyvQ" in problem, "qD/4m" in problem] == [False, False, False]


@pytest.mark.parametrize(
    "text",
    [
        f"secret: {HUNTER}\nhooks: {{github: {{secret: {HUNTER}}}}}",
        f"secret: [[{HUNTER}]]",
        f"secret: {{{HUNTER}: x}}",
        f"secret: {{{HUNTER}}}",
        f"secret: {{file: [{HUNTER}]}}",
        f"secret: {{fil: {HUNTER}}}",
        f"secret: {{{HUNTER}: x, {HUNTER}: y}}",
        f"hooks: {{gitlab: {{secret: {HUNTER}}}}}",
        f"hooks: {{gitlab: {{secret: whsec_%{HUNTER}}}}}",
        f"hooks: {{github: {{token: {HUNTER}}}}}",
        "hooks: {github: {secret: {env: NAME}}}\nx: y",
        f"repos: {{a/b: {{secret: {{{HUNTER}: x}}, branches: {{m: x}}}}}}",
    ],
)
def test_no_problem_holds_a_secret(tmp_path: Path, text: str) -> None:
    with pytest.raises(ConfigError) as refused:
        load(tmp_path, text, env={"NAME": HUNTER})
    assert refused.value.problems != ()
    assert "hunter" not in str(refused.value) + repr(refused.value)


def test_no_warning_and_no_repr_holds_a_secret(tmp_path: Path) -> None:
    loaded = load(tmp_path, f"secret: [short, '\"{HUNTER}\"', {{env: NAME}}]\n{REPOS}", env={"NAME": HUNTER})
    assert len(loaded.warnings) == 4
    shown = repr(loaded) + "".join(map(str, loaded.warnings))
    assert "hunter" not in shown
    assert "short'" not in shown
