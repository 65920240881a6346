"""The rules of the house that a program can check."""

import ast
import re
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent

MAY_IMPORT = {
    "eventlog": set(),
    "projections": {"eventlog"},
    "core": {"eventlog", "projections"},
    # Only `syncstorage.client`, and only with --insight-sync: the plugin tells its helper process what runs.
    "plugin": {"eventlog", "syncstorage"},
    "syncstorage": {"eventlog"},
    "testdata": {"eventlog"},
    "cli": {"eventlog", "projections", "core", "plugin", "syncstorage", "testdata"},
}
"""Which room may import which; the arrows point one way."""

PURE = [
    "eventlog/format.py",
    "eventlog/events.py",
    "eventlog/codec.py",
    "eventlog/scan.py",
    "eventlog/times.py",
    "eventlog/outcome.py",
    "projections/fold.py",
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


def rooms_imported(path: Path) -> Iterator[tuple[str, int]]:
    """The rooms of ours that a module imports, with the line."""
    depth = len(path.relative_to(ROOT).parts) - 1
    for node in ast.walk(ast.parse(path.read_text())):
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
    tree = ast.parse((ROOT / name).read_text())
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


def calls(tree: ast.AST) -> Iterator[tuple[str, int, ast.Call]]:
    """Every call in a tree by its dotted name."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Call):
            yield ast.unparse(node.func), node.lineno, node


def offences(rule) -> list[str]:
    """Where a rule `(path, name, call) -> bool` says a call may not stand."""
    return [
        f"{path.relative_to(ROOT)}:{line} {name}"
        for path in sources()
        for name, line, call in calls(ast.parse(path.read_text()))
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
        for node in ast.walk(ast.parse(path.read_text())):
            names = [a.name for a in node.names] if isinstance(node, ast.Import) else []
            names += [node.module or ""] if isinstance(node, ast.ImportFrom) else []
            found += [f"{path.relative_to(ROOT)}: {name}" for name in names if name.split(".")[0] in forbidden]
    assert found == []
    assert offences(lambda _, name, __: name in ("eval", "exec")) == []


def test_functions_stay_small():
    """No function of the package is longer than the limit, docstring included."""
    long = []
    for path in sources():
        for node in ast.walk(ast.parse(path.read_text())):
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
        for node in ast.parse(path.read_text()).body
        if isinstance(node, ast.FunctionDef) and node.name.startswith("test_") and not ast.get_docstring(node)
    ]
    assert silent == []


def test_no_reminder_was_left_behind():
    """Nothing in the tree is marked as still to be done."""
    words = re.compile(r"\b(TO" r"DO|FIX" r"ME|XX" r"X)\b")
    files = [*sources(), *(ROOT / "docs").rglob("*.md"), ROOT / "README.md"]
    assert [str(path.relative_to(ROOT)) for path in files if words.search(path.read_text())] == []


# ------------------------------------------------------------------ sizes, names and circles

FILE_LINES_MAX = 400
CLASS_LINES_MAX = 250
FOLDER_FILES_MAX = 15

LONG_FILES = {
    "cli/log.py",
    "core/analysis.py",
    "core/comparison.py",
    "core/query.py",
    "core/runs.py",
    "plugin/session.py",
    "projections/apply.py",
    "projections/fold.py",
    "projections/models.py",
    "projections/readmodel.py",
    "syncstorage/client/runner.py",
    "testdata/cleanup.py",
    "testdata/generation/generator.py",
    "testdata/isolation.py",
    "testdata/manager.py",
    "testdata/state.py",
}
LONG_CLASSES = {
    "Analysis",
    "CleanupRegistry",
    "DatabaseTestDataGenerator",
    "IsolationManager",
    "Query",
    "ReadModel",
    "Recorder",
    "SyncStorageRunner",
    "TestDataManager",
    "TestSession",
}
FULL_FOLDERS = {
    "cli",
    "core",
    "plugin",
    "syncstorage",
    "testdata",
    "testdata/generation",
}
REPEATED_CLASS_NAMES = {
    "Lease",
    "Line",
    "Record",
    "Recorder",
    "Rows",
    "Shape",
    "Store",
    "Worker",
    "_Plan",
}
IMPORT_CIRCLES = {
    "cli.common cli.logs",
    "core.analysis core.headline",
    "projections.models projections.sessions",
    "testdata.cleanup testdata.reaper",
    "testdata.keeper testdata.store",
}
"""Not yet done; an entry that is done must be removed, and none may be added."""


def test_files_stay_short():
    """No file of the package has more lines than the limit, but for those that are listed."""
    long = {str(path.relative_to(ROOT)) for path in sources() if len(path.read_text().splitlines()) > FILE_LINES_MAX}
    assert long == LONG_FILES


def test_classes_stay_short():
    """No class of the package has more lines than the limit, but for those that are listed."""
    long = {
        node.name
        for path in sources()
        for node in ast.walk(ast.parse(path.read_text()))
        if isinstance(node, ast.ClassDef) and (node.end_lineno or 0) - node.lineno + 1 > CLASS_LINES_MAX
    }
    assert long == LONG_CLASSES


def test_folders_stay_small():
    """No folder of the package holds more files than the limit, but for those that are listed."""
    counts = Counter(path.parent.relative_to(ROOT) for path in sources())
    assert {str(folder) for folder, count in counts.items() if count > FOLDER_FILES_MAX} == FULL_FOLDERS


def test_no_class_name_is_used_twice():
    """A class name means one thing in the whole package."""
    names = Counter(
        node.name
        for path in sources()
        for node in ast.walk(ast.parse(path.read_text()))
        if isinstance(node, ast.ClassDef)
    )
    assert {name for name, count in names.items() if count > 1} == REPEATED_CLASS_NAMES


def module_name(path: Path) -> str:
    """The dotted name of a file below the package; that of the folder for an `__init__.py`."""
    parts = path.relative_to(ROOT).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


def modules_imported(path: Path, known: set[str]) -> Iterator[str]:
    """Modules of ours that a file imports when it is loaded or later, but not only for types."""
    package = module_name(path).split(".")
    package = package if path.name == "__init__.py" else package[:-1]
    tree = ast.parse(path.read_text())
    for_types = {
        id(inner)
        for node in ast.walk(tree)
        if isinstance(node, ast.If) and ast.unparse(node.test) == "TYPE_CHECKING"
        for inner in ast.walk(node)
    }
    for node in ast.walk(tree):
        if not isinstance(node, ast.ImportFrom) or not node.level or id(node) in for_types:
            continue
        base = package[: len(package) - node.level + 1]
        module = ".".join([*base, *(node.module or "").split(".")]).strip(".")
        for alias in node.names:
            name = f"{module}.{alias.name}".strip(".")
            yield name if name in known else module


def test_no_modules_import_each_other():
    """Following imports never leads back to a module, but for the circles that are listed."""
    paths = {module_name(path): path for path in sources()}
    graph = {name: set(modules_imported(path, set(paths))) - {name} for name, path in paths.items()}
    circles = {" ".join(sorted(circle)) for circle in strongly_connected(graph) if len(circle) > 1}
    assert circles == IMPORT_CIRCLES


def strongly_connected(graph: dict[str, set[str]]) -> list[set[str]]:
    """Groups of nodes that reach each other."""

    def reached(start: str) -> set[str]:
        found, left = set(), [start]
        while left:
            for node in graph.get(left.pop(), set()) - found:
                found.add(node)
                left.append(node)
        return found

    reach = {node: reached(node) for node in graph}
    groups = {frozenset({node} | {other for other in reach[node] if node in reach.get(other, ())}) for node in graph}
    return [set(group) for group in groups]


INTERNAL = ["eventlog/documents", "eventlog/files", "eventlog/home", "eventlog/live", "eventlog/maintenance"]
INTERNAL += ["eventlog/merging", "eventlog/targets", "core/exchange"]


@pytest.mark.parametrize("folder", INTERNAL)
def test_a_folder_names_each_of_its_modules(folder):
    """The docstring of an internal folder names every module in it."""
    listed = set(re.findall(r"`(\w+)`", ast.get_docstring(ast.parse((ROOT / folder / "__init__.py").read_text()))))
    assert {path.stem for path in (ROOT / folder).glob("*.py")} - {"__init__"} <= listed
