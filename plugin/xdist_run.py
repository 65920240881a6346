"""Workers and test names of a session that pytest-xdist runs."""

import functools
from typing import Any

import pytest

from .attempts.announced import AnnouncedTests


class XdistRun:
    """Workers and test names of one session, in the controller.

    Attributes:
        active: True if xdist runs the tests of this session.
        worker: id of the worker whose start or finish of a test is being handled; empty without xdist.
        groups: for the node ids that xdist changed, the name without the group, and the group.
    """

    def __init__(self) -> None:
        self.active = False
        self.worker = ""
        self.groups: dict[str, tuple[str, str]] = {}

    def find_scheduler(self, config: pytest.Config, tests: AnnouncedTests) -> None:
        """Set `active` and `tests.each`, and note the worker of each start and finish from now on."""
        scheduler = config.pluginmanager.getplugin("dsession")
        if scheduler is None:
            return
        self.active = True
        tests.each = getattr(config.option, "dist", "") == "each"
        for name in ("worker_logstart", "worker_logfinish"):
            self._note_worker(scheduler, name)

    def _note_worker(self, scheduler: Any, name: str) -> None:
        """Wrap a method of the scheduler: xdist knows the worker, but does not pass it to the hook."""
        handle = getattr(scheduler, name, None)
        if handle is None:
            return

        @functools.wraps(handle)
        def with_worker(node: Any, *args: Any, **kwargs: Any) -> Any:
            self.worker = str(node.gateway.id)
            try:
                return handle(node, *args, **kwargs)
            finally:
                self.worker = ""

        setattr(scheduler, name, with_worker)
