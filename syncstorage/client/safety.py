"""Errors of the client classes: no method fails the test run that calls it."""

import functools
import logging
from collections.abc import Callable
from typing import Any, ParamSpec, TypeVar

from .wire import ServicePausedError

logger = logging.getLogger("pytest_insight.syncstorage")

P = ParamSpec("P")
R = TypeVar("R")


def never_fails(*, default: Any) -> Callable[[Callable[P, R]], Callable[P, R]]:
    """Return a decorator that turns any error of a method into a warning, and into `default` as its result."""

    def decorate(method: Callable[P, R]) -> Callable[P, R]:
        @functools.wraps(method)
        def safe(*args: P.args, **kwargs: P.kwargs) -> R:
            try:
                return method(*args, **kwargs)
            except Exception as error:  # noqa: BLE001 - the boundary: the test run goes on after any error
                known = isinstance(error, ServicePausedError)  # it was logged when the service stopped answering
                level = logging.DEBUG if known else logging.WARNING
                logger.log(level, "sync storage: %s: %s", method.__name__, described(error))
                return default

        return safe

    return decorate


def described(error: BaseException) -> str:
    """Return an exception as a line for the log, also one whose text cannot be made."""
    try:
        text = str(error)
    except Exception:  # noqa: BLE001 - a foreign __str__ may raise anything
        text = ""
    return f"{type(error).__name__}: {text}" if text else type(error).__name__
