"""Rows of sessions and results as Arrow batches."""

from collections.abc import Mapping, Sequence
from typing import Any

from ..projections.session_row import SessionRow
from .columns import Ended, FailureText
from .engine import ArrowArray, ArrowBatch, ArrowSchema, pa, pc
from .schema import (
    BOOLEAN,
    DOUBLE,
    INTEGER,
    OF_SESSION,
    SHARED,
    STRING,
    STRINGS,
    TIME,
    LakeColumn,
    LakeTable,
)

_TYPES: dict[str, Any] = {
    STRING: pa.string(),
    DOUBLE: pa.float64(),
    INTEGER: pa.int64(),
    BOOLEAN: pa.bool_(),
    TIME: pa.timestamp("us", "UTC"),
    STRINGS: pa.list_(pa.string()),
}
_SESSION_BITS = 32
_SESSION_MASK = (1 << _SESSION_BITS) - 1


def schema_of(table: LakeTable) -> ArrowSchema:
    """Return the schema of a table."""
    return pa.schema([(column.name, _TYPES[column.type]) for column in table.columns])


def make_array(column: LakeColumn, values: Sequence[Any]) -> ArrowArray:
    """Return the values of a column."""
    return pa.array(values, _TYPES[column.type])


def session_columns(rows: Sequence[SessionRow]) -> dict[str, ArrowArray]:
    """Return the columns of sessions by name."""
    return {column.name: make_array(column, [read(row) for row in rows]) for column, read in OF_SESSION}


def shared_columns(rows: Sequence[SessionRow]) -> dict[str, ArrowArray]:
    """Return those columns of sessions that each result has."""
    return {column.name: make_array(column, [read(row) for row in rows]) for column, read in SHARED}


def end_columns(ends: Sequence[Ended]) -> dict[str, ArrowArray]:
    """Return the columns of a result that follow from how its test ended, by the number of the end."""
    return {
        "kind": pa.array([ended.kind for ended in ends], pa.string()),
        "verdict": pa.array([ended.verdict for ended in ends], pa.string()),
        "outcomes": pa.array([list(ended.outcomes) for ended in ends], pa.list_(pa.string())),
        "flaky": pa.array([ended.flaky for ended in ends], pa.bool_()),
    }


def failure_columns(failures: Sequence[FailureText]) -> dict[str, ArrowArray]:
    """Return the texts of failures by their number; number 0 is that of a result without one."""
    return {
        "message": pa.array([None, *(failure.message for failure in failures)], pa.string()),
        "cluster": pa.array([None, *(failure.cluster for failure in failures)], pa.string()),
    }


def split_keys(keys: ArrowArray) -> tuple[ArrowArray, ArrowArray]:
    """Return the ranks of the tests and the places of the sessions."""
    return (
        pc.shift_right(keys, pa.scalar(_SESSION_BITS, pa.int64())),
        pc.bit_wise_and(keys, pa.scalar(_SESSION_MASK, pa.int64())),
    )


def make_batch(table: LakeTable, length: int, columns: Mapping[str, Any]) -> ArrowBatch:
    """Return a batch of a table.

    Args:
        table: its columns.
        length: number of rows.
        columns: by name; what is text is the value of all rows.
    """
    schema = schema_of(table)
    arrays: list[ArrowArray] = []
    for field in schema:
        found = columns[field.name]
        array = pa.repeat(pa.scalar(found, field.type), length) if isinstance(found, str) else found
        arrays.append(array if array.type == field.type else array.cast(field.type))
    return pa.RecordBatch.from_arrays(arrays, schema=schema)


def seconds_of(durations_us: ArrowArray) -> ArrowArray:
    """Return microseconds as seconds."""
    return pc.divide(pc.cast(durations_us, pa.float64()), 1_000_000.0)
