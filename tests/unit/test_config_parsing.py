from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from webhookd.config.document import Place, Plain, dotted
from webhookd.config.parsing import parse_yaml

LAUGHS = "a: &a [x, x, x, x, x, x, x, x, x]\n" + "".join(
    f"{name}: &{name} [{', '.join([f'*{before}'] * 9)}]\n"
    for before, name in zip("abcdef", "bcdefg", strict=True)
)


NO_PLAIN_TEXT = "not valid YAML: a character that no plain text can begin with (put the text in quotes)"
NEVER_CLOSED = 'not valid YAML: a "[" or "{" that is never closed (close it, or put the text in quotes)'


def data_of(text: str) -> Any:
    document = parse_yaml(text, file="w.yaml")
    assert document.errors == ()
    return document.data


def problems_of(text: str) -> list[str]:
    return [str(problem) for problem in parse_yaml(text, file="w.yaml").errors]


@pytest.mark.parametrize(
    "text",
    [
        "on",
        "no",
        "yes",
        "true",
        "1.10",
        "1.0",
        "022",
        "0x1f",
        "22:30",
        "2026-11-24",
        ".inf",
        "=",
        "1_000",
        "-1",
    ],
)
def test_a_scalar_is_the_text_that_was_written(text: str) -> None:
    assert data_of(f"key: {text}\n{text}: x") == {"key": text, text: "x"}


def test_a_quoted_text_is_distinguished_from_a_plain_one() -> None:
    plain, quoted = data_of("[12, '12']")
    assert (plain, type(plain)) == ("12", Plain)
    assert (quoted, type(quoted)) == ("12", str)


def test_a_key_may_be_called_null() -> None:
    assert data_of("null: a\n~: b\n'': c") == {"null": "a", "~": "b", "": "c"}


def test_values_and_keys_have_places_of_their_own() -> None:
    document = parse_yaml("a:\n  b: [x, {c: y}]\n", file="w.yaml")
    assert document.places == {
        ("a",): Place(key=(1, 1), value=(2, 3)),
        ("a", "b"): Place(key=(2, 3), value=(2, 6)),
        ("a", "b", 0): Place(key=(2, 7), value=(2, 7)),
        ("a", "b", 1): Place(key=(2, 10), value=(2, 10)),
        ("a", "b", 1, "c"): Place(key=(2, 11), value=(2, 14)),
    }


def test_only_the_part_of_a_path_that_is_in_the_file_is_known() -> None:
    document = parse_yaml("a: {b: [x]}", file="w.yaml")
    assert document.known(("a", "a mapping", "b", "a list", 0, "c")) == ("a", "b", 0)


def test_a_missing_key_has_the_place_of_the_key_above_it() -> None:
    document = parse_yaml("a:\n  b: x", file="w.yaml")
    document.error(("a", "b", "c"), "is missing", "write it")
    assert [str(error) for error in document.errors] == ["w.yaml:2:3: a.b.c: is missing (write it)"]


def test_a_key_path_is_dotted_and_counts_items() -> None:
    assert dotted(("repos", "octocat/blog", "main", 0, "run")) == "repos.octocat/blog.main[0].run"


@pytest.mark.parametrize(
    ("path", "shown"),
    [
        (("secret", "hunter2"), "secret.…"),
        (("secret", 0, "file"), "secret[0].file"),
        (("hooks", "lab", "token", "hunter2"), "hooks.lab.token.…"),
        (("hooks", "lab", "authorization", 1, "hunter2"), "hooks.lab.authorization[1].…"),
        (("repos", "a/b", "secret", "hunter2"), "repos.a/b.secret.…"),
        (("repos", "a/b", "main", "secret"), "repos.a/b.main.secret"),
    ],
)
def test_unknown_keys_below_a_secret_are_not_shown(path: tuple[str | int, ...], shown: str) -> None:
    assert dotted(path) == shown


def test_control_characters_are_escaped() -> None:
    assert dotted(("a\x1b[2J",)) == "a\\x1b[2J"


def test_a_duplicate_key_is_found_at_its_second_place() -> None:
    assert problems_of("a: 1\nb: {c: x,\n  c: y}\na: 2") == [
        "w.yaml:3:3: b.c: appears twice (first in line 2)",
        "w.yaml:4:1: a: appears twice (first in line 1)",
    ]


def test_a_key_without_a_value_is_found() -> None:
    document = parse_yaml("a:\nb: ~\nc: [x, null, y]\nd: ''", file="w.yaml")
    hint = '(write one, or remove the key; put the text "null" in quotes)'
    assert [str(problem) for problem in document.errors] == [
        f"w.yaml:1:3: a: has no value {hint}",
        f"w.yaml:2:4: b: has no value {hint}",
        f"w.yaml:3:8: c[1]: has no value {hint}",
    ]
    assert document.data == {"c": ["x"], "d": ""}


def test_aliases_and_merge_keys_are_resolved() -> None:
    text = "a: &a {x: 1, y: 2}\nb: &b {<<: *a, y: 3}\nc: {<<: [*b, {z: 4, x: 5}]}\nd: *a"
    assert data_of(text) == {
        "a": {"x": "1", "y": "2"},
        "b": {"y": "3", "x": "1"},
        "c": {"y": "3", "x": "1", "z": "4"},
        "d": {"x": "1", "y": "2"},
    }


def test_aliases_share_no_data() -> None:
    data = data_of("a: &a {x: [1]}\nb: *a")
    data["a"]["x"].append("2")
    assert data["b"] == {"x": ["1"]}


def test_only_a_mapping_can_be_merged() -> None:
    assert problems_of("a: {<<: [x], b: c}") == [
        "w.yaml:1:10: a.<<: only a mapping can be merged (write <<: *name of an anchored mapping)"
    ]


@pytest.mark.parametrize(
    "text",
    [
        LAUGHS,
        "a: &a {<<: [*a, *a]}",
        "a: &a [*a]",
        "a: &a {b: *a}",
        "[" * 5000,
        "{a: " * 5000,
        "- " * 5000,
        "&a {<<: *a}",
    ],
)
def test_endless_aliases_and_deep_nesting_are_refused_soon(text: str) -> None:
    document = parse_yaml(text, file="w.yaml")
    (problem,) = document.errors
    assert problem.message == "not valid YAML: more than 24 levels or 100000 values"
    assert document.data is None


def test_tags_are_refused() -> None:
    hint = '(remove it; put a text that begins with "!" in quotes)'
    assert problems_of("a: !!python/object:os.system x\nb: !x [y]\nc: !!set {z}") == [
        f"w.yaml:1:4: a: a YAML tag, which means nothing here {hint}",
        f"w.yaml:2:4: b: a YAML tag, which means nothing here {hint}",
        f"w.yaml:3:4: c: a YAML tag, which means nothing here {hint}",
    ]


def test_a_key_has_to_be_a_string() -> None:
    assert problems_of("? [a]\n: b\nc: d") == ["w.yaml:1:3: a key that is not text (put it in quotes)"]


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        (
            "a: b: c",
            (
                '1:5: not valid YAML: a ":" where no key can be '
                '(check the indentation, or put a text that holds ": " in quotes)'
            ),
        ),
        ("a:\n\t- b", "2:1: not valid YAML: a tab where YAML wants spaces (indent with spaces)"),
        ("a: [::1]", f"1:5: {NO_PLAIN_TEXT}"),
        ("*: x", f"1:2: {NO_PLAIN_TEXT}"),
        (
            "a: *foo",
            '1:4: not valid YAML: an alias without its anchor (put a text that begins with "*" in quotes)',
        ),
        ("a: @x", f"1:4: {NO_PLAIN_TEXT}"),
        ("a: [1, 2", f"1:9: {NEVER_CLOSED}"),
        ("a: {b: c", f"1:9: {NEVER_CLOSED}"),
        ('a: "x', "1:6: not valid YAML: a quote that is never closed (close it)"),
        (
            "a: 'it's'",
            "1:8: not valid YAML: text after the end of a quoted text (put the whole text in quotes)",
        ),
        (
            'a: "\\q"',
            "1:6: not valid YAML: an unknown escape in double quotes (use single quotes, or write \\\\)",
        ),
        (
            "a: b\n---\nc: d",
            '2:1: not valid YAML: a second document (one file holds one: remove the line "---")',
        ),
        ("a:\n  b: c\n d: e", "3:2: not valid YAML: an indentation that fits nothing"),
        ("a: >x\n  b", '1:5: not valid YAML: a text after "|" or ">" (begin the text on the next line)'),
        (
            "a: &x 1\nb: &x 2",
            "2:4: not valid YAML: an anchor with the name of an earlier one (give each its own)",
        ),
        (
            "a: x\nb: \x07y",
            "2:4: not valid YAML: a control character, or a text that is not UTF-8 (save the file as UTF-8)",
        ),
    ],
)
def test_a_yaml_error_is_reported_like_any_other(text: str, problem: str) -> None:
    assert problems_of(text) == [f"w.yaml:{problem}"]


@pytest.mark.parametrize(
    "text",
    [
        "secret: *hunter2",
        "secret: !hunter2 x",
        "secret: &hunter2",
        "secret: {hunter2}",
        "secret: hunter2: x",
        'secret: "hunter2',
        "secret: [hunter2",
        "secret: \x07hunter2",
        "secret: @hunter2",
        "%hunter2",
    ],
)
def test_no_message_holds_a_piece_of_the_file(text: str) -> None:
    (problem,) = problems_of(text)
    assert "hunter2" not in problem


def test_an_empty_file_has_no_data() -> None:
    assert data_of("# only a comment\n") is None


@given(st.text(alphabet=st.sampled_from("ab: \n-[]{}*&!'\"#|>%@,?~<\t"), max_size=60))
def test_any_text_is_data_or_a_problem(text: str) -> None:
    document = parse_yaml(text, file="w.yaml")
    assert all(str(problem).isprintable() and problem.line > 0 for problem in document.errors)
