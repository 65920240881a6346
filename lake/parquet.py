"""Sessions of a history as files of Parquet, in folders by day and system, as other tools of data read them."""

import os
import shutil
from collections.abc import Generator, Iterable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, cast
from urllib.parse import quote

import pyarrow.parquet  # pyright: ignore[reportMissingTypeStubs]

from ..core.history.history import History
from ..projections.parts import CRASHED_FLAG
from ..projections.readmodel import Attempted
from ..projections.rules import OUTCOMES
from ..projections.session_row import SessionRow
from .arrow import make_array, make_batch, schema_of, session_columns, shared_columns
from .columns import Values, read_messages, shorten
from .engine import ArrowBatch, pa
from .months import day_of
from .schema import ATTEMPT, PARQUET, LakeTable
from .sorting import BATCH_ROWS, order_names, sorted_batches

_pq: Any = cast("Any", pyarrow.parquet)  # pyright: ignore[reportUnknownMemberType]

_STAGING = ".insight-{}"
_PLACES: dict[str, str] = {"day": "", "sut": ""}
"""Columns that are in the names of the folders and not in the files."""


def export_parquet(model: History, rows: Iterable[SessionRow], folder: Path) -> list[str]:
    """Write sessions below a folder, each day as a whole in place of what was written for it before.

    Args:
        model: where they are stored.
        rows: the sessions.
        folder: made if it is not there.

    Returns:
        The days, the earliest first.

    Raises:
        OSError: it cannot be written; the days that were not finished are as before.
    """
    ordered = sorted(rows, key=lambda row: (row.started_us, row.stream))
    days: dict[str, dict[str, list[SessionRow]]] = {}
    for row in ordered:
        days.setdefault(day_of(row.started_us), {}).setdefault(row.sut, []).append(row)
    writer = _SystemWriter(model, ordered)
    for day, systems in sorted(days.items()):
        with _stage_files(folder) as staging:
            for sut, own in systems.items():
                writer.write(own, staging, Path(f"day={day}", f"sut={quote(sut, safe='')}"))
            _replace_day(staging, folder, f"day={day}")
    return sorted(days)


class _SystemWriter:
    """Writes the files of a system and a day.

    Args:
        model: where the sessions are stored.
        rows: all that are written.
    """

    def __init__(self, model: History, rows: Iterable[SessionRow]) -> None:
        self._model = model
        self._values = Values(model.names())
        self._order = order_names(model, rows, self._values)

    def write(self, rows: Sequence[SessionRow], staging: Path, place: Path) -> None:
        """Write some sessions, in order of their start, into folders of a place."""
        sessions, results, attempts = PARQUET
        columns = session_columns(rows) | _PLACES
        _write(staging / sessions.name / place, sessions, [make_batch(sessions, len(rows), columns)])
        found = sorted_batches(self._model, rows, self._values, self._order, results, _PLACES)
        _write(staging / results.name / place, results, found)
        _write(staging / attempts.name / place, attempts, _attempt_batches(self._model, rows, attempts))


def _write(folder: Path, table: LakeTable, batches: Iterable[ArrowBatch]) -> None:
    folder.mkdir(parents=True)
    names = [column.name for column in table.columns if column.name not in _PLACES]
    schema = pa.schema([field for field in schema_of(table) if field.name in names])
    with _pq.ParquetWriter(folder / "part-0.parquet", schema, compression="zstd", use_dictionary=True) as writer:
        for batch in batches:
            writer.write_batch(batch.select(names))


def _attempt_batches(model: History, rows: Sequence[SessionRow], table: LakeTable) -> Iterator[ArrowBatch]:
    """Yield the attempts of some sessions, in the order of the log."""
    found: list[tuple[int, Attempted, str, str | None]] = []
    for place, row in enumerate(rows):
        found += [(place, *each) for each in _attempts_of(model, row)]
        if len(found) >= BATCH_ROWS:
            yield _attempt_batch(found, rows, table)
            found = []
    if found:
        yield _attempt_batch(found, rows, table)


def _attempts_of(model: History, row: SessionRow) -> list[tuple[Attempted, str, str | None]]:
    """Return the attempts of a session, with their outcomes and what they say, if they are more than a pass."""
    attempts = model.attempts(row.stream)
    names = [row.part.others.get(one.position) or OUTCOMES[one.outcome & ~CRASHED_FLAG] for one in attempts]
    telling = {
        at: one.position
        for at, (one, name) in enumerate(zip(attempts, names, strict=True))
        if one.outcome & CRASHED_FLAG or name in _TELLING
    }
    messages = dict(read_messages(model, telling))
    texts = [shorten(messages[at]) if at in messages else None for at in range(len(attempts))]
    return list(zip(attempts, names, texts, strict=True))


_TELLING = ("failed", "error", "rerun")


def _attempt_batch(
    found: list[tuple[int, Attempted, str, str | None]], rows: Sequence[SessionRow], table: LakeTable
) -> ArrowBatch:
    shared = shared_columns(rows)
    places = pa.array([place for place, *_ in found], pa.int64())
    values: dict[str, list[Any]] = {
        "attempt": [one.attempt for _, one, _, _ in found],
        "outcome": [name for _, _, name, _ in found],
        "crashed": [bool(one.outcome & CRASHED_FLAG) for _, one, _, _ in found],
        "duration_s": [one.duration_us / 1_000_000 for _, one, _, _ in found],
        "worker": [one.worker for _, one, _, _ in found],
        "message": [text for *_, text in found],
    }
    columns = {name: array.take(places) for name, array in shared.items()}
    columns |= {column.name: make_array(column, values[column.name]) for column in ATTEMPT}
    columns["nodeid"] = pa.array([one.nodeid for _, one, _, _ in found], pa.string())
    return make_batch(table, len(found), columns | _PLACES)


@contextmanager
def _stage_files(folder: Path) -> Generator[Path]:
    """Yield a folder for files that are not complete, and remove it with what is left in it."""
    staging = folder / _STAGING.format(os.getpid())
    staging.mkdir(parents=True)
    try:
        yield staging
    finally:
        shutil.rmtree(staging, ignore_errors=True)


def _replace_day(staging: Path, folder: Path, day: str) -> None:
    """Move the new folders of a day to their places, and those that are there away."""
    for table in PARQUET:
        target = folder / table.name / day
        target.parent.mkdir(exist_ok=True)
        if target.exists():
            target.rename(staging / f"{table.name}-before")
        (staging / table.name / day).rename(target)
