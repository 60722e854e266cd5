"""The imports between the rooms: they point down and never lead in a circle; pure modules touch nothing."""

import ast
import re
import sys
from collections.abc import Iterable, Iterator, Mapping
from graphlib import CycleError, TopologicalSorter
from pathlib import Path

import pytest

import webhookd

ROOT = Path(webhookd.__file__).parent

FLOORS = (  # rooms on one floor do not import each other
    {"errors"},
    {"models"},
    {"intake", "config", "report"},
    {"queue"},
    {"web", "deploy"},
    {"daemon"},
    {"cli"},
    {"__main__"},
)
FLOOR = {room: floor for floor, rooms in enumerate(FLOORS) for room in rooms}
FREE = {"", "__init__"}  # the package itself: its version

PURE_ROOMS = ("webhookd.errors", "webhookd.models", "webhookd.intake", "webhookd.report")
PURE_MODULES = ("webhookd.queue.lifecycle", "webhookd.deploy.environment")
IMPURE_IMPORT = re.compile(
    r"(asyncio|concurrent|ctypes|fcntl|flask|getpass|glob|grp|http\.client|http\.server|io|logging|mmap"
    r"|multiprocessing|os|platform|pwd|queue|random|requests|resource|sched|secrets|select|selectors|shelve"
    r"|shutil|signal|socket|socketserver|structlog|subprocess|sys|tempfile|threading|time|urllib\.request|uuid|waitress)(\.|$)"
)
IMPURE_NAME = re.compile(r"breakpoint|eval|exec|input|open|print")
IMPURE_METHOD = re.compile(
    r"connect|cwd|exists|expanduser|home|is_dir|is_file|is_socket|iterdir|mkdir|now|open|read_bytes|read_text"
    r"|rglob|stat|symlink_to|today|touch|unlink|utcnow|write_bytes|write_text"
)


def name_of(path: Path) -> str:
    parts = path.relative_to(ROOT.parent).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


SOURCES = {name_of(path): path for path in sorted(ROOT.rglob("*.py"))}
TREES = {name: ast.parse(path.read_text()) for name, path in SOURCES.items()}


def room_of(module: str) -> str:
    return module.partition(".")[2].partition(".")[0]


def is_ours(module: str) -> bool:
    return module == "webhookd" or module.startswith("webhookd.")


def imports_of(tree: ast.Module) -> Iterator[tuple[int, str]]:
    """Yield the line and module of every import, also of those inside functions."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from ((node.lineno, alias.name) for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"line {node.lineno}: relative import"
            yield from ((node.lineno, full_name(node.module or "", alias.name)) for alias in node.names)


def full_name(module: str, name: str) -> str:
    """Return the module in `from webhookd import config`, but not the name in `import __version__`."""
    inner = f"{module}.{name}"
    return inner if inner in SOURCES or IMPURE_IMPORT.match(inner) else module


def arrows_up(name: str, tree: ast.Module) -> list[str]:
    floor = FLOOR.get(room_of(name), len(FLOORS))
    return [
        f"line {line}: {name} imports {module}"
        for line, module in imports_of(tree)
        if is_ours(module)
        and room_of(module) not in {*FREE, room_of(name)}
        and FLOOR[room_of(module)] >= floor
    ]


def circle(arrows: Mapping[str, Iterable[str]]) -> list[str]:
    """Return the modules of one circle of imports, or nothing."""
    try:
        TopologicalSorter(arrows).prepare()
    except CycleError as found:
        return list(found.args[1])
    return []


def touches(tree: ast.Module) -> list[str]:
    """List every use of the clock, disk, network, environment or randomness."""
    found = [
        f"line {line}: imports {module}" for line, module in imports_of(tree) if IMPURE_IMPORT.match(module)
    ]
    for call in (node for node in ast.walk(tree) if isinstance(node, ast.Call)):
        if isinstance(call.func, ast.Name) and IMPURE_NAME.fullmatch(call.func.id):
            found.append(f"line {call.lineno}: calls {call.func.id}()")
        if isinstance(call.func, ast.Attribute) and IMPURE_METHOD.fullmatch(call.func.attr):
            found.append(f"line {call.lineno}: calls .{call.func.attr}()")
    return found


def first_words(name: str) -> str:
    return (ast.get_docstring(TREES[name]) or "").partition("\n\n")[0]


def stands_alone(name: str) -> bool:
    return "standard library only" in first_words(name).lower()


def pure_modules() -> list[str]:
    return [
        name
        for name in SOURCES
        if name.startswith(PURE_ROOMS)
        or name in PURE_MODULES
        or re.search(r"\bpure\b", first_words(name), re.IGNORECASE)
    ]


@pytest.mark.parametrize("name", SOURCES)
def test_imports_point_down(name: str) -> None:
    assert arrows_up(name, TREES[name]) == []


def test_no_imports_lead_in_a_circle() -> None:
    assert (
        circle({name: {module for _, module in imports_of(TREES[name])} - {name} for name in SOURCES}) == []
    )


@pytest.mark.parametrize("name", pure_modules())
def test_a_pure_module_touches_nothing(name: str) -> None:
    assert touches(TREES[name]) == []


@pytest.mark.parametrize("name", SOURCES)
def test_every_module_says_its_job(name: str) -> None:
    assert first_words(name)


def test_what_only_sqlite_has_is_in_its_own_modules() -> None:
    found = {name for name, path in SOURCES.items() if re.search(r"sqlite3|PRAGMA|rowid", path.read_text())}
    assert {name for name in found if not name.startswith("webhookd.queue.sqlite")} == set()


def test_the_supervisor_stands_alone() -> None:
    assert stands_alone("webhookd.deploy.supervisor")


@pytest.mark.parametrize("name", [name for name in SOURCES if stands_alone(name)])
def test_a_module_that_stands_alone_imports_only_the_standard_library(name: str) -> None:
    strangers = [
        f"line {line}: imports {module}"
        for line, module in imports_of(TREES[name])
        if not (is_ours(module) and (module == "webhookd.deploy" or stands_alone(module)))
        and module.partition(".")[0] not in sys.stdlib_module_names
    ]
    assert strangers == []


@pytest.mark.parametrize(
    ("name", "source"),
    [
        ("webhookd.queue.store", "from webhookd.web import app"),
        ("webhookd.web.app", "import webhookd.deploy.worker"),
        ("webhookd.intake.receive", "def f():\n    from webhookd import config"),
        ("webhookd.models.delivery", "from webhookd.report.run_view import run_json"),
    ],
)
def test_an_import_up_or_between_peers_is_found(name: str, source: str) -> None:
    assert len(arrows_up(name, ast.parse(source))) == 1


def test_a_circle_is_found() -> None:
    assert circle({"a": ["b"], "b": ["c"], "c": ["b"]}) == ["b", "c", "b"]


@pytest.mark.parametrize(
    "source",
    [
        "import os.path",
        "from urllib import request",
        "from http.client import HTTPConnection",
        "print('x')",
        "from datetime import datetime\nnow = datetime.now()",
        "from pathlib import Path\ntext = Path('x').read_text()",
    ],
)
def test_a_use_of_the_outside_is_found(source: str) -> None:
    assert len(touches(ast.parse(source))) == 1


def test_what_a_pure_module_may_import_is_allowed() -> None:
    source = "from http import HTTPStatus\nimport urllib.parse, pathlib\np = pathlib.Path('/x') / 'y'"
    assert touches(ast.parse(source)) == []
