"""Tests that collection announced, and whether each of them has a result."""

from collections.abc import Iterable
from typing import Any

from ...eventlog.outcome import missing_tests


class AnnouncedTests:
    """Announced tests and their results.

    Attributes:
        each: each xdist worker runs all tests (`--dist each`), so a result counts for its own worker only.
    """

    def __init__(self) -> None:
        self.each = False
        self._nodeids: set[str] = set()
        self._on_worker: set[tuple[str, str]] = set()
        self._reported: set[Any] = set()
        """Node ids, or `(worker, node id)` with `each`."""
        self._rerun: set[str] = set()
        """Node ids whose attempts so far all ended with a rerun."""

    def __len__(self) -> int:
        return len(self._on_worker if self.each else self._nodeids)

    def __contains__(self, nodeid: object) -> bool:
        return nodeid in self._nodeids

    def announce(self, nodeids: Iterable[str], worker: str) -> None:
        """Add tests; `worker` matters only with `each`."""
        names = list(nodeids)
        self._nodeids.update(names)
        if self.each:
            self._on_worker.update((worker, nodeid) for nodeid in names)

    def find_new(self, nodeids: Iterable[str]) -> list[str]:
        """Return the node ids that were not announced yet."""
        return [nodeid for nodeid in nodeids if nodeid not in self._nodeids]

    def restart(self, nodeid: str, worker: str) -> None:
        """Drop the result of a test that is run again after a rerun: it waits for a new one."""
        if nodeid in self._rerun:
            self._reported.discard((worker, nodeid) if self.each else nodeid)

    def add_result(self, nodeid: str, worker: str, number: int, *, is_rerun: bool) -> None:
        """Note that an attempt ended.

        Args:
            nodeid: the test.
            worker: xdist worker that ran it; empty without xdist.
            number: number of the attempt, from 1.
            is_rerun: the test is going to be repeated.
        """
        if is_rerun:
            self._rerun.add(nodeid)
        elif number > 1:
            self._rerun.discard(nodeid)
        self._reported.add((worker, nodeid) if self.each else nodeid)

    def add_pass(self, nodeid: str, number: int) -> None:
        """Note that an attempt passed, without xdist; as `add_result` does."""
        if number > 1:
            self._rerun.discard(nodeid)
        self._reported.add(nodeid)

    def missing(self) -> set[Any]:
        """Return the announced tests without a result: node ids, or `(worker, node id)` with `each`."""
        return missing_tests(self._on_worker if self.each else self._nodeids, self._reported)
