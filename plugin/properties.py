"""Record what tests say with `record_testsuite_property`, with or without `--junitxml`, serially and under xdist.

pytest itself drops it unless a JUnit file is written, and in the workers of xdist always. The fixture gives what it
gives without the recorder; only the calls are seen on their way.
"""

import functools
from collections.abc import Callable
from contextlib import suppress
from typing import Any

import pytest

_FIXTURE = "record_testsuite_property"
PROPERTIES_KEY = "insight_session_properties"
"""Under which the reports of a worker carry what was recorded since the last one."""

Take = Callable[[list[Any], str], None]


class PropertyTap:
    """Sees the calls of `record_testsuite_property`.

    Args:
        take: gets `(name, value)` pairs, and the worker whose they are.
    """

    def __init__(self, take: Take) -> None:
        self._take = take

    @pytest.hookimpl(wrapper=True)
    def pytest_collection(self, session: pytest.Session) -> Any:
        """Wrap the fixture, when all fixtures of plugins are known."""
        with suppress(Exception):  # the boundary: without it, only these properties are missing
            tap_fixture(session, lambda name, value: self._take([(name, value)], ""))
        return (yield)

    @pytest.hookimpl(tryfirst=True)
    def pytest_report_from_serializable(self, data: dict[str, Any]) -> None:
        """Take what a worker sent with a report."""
        sent = data.pop(PROPERTIES_KEY, None)
        if sent:
            self._take([(name, value) for name, value in sent["pairs"]], str(sent["worker"]))


def tap_fixture(session: pytest.Session, take: Callable[[str, Any], None]) -> None:
    """Have `take` called with whatever tests record for the session; without the fixture, nothing happens.

    Args:
        session: whose fixtures are known.
        take: gets name and value; it does not raise.
    """
    manager: Any = getattr(session, "_fixturemanager", None)
    for definition in manager.getfixturedefs(_FIXTURE, session) or ():
        if definition.func.__module__ == "_pytest.junitxml":
            definition.func = _tapped(definition.func, take)


def _tapped(make: Callable[..., Any], take: Callable[[str, Any], None]) -> Callable[..., Any]:
    def make_recorder(request: pytest.FixtureRequest) -> Callable[[str, object], None]:
        record = make(request=request)

        @functools.wraps(record)  # a traceback that shows the fixture shows what it shows without us
        def record_and_take(name: str, value: object) -> None:
            __tracebackhide__ = True
            record(name, value)
            take(name, value)

        return record_and_take

    return make_recorder
