"""Sessions, spans and views of a history."""

# pyright: reportUnusedImport=false
# The imports are for type checkers; `load_lazily` serves the same names.

from typing import TYPE_CHECKING

from .lazy import load_lazily

if TYPE_CHECKING:
    from ...core.history.counting import cut_count
    from ...core.history.history import History
    from ...core.history.partial import WHOLE
    from ...core.history.references import Span, session_named, span_named, sut_named
    from ...core.history.selection import Selection, parse_age
    from ...core.history.series import branch_of, series_of
    from ...core.history.states import session_state
    from ...core.history.table_columns import Column
    from ...core.history.tables import TABLES, run_query
    from ...core.history.test_runs import TestRunTotal, run_id_of, sessions_of_run, total_of
    from ...core.history.variants import parse_variant, variant_of, variant_text
    from ...core.history.verdicts.reading import run_of_row
    from ...core.history.verdicts.run import Run
    from ...core.history.windows import Window, model_as_of, moment_of, parse_window
    from ...core.naming.nearest import did_you_mean, nearest_name
    from ...core.naming.newest import NewestRows
    from ...core.naming.sides import Chooser, Side, Sides
    from ...core.views.session import load_session
    from ...core.views.stored import finished_event, not_run_tests
    from ...projections.clock import is_future, latest_start_us
    from ...projections.readmodel import ReadModel, StoredVerdicts
    from ...projections.readmodel.model_file import model_file_of, remove_model
    from ...projections.rules import SessionStatus
    from ...projections.session_row import SessionRow

_MODULES = {
    "...core.history.counting": "cut_count",
    "...core.history.history": "History",
    "...core.naming.newest": "NewestRows",
    "...core.history.partial": "WHOLE",
    "...core.history.references": "Span session_named span_named sut_named",
    "...core.history.selection": "Selection parse_age",
    "...core.history.series": "branch_of series_of",
    "...core.history.states": "session_state",
    "...core.history.table_columns": "Column",
    "...core.history.tables": "TABLES run_query",
    "...core.history.test_runs": "TestRunTotal run_id_of sessions_of_run total_of",
    "...core.history.variants": "parse_variant variant_of variant_text",
    "...core.history.verdicts.reading": "run_of_row",
    "...core.history.verdicts.run": "Run",
    "...core.history.windows": "Window model_as_of moment_of parse_window",
    "...core.naming.nearest": "did_you_mean nearest_name",
    "...core.naming.sides": "Chooser Side Sides",
    "...core.views.session": "load_session",
    "...core.views.stored": "finished_event not_run_tests",
    "...projections.session_row": "SessionRow",
    "...projections.clock": "is_future latest_start_us",
    "...projections.readmodel": "ReadModel StoredVerdicts",
    "...projections.readmodel.model_file": "model_file_of remove_model",
    "...projections.rules": "SessionStatus",
}

__getattr__ = load_lazily(__name__, _MODULES)
