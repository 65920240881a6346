"""Sessions that an answer speaks about, so that each answer can name them."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

import msgspec

from ...eventlog.times import format_time
from ..history.series import branch_of
from ..history.variants import variant_of, variant_text

if TYPE_CHECKING:
    from ...projections.session_row import SessionRow
    from ..history.variants import Variant
    from ..history.verdicts.run import Run


class AboutAnswer(msgspec.Struct, forbid_unknown_fields=True):
    """Sessions that an answer speaks about."""

    suts: list[str] = []
    branches: list[str] = []
    variants: list[str] = []
    """As `os=Linux python=3.13`."""
    sessions: int = 0
    first_at: str = ""
    """Start of the first of them, ISO 8601 in UTC; empty without sessions."""
    last_at: str = ""


def about_runs(runs: "Sequence[Run]") -> AboutAnswer:
    """Return what an answer about some sessions speaks about."""
    return _about([(run.sut, run.branch, run.variant, run.started_us) for run in runs])


def about_rows(rows: "Sequence[SessionRow]") -> AboutAnswer:
    """Return the same from rows of the read model, without reading which tests they ran."""
    return _about([(row.sut, branch_of(row), variant_of(row.part.header or {}), row.started_us) for row in rows])


def _about(sessions: "Sequence[tuple[str, str, Variant, int]]") -> AboutAnswer:
    """Return what sessions have in common, given as system, branch, variant and start."""
    if not sessions:
        return AboutAnswer()
    suts, branches, variants, starts = zip(*sessions, strict=True)
    return AboutAnswer(
        suts=sorted(set(suts)),
        branches=sorted(set(branches) - {""}),
        variants=sorted({variant_text(variant) for variant in variants if variant}),
        sessions=len(sessions),
        first_at=format_time(min(starts)),
        last_at=format_time(max(starts)),
    )
