"""The Delta tables of a lake at a place: a folder, or a bucket by its URL."""

import os
from collections.abc import Generator, Iterable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NamedTuple, cast
from urllib.parse import unquote, urlsplit

from deltalake import CommitProperties, DeltaTable, WriterProperties, write_deltalake
from deltalake.exceptions import CommitFailedError, DeltaError, TableNotFoundError

from ..eventlog.errors import EventLogError, LogUnavailableError
from .arrow import make_batch, schema_of
from .engine import ArrowBatch, ArrowSchema, pa, pc
from .schema import SESSIONS, LakeTable
from .sorting import BATCH_ROWS

_SCHEMES = ("s3", "gs", "az", "abfs", "abfss")
_ENDPOINTS = ("AWS_ENDPOINT_URL_S3", "AWS_ENDPOINT_URL", "AWS_ENDPOINT")
_STATISTICS = "fingerprint,started_at"
"""Columns whose least and greatest values are in the log of the table: none with texts, as purged text would stay."""
_COMPRESSION_LEVEL = 3
_FILE_BYTES = 64 << 20
"""Size of a file from which on another one is begun: the engine holds a whole file in memory."""
_ABANDONED_HOURS = 24
"""Age from which a file that no version of the table names was left by an exporter that was killed."""


class LakeConflictError(EventLogError):
    """Another exporter wrote the same month at the same time; its rows are there, and nothing of this one."""

    def __init__(self, place: str, month: str) -> None:
        super().__init__(f"{place}: another exporter wrote {month} at the same time; run the export again")


class StoredMonth(NamedTuple):
    """State of a month in a table."""

    fingerprint: str
    """Empty if its files do not agree."""
    rows: int


class LakePlace:
    """Address of a lake.

    Args:
        address: a folder, or `file://`, `s3://`, `gs://` or `az://`.
        environ: variables with the credentials and the endpoint, as the tools of each store take them.

    Raises:
        LogUnavailableError: the address cannot be used.
    """

    def __init__(self, address: str, environ: Mapping[str, str] = os.environ) -> None:
        self.address = address.rstrip("/") or "/"
        self.options: dict[str, str] = {}
        parts = urlsplit(address)
        if parts.scheme in _SCHEMES and "://" in address:
            if parts.password is not None:
                raise LogUnavailableError(parts.hostname or "", "a URL with a password", "put it into the environment")
            self._base = self.address
            if parts.scheme == "s3":
                self.options = _s3_options(environ)
        elif "://" in address and parts.scheme != "file":
            raise LogUnavailableError(
                address, "unknown kind of address", "name a folder, s3://, gs://, az:// or file://"
            )
        else:
            folder = Path(unquote(parts.path) if parts.scheme == "file" else address).expanduser().absolute()
            if folder.exists() and not folder.is_dir():
                raise LogUnavailableError(address, "it is no folder", "name another place with --to")
            self._base = str(folder)

    def table_uri(self, table: LakeTable) -> str:
        """Return the address of a table."""
        return f"{self._base}/{table.name}"

    def open(self, table: LakeTable) -> "StoredTable":
        """Return a table; it need not exist.

        Raises:
            LogUnavailableError: it cannot be read.
        """
        with _named_errors(self.table_uri(table)):
            try:
                delta = DeltaTable(self.table_uri(table), storage_options=self.options)
            except TableNotFoundError:
                delta = None
        if delta is not None and delta.metadata().partition_columns != ["month"]:
            reason = "a table of another program is there"
            raise LogUnavailableError(self.table_uri(table), reason, "name another place with --to")
        return StoredTable(self, table, delta)


def _s3_options(environ: Mapping[str, str]) -> dict[str, str]:
    """Return what the engine does not take from the environment by itself.

    Its commits are conditional writes, which the object store has to support; no other service is needed.
    """
    options = {"aws_conditional_put": "etag"}
    endpoint = next((environ[name] for name in _ENDPOINTS if environ.get(name)), "")
    if endpoint:
        options |= {"aws_endpoint": endpoint, "aws_region": environ.get("AWS_REGION", "us-east-1")}
    if endpoint.startswith("http://"):
        options["aws_allow_http"] = "true"
    return options


class StoredTable:
    """A table as it was when it was opened.

    Args:
        place: the lake.
        table: its columns.
        delta: the table; None if it does not exist.
    """

    def __init__(self, place: LakePlace, table: LakeTable, delta: DeltaTable | None) -> None:
        self.place = place
        self.table = table
        self._delta = delta
        self.months_at_first = self.months()
        """Months that it held when it was opened."""

    @property
    def uri(self) -> str:
        """Its address."""
        return self.place.table_uri(self.table)

    def months(self) -> dict[str, StoredMonth]:
        """Return the months that it holds."""
        if self._delta is None:
            return {}
        found: dict[str, StoredMonth] = {}
        with _named_errors(self.uri):
            actions = pa.table(self._delta.get_add_actions(flatten=True)).to_pylist()
        for action in actions:
            prints = {action.get("min.fingerprint"), action.get("max.fingerprint")}
            month, fingerprint = action["partition.month"], str(prints.pop() or "") if len(prints) == 1 else ""
            before = found.get(month, StoredMonth(fingerprint, 0))
            same = fingerprint if before.fingerprint == fingerprint else ""
            found[month] = StoredMonth(same, before.rows + action["num_records"])
        return found

    def session_digests(self, month: str) -> dict[str, str]:
        """Return the digests of the sessions of a month by their streams; only the table of sessions has them."""
        if self._delta is None or self.table is not SESSIONS:
            return {}
        with _named_errors(self.uri):
            rows: Any = cast("Any", self._delta).to_pyarrow_table(
                filters=[("month", "=", month)], columns=["stream", "digest"]
            )
        return dict(zip(rows.column("stream").to_pylist(), rows.column("digest").to_pylist(), strict=True))

    def read_rows(self, month: str, streams: list[str], constants: dict[str, str]) -> list[ArrowBatch]:
        """Return the rows of some sessions of a month, as they would be written by this release.

        Args:
            month: the month.
            streams: the sessions.
            constants: columns that get another value.
        """
        if self._delta is None or not streams:
            return []
        table: Any = self._delta
        schema = schema_of(self.table)
        with _named_errors(self.uri):
            data = table.to_pyarrow_dataset()
            names = [name for name in schema.names if name in data.schema.names]
            wanted = (pc.field("month") == month) & pc.field("stream").isin(streams)
            rows = data.to_table(columns=names, filter=wanted)
        columns = {name: rows.column(name).combine_chunks() for name in names} | constants
        missing = {field.name: pa.nulls(len(rows), field.type) for field in schema if field.name not in columns}
        whole = make_batch(self.table, len(rows), columns | missing)
        return [whole.slice(start, BATCH_ROWS) for start in range(0, len(rows), BATCH_ROWS)]

    def replace_month(self, month: str, batches: Iterable[ArrowBatch]) -> None:
        """Replace the rows of a month, all at once; columns that the table lacks are added.

        Raises:
            LakeConflictError: another exporter wrote the month since this table was opened.
            LogUnavailableError: the place cannot be written.
        """
        schema = schema_of(self.table)
        guarded = _GuardedBatches(batches)
        reader = pa.RecordBatchReader.from_batches(schema, guarded)
        with guarded, _one_processor(), _named_errors(self.uri, month):
            if self._delta is None:
                self._delta = self._create(schema)
            self._check_unchanged(month)
            write_deltalake(
                self._delta,
                reader,
                mode="overwrite",
                predicate=f"month = '{month}'",
                schema_mode="merge",
                target_file_size=_FILE_BYTES,
                writer_properties=WriterProperties(
                    compression="ZSTD", compression_level=_COMPRESSION_LEVEL, max_row_group_size=BATCH_ROWS
                ),
                commit_properties=CommitProperties(custom_metadata={"pytest-insight.month": month}),
            )

    def _check_unchanged(self, month: str) -> None:
        """Check that the month is as it was when this table was opened; what comes later is found by the commit.

        Raises:
            LakeConflictError: it is not.
        """
        if self.months().get(month) != self.months_at_first.get(month):
            raise LakeConflictError(self.uri, month)

    def _create(self, schema: ArrowSchema) -> DeltaTable:
        """Return the table, made now or by another exporter meanwhile."""
        options: dict[str, Any] = {"storage_options": self.place.options}
        try:
            return DeltaTable.create(
                self.uri,
                schema,
                mode="error",
                partition_by=["month"],
                description=f"pytest-insight: {self.table.meaning}",
                configuration={"delta.dataSkippingStatsColumns": _STATISTICS},
                **options,
            )
        except (CommitFailedError, DeltaError):
            return DeltaTable(self.uri, **options)

    def remove_month(self, month: str) -> None:
        """Remove the rows of a month.

        Raises:
            LakeConflictError: another exporter wrote the month since this table was opened.
            LogUnavailableError: the place cannot be written.
        """
        if self._delta is not None:
            with _named_errors(self.uri, month):
                self._check_unchanged(month)
                self._delta.delete(f"month = '{month}'")

    def vacuum(self) -> int:
        """Delete the files of earlier versions of the table, at once, and return their number.

        Raises:
            LogUnavailableError: the place cannot be written.
        """
        if self._delta is None:
            return 0
        with _named_errors(self.uri):
            delta = DeltaTable(self.uri, storage_options=self.place.options)
            removed = delta.vacuum(0, dry_run=False, enforce_retention_duration=False)
            left = delta.vacuum(_ABANDONED_HOURS, dry_run=False, enforce_retention_duration=False, full=True)
            return len({*removed, *left})


class _GuardedBatches:
    """Batches that the engine reads; an error of their own is raised in place of that which the engine makes of it.

    Args:
        batches: them.
    """

    def __init__(self, batches: Iterable[ArrowBatch]) -> None:
        self._batches = batches
        self._error: BaseException | None = None

    def __iter__(self) -> Iterator[ArrowBatch]:
        try:
            yield from self._batches
        except BaseException as error:
            self._error = error
            raise

    def __enter__(self) -> None:
        """Begin to write."""

    def __exit__(self, *_: object) -> None:
        if self._error is not None:
            raise self._error


@contextmanager
def _one_processor() -> Generator[None]:
    """Let this thread use one processor, so that the engine writes batches in the order in which it gets them.

    It would give them to as many writers as there are processors. Groups of rows are as large as batches, so that each
    is in order in any case, and answers do not depend on it.
    """
    if not hasattr(os, "sched_setaffinity"):
        yield
        return
    allowed = os.sched_getaffinity(0)
    os.sched_setaffinity(0, {min(allowed)})
    try:
        yield
    finally:
        os.sched_setaffinity(0, allowed)


@contextmanager
def _named_errors(uri: str, month: str = "") -> Generator[None]:
    """Turn errors of the engine into those that name the place and a hint.

    Raises:
        LakeConflictError: another exporter wrote the month.
        LogUnavailableError: anything else.
    """
    try:
        yield
    except CommitFailedError as error:
        raise LakeConflictError(uri, month or "the table") from error
    except (DeltaError, OSError) as error:
        raise LogUnavailableError(uri, _first_line(error), "check the place, the network and the rights") from error


def _first_line(error: Exception) -> str:
    return str(error).strip().partition("\n")[0] or type(error).__name__
