"""The public names: complete, loaded when used, and the documented layers work on one history."""

import subprocess
import sys
from datetime import UTC, datetime, timedelta

import pytest
from pytest_insight import api
from pytest_insight.api import InMemoryStorage, InsightAnalyzer, PytestInsight, Results, TestResult, TestSession

FROZEN = """
Analysis BaseStorage Comparison ComparisonResult DatabaseStorage InMemoryStorage InsightAPI InsightAnalyzer InvalidQueryParameterError
JSONStorage OutputField OutputFields ProfileManager PytestInsight Query QueryResult RemoteStorage RemoteStorageConfig RerunTestGroup Results SUTGroup
StorageBackend StorageProfile TestFilter TestHistory TestOutcome TestResult TestResults TestSession analyze compare create_profile
get_active_profile get_profile_manager get_storage_instance list_profiles load_sessions query switch_profile
"""
"""A name that is removed from here breaks programs of users."""


def session(sut, days_ago, **outcomes):
    """Return a session of a system under test in which each named test has an outcome."""
    start = datetime.now(UTC) - timedelta(days=days_ago)
    results = [
        TestResult(
            f"test_a.py::{name}", outcome, start + timedelta(seconds=number), duration=0.1, longreprtext="E   boom"
        )
        for number, (name, outcome) in enumerate(outcomes.items())
    ]
    return TestSession(sut, {}, f"{sut}-{days_ago}", start, session_duration=60.0, test_results=results)


def test_the_names_are_those_that_were_promised():
    """The list, and what `dir` shows."""
    assert api.__all__ == sorted(FROZEN.split())
    assert dir(api) == api.__all__


@pytest.mark.parametrize("name", api.__all__)
def test_each_name_can_be_imported(name):
    """And is what it is called."""
    assert getattr(api, name).__name__ == ("InsightAnalyzer" if name == "Analysis" else name)


def test_an_unknown_name_is_an_attribute_error():
    """As with every module."""
    with pytest.raises(AttributeError, match="no attribute 'nothing'"):
        api.nothing  # noqa: B018 - reading it raises


def test_importing_the_package_loads_none_of_its_modules():
    """In a process of its own."""
    code = "import sys, pytest_insight.api; print(*[m for m in sys.modules if m.startswith('pytest_insight.core')])"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.split() == []


def test_an_analyzer_answers_for_a_storage():
    """Figures against those counted by hand from the sessions above."""
    sessions = [session("shop", 9, a="failed", b="passed"), session("shop", 2, a="failed", b="passed")]
    sessions += [session("next", 1, a="passed", b="failed", c="passed")]
    analyzer = InsightAnalyzer(InMemoryStorage(sessions))
    assert [one.session_id for one in analyzer.get_test_history()] == ["shop-9", "shop-2", "next-1"]
    assert [one.session_id for one in analyzer.get_test_history("shop")] == ["shop-9", "shop-2"]
    assert [one.session_id for one in analyzer.get_test_history("shop", timedelta(days=7))] == ["shop-2"]
    assert analyzer.get_test_history("other") == []
    found = analyzer.analyze_failures(analyzer.get_test_history("shop"))
    assert [(one["nodeid"], one["failing_runs"]) for one in found["broken"]] == [("test_a.py::a", 2)]
    assert found["summary"]["verdicts"] == {"failed": 2, "passed": 2}
    assert [(one["bad"], one["considered"]) for one in found["failure_rates"]] == [(2, 2)]
    assert found["clusters"][0]["count"] == 2
    assert analyzer.get_sut_summary("shop", timedelta(days=7))["sessions"] == 1
    compared = analyzer.compare_suts("shop", "next")
    assert [change.nodeid for change in compared.new_failures] == ["test_a.py::b"]
    assert [change.nodeid for change in compared.new_passes] == ["test_a.py::a"]
    assert [change.nodeid for change in compared.new_tests] == ["test_a.py::c"]


def test_the_entry_point_reads_the_active_profile():
    """Each of its methods, by the sessions that are in the profile."""
    insight = PytestInsight()
    insight.storage.save_session(session("shop", 1, a="failed"))
    insight.storage.save_session(session("shop", 30, a="passed"))
    assert [one.session_id for one in insight.get_history("shop")] == ["shop-1"]
    assert len(insight.get_history(days=31)) == 2
    assert insight.get_failure_analysis("shop")["broken"][0]["nodeid"] == "test_a.py::a"
    assert insight.get_sut_summary("shop")["sessions"] == 2
    assert not insight.compare_suts("shop", "shop").has_changes()


def test_results_of_a_file_are_those_of_its_session(tmp_path):
    """Exported and read back."""
    insight = PytestInsight()
    insight.storage.save_session(session("shop", 1, a="failed", b="passed", c="error"))
    path = tmp_path / "out.json"
    insight.storage.export_sessions(path)
    results = Results.from_file(path)
    assert len(results.test_results) == 3
    assert [one.nodeid for one in results.test_results.failures()] == ["test_a.py::a", "test_a.py::c"]
    assert [one.nodeid for one in results.test_results.with_outcome("PASSED")] == ["test_a.py::b"]
    assert [one.outcome.to_str() for one in results.test_results.of_test("test_a.py::c")] == ["error"]
    assert results.session_stop_time - results.session_start_time == timedelta(seconds=results.session_duration)
