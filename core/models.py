"""The view classes of the Python API."""

from ..projections.models import (
    OutputField,
    OutputFields,
    RerunTestGroup,
    SUTGroup,
    TestHistory,
    TestOutcome,
    TestResult,
    TestSession,
)

__all__ = [
    "OutputField",
    "OutputFields",
    "RerunTestGroup",
    "SUTGroup",
    "TestHistory",
    "TestOutcome",
    "TestResult",
    "TestSession",
]
