"""Hooks of pytest-xdist in its controller."""

import functools
from collections.abc import Callable, Iterable
from typing import Any, cast

import pytest

from ..eventlog.events import WorkerLost
from ..eventlog.plain import clean_text
from .lifecycle.boundary import guarded
from .recording import Recording, RecordingHooks
from .worker import GROUPS_KEY


class XdistHooks(RecordingHooks):
    """Hooks that xdist calls in the controller.

    Args:
        recording: the session.
        announce: writes node ids that a worker is going to run; `(node ids, worker)`.
        running: returns the node ids that a worker is running.
    """

    def __init__(
        self,
        recording: Recording,
        announce: Callable[[list[str], str], None],
        running: Callable[[str], list[str]],
    ) -> None:
        super().__init__(recording)
        self._xdist = recording.xdist
        self._announce = announce
        self._running = running

    @pytest.hookimpl(optionalhook=True)
    @guarded
    def pytest_configure_node(self, node: Any) -> None:
        """Read from the messages of a worker the names of its tests without the group that xdist adds to them."""
        handle = node.process_from_remote

        @functools.wraps(handle)
        def with_groups(eventcall: Any) -> Any:
            if isinstance(eventcall, tuple) and eventcall[0] == "collectionfinish":
                sent: dict[str, tuple[str, str]] = cast("Any", eventcall)[1].get(GROUPS_KEY) or {}
                self._xdist.groups.update({key: (name, group) for key, (name, group) in sent.items()})
            return handle(eventcall)

        node.process_from_remote = with_groups

    @pytest.hookimpl(optionalhook=True)
    @guarded
    def pytest_xdist_node_collection_finished(self, node: Any, ids: Iterable[str]) -> None:
        """Write the tests that the workers are going to run: one list for all, unless each runs its own set."""
        groups, tests = self._xdist.groups, self.recording.tests
        names = [groups.get(nodeid, (nodeid,))[0] for nodeid in map(str, ids)]
        if tests.each:
            self._announce(names, str(node.gateway.id))
            return
        new = tests.find_new(names)
        if new or not len(tests):
            self._announce(new, "")

    @pytest.hookimpl(optionalhook=True)
    @guarded
    def pytest_testnodedown(self, node: Any, error: object) -> None:
        """Write that a worker died, and the tests that it was running."""
        if not error:
            return
        worker = str(node.gateway.id)
        text = clean_text(self.recording.redact(str(error)))[0]
        self._append(WorkerLost(worker=worker, running=self._running(worker), error=text))
