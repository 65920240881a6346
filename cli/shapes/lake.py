"""Shapes of `insight lake`."""

from typing import Literal

from .base import Shape


class MonthExportShape(Shape):
    """Result of the export of one month."""

    month: str
    """As `2026-10`, in UTC."""
    action: Literal["written", "replaced", "removed", "unchanged", "kept"]
    """`kept`: unchanged, with sessions that the log does not have any more."""
    sessions: int
    """Sessions of the month in the log."""
    results: int
    """Their results."""
    absent: int
    """Sessions that stay in the table though the log has them not any more."""


class LakeExportShape(Shape):
    """Result of an export, or of a dry run."""

    to: str
    months: list[MonthExportShape]
    vacuumed: int
    """Files of earlier versions that were deleted."""
    dry_run: bool
