"""The rule of a room, for the rooms `collector`, `plugin`, `syncstorage` and `testdata`."""

import ast
import re
import tokenize
from collections import defaultdict
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
ROOMS = ("collector", "plugin", "syncstorage", "testdata")
FILE_LINES_MAX = 400
CLASS_LINES_MAX = 250
FOLDER_FILES_MAX = 15
SOURCES = sorted(path for room in ROOMS for path in (ROOT / room).rglob("*.py"))
FOLDERS = sorted({path.parent for path in SOURCES})
INTERNAL = [
    folder
    for folder in FOLDERS
    if folder.parent != ROOT
    and folder.name not in ("client", "generation", "versions")  # public, or one module for each change
]

NOT_OPENING = re.compile(r"(What|Who|Whoever|Where|Say|Tell|Give)\b")
NOT_IN_TEXT = re.compile(
    r"\b(somebody|nobody|everybody|whoever|stands|is none|comes to|came to|bears|beside|anew|troubles?|doubt)\b",
    re.IGNORECASE,
)


def shown(path):
    """A path below the root, as text."""
    return path.relative_to(ROOT).as_posix()


def classes(path):
    """The classes of a file."""
    return [node for node in ast.walk(ast.parse(path.read_text())) if isinstance(node, ast.ClassDef)]


def docstrings(path):
    """Every docstring of a file, also those of attributes, with its line."""
    for node in ast.walk(ast.parse(path.read_text())):
        for part in getattr(node, "body", None) or () if not isinstance(node, (ast.Lambda, ast.IfExp)) else ():
            if (
                isinstance(part, ast.Expr)
                and isinstance(part.value, ast.Constant)
                and isinstance(part.value.value, str)
            ):
                yield part.lineno, part.value.value


def test_files_classes_and_folders_stay_small():
    """No file, class or folder is larger than the limit."""
    large = [shown(path) for path in SOURCES if len(path.read_text().splitlines()) > FILE_LINES_MAX]
    large += [
        f"{shown(path)} {node.name}"
        for path in SOURCES
        for node in classes(path)
        if node.end_lineno - node.lineno + 1 > CLASS_LINES_MAX
    ]
    large += [shown(folder) for folder in FOLDERS if len(list(folder.glob("*.py"))) > FOLDER_FILES_MAX]
    assert large == []


@pytest.mark.parametrize("folder", INTERNAL, ids=shown)
def test_an_internal_folder_lists_its_modules(folder):
    """The docstring of `__init__` has a line for each module, and for no other."""
    listed = re.findall(
        r"^- `(\w+)`: .", ast.get_docstring(ast.parse((folder / "__init__.py").read_text())), re.MULTILINE
    )
    assert listed == sorted(path.stem for path in folder.glob("*.py") if path.stem != "__init__")


def test_no_class_name_occurs_twice():
    """One name means one thing, in all rooms of the list."""
    places = defaultdict(list)
    for path in SOURCES:
        for node in classes(path):
            places[node.name].append(shown(path))
    assert {name: found for name, found in places.items() if len(found) > 1} == {}


def imported(path):
    """The modules of the rooms that a module imports, at its top, in functions, and for types only."""
    package = path.relative_to(ROOT).parts[:-1]
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.ImportFrom) and node.level:
            base = package[: len(package) - node.level + 1]
            parts = (*base, *(node.module or "").split(".")) if node.module else base
            for name in node.names:
                for found in ((*parts, name.name), parts):
                    if (target := ROOT.joinpath(*found).with_suffix(".py")) in SOURCES:
                        yield target
                        break


def test_no_modules_import_each_other():
    """Imports within the rooms form no circle, not even by imports within functions or for types."""
    left = {path: set(imported(path)) for path in SOURCES}
    while free := [path for path, targets in left.items() if not targets & left.keys()]:
        for path in free:
            del left[path]
    assert sorted(map(shown, left)) == []


def test_docstrings_name_their_subject():
    """No docstring opens with a question word or a command to speak, and none has a word of the list."""
    found = [
        f"{shown(path)}:{line} {text.strip()[:60]}"
        for path in SOURCES
        for line, text in docstrings(path)
        if NOT_OPENING.match(text.strip()) or NOT_IN_TEXT.search(text)
    ]
    assert found == []


def test_comments_and_messages_have_no_word_of_the_list():
    """The list holds for every comment and every text in the code, too."""
    found = []
    for path in SOURCES:
        with path.open("rb") as file:
            for token in tokenize.tokenize(file.readline):
                is_text = token.type in (tokenize.COMMENT, tokenize.STRING)
                if is_text and NOT_IN_TEXT.search(token.string):
                    found.append(f"{shown(path)}:{token.start[0]} {token.string[:80]}")
    assert found == []
