"""Find the node id of a test that a file names in other ways."""

import os
import re
from collections import defaultdict
from collections.abc import Iterable
from functools import cached_property
from pathlib import Path
from typing import NamedTuple

_PY = re.compile(r"\.py$")
_SKIPPED_FOLDERS = frozenset({"node_modules", "__pycache__", "site-packages", "build", "dist"})
_FILES_MAX = 200_000


class Identity(NamedTuple):
    """A test as the log names it."""

    nodeid: str
    placed: bool
    """Whether the node id is that of pytest; else it is made of the names in the file."""


def junit_names(nodeid: str) -> tuple[str, str]:
    """Return class name and name that pytest's JUnit report has for a node id."""
    path, bracket, params = nodeid.partition("[")
    names = path.split("::")
    names[0] = _PY.sub("", names[0].replace("/", "."))
    names[-1] += bracket + params
    return ".".join(names[:-1]), names[-1]


class Identities:
    """Node ids by the names that files have for tests.

    | order | source | node id |
    |---|---|---|
    | 1 | the `file` of a test, if its class name begins with that file in dotted form | `file::Class::name` |
    | 2 | exactly one known node id of this system has this class name and name in dotted form | that one |
    | 3 | exactly one file below the root has the class name, or its beginning, in dotted form | `file::Class::name` |
    | 4 | the `file` of a test, if it is no Python file | `file::class::name` |
    | 5 | nothing of these | `class::name`, told as not placed |

    Args:
        known: node ids that were recorded of the same system.
        root: folder of the checkout; None for none.
    """

    def __init__(self, known: Iterable[str] = (), root: Path | None = None) -> None:
        self._known: defaultdict[tuple[str, str], set[str]] = defaultdict(set)
        for nodeid in known:
            if ".py" in nodeid.partition("::")[0] or "." in nodeid.partition("::")[0]:
                self._known[junit_names(nodeid)].add(nodeid)
        self._root = root
        self._prefixes: dict[tuple[str, str], str | None] = {}

    @property
    def knows_nothing(self) -> bool:
        """Whether a test without a file has the id `class::name` whatever it is called."""
        return not self._known and self._root is None

    def find(self, classname: str, name: str, file: str = "", suite: str = "") -> Identity:
        """Return the node id of a test.

        Args:
            classname: its class, with the dotted name of its file.
            name: its own, with parameters.
            file: its file, if there is one.
            suite: prefix of an id that is made of names only.
        """
        prefix = self._prefix_by_file(classname, file) if file else None
        if prefix is not None:
            return Identity(f"{prefix}::{name}", placed=True)
        known = self._known.get((classname, name), ()) if self._known else ()
        if len(known) == 1:
            return Identity(next(iter(known)), placed=True)
        prefix = self._prefix_below_root(classname) if self._root is not None and classname else None
        if prefix is not None:
            return Identity(f"{prefix}::{name}", placed=True)
        if file and not file.endswith(".py") and not Path(file).is_absolute():
            return Identity(
                "::".join(part for part in (suite, file, _unless(classname, name), name) if part), placed=True
            )
        if not suite and classname and name:
            return Identity(f"{classname}::{name}", placed=False)
        return Identity("::".join(part for part in (suite, classname, name) if part), placed=False)

    def find_module(self, classname: str, name: str, file: str = "") -> str:
        """Return the node id of a module that could not be collected."""
        if file:
            return file
        dotted = f"{classname}.{name}" if classname else name
        found = {nodeid.partition("::")[0] for nodeids in self._known.values() for nodeid in nodeids}
        fits = [path for path in found if _dotted_form(path) == dotted]
        if len(fits) == 1:
            return fits[0]
        below = self._files_below_root.get(dotted, ()) if self._root is not None else ()
        return next(iter(below)) if len(below) == 1 else dotted

    def _prefix_by_file(self, classname: str, file: str) -> str | None:
        key = (classname, file)
        if key not in self._prefixes:
            self._prefixes[key] = _prefix_of(classname, self._relative(file))
        return self._prefixes[key]

    def _relative(self, file: str) -> str:
        if self._root is None or not Path(file).is_absolute():
            return file
        try:
            return Path(file).relative_to(self._root.absolute()).as_posix()
        except ValueError:
            return file

    def _prefix_below_root(self, classname: str) -> str | None:
        key = (classname, "\0root")
        if key not in self._prefixes:
            parts = classname.split(".")
            found: set[str] = set()
            for length in range(len(parts), 0, -1):
                for path in self._files_below_root.get(".".join(parts[:length]), ()):
                    found.add("::".join([path, *parts[length:]]))
            self._prefixes[key] = found.pop() if len(found) == 1 else None
        return self._prefixes[key]

    @cached_property
    def _files_below_root(self) -> dict[str, set[str]]:
        """Paths of Python files by their dotted form, whole and from each folder on."""
        found: defaultdict[str, set[str]] = defaultdict(set)
        for count, path in enumerate(_python_files(self._root or Path())):
            if count >= _FILES_MAX:
                break
            found[_dotted_form(path)].add(path)
        return found


def _python_files(root: Path) -> Iterable[str]:
    for folder, folders, files in os.walk(root):
        folders[:] = sorted(name for name in folders if not name.startswith(".") and name not in _SKIPPED_FOLDERS)
        for name in files:
            if name.endswith(".py"):
                yield Path(folder, name).relative_to(root).as_posix()


def _dotted_form(path: str) -> str:
    return _PY.sub("", path.replace("\\", "/").replace("/", "."))


def _unless(classname: str, name: str) -> str:
    return "" if classname == name else classname


def _prefix_of(classname: str, file: str) -> str | None:
    """Return file and classes of a test as a node id has them; None if the class name does not fit to the file."""
    file = file.replace("\\", "/").removeprefix("./")
    if not file.endswith(".py") or file.startswith(("/", "../")) or file[1:2] == ":":
        return None
    parts = _dotted_form(file).split(".")
    for start in range(len(parts)):
        dotted = ".".join(parts[start:])
        if classname == dotted:
            return file
        if classname.startswith(f"{dotted}."):
            return "::".join([file, *classname[len(dotted) + 1 :].split(".")])
    _, found, rest = f".{classname}.".partition(f".{'.'.join(parts)}.")  # behind a prefix, as --junit-prefix sets it
    return "::".join([file, *filter(None, rest.split("."))]) if found else None
