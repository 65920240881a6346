"""Cases of one parametrised test, which answers show together."""

from collections.abc import Iterable
from typing import NamedTuple


class Cases(NamedTuple):
    """Cases of one test that an answer names."""

    test: str
    """Node id without the parameters."""
    nodeids: tuple[str, ...]
    """Node ids of the cases that are named; one for a test without parameters."""

    @property
    def label(self) -> str:
        """How the row is called: the node id of the only case, else that of the test."""
        return self.nodeids[0] if len(self.nodeids) == 1 else self.test


def test_of(nodeid: str) -> str:
    """Return a node id without its parameters: `a[1].py::test_x` of `a[1].py::test_x[b::c]`."""
    path, colons, rest = nodeid.partition("::")
    return f"{path}{colons}{rest.partition('[')[0]}"


test_of.__test__ = False  # type: ignore[attr-defined]  # no test to pytest


def by_test(nodeids: Iterable[str]) -> list[Cases]:
    """Return node ids with the cases of each test together, in order of the first of each."""
    found: dict[str, list[str]] = {}
    for nodeid in dict.fromkeys(nodeids):
        found.setdefault(test_of(nodeid), []).append(nodeid)
    return [Cases(test, tuple(these)) for test, these in found.items()]


def count_cases(tests: Iterable[str], nodeids: Iterable[str]) -> dict[str, int]:
    """Return how many cases each of some tests has among node ids.

    Args:
        tests: node ids without parameters.
        nodeids: all tests of a session.
    """
    counts = dict.fromkeys(tests, 0)
    starts = tuple(f"{test}[" for test in counts)
    for nodeid in nodeids:
        if starts and nodeid.startswith(starts):
            test = test_of(nodeid)
            if test in counts:
                counts[test] += 1
    return counts
