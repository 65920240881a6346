"""Whose call it is: the test that runs, or a scope that was named, and the how-manieth call there.

A call without a key of its own is named by its scope and its number in that scope, so that tests do not shift each
other's data, in whatever order and on whatever worker they run.
"""

import os
import threading
from collections import Counter
from collections.abc import Generator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any, NamedTuple

_PHASES = ("setup", "call", "teardown")


class _Named(NamedTuple):
    name: str
    calls: Counter[tuple[int, str]]
    """Of each generator apart, by the identity of its `Scopes`."""


_named: ContextVar[tuple[_Named, ...]] = ContextVar("pytest_insight_scopes", default=())


class Scopes:
    """Counts the calls of one generator, for each scope apart."""

    def __init__(self) -> None:
        self._mutex = threading.Lock()
        self._test = self._phase = ""
        self._calls: Counter[tuple[int, str]] = Counter()

    @contextmanager
    def named(self, name: str) -> Generator[None]:
        """Let the calls within count for `name`, from 0, whatever test runs."""
        token = _named.set((*_named.get(), _Named(name, Counter())))
        try:
            yield
        finally:
            _named.reset(token)

    def take(self, what: str, count: int = 1) -> tuple[str, int]:
        """Count `count` more of `what` in the current scope; return the scope and how many there were before."""
        key = (id(self), what)
        with self._mutex:
            name, calls = self._current()
            before = calls[key]
            calls[key] += count
            return name, before

    def _current(self) -> tuple[str, Counter[tuple[int, str]]]:
        if named := _named.get():
            return "scope:" + "\x1f".join(scope.name for scope in named), named[-1].calls
        test, phase = running_test()
        # A phase that comes before the last one is another attempt of the same test: it gets the same data again.
        if test != self._test or _rank(phase) < _rank(self._phase):
            self._calls = Counter()
        self._test, self._phase = test, phase
        return f"test:{test}", self._calls


@contextmanager
def fixture_scope(fixturedef: Any, request: Any) -> Generator[None]:
    """Let calls within the set-up of a pytest fixture that tests share count for the fixture, not for its first user.

    For `pytest_fixture_setup`, whose arguments it takes. A fixture of a single test is left to its test.
    """
    if fixturedef.scope == "function":
        yield
        return
    parameter = getattr(request, "param_index", 0)
    name = f"fixture:{request.node.nodeid}:{fixturedef.argname}[{parameter}]"
    # Not nested: a fixture may be asked for within another one, or not, and is to have the same data either way.
    token = _named.set((_Named(name, Counter()),))
    try:
        yield
    finally:
        _named.reset(token)


def running_test() -> tuple[str, str]:
    """Return node id and phase of the test that runs in this process, empty if none does."""
    test, _, phase = os.environ.get("PYTEST_CURRENT_TEST", "").rpartition(" (")
    return test, phase.rstrip(")")


def _rank(phase: str) -> int:
    return _PHASES.index(phase) if phase in _PHASES else 0


def current_worker() -> str:
    """Return the id of the xdist worker this is, `main` if it is none."""
    return os.environ.get("PYTEST_XDIST_WORKER", "main")
