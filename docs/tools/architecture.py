"""Renew the tables of docs/architecture.md: the rooms with what they may import, and the file to open for a change.

python docs/tools/architecture.py docs/architecture.md

Files are found by the name of what they define, so that a moved file needs no other edit than a run of this tool.
"""

import ast
import re
import sys
from pathlib import Path
from typing import NamedTuple, cast

from tree import ROOT, Source, read_rooms, read_tree

_MARKS = r"(<!-- {name}:[^>]*-->\n).*?(<!-- /{name} -->)"


class Change(NamedTuple):
    """A change that comes up often."""

    what: str
    symbols: tuple[str, ...]
    """Names to look for at the top of modules; the first that exactly one module defines counts."""
    how: str


CHANGES = (
    Change(
        "an event type",
        ("SESSION_EVENTS",),
        "Define the class, with a default for each field, and add it to `{symbol}`, from which the format page is "
        "generated. Then fold it, and show it in `tail`.",
    ),
    Change(
        "an outcome category",
        ("RESULTS", "OUTCOMES"),
        "Add an entry to `{symbol}`: what is good, what is bad, and the order follow from it.",
    ),
    Change(
        "a question",
        ("InsightAnalyzer", "Analysis"),
        "Add a method to `{symbol}` that hands the runs to a function of its own file, and returns rows with evidence.",
    ),
    Change(
        "a column in `session list`",
        ("list_table",),
        "Add the column to `{symbol}`, with the least width it may shrink to.",
    ),
    Change(
        "a token shape for redaction",
        ("TOKENS",),
        "Add one entry to `{symbol}`: pattern, hint and an example that is tested.",
    ),
    Change(
        "an import format",
        ("IMPORT_FORMATS", "read_contents"),
        "Add a reader to `{symbol}`; it yields sessions as whole lines of events, and names what it could not read.",
    ),
    Change(
        "the rule of flaky",
        ("retry_flaky",),
        "Each rule is one function next to `{symbol}`; raise the version of the rules.",
    ),
    Change(
        "the lock order",
        ("Locked",),
        "`{symbol}` holds the lock of a log. Change the section on locks on this page first: each place that takes two "
        "locks takes them in that order.",
    ),
    Change(
        "a command",
        ("NOUNS",),
        "Add a line to `{symbol}`, and a module of that name that builds a Typer app; then `make docs`.",
    ),
)


def read_import_table(root: Path) -> dict[str, set[str]]:
    """Return which room may import which, as the test of the architecture has it."""
    for node in ast.parse((root / "tests" / "test_architecture.py").read_text(encoding="utf-8")).body:
        if (
            isinstance(node, ast.Assign)
            and ast.unparse(node.targets[0]) == "MAY_IMPORT"
            and isinstance(node.value, ast.Dict)
        ):
            keys = [cast("str", ast.literal_eval(key)) for key in node.value.keys if key is not None]
            values = [cast("set[str]", ast.literal_eval(value)) for value in node.value.values]
            return dict(zip(keys, values, strict=True))
    raise LookupError("tests/test_architecture.py: no table MAY_IMPORT")


def render_rooms(root: Path) -> str:
    """Return the table of rooms: purpose, from the docstring of the package, and imports."""
    lines = ["| room | purpose | may import |", "|---|---|---|"]
    table = read_import_table(root)
    order = sorted(read_rooms(root), key=lambda room: (len(table[room]), room))
    for room in order:
        text = ast.get_docstring(ast.parse((root / room / "__init__.py").read_text(encoding="utf-8"))) or ""
        purpose = " ".join(text.split("\n\n")[0].split())
        others = ", ".join(f"`{other}`" for other in sorted(table[room])) or "no other room"
        lines.append(f"| `{room}/` | {purpose} | {others} |")
    return "\n".join(lines) + "\n"


def find_definition(sources: list[Source], symbols: tuple[str, ...]) -> tuple[str, str]:
    """Return the first name that exactly one module defines, and the path of that module.

    Raises:
        LookupError: no name is defined exactly once.
    """
    for symbol in symbols:
        found = [source.name for source in sources if symbol in source.text and symbol in _definition_of(source)]
        if len(found) == 1:
            return symbol, found[0]
    raise LookupError(f"docs/tools/architecture.py: {' or '.join(symbols)} is not defined by exactly one module")


def _definition_of(source: Source) -> set[str]:
    names: set[str] = set()
    for node in ast.parse(source.text).body:
        match node:
            case ast.ClassDef(name=name) | ast.FunctionDef(name=name):
                names.add(name)
            case ast.Assign(targets=[ast.Name(id=name)]) | ast.AnnAssign(target=ast.Name(id=name)):
                names.add(name)
            case _:
                pass
    return names


def render_changes(root: Path) -> str:
    """Return the table of changes with the file to open for each."""
    sources = read_tree(root).package
    lines = ["| to add or change | open | there |", "|---|---|---|"]
    for change in CHANGES:
        symbol, path = find_definition(sources, change.symbols)
        lines.append(f"| {change.what} | `{path}` | {change.how.format(symbol=symbol)} |")
    return "\n".join(lines) + "\n"


def renew_page(page: str, root: Path = ROOT) -> str:
    """Return the page with both tables renewed."""
    for name, text in (("rooms", render_rooms(root)), ("changes", render_changes(root))):
        pattern = re.compile(_MARKS.format(name=name), re.DOTALL)
        page, number = pattern.subn(lambda match, text=text: f"{match[1]}{text}{match[2]}", page)
        if number != 1:
            raise LookupError(f"docs/architecture.md: marks of {name} are missing")
    return page


if __name__ == "__main__":
    path = Path(sys.argv[1])
    path.write_text(renew_page(path.read_text(encoding="utf-8")), encoding="utf-8")
