"""The view classes of the Python API."""

from .views.groups import SUTGroup, TestHistory
from .views.outcome import TestOutcome
from .views.output import OutputField, OutputFields
from .views.rerun import RerunTestGroup
from .views.result import TestResult
from .views.results import Results, TestResults
from .views.session import TestSession

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
