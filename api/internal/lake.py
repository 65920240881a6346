"""Months of a history as a Delta table, and files of Parquet."""

# pyright: reportUnusedImport=false
# The imports are for type checkers; `load_lazily` serves the same names.

from typing import TYPE_CHECKING

from .lazy import load_lazily

if TYPE_CHECKING:
    from ...lake.export import Lake, MonthExport
    from ...lake.extras import require_extra
    from ...lake.months import parse_month
    from ...lake.parquet import export_parquet

_MODULES = {
    "...lake.export": "Lake MonthExport",
    "...lake.extras": "require_extra",
    "...lake.months": "parse_month",
    "...lake.parquet": "export_parquet",
}

__getattr__ = load_lazily(__name__, _MODULES)
