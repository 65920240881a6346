"""Properties recorded with `record_testsuite_property`, with or without `--junitxml`, with or without xdist.

pytest itself drops them unless it writes a JUnit file, and always in xdist workers. The fixture works as without the
recorder; its calls are only observed.
"""

import functools
from collections.abc import Callable, Generator
from contextlib import suppress
from typing import Any

import pytest

_FIXTURE = "record_testsuite_property"
PROPERTIES_KEY = "insight_session_properties"
"""Key under which the reports of a worker carry the properties recorded since the last report."""

Take = Callable[[list[Any], str], None]


class PropertyTap:
    """Observer of the calls of `record_testsuite_property`.

    Args:
        take: called with `(name, value)` pairs, and the worker that recorded them.
    """

    def __init__(self, take: Take) -> None:
        self._take = take

    @pytest.hookimpl(wrapper=True)
    def pytest_collection(self, session: pytest.Session) -> Generator[None, object, object]:
        """Wrap the fixture once all fixtures of plugins are known."""
        with suppress(Exception):  # the boundary: without it, only these properties are missing
            tap_fixture(session, lambda name, value: self._take([(name, value)], ""))
        return (yield)

    @pytest.hookimpl(tryfirst=True)
    def pytest_report_from_serializable(self, data: dict[str, Any]) -> None:
        """Take the properties that a worker sent with a report."""
        sent = data.pop(PROPERTIES_KEY, None)
        if sent:
            self._take([(name, value) for name, value in sent["pairs"]], str(sent["worker"]))


def tap_fixture(session: pytest.Session, take: Callable[[str, Any], None]) -> None:
    """Wrap the fixture so that `take` is called with each property; does nothing without the fixture.

    Args:
        session: session whose fixtures are known.
        take: called with name and value; it does not raise.
    """
    manager: Any = getattr(session, "_fixturemanager", None)
    for definition in manager.getfixturedefs(_FIXTURE, session) or ():
        if definition.func.__module__ == "_pytest.junitxml":
            definition.func = _wrap_fixture(definition.func, take)


def _wrap_fixture(make: Callable[..., Any], take: Callable[[str, Any], None]) -> Callable[..., Any]:
    def make_recorder(request: pytest.FixtureRequest) -> Callable[[str, object], None]:
        record = make(request=request)

        @functools.wraps(record)  # a traceback that shows the fixture shows what it shows without us
        def record_and_take(name: str, value: object) -> None:
            __tracebackhide__ = True
            record(name, value)
            take(name, value)

        return record_and_take

    return make_recorder
