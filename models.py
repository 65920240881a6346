"""The classes of sessions and results, under a short import path; they are those of `pytest_insight.core.models`."""

from .core.models import (
    OutputField,
    OutputFields,
    RerunTestGroup,
    Results,
    SUTGroup,
    TestHistory,
    TestOutcome,
    TestResult,
    TestResults,
    TestSession,
)

__all__ = [
    "OutputField",
    "OutputFields",
    "RerunTestGroup",
    "Results",
    "SUTGroup",
    "TestHistory",
    "TestOutcome",
    "TestResult",
    "TestResults",
    "TestSession",
]
