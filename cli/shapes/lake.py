"""Shapes of `insight lake`."""

from typing import Literal

from .base import Shape


class MonthExportShape(Shape):
    """Result of the export of one month."""

    month: str
    """As `2026-10`, in UTC."""
    action: Literal["written", "replaced", "removed", "unchanged", "kept", "refused"]
    """`kept`: the log does not have all sessions of the table any more, and no others; `refused`: it has others."""
    sessions: int
    """Sessions of the month in the log."""
    results: int
    """Their results."""
    absent: int
    """Sessions that the table has and the log has not any more."""


class LakeExportShape(Shape):
    """Result of an export, or of a dry run."""

    to: str
    months: list[MonthExportShape]
    vacuumed: int
    """Files of earlier versions that were deleted."""
    dry_run: bool
