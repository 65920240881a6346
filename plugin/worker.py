"""Hooks of an xdist worker: reports must contain only data that can be sent to the controller.

xdist raises an error for a lone surrogate in an assertion message, or for a `Path` in `record_property`. The report
and its test are then lost, and in some combinations the whole run exits with 0. A worker writes no events; only the
controller does.
"""

import functools
import os
from collections.abc import Callable, Generator, Iterable, Mapping
from contextlib import suppress
from typing import Any, cast

import pytest

from .attempts.markers import MarkerReader
from .properties import PROPERTIES_KEY, tap_fixture

_SENDABLE = (int, float, bytes, bool, complex)
_DEPTH_MAX = 50
MARKERS_KEY = "insight_markers"
GROUPS_KEY = "insight_groups"


class WorkerSide:
    """Hooks of a worker."""

    def __init__(self) -> None:
        self._markers: dict[str, tuple[list[str], dict[str, str]]] = {}
        self._properties: list[tuple[str, Any]] = []
        self._names: dict[int, str] = {}  # by id: the hash of an item is that of its node id, which xdist changes

    @pytest.hookimpl(trylast=True)
    def pytest_sessionstart(self, session: pytest.Session) -> None:
        """With `--dist loadgroup`, send the names of the collected tests without their group."""
        if session.config.getoption("loadgroup", default=False):
            plugins = session.config.pluginmanager.get_plugins()
            found = [plugin for plugin in plugins if hasattr(plugin, "sendevent") and hasattr(plugin, "channel")]
            for interactor in found:  # that of xdist; it has no name
                interactor.sendevent = self._with_groups(interactor.sendevent, session)

    def _with_groups(self, send: Callable[..., None], session: pytest.Session) -> Callable[..., None]:
        @functools.wraps(send)
        def send_with_groups(name: str, **kwargs: Any) -> None:
            if name == "collectionfinish":
                kwargs[GROUPS_KEY] = sendable(groups_of(session.items, self._names))
            send(name, **kwargs)

        return send_with_groups

    @pytest.hookimpl(tryfirst=True, specname="pytest_collection_modifyitems")
    def pytest_insight_remember_names(self, items: list[pytest.Item]) -> None:
        """Keep the names of the tests before xdist adds their group."""
        self._names = {id(item): item.nodeid for item in items}

    @pytest.hookimpl(wrapper=True)
    def pytest_collection(self, session: pytest.Session) -> Generator[None, Any, Any]:
        """Observe the properties that tests record for the session; they are sent with the next report."""
        with suppress(Exception):  # the boundary: without it, only these properties are missing
            tap_fixture(session, lambda name, value: self._properties.append((name, value)))
        return (yield)

    @pytest.hookimpl(trylast=True)
    def pytest_collection_modifyitems(self, items: list[pytest.Item]) -> None:
        """Keep the markers of each test; the controller does not have the items."""
        read = MarkerReader().read
        for item in items:
            found = read(item)
            if found is not None:
                self._markers[item.nodeid] = found

    @pytest.hookimpl(wrapper=True, tryfirst=True)
    def pytest_report_to_serializable(self, report: Any) -> Generator[None, Any, Any]:
        """Make the data of a report sendable."""
        data = yield
        if not isinstance(data, dict):
            return data
        if getattr(report, "when", None) == "teardown" and report.nodeid in self._markers:
            names, tags = self._markers[report.nodeid]
            data[MARKERS_KEY] = [names, tags]
        if self._properties:
            properties, self._properties = self._properties, []
            worker = os.environ.get("PYTEST_XDIST_WORKER", "")
            data[PROPERTIES_KEY] = {"pairs": [list(pair) for pair in properties], "worker": worker}
        return sendable(data)

    def pytest_warning_recorded(self, warning_message: Any) -> None:
        """Make the text of a warning sendable."""
        message = getattr(warning_message, "message", None)
        if isinstance(message, Warning) and message.args:
            cleaned = tuple(sendable(arg) for arg in message.args)
            if cleaned != message.args:
                message.args = cleaned


def groups_of(items: Iterable[pytest.Item], names: Mapping[int, str]) -> dict[str, list[str]]:
    """Return name and xdist group of the tests that have a group, by the node id that xdist sends."""
    found: dict[str, list[str]] = {}
    for item in items:
        marks = item.iter_markers("xdist_group")
        groups = {str(mark.args[0] if mark.args else mark.kwargs.get("name", "default")) for mark in marks}
        if groups:
            name = names.get(id(item), item.nodeid)
            added = item.nodeid.removeprefix(f"{name}@")  # exactly what xdist added, if it did
            found[item.nodeid] = [name, added if added != item.nodeid else "_".join(sorted(groups))]
    return found


def sendable(value: Any, depth: int = 0) -> Any:  # noqa: PLR0911 - one return for each kind of value
    r"""Return `value` in a form that xdist can send: surrogates as `\udcXX`, unknown objects as text."""
    if value is None or type(value) in _SENDABLE:
        return value
    if isinstance(value, str):
        return _sendable_text(value)
    if depth > _DEPTH_MAX:
        return "<nested too deeply>"
    if isinstance(value, dict):
        pairs = cast("dict[Any, Any]", value).items()
        return {sendable(key, depth + 1): sendable(item, depth + 1) for key, item in pairs}
    if type(value) in (tuple, set, frozenset):
        return cast("Any", type(value))(sendable(item, depth + 1) for item in value)
    if isinstance(value, (list, tuple)):
        return [sendable(item, depth + 1) for item in cast("Iterable[Any]", value)]
    return _text_of(value)


def _sendable_text(text: str) -> str:
    if type(text) is str and text.isascii():
        return text
    plain = "".join(text)
    try:
        plain.encode()
    except UnicodeEncodeError:
        return plain.encode("utf-8", "backslashreplace").decode()
    return plain


def _text_of(value: Any) -> Any:
    for kind in (bool, int, float):
        if isinstance(value, kind):
            return kind(value)
    try:
        return _sendable_text(str(value))
    except Exception as error:  # noqa: BLE001 - a foreign __str__ may raise anything; the report matters more
        return f"<{type(value).__name__}: {type(error).__name__} in str()>"
