"""The pytest plugin: turns hooks into events.

This module is imported by every pytest run of an environment that has pytest-insight installed, recorded or not; it
therefore imports the table of options and nothing else.
"""

import os
from collections.abc import Generator
from typing import Any

import pytest

from .options import add_options, is_wanted

__all__ = [
    "pytest_addoption",
    "pytest_cmdline_main",
    "pytest_configure",
    "pytest_internalerror",
    "pytest_load_initial_conftests",
]

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

_RECORDER = "insight_recorder"
"""Name of the recorder among the plugins, and of the plugin that reports why there is no recording; see `boundary`."""

_BEGAN = pytest.StashKey[bool]()

_internal_errors: list[object] = []
"""Internal errors of the current run, as pytest shows them."""


def pytest_addoption(parser: pytest.Parser) -> None:
    """Declare the options."""
    add_options(parser)


@pytest.hookimpl(wrapper=True, tryfirst=True)
def pytest_load_initial_conftests(early_config: pytest.Config, args: list[str]) -> Generator[None, None, None]:
    """Record a run that ends before it begins: a broken conftest.py ends pytest before any other hook."""
    try:
        return (yield)
    except BaseException as error:
        from .lifecycle.early import record_early_end  # noqa: PLC0415 - only when something broke

        record_early_end(early_config, args, error, _is_recorded)
        raise


@pytest.hookimpl(wrapper=True, tryfirst=True)
def pytest_cmdline_main(config: pytest.Config) -> Generator[None, Any, Any]:
    """Record a run in which another plugin failed before the recorder could start."""
    _internal_errors.clear()
    try:
        status = yield
    except BaseException as error:
        _record_failed_start(config, error)
        raise
    _record_failed_start(config, status)
    return status


@pytest.hookimpl(tryfirst=True, specname="pytest_configure")
def pytest_insight_note_begin(config: pytest.Config) -> None:
    """Note that a run begins; a plugin may answer the command line without one, as `--looponfail` of xdist does."""
    config.stash[_BEGAN] = True


def pytest_internalerror(excrepr: object) -> None:
    """Keep internal errors for a run whose recorder did not start."""
    _internal_errors.append(excrepr)


def _record_failed_start(config: pytest.Config, end: object) -> None:
    if isinstance(end, pytest.UsageError) or config.pluginmanager.hasplugin(_RECORDER):
        return
    if not _internal_errors and not config.stash.get(_BEGAN, False):
        return
    try:
        is_recorded = _is_recorded(config, config.option)
    except Exception:  # noqa: BLE001 - the boundary: a run whose options cannot be read is not recorded
        return
    if is_recorded:
        from .lifecycle.early import record_failed_start  # noqa: PLC0415 - only when something broke

        record_failed_start(config, end, _internal_errors)


@pytest.hookimpl(trylast=True)
def pytest_configure(config: pytest.Config) -> None:
    """Register the marker always, and the recorder if this run is to be recorded."""
    config.addinivalue_line("markers", "insight_tag(name, value): record a tag with the result of this test")
    if not _is_recorded(config, config.option):
        return
    from .lifecycle.boundary import start_safely  # noqa: PLC0415 - imported only in recorded runs

    start_safely(config, _start_worker if hasattr(config, "workerinput") else _start)


def _start_worker(config: pytest.Config) -> None:
    from .worker import WorkerSide  # noqa: PLC0415 - imported only in recorded runs

    config.pluginmanager.register(WorkerSide(), "insight_worker")


def _start(config: pytest.Config) -> None:
    from .lifecycle.start import start_recording  # noqa: PLC0415 - imported only in recorded runs

    start_recording(config)


def _is_recorded(config: pytest.Config, options: Any) -> bool:
    if any(getattr(options, name, False) for name in _NOT_A_RUN):
        return False
    return is_wanted(lambda name: getattr(options, name, None), config.getini, os.environ)
