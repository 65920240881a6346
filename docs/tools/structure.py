"""Measure the structure of the package: sizes, import circles, repeated code, names and words.

python docs/tools/structure.py                     # a table of figures, by room
python docs/tools/structure.py --violations words  # each place that breaks a rule
python docs/tools/structure.py --json
python docs/tools/structure.py --renew             # write the violations that are left to tests/structure_allowed.json
"""

import argparse
import ast
import gc
import json
import re
import sys
from collections import Counter, defaultdict
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

from circles import find_circles, import_graph
from repeats import find_repeats
from tree import ROOT, Tree, read_tree
from wording import find_openings, find_participles, find_words

FILE_LINES_MAX = 400
CLASS_LINES_MAX = 250
FOLDER_FILES_MAX = 15
WORD_LIST = "wording.py"
"""The tool with the list of unwanted words, which it cannot avoid."""

_INDEX_LINE = re.compile(r"^- (`\w+`(?:, `\w+`)*): \S", re.MULTILINE)

ALLOWED = ROOT / "tests" / "structure_allowed.json"
"""Violations of today, by room, rule and file; the tests let each number only shrink."""


@dataclass(frozen=True)
class Violation:
    """One place that breaks a rule."""

    path: str
    line: int
    detail: str

    @property
    def room(self) -> str:
        """The folder at the top; `docs` for all pages of documentation."""
        return "docs" if self.path.endswith(".md") else self.path.split("/", maxsplit=1)[0]


Rule = Callable[[Tree], Iterator[Violation]]


def long_files(tree: Tree) -> Iterator[Violation]:
    """Yield the files with more lines than the limit."""
    for source in tree.package:
        if len(source.lines) > FILE_LINES_MAX:
            yield Violation(source.name, 1, f"{len(source.lines)} lines")


def long_classes(tree: Tree) -> Iterator[Violation]:
    """Yield the classes with more lines than the limit."""
    for path, node in _classes(tree):
        lines = (node.end_lineno or node.lineno) - node.lineno + 1
        if lines > CLASS_LINES_MAX:
            yield Violation(path, node.lineno, f"class {node.name}: {lines} lines")


def full_folders(tree: Tree) -> Iterator[Violation]:
    """Yield the folders with more modules than the limit; `__init__.py` does not count."""
    modules = [source for source in tree.package if source.path.name != "__init__.py"]
    for folder, files in Counter(source.path.parent.as_posix() for source in modules).items():
        if files > FOLDER_FILES_MAX:
            yield Violation(folder, 0, f"{files} files")


def incomplete_indexes(tree: Tree) -> Iterator[Violation]:
    """Yield modules that are missing in the list of their folder's docstring, and names in it without a module.

    A line of the list is "- `name`: purpose". A room itself has pages of documentation; its folders are internal parts.
    """
    modules: defaultdict[Path, set[str]] = defaultdict(set)
    for source in tree.package:
        modules[source.path.parent].add(source.path.stem)
    for source in tree.package:
        folder = source.path.parent
        if source.path.name != "__init__.py" or len(folder.parts) == 1:
            continue
        inner = {path.name for path in modules if path.parent == folder}
        listed = {name for line in _INDEX_LINE.findall(source.text) for name in re.findall(r"\w+", line)}
        for name in sorted(modules[folder] - listed - {"__init__"}):
            yield Violation(source.name, 1, f"{name}: not listed")
        yield from (
            Violation(source.name, 1, f"{name}: no module") for name in sorted(listed - modules[folder] - inner)
        )


def import_circles(tree: Tree) -> Iterator[Violation]:
    """Yield each file of each group of files that import each other."""
    for circle in find_circles(import_graph(tree.package)):
        yield from (Violation(path, 1, f"circle of {', '.join(circle)}") for path in circle)


def repeated_blocks(tree: Tree) -> Iterator[Violation]:
    """Yield the blocks that repeat an earlier one."""
    for repeat in find_repeats(tree.package):
        yield Violation(repeat.path, repeat.first, f"to line {repeat.last}, as {repeat.other}")


def repeated_class_names(tree: Tree) -> Iterator[Violation]:
    """Yield each class whose name is that of a class of an earlier file."""
    first: dict[str, str] = {}
    for path, node in _classes(tree):
        if node.name in first:
            yield Violation(path, node.lineno, f"class {node.name}, also in {first[node.name]}")
        first.setdefault(node.name, path)


def unwanted_words(tree: Tree) -> Iterator[Violation]:
    """Yield the words that the project does not use, in code, comments, messages and pages."""
    sources = [*tree.package, *(source for source in tree.tools if source.path.name != WORD_LIST)]
    for path, text in [*((source.name, source.text) for source in sources), *tree.pages]:
        yield from (Violation(path, line, word) for line, word in find_words(text))


def unwanted_openings(tree: Tree) -> Iterator[Violation]:
    """Yield the docstrings that do not name their subject."""
    for source in [*tree.package, *tree.tools]:
        yield from (Violation(source.name, line, name) for line, name in find_openings(source))


def bare_participles(tree: Tree) -> Iterator[Violation]:
    """Yield the private functions that are named by a participle alone."""
    for source in [*tree.package, *tree.tools]:
        yield from (Violation(source.name, line, name) for line, name in find_participles(source))


RULES: dict[str, Rule] = {
    "file-lines": long_files,
    "class-lines": long_classes,
    "folder-files": full_folders,
    "folder-indexes": incomplete_indexes,
    "import-circles": import_circles,
    "repeated-blocks": repeated_blocks,
    "class-names": repeated_class_names,
    "words": unwanted_words,
    "openings": unwanted_openings,
    "participles": bare_participles,
}


def _classes(tree: Tree) -> Iterator[tuple[str, ast.ClassDef]]:
    for source in tree.package:
        yield from ((source.name, node) for node in source.nodes if isinstance(node, ast.ClassDef))


Counts = dict[str, dict[str, dict[str, int]]]
"""Number of violations by room, rule and file."""


def find_violations(tree: Tree) -> dict[str, list[Violation]]:
    """Return the violations of each rule."""
    gc.disable()  # the syntax trees of all files are kept: to look through them for garbage takes most of the time
    try:
        return {name: list(rule(tree)) for name, rule in RULES.items()}
    finally:
        gc.enable()


def count_violations(violations: dict[str, list[Violation]]) -> Counts:
    """Return the number of violations by room, rule and file."""
    counts: defaultdict[str, defaultdict[str, Counter[str]]] = defaultdict(lambda: defaultdict(Counter))
    for rule, found in violations.items():
        for violation in found:
            counts[violation.room][rule][violation.path] += 1
    return {
        room: {rule: dict(sorted(files.items())) for rule, files in sorted(rules.items())}
        for room, rules in sorted(counts.items())
    }


@dataclass(frozen=True)
class Figures:
    """Sizes of one room, or of the package."""

    files: int
    lines: int
    longest_file: int
    longest_class: int
    fullest_folder: int
    test_lines: int

    @property
    def tests_per_line(self) -> float:
        """Lines of test per line of source."""
        return round(self.test_lines / max(self.lines, 1), 2)


def measure(tree: Tree, room: str | None = None) -> Figures:
    """Return the sizes of a room; of the package without one."""
    sources = [source for source in tree.package if room in (None, source.room)]
    tests = [source for source in tree.tests if room in (None, *source.path.parts[1:2])]
    classes = [
        (node.end_lineno or node.lineno) - node.lineno + 1
        for source in sources
        for node in source.nodes
        if isinstance(node, ast.ClassDef)
    ]
    folders = Counter(source.path.parent for source in sources if source.path.name != "__init__.py")
    return Figures(
        files=len(sources),
        lines=sum(len(source.lines) for source in sources),
        longest_file=max((len(source.lines) for source in sources), default=0),
        longest_class=max(classes, default=0),
        fullest_folder=max(folders.values(), default=0),
        test_lines=sum(len(source.lines) for source in tests),
    )


COLUMNS = ("files", "lines", "longest file", "longest class", "fullest folder", "tests/line")


def render_table(tree: Tree, violations: dict[str, list[Violation]]) -> str:
    """Return the figures as text: sizes of each room, then violations by rule and room."""
    rooms = sorted({source.room for source in tree.package})
    rows = [["", *COLUMNS]]
    for room in [*rooms, None]:
        figures = measure(tree, room)
        sizes = [figures.files, figures.lines, figures.longest_file, figures.longest_class, figures.fullest_folder]
        rows.append([room or "package", *map(str, sizes), f"{figures.tests_per_line:.2f}"])
    places = [*rooms, "docs"]
    marks = [["", *places, "all"]]
    for rule, found in violations.items():
        by_room = Counter(violation.room for violation in found)
        marks.append([rule, *(str(by_room[place]) for place in places), str(len(found))])
    return f"{_align(rows)}\n\nviolations\n{_align(marks)}\n"


def _align(rows: list[list[str]]) -> str:
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    cells = [[row[0].ljust(widths[0]), *map(str.rjust, row[1:], widths[1:])] for row in rows]
    return "\n".join("  ".join(row) for row in cells)


def _totals(counts: Counts) -> Counter[str]:
    totals: Counter[str] = Counter()
    for rules in counts.values():
        for rule, files in rules.items():
            totals[rule] += sum(files.values())
    return totals


def renew_allowed(path: Path, counts: Counts) -> list[str]:
    """Write the violations of today as the allowed ones.

    If more places break a rule than before, nothing is written, and these rules are returned. The limit is the sum over
    all rooms, so that a file may move from one room to another.
    """
    if path.exists():
        before = _totals(json.loads(path.read_text(encoding="utf-8")))
        grown = [
            f"{rule}: {number} violations, {before[rule]} are allowed"
            for rule, number in sorted(_totals(counts).items())
            if number > before[rule]
        ]
        if grown:
            return grown
    path.write_text(json.dumps(counts, indent=2) + "\n", encoding="utf-8")
    return []


def main(arguments: list[str] | None = None) -> int:
    """Run the tool; return the exit code."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--json", action="store_true", help="figures and violations as JSON")
    parser.add_argument("--violations", metavar="RULE", choices=[*RULES], help=f"list the places: {', '.join(RULES)}")
    parser.add_argument("--room", help="only this room, with --violations")
    parser.add_argument("--renew", action="store_true", help="write the allowed violations; refuses more than before")
    parser.add_argument("--root", type=Path, default=ROOT, help="tree to measure; default: this one")
    chosen = parser.parse_args(arguments)
    tree = read_tree(chosen.root.resolve())
    violations = find_violations(tree)
    if chosen.renew:
        grown = renew_allowed(ALLOWED, count_violations(violations))
        print("\n".join(grown), file=sys.stderr, end="\n" if grown else "")
        return 1 if grown else 0
    if chosen.violations:
        for found in violations[chosen.violations]:
            if chosen.room in (None, found.room):
                print(f"{found.path}:{found.line}: {found.detail}")
    elif chosen.json:
        print(json.dumps(_as_json(tree, violations), indent=2))
    else:
        print(render_table(tree, violations), end="")
    return 0


def _as_json(tree: Tree, violations: dict[str, list[Violation]]) -> dict[str, object]:
    rooms = sorted({source.room for source in tree.package})
    sizes = {room or "package": measure(tree, room) for room in [*rooms, None]}
    return {
        "sizes": {room: vars(figures) | {"tests_per_line": figures.tests_per_line} for room, figures in sizes.items()},
        "violations": count_violations(violations),
    }


if __name__ == "__main__":
    sys.exit(main())
