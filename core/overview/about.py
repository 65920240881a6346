"""Sessions that an answer speaks about, so that each answer can name them."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

import msgspec

from ...eventlog.times import format_time
from ..history.variants import variant_text

if TYPE_CHECKING:
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
    if not runs:
        return AboutAnswer()
    return AboutAnswer(
        suts=sorted({run.sut for run in runs}),
        branches=sorted({run.branch for run in runs if run.branch}),
        variants=sorted({variant_text(run.variant) for run in runs if run.variant}),
        sessions=len(runs),
        first_at=format_time(min(run.started_us for run in runs)),
        last_at=format_time(max(run.started_us for run in runs)),
    )
