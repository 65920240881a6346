"""The formats of export and import.

| format | content | import |
|---|---|---|
| `json` | a list of sessions as `TestSession.to_dict` gives them | yes |
| `jsonl` | an event log: the very lines of the sessions, in canonical order | yes |
| `csv` | one row per test result | no |
"""

from pathlib import Path
from typing import Literal

from .csv_files import CsvFormat
from .documents import DocumentFormat
from .event_logs import EventLogFormat
from .incoming import ImportFormat

Format = Literal["json", "jsonl", "csv"]
FORMATS: tuple[Format, ...] = ("json", "jsonl", "csv")

IMPORT_FORMATS: tuple[ImportFormat, ...] = (CsvFormat(), EventLogFormat(), DocumentFormat())
"""In the order in which they are tried; the first that recognizes a file reads it."""

ARCHIVE_SUFFIXES = tuple(
    suffix + packed for format_ in IMPORT_FORMATS for suffix in format_.suffixes for packed in ("", ".gz")
)
"""Endings of the names within an archive that are read."""


def format_of(path: Path | str, wanted: str | None) -> Format:
    """Return the format for a file: the wanted one, else by the ending of its name; an event log by default.

    Raises:
        ValueError: there is no such format.
    """
    name = wanted.lower() if wanted else Path(path).suffix.lstrip(".").lower()
    found: Format | None = next((known for known in FORMATS if known == name), None)
    if found is None and wanted:
        raise ValueError(f"Unknown export format {wanted!r}: use one of {', '.join(FORMATS)}")
    return found or "jsonl"
