"""Print the test files that start no process, which are those that `make check` runs.

python docs/tools/pure_tests.py

A file is pure if neither it nor a helper of tests/ that it imports, directly or through others, nor a fixture that it
uses, names what starts processes. `no_processes.py` holds the list to it: a test of `make check` that starts a process
fails.
"""

import re
from pathlib import Path

from tree import NOT_TESTS, ROOT

STARTERS = re.compile(
    r"\b(replay\(workers|subprocess|multiprocessing|pytester|os\.fork|posix_spawn|make_history|no_pure_test"
    r"|PrivateServer|playwright)\b"
)
"""Names of what starts a process; a comment with `no_pure_test` and a reason excludes a file as well."""

_HELPER = re.compile(r"^(?:from|import) (\w+)", re.MULTILINE)
_FIXTURE = re.compile(r"^def (\w+)\(", re.MULTILINE)


def list_pure_tests(root: Path = ROOT) -> list[Path]:
    """Return the test files that start no process."""
    files = [path for path in sorted((root / "tests").rglob("test_*.py")) if not NOT_TESTS & set(path.parts)]
    return [path for path in files if _is_pure(path, root)]


def _is_pure(path: Path, root: Path) -> bool:
    if _starts_processes(path, root, set()):
        return False
    text = path.read_text(encoding="utf-8")
    return not any(_uses_starter(text, conftest, root) for conftest in _conftests(path, root))


def _starts_processes(path: Path, root: Path, seen: set[Path]) -> bool:
    """Return whether a file, or a helper that it imports, names what starts processes."""
    if path in seen:
        return False
    seen.add(path)
    text = path.read_text(encoding="utf-8")
    if STARTERS.search(text):
        return True
    helpers = [root / "tests" / f"{name}.py" for name in _HELPER.findall(text)]
    return any(_starts_processes(helper, root, seen) for helper in helpers if helper.exists())


def _conftests(path: Path, root: Path) -> list[Path]:
    folders = [folder for folder in path.parents if folder.is_relative_to(root / "tests")]
    return [conftest for folder in folders if (conftest := folder / "conftest.py").exists()]


def _uses_starter(text: str, conftest: Path, root: Path) -> bool:
    """Return whether a test file uses a fixture of a conftest.py that starts processes."""
    if not _starts_processes(conftest, root, set()):
        return False
    fixtures = _FIXTURE.findall(conftest.read_text(encoding="utf-8"))
    return any(re.search(rf"\b{name}\b", text) for name in fixtures)


if __name__ == "__main__":
    print("\n".join(str(path.relative_to(ROOT)) for path in list_pure_tests()))
