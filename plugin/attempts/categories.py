"""Terminal category of a report: the word under which pytest's last line counts it.

The rules of pytest itself are written out here, since asking pytest costs time with every test. If another plugin
implements `pytest_report_teststatus`, its answers count. They are recorded while the terminal asks for them, so no
plugin is asked twice; only reports that the terminal did not ask about are asked for.
"""

from collections.abc import Generator
from typing import Any

import pytest

_OWN_MODULES = ("_pytest.", "pytest_rerunfailures")
_ANSWERS_MAX = 10_000
_PLUGIN_NAME = "insight_categories"


def is_subtest(report: Any) -> bool:
    """Return whether a report is the report of a subtest, of pytest itself or of pytest-subtests."""
    return hasattr(report, "context") and hasattr(report.context, "kwargs")


def plain_category(report: Any) -> str | None:
    """Return the category that pytest itself gives to a report of a test; None for a phase that passed."""
    outcome = report.outcome
    if outcome == "passed" and not hasattr(report, "wasxfail"):
        return None
    if hasattr(report, "wasxfail"):
        found = {"skipped": "xfailed", "passed": "xpassed"}.get(outcome)
        if found is not None:
            return found
    if report.when in ("setup", "teardown"):
        return {"failed": "error", "skipped": "skipped", "rerun": "rerun"}.get(outcome, "")
    return outcome if isinstance(outcome, str) else safe_name(outcome)


def safe_name(value: object) -> str:
    """Return a name for an outcome that is not a string."""
    try:
        return str(value)[:100]
    except Exception:  # noqa: BLE001 - a foreign __str__ may raise anything
        return type(value).__name__


class AskedCategories:
    """Answers to `pytest_report_teststatus` that the terminal received."""

    def __init__(self) -> None:
        self._answers: dict[int, str] = {}

    @pytest.hookimpl(wrapper=True, tryfirst=True)
    def pytest_report_teststatus(self, report: Any) -> Generator[None, Any, Any]:
        """Keep the category that the plugins agreed on."""
        answer = yield
        try:
            if len(self._answers) > _ANSWERS_MAX:
                self._answers.clear()
            self._answers[id(report)] = str(answer[0])
        except Exception:  # noqa: BLE001, S110 - the terminal handles answers of another form
            pass
        return answer

    def take(self, number: int) -> str | None:
        """Return the kept category of the report with this `id`, and forget it; None if there is no category."""
        return self._answers.pop(number, None)


class Categories:
    """Terminal categories of reports."""

    def __init__(self, config: pytest.Config) -> None:
        self._config = config
        self._asked: AskedCategories | None = None
        self._count_subtests = False

    @property
    def are_foreign(self) -> bool:
        """True if a plugin outside pytest gives categories."""
        return self._asked is not None

    def look_for_plugins(self) -> None:
        """Check whether other plugins give categories, and keep their answers if so; called again when more plugins
        may be loaded.
        """
        kinds = getattr(pytest.Config, "VERBOSITY_SUBTESTS", None)
        self._count_subtests = kinds is not None and self._config.get_verbosity(kinds) != 0
        if self._asked is None and any(
            not _module_of(one).startswith(_OWN_MODULES)
            for one in self._config.hook.pytest_report_teststatus.get_hookimpls()
        ):
            self._asked = AskedCategories()
            self._config.pluginmanager.register(self._asked, _PLUGIN_NAME)

    def of_phase(self, report: Any) -> str | None:
        """Return the category of a report of a test; None for a phase that passed, empty if it is not counted."""
        if self._asked is None:
            return plain_category(report)
        heard = self._asked.take(getattr(report, "insight_of", None) or id(report))
        category = self._ask(report) if heard is None else heard
        simple = "passed" if report.when not in ("setup", "teardown") else ""
        is_simple = category == simple and report.outcome == "passed" and not hasattr(report, "wasxfail")
        return None if is_simple else category

    def of_subtest(self, report: Any) -> str:
        """Return the category of a report of a subtest; empty if it is not counted."""
        if self._asked is None and not self._count_subtests:
            return "failed" if report.outcome == "failed" and not hasattr(report, "wasxfail") else ""
        return self._ask(report)

    def _ask(self, report: Any) -> str:
        try:
            answer = self._config.hook.pytest_report_teststatus(report=report, config=self._config)
            category = str(answer[0])
        except Exception:  # noqa: BLE001 - another plugin cannot answer; the rules of pytest remain
            return plain_category(report) or ("passed" if report.when not in ("setup", "teardown") else "")
        if self._asked is not None:
            self._asked.take(id(report))
        return category


def _module_of(implementation: Any) -> str:
    return str(getattr(implementation.function, "__module__", ""))
