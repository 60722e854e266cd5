"""Which rule matches a branch, tag or changed file, and the reason in words."""

import re
from functools import cache

import pytest
from factories import make_push, make_repository, make_target
from hypothesis import given
from hypothesis import strategies as st

from webhookd.intake import explain, globs
from webhookd.intake.matching import repository_for, skip_reason, targets_for
from webhookd.intake.refs import complete_ref
from webhookd.models.settings import RefKind, Repository, Target


def branch(pattern: str, **over: object) -> Target:
    return make_target(**({"name": f"octocat/blog@{pattern}", "pattern": pattern} | over))


def tag(pattern: str) -> Target:
    return branch(pattern, ref_kind=RefKind.TAG, name=f"octocat/blog@refs/tags/{pattern}")


def repository(*targets: Target, **over: object) -> Repository:
    return make_repository(**({"targets": targets} | over))


def taken(kind: RefKind, name: str, *targets: Target) -> list[str]:
    return [target.pattern for target in targets_for(repository(*targets), kind, name)]


@pytest.mark.parametrize(
    ("pattern", "text", "fits"),
    [
        ("main", "main", True),
        ("main", "mainx", False),
        ("*", "main", True),
        ("*", "", True),
        ("*", "a/b", False),
        ("**", "a/b", True),
        ("preview/*", "preview/x", True),
        ("preview/*", "preview/x/y", False),
        ("preview/**", "preview/x/y", True),
        ("preview/**", "preview", False),
        ("v?", "v1", True),
        ("v?", "v", False),
        ("v?", "v/", False),
        ("v*.*", "v1.2", True),
        ("v*.*", "v12", False),
        ("*-*-*", "a-b-c-d", True),
        ("**/*.py", "setup.py", True),
        ("**/*.py", "a/b/setup.py", True),
        ("**/*.py", "setup.pyc", False),
        ("docs/**/x", "docs/x", True),
        ("docs/**/x", "docs/a/b/x", True),
        ("docs/**/x", "docsx", False),
        ("a**z", "a/b/z", True),
        ("**/**/x", "x", True),
        ("***", "a/b", True),
        ("[ab]", "a", False),
        ("[ab]", "[ab]", True),
        ("a.c", "abc", False),
        ("a\\", "a\\", True),
        ("{a,b}", "a", False),
        ("*\n", "a\n", True),
        ("main", "main\n", False),
        ("MAIN", "main", False),
    ],
)
def test_a_pattern_means_what_the_glossary_says(pattern: str, text: str, fits: bool) -> None:  # noqa: FBT001
    assert globs.matches(pattern, text) is fits


@cache
def plainly(pattern: str, text: str, *, in_folder: bool = False) -> bool:
    """Match by trying everything: slow, and obviously right."""
    if not pattern:
        return not text
    folders = None if in_folder else re.match(r"\*\*+/", pattern)
    if folders:
        begins = [0, *(n + 1 for n, char in enumerate(text) if char == "/")]
        return any(plainly(pattern[folders.end() :], text[n:]) for n in begins)
    stars = re.match(r"\*+", pattern)
    if not stars:
        fits = text[:1] not in {"", "/"} if pattern[0] == "?" else text[:1] == pattern[0]
        return fits and plainly(pattern[1:], text[1:], in_folder=pattern[0] != "/")
    rest = pattern[len(stars[0]) :]
    reach = len(text) if len(stars[0]) > 1 or "/" not in text else text.index("/")
    return any(plainly(rest, text[n:], in_folder=True) for n in range(reach + 1))


@given(
    st.lists(st.sampled_from(["a", "b", "ab", "/", "*", "**", "**/", "/**/", "?"]), max_size=9).map("".join),
    st.text("ab/", max_size=14),
)
def test_matching_agrees_with_trying_everything(pattern: str, text: str) -> None:
    assert globs.matches(pattern, text) is plainly(pattern, text)


@pytest.mark.parametrize(
    ("pattern", "text"),
    [
        ("*a" * 30 + "b", "a" * 4000),
        ("**a" * 30 + "b", "a" * 4000),
        ("**/a*" * 20 + "b", "a/" * 2000),
        ("*" * 4000 + "b", "a" * 4000),
        ("?" * 4000, "a" * 3999),
        ("**/" * 1000 + "b", "a/" * 2000),
        ("*a*/**" * 30 + "x", "a/" * 2000 + "b"),
    ],
)
def test_no_pattern_takes_long(pattern: str, text: str) -> None:
    assert globs.matches(pattern, text) is False


@pytest.mark.parametrize(
    ("pattern", "unit"),
    [
        ("**test*.py", "test"),
        ("**a*b**c", "a"),
        ("**a*b/**c", "a"),
        ("**/a*b*c/**/d", "ab"),
        ("**/a*b/**", "a/"),
        ("**a/b*c**d", "a/b"),
        ("**a?*b**c", "a"),
        ("*a*b*c", "ab"),
        ("a**b*c", "ab"),
        ("**/**/**/a**a*b", "a/"),
    ],
)
def test_a_million_characters_are_matched_in_steps_that_grow_with_their_number(
    pattern: str, unit: str
) -> None:
    """A square of that number would take hours."""
    assert globs.matches(pattern, unit * (1_000_000 // len(unit))) is False


def test_branch_rules_never_match_tags() -> None:
    assert taken(RefKind.TAG, "main", branch("main"), branch("**")) == []
    assert taken(RefKind.BRANCH, "v1", tag("v1"), tag("**")) == []


def test_an_exact_name_beats_a_pattern_in_any_order() -> None:
    assert taken(RefKind.BRANCH, "main", branch("*"), branch("main")) == ["main"]


def test_the_first_pattern_in_the_file_wins() -> None:
    assert taken(RefKind.BRANCH, "x", branch("?"), branch("*")) == ["?"]
    assert taken(RefKind.BRANCH, "xy", branch("?"), branch("*")) == ["*"]


def test_all_targets_of_the_winning_rule_run() -> None:
    site, docs = branch("main", name="site"), branch("main", name="docs")
    assert targets_for(repository(site, branch("*"), docs), RefKind.BRANCH, "main") == (site, docs)


def test_refs_compare_exactly() -> None:
    assert taken(RefKind.BRANCH, "Main", branch("main")) == []


def test_the_temporary_branch_of_a_merge_queue_is_not_its_base() -> None:
    assert taken(RefKind.BRANCH, "gh-readonly-queue/main/pr-1", branch("main"), branch("*")) == []


def test_repositories_compare_without_case() -> None:
    blog = repository(pattern="Octocat/Blog")
    assert repository_for([blog], hook="github", repo="octocat/BLOG") is blog


def test_an_exact_repository_beats_a_pattern_in_any_order() -> None:
    every, blog = repository(pattern="octocat/*"), repository(pattern="octocat/blog")
    assert repository_for([every, blog], hook="github", repo="octocat/blog") is blog
    assert repository_for([every, blog], hook="github", repo="octocat/other") is every
    assert repository_for([every, blog], hook="github", repo="group/sub/blog") is None


def test_a_repository_of_another_hook_is_another_repository() -> None:
    assert repository_for([repository(hook="lab")], hook="github", repo="octocat/blog") is None


PATHS = branch("main", paths=("site/**", "Makefile"), paths_ignore=("**/*.md",))


@pytest.mark.parametrize(
    ("files", "complete", "reason"),
    [
        (("site/index.html",), True, ""),
        (("docs/a", "site/index.html"), True, ""),
        (("docs/a", "docs/b"), True, "paths: none of 2 changed files matches"),
        (("site/README.md",), True, "paths_ignore: all of 1 changed files match"),
        (("docs/a",), False, ""),
        (None, False, ""),
    ],
)
def test_paths_skip_only_when_the_list_of_files_is_complete(
    files: tuple[str, ...] | None,
    complete: bool,  # noqa: FBT001
    reason: str,
) -> None:
    assert skip_reason(make_push(changed_files=files, files_complete=complete), PATHS) == reason


def test_a_marker_in_the_message_skips() -> None:
    push = make_push(message="Fix a typo [skip deploy]\n")
    assert skip_reason(push, branch("main")) == 'skip_message "[skip deploy]" in the commit message'
    assert skip_reason(push, branch("main", skip_message=())) == ""
    assert skip_reason(make_push(message=None), branch("main")) == ""


def test_a_deletion_runs_only_on_delete() -> None:
    push = make_push(deleted=True, after=None, commit=None, message="[skip deploy]")
    assert skip_reason(push, branch("main")) == "deletion and no on_delete"
    assert skip_reason(push, branch("main", on_delete="./down", paths=("x",))) == ""


def test_the_explanation_goes_rule_by_rule() -> None:
    blog = repository(branch("main"), branch("*"), branch("preview/*"), tag("v*"))
    other = repository(branch("x", name="other"), pattern="octocat/other")
    every = repository(branch("main", name="every"), pattern="octocat/*")
    verdicts = explain([blog, other, every], hook="github", repo="octocat/blog", ref="refs/heads/main")
    assert [(v.target.name, v.matched, v.reason) for v in verdicts] == [
        ("octocat/blog@main", True, 'branch "main" is named exactly'),
        ("octocat/blog@*", False, 'branch "main" comes under "main"'),
        ("octocat/blog@preview/*", False, 'branch "main" is not "preview/*"'),
        ("octocat/blog@refs/tags/v*", False, '"refs/heads/main" is a branch, the rule is for a tag'),
        ("other", False, 'repository "octocat/blog" is not "octocat/other"'),
        ("every", False, 'repository "octocat/blog" comes under "octocat/blog"'),
    ]


@pytest.mark.parametrize(
    ("ref", "full"),
    [
        ("preview/x", "refs/heads/preview/x"),
        ("tags/v1", "refs/tags/v1"),
        ("heads/tags/v1", "refs/heads/tags/v1"),
        ("refs/pull/1/head", "refs/pull/1/head"),
    ],
)
def test_a_short_ref_is_a_branch_unless_it_says_otherwise(ref: str, full: str) -> None:
    assert complete_ref(ref) == full


def test_what_is_neither_branch_nor_tag_runs_nothing() -> None:
    [verdict] = explain([repository(branch("**"))], hook=None, repo="octocat/blog", ref="refs/pull/1/head")
    assert (verdict.matched, verdict.reason) == (False, '"refs/pull/1/head" is neither a branch nor a tag')


def test_without_a_hook_the_rules_of_all_hooks_are_explained() -> None:
    both = [repository(branch("main")), repository(branch("main", hook="lab"), hook="lab")]
    verdicts = explain(both, hook=None, repo="octocat/blog", ref="refs/heads/main")
    assert [verdict.matched for verdict in verdicts] == [True, True]
    assert len(explain(both, hook="lab", repo="octocat/blog", ref="refs/heads/main")) == 1
