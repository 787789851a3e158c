"""The rooms of the house: which may import which, and how large a file may grow.

The first half is a checker that reads source with `ast` and imports nothing of the project.
The second half runs it on the real tree, and on small invented trees that break one rule each.

Imports count wherever they stand: at the top, inside a function, under `TYPE_CHECKING`, or as
`import_module("synthestat.…")` with a literal name.
"""

from __future__ import annotations

import ast
import re
from collections import deque
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

import pytest

PACKAGE = "synthestat"
SOURCE = Path(__file__).resolve().parents[1] / "src" / PACKAGE

# From the ground up: a room imports only from rooms earlier in this list.
FLOORS = (
    "errors",
    "tables",
    "random_streams",
    "fitting",
    "sources",
    "packs",
    "controls",
    "synthesis",
    "overlays",
    "assignment",
    "story",
    "diagnostics",
    "bundle",
    "review",
    "cycle",
    "site",
    "server",
    "api",
    "cli",
)
GROUND = ("errors", "tables", "random_streams")

# Rooms that may import less than everything below them.
NARROWER = {
    "errors": (),
    "tables": ("errors",),
    "random_streams": (),
    "fitting": GROUND,  # arrays in, arrays out: it knows no country
    "diagnostics": (*GROUND, "packs", "controls", "synthesis", "story"),
    "review": ("errors", "tables", "sources", "bundle.read"),  # it judges from the files alone
}

# What the reviewer must not reach, not even through a file that it may import.
BUILDERS = ("fitting", "packs", "controls", "synthesis", "story", "bundle.write")

FRONT_DOOR = ("", "__main__")  # the package's own __init__ and __main__ may import any room
EMPTY_NAMES = {"util", "utils", "helper", "helpers", "common", "misc"}
OLDEST_PYTHON = (3, 11)
MOST_FILE_LINES = 600
MOST_BODY_LINES = 80


@dataclass(frozen=True)
class Import:
    """One import: `target` is a dotted name inside the package, "" for the package itself."""

    target: str
    line: int
    name: str = ""  # for `from target import name`, where name is not a file of its own


@dataclass
class Module:
    """One source file; `name` is dotted, inside the package ("" is the package's `__init__`)."""

    name: str
    place: str
    lines: int
    tree: ast.Module
    imports: list[Import] = field(default_factory=list)
    unreadable: str = ""


@dataclass(frozen=True)
class Fault:
    """One broken rule, at one place."""

    rule: str
    place: str
    what: str

    def __str__(self) -> str:
        return f"{self.place}: {self.what}"


# Reading the tree ---------------------------------------------------------------------------------


def read_modules(source: Path) -> dict[str, Module]:
    """Every Python file under `source` by dotted name, with the imports that stay inside."""
    modules: dict[str, Module] = {}
    for path in sorted(source.rglob("*.py")):
        inside = path.relative_to(source)
        parts = inside.with_suffix("").parts
        name = ".".join(parts[:-1] if parts[-1] == "__init__" else parts)
        text = path.read_text(encoding="utf-8")
        module = Module(name, inside.as_posix(), len(text.splitlines()), ast.Module([], []))
        try:
            module.tree = ast.parse(text, feature_version=OLDEST_PYTHON)
        except SyntaxError as error:
            module.unreadable = f"line {error.lineno}: {error.msg}"
        modules[name] = module
    for module in modules.values():
        module.imports = list(imports_of(module, modules))
    return modules


def imports_of(module: Module, modules: dict[str, Module]) -> Iterator[Import]:
    """Every import of the package's own files that `module` makes, anywhere in its source."""
    for node in ast.walk(module.tree):
        if isinstance(node, ast.Import):
            for alias in node.names:
                if (target := strip_package(alias.name)) is not None:
                    yield Import(target, node.lineno)
        elif isinstance(node, ast.ImportFrom):
            origin = strip_package(absolute_origin(node, module))
            if origin is None:
                continue
            for alias in node.names:
                longer = f"{origin}.{alias.name}".lstrip(".")
                if longer in modules or (not origin and alias.name in FLOORS):
                    yield Import(longer, node.lineno)
                else:
                    yield Import(origin, node.lineno, alias.name)
        elif (
            isinstance(node, ast.Call)
            and ast.unparse(node.func).split(".")[-1] in {"import_module", "__import__"}
            and node.args
            and isinstance(node.args[0], ast.Constant)
            and (target := strip_package(str(node.args[0].value))) is not None
        ):
            yield Import(target, node.lineno)


def absolute_origin(node: ast.ImportFrom, module: Module) -> str:
    """The dotted name, package included, that `from … import` names, relative dots resolved."""
    if not node.level:
        return node.module or ""
    folder = [PACKAGE, *filter(None, module.name.split("."))]
    if not module.place.endswith("__init__.py"):
        folder.pop()
    folder = folder[: len(folder) - (node.level - 1)]
    return ".".join([*folder, *filter(None, [node.module])])


def strip_package(dotted: str) -> str | None:
    """`synthestat.a.b` -> `a.b`; `synthestat` -> ""; anything else -> None."""
    head, _, rest = dotted.partition(".")
    return rest if head == PACKAGE else None


# The rules ----------------------------------------------------------------------------------------


def room_of(name: str) -> str:
    return name.partition(".")[0]


def lies_within(name: str, rooms: Iterable[str]) -> bool:
    return any(name == room or name.startswith(room + ".") for room in rooms)


def open_to(room: str) -> tuple[str, ...]:
    """The rooms, or files, that `room` may import besides its own."""
    return NARROWER.get(room, FLOORS[: FLOORS.index(room)])


def unreadable_files(modules: dict[str, Module]) -> Iterator[Fault]:
    """Files that the oldest supported Python cannot read; no other rule sees inside them."""
    version = ".".join(map(str, OLDEST_PYTHON))
    for module in modules.values():
        if module.unreadable:
            what = f"not Python {version}: {module.unreadable}"
            yield Fault("unreadable", module.place, what)


def unlisted_rooms(modules: dict[str, Module]) -> Iterator[Fault]:
    for module in modules.values():
        room = room_of(module.name)
        if room not in FLOORS and module.name not in FRONT_DOOR:
            yield Fault("unlisted", module.place, f"room '{room}' is on no floor: add it to FLOORS")


def wrong_floors(modules: dict[str, Module]) -> Iterator[Fault]:
    for module in modules.values():
        room = room_of(module.name)
        if room not in FLOORS:
            continue  # the front door, or reported by unlisted_rooms
        allowed = open_to(room)
        for found in module.imports:
            place = f"{module.place}:{found.line}"
            if found.target == "":
                if not re.fullmatch(r"__\w+__", found.name):
                    what = f"imports '{found.name or PACKAGE}' through the package's front door"
                    yield Fault("floor", place, f"{what}: import the room that has it")
            elif room_of(found.target) != room and not lies_within(found.target, allowed):
                may = ", ".join(allowed) or "nothing"
                yield Fault("floor", place, f"{room} imports {found.target}; it may import {may}")


def reviewer_reach(modules: dict[str, Module]) -> Iterator[Fault]:
    """Builders that the review room reaches at second hand.

    Importing a.b also runs a/__init__.py, so the packages above each file are followed too; the
    front door is not, for it may import any room.
    """
    came_from = {name: "" for name in modules if lies_within(name, ["review"])}
    queue = deque(came_from)
    while queue:
        name = queue.popleft()
        targets = {found.target for found in modules[name].imports}
        targets |= {above for target in targets for above in packages_above(target)}
        for target in sorted((targets & modules.keys()) - came_from.keys() - set(FRONT_DOOR)):
            came_from[target] = name
            if not lies_within(target, BUILDERS):
                queue.append(target)
            elif not lies_within(name, ["review"]):  # at first hand, it is a wrong floor
                route = [target]
                while came_from[route[-1]]:
                    route.append(came_from[route[-1]])
                what = f"the reviewer reaches {target}: {' -> '.join(reversed(route))}"
                yield Fault("reviewer", modules[name].place, what)


def packages_above(name: str) -> list[str]:
    parts = name.split(".")
    return [".".join(parts[:depth]) for depth in range(1, len(parts))]


def import_cycles(modules: dict[str, Module]) -> Iterator[Fault]:
    """The shortest cycle through each file that is in one and in no cycle already reported."""
    graph = {
        name: sorted({found.target for found in module.imports} & modules.keys())
        for name, module in modules.items()
    }
    reported: set[str] = set()
    for start in graph:
        if start not in reported and (cycle := shortest_cycle(graph, start)):
            reported.update(cycle)
            names = " -> ".join(name or PACKAGE for name in cycle)
            yield Fault("cycle", modules[start].place, f"import cycle {names}")


def shortest_cycle(graph: dict[str, list[str]], start: str) -> list[str]:
    """The names from `start` back to `start`, both included; empty where there is no way back."""
    routes = deque([[start]])
    seen: set[str] = set()
    while routes:
        route = routes.popleft()
        for target in graph[route[-1]]:
            if target == start:
                return [*route, start]
            if target not in seen:
                seen.add(target)
                routes.append([*route, target])
    return []


def long_files(modules: dict[str, Module]) -> Iterator[Fault]:
    for module in modules.values():
        if module.lines > MOST_FILE_LINES:
            what = f"{module.lines} lines; the most is {MOST_FILE_LINES}"
            yield Fault("file length", module.place, what)


def long_functions(modules: dict[str, Module]) -> Iterator[Fault]:
    for module in modules.values():
        for node in ast.walk(module.tree):
            if not isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
                continue
            body = node.body[1:] if ast.get_docstring(node) is not None else node.body
            lines = (body[-1].end_lineno or 0) - body[0].lineno + 1 if body else 0
            if lines > MOST_BODY_LINES:
                what = f"the body of {node.name} has {lines} lines; the most is {MOST_BODY_LINES}"
                yield Fault("function length", f"{module.place}:{node.lineno}", what)


def empty_names(modules: dict[str, Module]) -> Iterator[Fault]:
    for module in modules.values():
        for word in re.split(r"[._]", module.name):
            if word.lower() in EMPTY_NAMES:
                yield Fault("name", module.place, f"'{word}' says nothing: name what the file does")


RULES = (
    unreadable_files,
    unlisted_rooms,
    wrong_floors,
    reviewer_reach,
    import_cycles,
    long_files,
    long_functions,
    empty_names,
)


# The real tree ------------------------------------------------------------------------------------


def test_there_is_a_tree_to_check():
    assert "errors" in read_modules(SOURCE)


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule.__name__)
def test_the_house_keeps(rule):
    faults = [str(fault) for fault in rule(read_modules(SOURCE))]
    assert not faults, "\n" + "\n".join(faults)


# Invented trees: the checker can fail -------------------------------------------------------------


def faults_in(tmp_path: Path, files: dict[str, str]) -> list[tuple[str, str]]:
    """(rule, "place: what") of every fault in a tree made of `files`: path -> source."""
    source = tmp_path / PACKAGE
    for path, text in files.items():
        (source / path).parent.mkdir(parents=True, exist_ok=True)
        (source / path).write_text(text, encoding="utf-8")
    modules = read_modules(source)
    return [(fault.rule, str(fault)) for rule in RULES for fault in rule(modules)]


def function_of(lines: int, docstring: str = "") -> str:
    return f'def build():\n    """{docstring}"""\n' + "    x = 1\n" * lines


SOUND = {
    "__init__.py": "from synthestat.story import build_population\n__version__ = '0'\n",
    "__main__.py": "from synthestat.cli import main\n",
    "errors.py": "import json\nfrom collections import deque\n",
    "tables.py": "from synthestat.errors import TableError\n",
    "random_streams.py": "import numpy as np\n",
    "fitting/__init__.py": "",
    "fitting/ipf.py": "from synthestat import tables\nfrom .balancing import rake\n",
    "fitting/balancing.py": "from ..random_streams import stream\n",
    "packs/__init__.py": "",
    "packs/spec.py": "from synthestat.packs import geography\n",
    "packs/geography.py": "import synthestat.errors\n",
    "sources/snapshots.py": "from synthestat.errors import SnapshotError\n",
    "story.py": function_of(MOST_BODY_LINES, docstring="\n" * 40) + "\n" * 40,
    "bundle/__init__.py": "",
    "bundle/read.py": "import synthestat.sources.snapshots as snapshots\n",
    "bundle/write.py": "import synthestat.story\n",
    "review/verdict.py": "from synthestat.bundle import read\nfrom synthestat.tables import T\n",
    "review/rubric.py": "from synthestat.bundle.read import read_bundle\nfrom . import verdict\n",
    "cli.py": "from synthestat import __version__\nimport synthestat.review.rubric\n",
}


def test_a_sound_tree_has_no_faults(tmp_path):
    assert faults_in(tmp_path, SOUND) == []


UPWARD = {
    "import": "import synthestat.packs.spec\n",
    "from a package": "from synthestat.packs import spec\n",
    "from a module": "from synthestat.packs.spec import CountryPack\n",
    "relative": "from ..packs.spec import CountryPack\n",
    "relative package": "from .. import packs\n",
    "inside a function": "def fit():\n    from synthestat.packs import spec\n",
    "under TYPE_CHECKING": (
        "from typing import TYPE_CHECKING\nif TYPE_CHECKING:\n    import synthestat.packs.spec\n"
    ),
    "by literal name": "import importlib\nimportlib.import_module('synthestat.packs.spec')\n",
    "of a room not made yet": "from synthestat.synthesis.persons import draw\n",
}


@pytest.mark.parametrize("text", UPWARD.values(), ids=UPWARD.keys())
def test_fitting_may_not_import_a_higher_room(tmp_path, text):
    faults = faults_in(tmp_path, SOUND | {"fitting/pooling.py": text})
    assert [rule for rule, _ in faults] == ["floor"]
    assert "fitting/pooling.py:" in faults[0][1]
    assert "it may import errors, tables, random_streams" in faults[0][1]


NARROW = {
    "errors": ("errors.py", "import synthestat.tables\n", "errors imports tables"),
    "tables": ("tables.py", "import synthestat.random_streams\n", "tables imports random_streams"),
    "random_streams": (
        "random_streams.py",
        "from .errors import InputError\n",
        "random_streams imports errors",
    ),
    "sources": ("sources/http.py", "import synthestat.packs.spec\n", "sources imports packs.spec"),
    "diagnostics": (
        "diagnostics/residuals.py",
        "from synthestat.fitting.ipf import fit\n",
        "diagnostics imports fitting.ipf",
    ),
    "bundle": ("bundle/read.py", "import synthestat.cli\n", "bundle imports cli"),
    "review of streams": (
        "review/checks/seeds.py",
        "import synthestat.random_streams\n",
        "review imports random_streams",
    ),
    "review of packs": (
        "review/checks/people.py",
        "from synthestat.packs.spec import CountryPack\n",
        "review imports packs.spec",
    ),
    "review of the writer": (
        "review/checks/people.py",
        "from synthestat.bundle import write\n",
        "review imports bundle.write",
    ),
    "review of the whole bundle": (
        "review/checks/people.py",
        "from synthestat.bundle import read_bundle\n",
        "review imports bundle; it may import errors, tables, sources, bundle.read",
    ),
}


@pytest.mark.parametrize(("path", "text", "expected"), NARROW.values(), ids=NARROW.keys())
def test_a_room_with_a_narrower_rule_keeps_it(tmp_path, path, text, expected):
    faults = faults_in(tmp_path, SOUND | {path: text})
    reported = [line for rule, line in faults if rule == "floor"]
    assert len(reported) == 1
    assert reported[0].startswith(f"{path}:1: {expected}")


@pytest.mark.parametrize(
    "text", ["import synthestat\n", "from synthestat import build_population\n"]
)
def test_the_front_door_is_no_way_around_the_floors(tmp_path, text):
    faults = faults_in(tmp_path, SOUND | {"sources/cube.py": text})
    assert [rule for rule, _ in faults] == ["floor"]
    assert "through the package's front door" in faults[0][1]


@pytest.mark.parametrize("path", ["bundle/read.py", "bundle/__init__.py"])
def test_the_reviewer_may_not_reach_a_builder_at_second_hand(tmp_path, path):
    faults = faults_in(
        tmp_path,
        SOUND | {path: "import synthestat.synthesis.persons\n"} | {"synthesis/persons.py": ""},
    )
    assert [rule for rule, _ in faults] == ["reviewer"]
    assert "reaches synthesis.persons: review." in faults[0][1]


CYCLES = {
    "two files": (
        {
            "packs/spec.py": "from . import geography\n",
            "packs/geography.py": "from . import spec\n",
        },
        "import cycle packs.geography -> packs.spec -> packs.geography",
    ),
    "three files, one under TYPE_CHECKING": (
        {
            "packs/spec.py": "from synthestat.packs.geography import Zone\n",
            "packs/geography.py": "from synthestat.packs.registry import find\n",
            "packs/registry.py": (
                "import typing\nif typing.TYPE_CHECKING:\n    from .spec import CountryPack\n"
            ),
        },
        "import cycle packs.geography -> packs.registry -> packs.spec -> packs.geography",
    ),
    "a package and its file": (
        {"packs/__init__.py": "from .spec import Pack\n", "packs/spec.py": "from . import Pack\n"},
        "import cycle packs -> packs.spec -> packs",
    ),
    "a file with itself": (
        {"sources/cube.py": "import synthestat.sources.cube\n"},
        "import cycle sources.cube -> sources.cube",
    ),
}


@pytest.mark.parametrize(("files", "expected"), CYCLES.values(), ids=CYCLES.keys())
def test_no_files_import_each_other(tmp_path, files, expected):
    faults = faults_in(tmp_path, SOUND | files)
    assert [rule for rule, _ in faults] == ["cycle"]
    assert expected in faults[0][1]


@pytest.mark.parametrize(
    ("path", "text", "rule", "expected"),
    [
        ("sources/cube.py", "def f(:\n", "unreadable", "not Python 3.11: line 1"),
        ("sources/cube.py", "def f[T](x: T): ...\n", "unreadable", "not Python 3.11: line 1"),
        ("weights/rake.py", "", "unlisted", "room 'weights' is on no floor"),
        ("weights.py", "", "unlisted", "room 'weights' is on no floor"),
        ("sources/cube.py", "x = 1\n" * 601, "file length", "601 lines; the most is 600"),
        ("sources/cube.py", function_of(81), "function length", "body of build has 81 lines"),
        ("sources/helpers.py", "", "name", "'helpers' says nothing"),
        ("sources/http_utils.py", "", "name", "'utils' says nothing"),
        ("packs/common/spec.py", "", "name", "'common' says nothing"),
        ("packs/misc.py", "", "name", "'misc' says nothing"),
    ],
)
def test_rooms_names_and_lengths_are_checked(tmp_path, path, text, rule, expected):
    faults = faults_in(tmp_path, SOUND | {path: text})
    assert [name for name, _ in faults] == [rule]
    assert faults[0][1].startswith(path)
    assert expected in faults[0][1]
