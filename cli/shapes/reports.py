"""Shape of what `insight report` prints with --json."""

from ...reports.output import WrittenReport
from .base import derived

ReportShape = derived(WrittenReport)
