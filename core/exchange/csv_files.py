"""CSV: one row per test result. It is written only; importing it is refused with a message."""

import csv
import io
from collections.abc import Iterable, Iterator

from ...eventlog.errors import InputUnreadableError
from ...eventlog.merging.staging import Staged, Staging
from ..views.session import TestSession
from .incoming import Contents

CSV_COLUMNS = (
    "session_id",
    "sut_name",
    "session_start_time",
    "nodeid",
    "outcome",
    "start_time",
    "duration",
    "has_warning",
    "longreprtext",
)
_FORMULA_STARTS = ("=", "+", "-", "@", "\t", "\r", "\n")
"""First characters that make a spreadsheet run a cell as a formula."""


class CsvFormat:
    """CSV files; they do not hold enough for an import."""

    suffixes: tuple[str, ...] = ()

    def recognizes(self, name: str, head: bytes) -> bool:  # noqa: ARG002 - of the protocol
        """Return whether the name of the file ends in `.csv`."""
        return name.endswith(".csv")

    def read(self, staged: Staged, stage: Staging, *, only: bool) -> Contents:  # noqa: ARG002 - of the protocol
        """Refuse the file.

        Raises:
            InputUnreadableError: always.
        """
        raise InputUnreadableError(f"{staged.name}: CSV is for export only; import JSON or JSON Lines")


def csv_pieces(sessions: Iterable[TestSession]) -> Iterator[bytes]:
    """Yield the lines of a CSV file, session by session, with a header line first."""
    text = io.StringIO(newline="")
    writer = csv.writer(text)
    writer.writerow(CSV_COLUMNS)
    for session in sessions:
        head = [session.session_id, session.sut_name, session.session_start_time.isoformat()]
        for result in session.test_results:
            row = [*head, result.nodeid, result.outcome.to_str(), result.start_time.isoformat()]
            cells = [*map(escape_formula, row), f"{result.duration:.6f}", str(result.has_warning).lower()]
            writer.writerow([*cells, escape_formula(result.longreprtext)])
        yield text.getvalue().encode("utf-8", "backslashreplace")
        text.seek(0)
        text.truncate()
    yield text.getvalue().encode()


def escape_formula(cell: str) -> str:
    """Return a text that no spreadsheet runs as a formula; one that begins like a formula gets an apostrophe in front.

    Source: OWASP, CSV injection.
    """
    return "'" + cell if cell.startswith(_FORMULA_STARTS) else cell
