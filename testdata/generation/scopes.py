"""Scope of a call: the running test, or a named scope, and the number of the call in it.

A call without a key is identified by its scope and its number in that scope, so tests do not change each other's data,
in any order and on any worker.
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
    """Calls of each generator, by the identity of its `Scopes`."""


_named: ContextVar[tuple[_Named, ...]] = ContextVar("pytest_insight_scopes", default=())


class Scopes:
    """Counter of the calls of one generator in each scope."""

    def __init__(self) -> None:
        self._mutex = threading.Lock()
        self._test = self._phase = ""
        self._calls: Counter[tuple[int, str]] = Counter()

    @contextmanager
    def named(self, name: str) -> Generator[None]:
        """Count the calls in the block for `name`, from 0, in any test."""
        token = _named.set((*_named.get(), _Named(name, Counter())))
        try:
            yield
        finally:
            _named.reset(token)

    def take(self, what: str, count: int = 1) -> tuple[str, int]:
        """Count `count` records of `what` in the current scope; return the scope and the number before."""
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
    """Count calls in the set-up of a shared pytest fixture for the fixture, not for its first user.

    The arguments are those of `pytest_fixture_setup`. A fixture of a single test counts for its test.
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
    """Return node id and phase of the running test; empty without one."""
    test, _, phase = os.environ.get("PYTEST_CURRENT_TEST", "").rpartition(" (")
    return test, phase.rstrip(")")


def _rank(phase: str) -> int:
    return _PHASES.index(phase) if phase in _PHASES else 0


def current_worker() -> str:
    """Return the id of this xdist worker; `main` outside of one."""
    return os.environ.get("PYTEST_XDIST_WORKER", "main")
