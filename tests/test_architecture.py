"""The rules of the house that a program can check."""

import ast
import functools
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent

MAY_IMPORT = {
    "eventlog": set(),
    "projections": {"eventlog"},
    "core": {"eventlog", "projections"},
    "interchange": {"eventlog", "projections", "core"},
    "lake": {"eventlog", "projections", "core"},
    "api": {"core", "eventlog", "interchange", "lake", "projections"},
    # Only `syncstorage.client`, and only with --insight-sync (the plugin tells its helper process what runs) or
    # --insight-storage (it starts another helper process, `collector.push`, by its name).
    "plugin": {"eventlog", "syncstorage"},
    "syncstorage": {"eventlog"},
    "testdata": {"eventlog"},
    # `dashboard` only in `collector.pages`, which the client of a collector never imports.
    "collector": {"core", "dashboard", "eventlog", "projections"},
    "reports": {"core", "eventlog", "projections"},
    "dashboard": {"core", "eventlog", "projections", "reports"},
    "cli": {"api", "eventlog", "syncstorage", "testdata", "collector", "dashboard", "reports"},
}
"""Which room may import which; the arrows point one way."""

BESIDE_API = {
    "cli/answering.py": "collector",
    "cli/arguments/collector.py": "collector",
    "cli/arguments/remotes.py": "collector",
    "cli/commands/collector/": "collector",
    "cli/commands/pages/dashboard.py": "dashboard",
    "cli/commands/log/": "eventlog",
    "cli/commands/tail.py": "eventlog",
    "cli/formatters/event_lines.py": "eventlog",
    "cli/formatters/sessions/session_notes.py": "eventlog",
    "cli/commands/pages/report.py": "reports",
    "cli/shapes/logs.py": "eventlog",
    "cli/shapes/reports.py": "reports",
    "cli/commands/data.py": "testdata",
    "cli/commands/sync_storage/": "syncstorage",
    "cli/shapes/services.py": "syncstorage",
}
"""Files and folders of the command line that show a log, or a service, as it is; all others go through `api`."""

PURE = [
    "eventlog/format.py",
    "eventlog/events.py",
    "eventlog/codec.py",
    "eventlog/scan.py",
    "eventlog/times.py",
    "eventlog/outcome.py",
    "projections/fold.py",
    "projections/joining.py",
    "projections/lines.py",
    "projections/parts.py",
    "projections/session_lines.py",
    "projections/settling.py",
    "projections/rules.py",
    "syncstorage/service/events.py",
    "syncstorage/service/leases.py",
    "syncstorage/service/rules.py",
    "syncstorage/service/state.py",
    "testdata/model/events.py",
    "testdata/generation/log/events.py",
    "testdata/generation/jsonvalues.py",
    "testdata/generation/log/state.py",
    "testdata/generation/templates/template.py",
    "testdata/model/rules.py",
    "testdata/model/fold.py",
    "testdata/model/records.py",
    "testdata/model/tables.py",
    "testdata/model/values.py",
    "testdata/model/versions.py",
]
"""The core takes bytes and values, never a path, a clock or an environment variable."""

FUNCTION_LINES_MAX = 60


def sources(*rooms: str) -> list[Path]:
    """All Python files of some rooms, of all if none is named."""
    return sorted(path for room in rooms or MAY_IMPORT for path in (ROOT / room).rglob("*.py"))


@functools.cache
def tree_of(path: Path) -> ast.Module:
    """Return the syntax tree of a file."""
    return ast.parse(path.read_text())


def rooms_imported(path: Path) -> Iterator[tuple[str, int]]:
    """The rooms of ours that a module imports, with the line."""
    depth = len(path.relative_to(ROOT).parts) - 1
    for node in ast.walk(tree_of(path)):
        if isinstance(node, ast.ImportFrom) and node.level > depth:
            yield (node.module or node.names[0].name).split(".")[0], node.lineno
        elif isinstance(node, ast.ImportFrom) and (node.module or "").startswith("pytest_insight"):
            yield node.module.split(".")[1], node.lineno
        elif isinstance(node, ast.Import):
            yield from ((name.name.split(".")[1], node.lineno) for name in node.names if "pytest_insight." in name.name)


@pytest.mark.parametrize("room", MAY_IMPORT)
def test_imports_between_rooms_point_one_way(room):
    """No room imports one that the table does not allow it."""
    wrong = [
        f"{path.relative_to(ROOT)}:{line} imports {other}"
        for path in sources(room)
        for other, line in rooms_imported(path)
        if other != room and other not in MAY_IMPORT[room]
    ]
    assert wrong == []


def test_commands_ask_the_api_alone():
    """Beyond `api`, a file of the command line imports the one room that the table allows it; each entry is needed."""
    wrong, used = [], set()
    for path in sources("cli"):
        name = path.relative_to(ROOT).as_posix()
        place = next((place for place in BESIDE_API if name.startswith(place)), "")
        for room, line in rooms_imported(path):
            if room == BESIDE_API.get(place):
                used.add(place)
            elif room not in ("api", "cli"):
                wrong.append(f"{name}:{line} imports {room}")
    assert wrong == []
    assert used == set(BESIDE_API)


def test_every_room_is_in_the_table_and_in_the_package():
    """A folder with an __init__.py at the top is a room, listed in the table and in pyproject.toml."""
    rooms = {path.parent.name for path in ROOT.glob("*/__init__.py")} - {"benchmarks"}
    assert rooms == set(MAY_IMPORT)
    listed = re.findall(r'"pytest_insight\.(\w+)"', (ROOT / "pyproject.toml").read_text())
    assert set(listed) >= rooms


def test_every_folder_within_a_room_is_in_the_package():
    """What is not listed in pyproject.toml would be missing from the wheel."""
    folders = {path.parent.relative_to(ROOT) for room in MAY_IMPORT for path in (ROOT / room).rglob("__init__.py")}
    listed = set(re.findall(r'"pytest_insight\.([\w.]+)"', (ROOT / "pyproject.toml").read_text()))
    assert {".".join(folder.parts) for folder in folders} <= listed


@pytest.mark.parametrize("name", PURE)
def test_the_core_does_no_input_or_output(name):
    """Pure modules import nothing that touches a file, a clock or the environment."""
    tree = tree_of(ROOT / name)
    imported = {
        alias.name.split(".")[0] for node in ast.walk(tree) if isinstance(node, ast.Import) for alias in node.names
    }
    imported |= {
        (node.module or "").split(".")[0]
        for node in ast.walk(tree)
        if isinstance(node, ast.ImportFrom)
        if not node.level
    }
    assert (
        imported & {"os", "pathlib", "time", "io", "sqlite3", "subprocess", "sys", "shutil", "random", "secrets"}
        == set()
    )


@functools.cache
def calls(path: Path) -> list[tuple[str, int, ast.Call]]:
    """Every call in a file by its dotted name."""
    found = [node for node in ast.walk(tree_of(path)) if isinstance(node, ast.Call)]
    return [(ast.unparse(node.func), node.lineno, node) for node in found]


def offences(rule) -> list[str]:
    """Where a rule `(path, name, call) -> bool` says a call may not stand."""
    return [
        f"{path.relative_to(ROOT)}:{line} {name}"
        for path in sources()
        for name, line, call in calls(path)
        if rule(path.relative_to(ROOT), name, call)
    ]


def test_only_the_command_line_prints():
    """No room but cli/ calls print."""
    assert offences(lambda path, name, _: name == "print" and path.parts[0] != "cli") == []


def test_no_time_is_naive():
    """Nobody asks for the time without a timezone."""
    naive = {"datetime.now", "datetime.utcnow", "datetime.today", "datetime.fromtimestamp", "datetime.utcfromtimestamp"}
    bare = lambda call: not call.args[1:] and not any(word.arg in ("tz", None) for word in call.keywords)
    found = offences(
        lambda _, name, call: (
            any(name.endswith(word) for word in naive)
            and bare(call)
            and not (name.endswith("datetime.now") and call.args)
        )
    )
    assert found == []


def test_nothing_is_pickled_or_evaluated():
    """No module imports a format that can run code when it is read."""
    forbidden = {"pickle", "cPickle", "dill", "shelve", "marshal", "yaml", "multiprocessing"}
    found = []
    for path in sources():
        for node in ast.walk(tree_of(path)):
            names = [a.name for a in node.names] if isinstance(node, ast.Import) else []
            names += [node.module or ""] if isinstance(node, ast.ImportFrom) else []
            found += [f"{path.relative_to(ROOT)}: {name}" for name in names if name.split(".")[0] in forbidden]
    assert found == []
    assert offences(lambda _, name, __: name in ("eval", "exec")) == []


def test_functions_stay_small():
    """No function of the package is longer than the limit, docstring included."""
    long = []
    for path in sources():
        for node in ast.walk(tree_of(path)):
            if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef)):
                lines = (node.end_lineno or 0) - node.lineno + 1
                if lines > FUNCTION_LINES_MAX:
                    long.append(f"{path.relative_to(ROOT)}:{node.lineno} {node.name}: {lines} lines")
    assert long == []


def test_every_test_says_its_fact():
    """Each test function has a docstring of its own."""
    silent = [
        f"{path.relative_to(ROOT)}:{node.lineno} {node.name}"
        for path in sorted((ROOT / "tests").rglob("test_*.py"))
        if "data" not in path.relative_to(ROOT).parts
        for node in tree_of(path).body
        if isinstance(node, ast.FunctionDef) and node.name.startswith("test_") and not ast.get_docstring(node)
    ]
    assert silent == []


def test_no_reminder_was_left_behind():
    """Nothing in the tree is marked as still to be done."""
    words = re.compile(r"\b(TO" r"DO|FIX" r"ME|XX" r"X)\b")
    files = [*sources(), *(ROOT / "docs").rglob("*.md"), ROOT / "README.md"]
    assert [str(path.relative_to(ROOT)) for path in files if words.search(path.read_text())] == []
