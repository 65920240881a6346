"""What pytest's last line counts a report as: its terminal category.

pytest's own rules are written out here, as asking for them costs time with every test. Where another plugin answers
`pytest_report_teststatus` too, its answers are what counts. They are overheard when the terminal asks, so that no
plugin is asked twice; only a report that the terminal did not ask about is asked for.
"""

from collections.abc import Generator
from typing import Any

import pytest

_OWN_MODULES = ("_pytest.", "pytest_rerunfailures")
_OVERHEARD_MAX = 10_000
_PLUGIN_NAME = "insight_categories"


def is_subtest(report: Any) -> bool:
    """Tell whether a report is that of a subtest, of pytest itself or of pytest-subtests."""
    return hasattr(report, "context") and hasattr(report.context, "kwargs")


def plain_category(report: Any) -> str | None:
    """Return what pytest itself counts a report of a test as; None if the phase simply passed."""
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
    """Return a name for an outcome that is no string."""
    try:
        return str(value)[:100]
    except Exception:  # noqa: BLE001 - a foreign __str__ may raise anything
        return type(value).__name__


class Overheard:
    """Answers to `pytest_report_teststatus`, as the terminal gets them."""

    def __init__(self) -> None:
        self._answers: dict[int, str] = {}

    @pytest.hookimpl(wrapper=True, tryfirst=True)
    def pytest_report_teststatus(self, report: Any) -> Generator[None, Any, Any]:
        """Remember the category that the plugins agree on."""
        answer = yield
        try:
            if len(self._answers) > _OVERHEARD_MAX:
                self._answers.clear()
            self._answers[id(report)] = str(answer[0])
        except Exception:  # noqa: BLE001, S110 - an answer of another form is the terminal's affair
            pass
        return answer

    def take(self, number: int) -> str | None:
        """Return what was heard about the report with this `id`, once."""
        return self._answers.pop(number, None)


class Categories:
    """Terminal categories of reports."""

    def __init__(self, config: pytest.Config) -> None:
        self._config = config
        self._overheard: Overheard | None = None
        self._count_subtests = False

    @property
    def are_foreign(self) -> bool:
        """Whether another plugin than pytest's own gives categories."""
        return self._overheard is not None

    def look_for_plugins(self) -> None:
        """Find out whether other plugins give categories, and listen if so; again when more may have been loaded."""
        kinds = getattr(pytest.Config, "VERBOSITY_SUBTESTS", None)
        self._count_subtests = kinds is not None and self._config.get_verbosity(kinds) != 0
        if self._overheard is None and any(
            not _module_of(one).startswith(_OWN_MODULES)
            for one in self._config.hook.pytest_report_teststatus.get_hookimpls()
        ):
            self._overheard = Overheard()
            self._config.pluginmanager.register(self._overheard, _PLUGIN_NAME)

    def of_phase(self, report: Any) -> str | None:
        """Return the category of a report of a test; None if the phase simply passed, empty if it counts as nothing."""
        if self._overheard is None:
            return plain_category(report)
        heard = self._overheard.take(getattr(report, "insight_of", None) or id(report))
        category = self._ask(report) if heard is None else heard
        simple = "passed" if report.when not in ("setup", "teardown") else ""
        is_simple = category == simple and report.outcome == "passed" and not hasattr(report, "wasxfail")
        return None if is_simple else category

    def of_subtest(self, report: Any) -> str:
        """Return the category of a report of a subtest; empty if it counts as nothing."""
        if self._overheard is None and not self._count_subtests:
            return "failed" if report.outcome == "failed" and not hasattr(report, "wasxfail") else ""
        return self._ask(report)

    def _ask(self, report: Any) -> str:
        try:
            answer = self._config.hook.pytest_report_teststatus(report=report, config=self._config)
            category = str(answer[0])
        except Exception:  # noqa: BLE001 - another plugin cannot answer; what pytest says itself is left
            return plain_category(report) or ("passed" if report.when not in ("setup", "teardown") else "")
        if self._overheard is not None:
            self._overheard.take(id(report))
        return category


def _module_of(implementation: Any) -> str:
    return str(getattr(implementation.function, "__module__", ""))
