"""pytest fixtures `test_data` and `test_data_session`; loaded only on request.

In the `conftest.py` at the root: `pytest_plugins = ["pytest_insight.testdata.fixtures"]`, or on the command line: `-p
pytest_insight.testdata.fixtures`.
"""

import os
import re
from collections.abc import Generator
from hashlib import blake2b
from pathlib import Path
from typing import Any

import pytest

from ..eventlog.errors import EventLogError
from .generation.scopes import fixture_scope
from .generation.seeds import SEED_VARIABLE, seed_header, settle_seed
from .manager import TestDataManager, get_test_data_manager
from .namespace_data import NamespaceData
from .store.data_store import EVENTS_FILE, PATH_VARIABLE, default_base_path

__all__ = ["test_data", "test_data_session"]

_UNITS = {"s": 1, "m": 60, "h": 3600, "d": 86_400, "w": 604_800}
_NAME_BYTES_MAX = 400
_failed = pytest.StashKey[bool]()
_plugin = pytest.StashKey["TestDataPlugin"]()


def pytest_addoption(parser: pytest.Parser) -> None:
    """Declare the options."""
    group = parser.getgroup("test-data", "test data (pytest-insight)")
    group.addoption(
        "--test-data", metavar="PATH", help=f"folder of the test data (default: ${PATH_VARIABLE}, else ./test_data)"
    )
    group.addoption(
        "--test-data-seed",
        metavar="SEED",
        help=f"seed of generated data, or `random` (default: ${SEED_VARIABLE}, else 0)",
    )
    group.addoption("--keep-data-on-failure", action="store_true", help="do not clean the data of a test that failed")
    group.addoption(
        "--keep-data-for", metavar="AGE", default="24h", help="how long it is kept: 30m, 24h, 7d (default: 24h)"
    )


def pytest_configure(config: pytest.Config) -> None:
    """Set the folder and the seed of this run, which all its workers share."""
    plugin = TestDataPlugin(config)
    config.stash[_plugin] = plugin
    config.pluginmanager.register(plugin, "insight_test_data")


class TestDataPlugin:
    """Plugin for the test data of one pytest process.

    Args:
        config: config of the run.
    """

    __test__ = False

    def __init__(self, config: pytest.Config) -> None:
        self.config = config
        workerinput = getattr(config, "workerinput", None)
        self.is_controller = workerinput is None
        given = config.getoption("--test-data") if workerinput is None else workerinput["insight_test_data_path"]
        self.base_path = Path(given or default_base_path()).absolute()
        self.keep_s = _age_s(str(config.getoption("--keep-data-for")))
        self.lines: list[str] = []
        self._outer = {name: os.environ.get(name) for name in (PATH_VARIABLE, SEED_VARIABLE)}
        # Managers and generators use the same folder and seed in tests, helpers and child processes.
        os.environ[PATH_VARIABLE] = str(self.base_path)
        os.environ[SEED_VARIABLE] = self._seed()

    def _seed(self) -> str:
        if not self.is_controller:
            return str(self.config.workerinput["insight_test_data_seed"])  # type: ignore[attr-defined]
        given = self.config.getoption("--test-data-seed")
        if given is not None:
            os.environ[SEED_VARIABLE] = str(given)
        return settle_seed()

    @property
    def manager(self) -> TestDataManager:
        """Manager of this run's folder."""
        return get_test_data_manager(self.base_path)

    def pytest_unconfigure(self) -> None:
        """Restore the environment."""
        for name, value in self._outer.items():
            if value is None:
                os.environ.pop(name, None)
            else:
                os.environ[name] = value

    @pytest.hookimpl(optionalhook=True)
    def pytest_configure_node(self, node: Any) -> None:
        """Pass folder and seed to an xdist worker."""
        node.workerinput["insight_test_data_path"] = str(self.base_path)
        node.workerinput["insight_test_data_seed"] = os.environ[SEED_VARIABLE]

    @pytest.hookimpl(tryfirst=True)
    def pytest_sessionstart(self) -> None:
        """Clean up after runs that were killed, before any worker starts."""
        self._reap()

    @pytest.hookimpl(trylast=True)
    def pytest_sessionfinish(self) -> None:
        """Clean up after workers that died in this run."""
        self._reap()

    def _reap(self) -> None:
        if not self.is_controller or self.config.option.collectonly or not (self.base_path / EVENTS_FILE).exists():
            return
        try:
            report = self.manager.cleanup_registry.reap()
        except (EventLogError, OSError) as error:
            self.lines.append(f"test data: {self.base_path}: earlier runs could not be cleaned up: {error}")
            return
        self.lines += _reap_lines(report)

    def pytest_report_header(self) -> list[str]:
        """Return the lines for the header: the folder, and how to generate the same data again."""
        lines, self.lines = self.lines, []
        return [f"test data: {self.base_path}", seed_header(), *lines]

    def pytest_terminal_summary(self, terminalreporter: pytest.TerminalReporter) -> None:
        """Write what was cleaned up at the end of the run, and what could not be."""
        for line in self.lines:
            terminalreporter.write_line(line)

    @pytest.hookimpl(wrapper=True)
    def pytest_fixture_setup(
        self, fixturedef: pytest.FixtureDef[Any], request: pytest.FixtureRequest
    ) -> Generator[None, object, object]:
        """Set a scope for the data of a shared fixture, independent of the first test that uses it."""
        with fixture_scope(fixturedef, request):
            return (yield)

    @pytest.hookimpl(wrapper=True)
    def pytest_runtest_makereport(self, item: pytest.Item) -> Generator[None, pytest.TestReport, pytest.TestReport]:
        """Keep whether this attempt of a test failed, for its fixtures."""
        report = yield
        before = report.when != "setup" and item.stash.get(_failed, False)
        item.stash[_failed] = before or report.failed
        return report


@pytest.fixture(scope="session")
def test_data_session(pytestconfig: pytest.Config, request: pytest.FixtureRequest) -> Generator[NamespaceData]:
    """Test data of the whole run of this process (of this worker, under xdist), cleaned at its end."""
    yield from _namespace_data(pytestconfig, "session", lambda: bool(request.session.testsfailed))


@pytest.fixture
def test_data(pytestconfig: pytest.Config, request: pytest.FixtureRequest) -> Generator[NamespaceData]:
    """Test data of this test, in a namespace of its own, cleaned at its end.

    After a failure there is a snapshot `failed:<node id>`; with `--keep-data-on-failure` the data itself stays for a
    while.
    """
    item = request.node
    yield from _namespace_data(pytestconfig, item.nodeid, lambda: item.stash.get(_failed, False))


def _namespace_data(config: pytest.Config, name: str, failed: Any) -> Generator[NamespaceData]:
    plugin = config.stash[_plugin]
    manager = plugin.manager
    namespace = manager.isolation_manager.open_context(_label(name))
    yield NamespaceData(manager, namespace)
    if failed():
        manager.create_snapshot(f"failed:{_label(name)}", namespace)
        if config.getoption("--keep-data-on-failure"):
            manager.keep_namespace(namespace, plugin.keep_s, f"{name} failed")
            return
    manager.end_context(namespace)


def _label(name: str) -> str:
    """Return a node id as the name of a namespace; a very long one ends with its digest."""
    data = name.encode("utf-8", "backslashreplace")
    if len(data) > _NAME_BYTES_MAX:
        data = data[:_NAME_BYTES_MAX] + b"~" + blake2b(data, digest_size=8).hexdigest().encode()
    return data.decode("utf-8", "ignore")


def _age_s(text: str) -> float:
    match = re.fullmatch(r"(\d+)([smhdw])", text)
    if match is None:
        raise pytest.UsageError(f"--keep-data-for must be like 30m, 24h or 7d, not {text!r}")
    return int(match[1]) * _UNITS[match[2]]


def _reap_lines(report: dict[str, Any]) -> list[str]:
    lines: list[str] = []
    if report["cleaned"]:
        lines.append(f"test data: cleaned {len(report['cleaned'])} left by processes that ended")
    left = [*report["failed"], *report["waiting"], *report["abandoned"]]
    if left:
        lines.append(f"test data: {len(left)} could not be cleaned, see `insight data list`: {', '.join(left[:5])}")
        lines += [f"test data: reason: {each['error']} ({each['count']})" for each in report["reasons"][:3]]
    if report["orphaned"]:
        names = [each["resource_id"] for each in report["orphaned"][:5]]
        lines.append(
            f"test data: {len(report['orphaned'])} must be cleaned by hand, see `insight data reap`: {', '.join(names)}"
        )
    return lines
