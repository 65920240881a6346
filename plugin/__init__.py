"""The pytest plugin: turns hooks into events.

This module is imported by every pytest run of an environment that has pytest-insight installed, recorded or not; it
therefore imports the table of options and nothing else.
"""

import os
from collections.abc import Generator
from typing import Any

import pytest

from .options import add_options, is_wanted

__all__ = ["pytest_addoption", "pytest_configure", "pytest_load_initial_conftests"]

_NOT_A_RUN = (
    "help",
    "version",
    "collectonly",
    "markers",
    "showfixtures",
    "show_fixtures_per_test",
    "setupplan",
    "setuponly",
    "cacheshow",
)


def pytest_addoption(parser: pytest.Parser) -> None:
    """Declare the options."""
    add_options(parser)


@pytest.hookimpl(wrapper=True, tryfirst=True)
def pytest_load_initial_conftests(early_config: pytest.Config, args: list[str]) -> Generator[None, None, None]:
    """Leave a trace of a run that ends before it begins: a broken conftest.py ends pytest before any other hook."""
    try:
        return (yield)
    except BaseException as error:
        from .early import record_early_end  # noqa: PLC0415 - only when something broke

        record_early_end(early_config, args, error, _is_recorded)
        raise


@pytest.hookimpl(trylast=True)
def pytest_configure(config: pytest.Config) -> None:
    """Register the marker always, and the recorder if this run is to be recorded."""
    config.addinivalue_line("markers", "insight_tag(name, value): record a tag with the result of this test")
    if not _is_recorded(config, config.option):
        return
    from .boundary import start_safely  # noqa: PLC0415 - imported only in recorded runs

    start_safely(config, _start_worker if hasattr(config, "workerinput") else _start)


def _start_worker(config: pytest.Config) -> None:
    from .worker import WorkerSide  # noqa: PLC0415 - imported only in recorded runs

    config.pluginmanager.register(WorkerSide(), "insight_worker")


def _start(config: pytest.Config) -> None:
    from .session import start_recording  # noqa: PLC0415 - imported only in recorded runs

    start_recording(config)


def _is_recorded(config: pytest.Config, options: Any) -> bool:
    if any(getattr(options, name, False) for name in _NOT_A_RUN):
        return False
    return is_wanted(lambda name: getattr(options, name, None), config.getini, os.environ)
