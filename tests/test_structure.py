"""The structure of the package: sizes, import circles, repeated code, names and words, measured by docs/tools/structure.py.

`structure_allowed.json` lists the violations that are left, by room, rule and file. Each number may only shrink: a new
violation fails a test, and so does an entry that is no longer needed. After mending or moving a file, run
`python docs/tools/structure.py --renew`; it refuses to write more violations than before.
"""

import json
from functools import cache
from pathlib import Path

import pytest
import structure
import wording
from circles import find_circles
from repeats import find_repeats
from tree import Source, Tree, read_rooms, read_tree

ROOT = Path(__file__).parent.parent
PLACES = [*read_rooms(ROOT), "docs"]


@cache
def violations_of_today() -> tuple[structure.Counts, dict[str, list[structure.Violation]]]:
    """Measure the tree once."""
    found = structure.find_violations(read_tree(ROOT))
    return structure.count_violations(found), found


def allowed(room: str, rule: str) -> dict[str, int]:
    """Return the number of violations that each file of a room may have."""
    return json.loads(structure.ALLOWED.read_text(encoding="utf-8")).get(room, {}).get(rule, {})


@pytest.mark.parametrize("rule", structure.RULES)
@pytest.mark.parametrize("room", PLACES)
def test_a_room_breaks_no_rule_beyond_its_list(room: str, rule: str) -> None:
    """Each file of the room has exactly the violations that the list allows, so that the list can only shrink."""
    counts, found = violations_of_today()
    today, listed = counts.get(room, {}).get(rule, {}), allowed(room, rule)
    more = {path for path, number in today.items() if number > listed.get(path, 0)}
    places = [f"{each.path}:{each.line}: {each.detail}" for each in found[rule] if each.path in more]
    assert places == []
    fewer = [
        f"{path}: {today.get(path, 0)}, listed {number}"
        for path, number in listed.items()
        if today.get(path, 0) < number
    ]
    assert fewer == [], "run `python docs/tools/structure.py --renew`"


def test_the_list_names_rooms_and_rules_that_exist() -> None:
    """An entry of a room or a rule that is gone would allow nothing, and hide that it is not needed."""
    listed = json.loads(structure.ALLOWED.read_text(encoding="utf-8"))
    assert set(listed) <= set(PLACES)
    assert {rule for rules in listed.values() for rule in rules} <= set(structure.RULES)


def tree_of(**files: str) -> Tree:
    """Return a tree of some files, named `room__module` or `room____init__`."""
    return Tree(Path(), [Source(_path_of(name), text) for name, text in files.items()], [], [])


def _path_of(name: str) -> Path:
    folder, is_init, _ = name.partition("____init__")
    return Path(folder.replace("__", "/"), "__init__.py") if is_init else Path(f"{name.replace('__', '/')}.py")


def places(rule: str, tree: Tree) -> list[tuple[str, int]]:
    """Return where a tree breaks a rule."""
    return [(each.path, each.line) for each in structure.RULES[rule](tree)]


def test_a_file_may_have_the_limit_of_lines_and_not_one_more() -> None:
    """The limit itself is allowed."""
    tree = tree_of(a__fits="x = 1\n" * structure.FILE_LINES_MAX, a__long="x = 1\n" * (structure.FILE_LINES_MAX + 1))
    assert places("file-lines", tree) == [("a/long.py", 1)]


def test_a_class_is_measured_from_its_name_to_its_last_line() -> None:
    """The lines before and after a class do not count."""
    body = "    x = 1\n"
    fits = "y = 2\n" + "class A:\n" + body * (structure.CLASS_LINES_MAX - 1) + "y = 3\n"
    long = "y = 2\n" + "class B:\n" + body * structure.CLASS_LINES_MAX
    assert places("class-lines", tree_of(a__fits=fits, a__long=long)) == [("a/long.py", 2)]


def test_a_folder_is_counted_without_its_init_and_without_subfolders() -> None:
    """Only modules directly in the folder count."""
    modules = {f"a__m{number}": "" for number in range(structure.FOLDER_FILES_MAX)}
    assert places("folder-files", tree_of(**modules, a____init__="", a__b__c="")) == []
    assert places("folder-files", tree_of(**modules, a__more="")) == [("a", 0)]


def test_the_docstring_of_a_folder_lists_its_modules_and_no_others() -> None:
    """A module without a line and a line without a module are found; folders within it may have a line."""
    lines = '"""Part.\n\n- `one`: first.\n- `two`, `three`: others.\n- `inner`: a folder.\n"""'
    folder = {"room__part____init__": lines, "room__part__one": "", "room__part__two": "", "room__part__three": ""}
    inner = {"room__part__inner____init__": "", "room____init__": "", "room__free": ""}
    assert places("folder-indexes", tree_of(**folder, **inner)) == []
    added = structure.RULES["folder-indexes"](tree_of(**folder, **inner, room__part__four=""))
    assert [each.detail for each in added] == ["four: not listed"]
    del folder["room__part__one"]
    removed = structure.RULES["folder-indexes"](tree_of(**folder, **inner))
    assert [each.detail for each in removed] == ["one: no module"]


NOTHING: set[str] = set()
CIRCLES: list[tuple[dict[str, set[str]], list[list[str]]]] = [
    ({"a": {"b"}, "b": {"c"}, "c": NOTHING}, []),
    ({"a": {"b"}, "b": {"a"}, "c": {"a"}}, [["a", "b"]]),
    ({"a": {"b"}, "b": {"c"}, "c": {"a"}, "d": {"e"}, "e": {"d"}}, [["a", "b", "c"], ["d", "e"]]),
    ({"a": {"a"}}, []),
]


@pytest.mark.parametrize(("graph", "circles"), CIRCLES, ids=["chain", "two", "two groups", "itself"])
def test_a_circle_is_a_group_that_reaches_itself(graph: dict[str, set[str]], circles: list[list[str]]) -> None:
    """A file that leads into a circle is no part of it."""
    assert find_circles(graph) == circles


@pytest.mark.parametrize(
    "line",
    [
        "from .b import x",
        "from . import b",
        "from ..room.b import x",
        "from pytest_insight.room.b import x",
        "from pytest_insight.room import b",
        "def f():\n    from .b import x",
        "if TYPE_CHECKING:\n    from .b import x",
    ],
)
def test_each_form_of_an_import_is_followed(line: str) -> None:
    """Relative, absolute and deferred imports, and those for types only, make a circle alike."""
    tree = tree_of(room__a=line, room__b="from .a import y", room____init__="")
    assert places("import-circles", tree) == [("room/a.py", 1), ("room/b.py", 1)]


def test_a_repeated_block_is_found_once_with_its_length() -> None:
    """Twelve equal lines are one block; nine are none; blank lines, comments and imports do not count."""
    lines = [f"x{number} = {number}" for number in range(12)]
    first = Source(Path("a/first.py"), "\n".join(lines))
    second = Source(Path("a/second.py"), "import os\n\n# why\n" + "\n\n".join(lines) + "\ny = 1")
    [repeat] = find_repeats([first, second])
    assert (repeat.path, repeat.first, repeat.last, repeat.other) == ("a/second.py", 4, 26, "a/first.py:1")
    assert find_repeats([first, Source(Path("a/short.py"), "\n".join(lines[:9]))]) == []


def test_a_class_name_is_used_once_in_the_package() -> None:
    """The second class of a name is named with the file of the first, also in another room."""
    tree = tree_of(a__one="class Store: pass", b__two="x = 1\nclass Store: pass")
    assert places("class-names", tree) == [("b/two.py", 2)]


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("x = None  # x is None here", []),
        ("there is none", ["is none"]),
        ("Nobody waits", ["Nobody"]),
        ("def _trouble(): ...", ["trouble"]),
        ("a bearskin, a standstill, undoubtedly, to understand", []),
        ("x = 1  # anybody may come to it", ["anybody", "come to"]),
        ("raise ValueError(f'{x} came to nothing beside {y}')", ["came to", "beside"]),
        ("what it comes to", ["comes to"]),
        ("it bears a label and stands there, anew", ["bears", "stands", "anew"]),
    ],
)
def test_unwanted_words_are_found_in_text_and_names(text: str, words: list[str]) -> None:
    """Words count as whole words, also between underscores; `None` of Python does not."""
    assert [word for _, word in wording.find_words(text)] == words


def test_an_opening_is_that_of_a_docstring_only() -> None:
    """Docstrings of modules, classes, functions and attributes count; other strings and later words do not."""
    text = '"""Where it is."""\nx = "What"\nclass A:\n    """Return what it says."""\ndef f():\n    """Say it."""\n'
    assert places("openings", tree_of(a__a=text)) == [("a/a.py", 1), ("a/a.py", 6)]
    field = 'class A:\n    x: int\n    """Whose it is."""\ny = 1\n"""Gives y."""\n'
    assert places("openings", tree_of(a__a=field)) == [("a/a.py", 3), ("a/a.py", 5)]


def test_the_tools_keep_to_the_rules_of_wording() -> None:
    """All but the file that holds the list of words."""
    tools = [Source(Path(f"docs/tools/{name}.py"), '"""Tell anybody."""') for name in ("some", "wording")]
    tree = Tree(Path(), [], [], [], tools)
    assert places("words", tree) == [("docs/tools/some.py", 1)]
    assert places("openings", tree) == [("docs/tools/some.py", 1), ("docs/tools/wording.py", 1)]
    assert {source.path.name for source in read_tree(ROOT).tools} >= {"structure.py", "wording.py", "tree.py"}


@pytest.mark.parametrize("name", ["_settled", "_told", "_made", "_those", "_known", "_bound", "_written", "_kept"])
def test_a_bare_participle_is_no_name_of_a_function(name: str) -> None:
    """The name says neither what is done nor to what."""
    assert wording.is_bare_participle(name)


@pytest.mark.parametrize(
    "name", ["_feed", "_token", "_settle", "_is_settled", "_settled_at", "settled", "_seed", "_put"]
)
def test_a_verb_a_noun_or_a_longer_name_is_allowed(name: str) -> None:
    """Only a private name of one word can be a bare participle."""
    assert not wording.is_bare_participle(name)


def test_the_list_of_allowed_violations_only_shrinks(tmp_path: Path) -> None:
    """It may be written with fewer violations, also in another file or room, and not with more."""
    path = tmp_path / "allowed.json"
    assert structure.renew_allowed(path, {"a": {"words": {"a/x.py": 2}}}) == []
    assert structure.renew_allowed(path, {"b": {"words": {"b/y.py": 2}}}) == []
    assert structure.renew_allowed(path, {"b": {"words": {"b/y.py": 3}}}) == ["words: 3 violations, 2 are allowed"]
    assert structure.renew_allowed(path, {"b": {"openings": {"b/y.py": 1}}}) == [
        "openings: 1 violations, 0 are allowed"
    ]
    assert json.loads(path.read_text()) == {"b": {"words": {"b/y.py": 2}}}


def test_the_tool_prints_the_same_figures_as_text_and_as_json(capsys: pytest.CaptureFixture[str]) -> None:
    """The total of lines is that of the files, and both forms have it."""
    assert structure.main(["--json"]) == 0
    as_json = json.loads(capsys.readouterr().out)
    lines = sum(len(path.read_text().splitlines()) for room in read_rooms(ROOT) for path in (ROOT / room).rglob("*.py"))
    assert as_json["sizes"]["package"]["lines"] == lines
    assert structure.main([]) == 0
    text = capsys.readouterr().out
    assert str(lines) in next(row for row in text.splitlines() if row.startswith("package")).split()
