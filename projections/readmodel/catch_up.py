"""Fold new events of the log into the read model, or rebuild the model if it does not match the log."""

import sqlite3
import time
from collections.abc import Iterator, Mapping
from pathlib import Path

from ...eventlog.codec import parse_envelope
from ...eventlog.reader import after_line, read_batches
from ...eventlog.scan import Batch
from ...eventlog.sources import LogSource, live_stream
from ..apply import Applier
from ..fold import fold_lines
from ..parts import Nodes
from .connection import ModelConnection, is_environment_error
from .log_files import SOURCE_SHIFT, LogFiles, Numbered
from .model_file import BUSY_WAIT_S, set_lock_timeout
from .queries import read_part
from .shapes import CatchUp, Progress

_QUESTION_WAIT_S = 30.0
"""Seconds that a question waits for a process that rebuilds the model after this one has caught up."""

_REQUESTED = "asked for"
"""Reason of a rebuild that the caller wants, whether the model matches its log or not."""

_Line = tuple[int, bytes]
"""Position and bytes of a line."""


class ModelUpdater:
    """Brings a read model up to date with its log.

    Args:
        connection: the read model.
        log: the log; it need not exist.
    """

    def __init__(self, connection: ModelConnection, log: LogSource) -> None:
        self._connection = connection
        self._log = log

    @property
    def files(self) -> LogFiles:
        """The files of the log, as the read model knows them now."""
        return LogFiles(self._connection.db, self._log)

    def stale_reason(self) -> str:
        """Return why the read model is stale and has to be rebuilt, or "" if it matches its log so far."""
        if not self._connection.is_of_this_release():
            return "made by another release"
        return self.files.stale_reason()

    def is_behind(self) -> bool:
        """Return whether the log holds something that was not folded yet."""
        return self.files.is_behind()

    def catch_up(self, progress: Progress | None = None) -> CatchUp:
        """Fold what was added to the log since the last catch-up; rebuild a model that is stale or damaged.

        Args:
            progress: receives the bytes done and the bytes in all.

        Raises:
            FileNotFoundError: the log does not exist.
            LogUnavailableError: the log cannot be read.
        """
        set_lock_timeout(self._connection.db, BUSY_WAIT_S)
        try:
            return self._catch_up_or_rebuild(progress)
        finally:
            set_lock_timeout(self._connection.db, _QUESTION_WAIT_S)

    def replay(self, progress: Progress | None = None, workers: int | None = None) -> CatchUp:
        """Rebuild the model from the whole log.

        Args:
            progress: receives the bytes done and the bytes in all.
            workers: number of processes; None decides by the size of the log.

        Raises:
            FileNotFoundError: the log does not exist.
            LogUnavailableError: the log cannot be read.
        """
        return self._rebuild(_REQUESTED, progress, workers)

    def _catch_up_or_rebuild(self, progress: Progress | None) -> CatchUp:
        """Do what `catch_up` says, with the lock timeout as it is."""
        began = time.monotonic()
        self._connection.reopen_if_replaced()
        try:
            reason = self.stale_reason()
            if not reason and not self.is_behind():
                return CatchUp(0, 0, 0, time.monotonic() - began, "")
            if not reason:
                return self._fold_new_events(began, progress)
        except sqlite3.DatabaseError as error:
            if is_environment_error(error):
                self._connection.switch_to_memory()
            reason = f"the read model is damaged: {error}"
        return self._rebuild(reason, progress, None)

    def _fold_new_events(self, began: float, progress: Progress | None) -> CatchUp:
        """Fold what was added to each file behind its checkpoint, in one transaction.

        Args:
            began: monotonic time in seconds from which the duration counts.
            progress: receives the bytes done and the bytes in all.
        """
        from ..replay import malformed_findings  # noqa: PLC0415 - as in _fill_tables

        with self._connection.transaction():
            moved = self._remove_collected_sessions()
            applier = Applier(self._connection.db)
            events, done, findings = 0, 0, 0
            for numbered in self.files.present():
                if self.files.is_complete(numbered):
                    continue
                number, source = numbered
                start = position = self.files.read_position(number)
                for batch in _read_file(numbered, position):
                    nodes = Nodes()
                    fold = fold_lines(_positions_of(batch, number), batch.lines, nodes)
                    applier.add(fold, list(nodes.numbers))
                    kept = [finding for finding in batch.findings if finding.reason != "pending"]
                    kept += malformed_findings(fold, batch, number << SOURCE_SHIFT, source.name)
                    applier.add_findings(kept)
                    events, findings, position = events + len(batch.lines), findings + len(kept), batch.end
                    if progress is not None:
                        progress(done + position - start, done + position - start)
                done += position - start
                self._save_checkpoint(numbered, position)
            self._fold_again(applier.finish() | self._find_shrunk_sessions(moved))
        return CatchUp(events, done, findings, time.monotonic() - began, "")

    def _remove_collected_sessions(self) -> dict[str, int]:
        """Remove sessions that moved into the log since the last catch-up; return their numbers of events by stream.

        They are in the part of the log that is folded next.
        """
        moved: dict[str, int] = {}
        for row in self.files.list_collected():
            stream = live_stream(Path(row.name))
            part = read_part(self._connection.db, stream)
            if part is not None and part.header_at >> SOURCE_SHIFT == row.number:
                moved[stream] = part.events
                Applier(self._connection.db).forget(stream)
            self.files.mark_collected(row)
        return moved

    def _find_shrunk_sessions(self, moved: Mapping[str, int]) -> set[str]:
        """Return the streams that have fewer events now; some of these were folded from the log before.

        Args:
            moved: earlier number of events, by stream.
        """
        parts = {stream: read_part(self._connection.db, stream) for stream in moved}
        return {stream for stream, part in parts.items() if (0 if part is None else part.events) < moved[stream]}

    def _save_checkpoint(self, numbered: Numbered, position: int) -> None:
        """Store how far a file was folded; a live file that was collected meanwhile is left to the next catch-up."""
        if numbered.number == 0 or position or numbered.source.exists():
            self.files.save(numbered, position)

    def _rebuild(self, reason: str, progress: Progress | None, workers: int | None) -> CatchUp:
        """Rebuild the model; in memory if its file cannot be written, in a new file if it is damaged."""
        began = time.monotonic()
        try:
            result = self._refill_tables(reason, progress, workers)
        except sqlite3.DatabaseError as error:
            if is_environment_error(error):
                self._connection.switch_to_memory()
            else:
                self._connection.replace_file()
            result = self._refill_tables(_REQUESTED, progress, workers)._replace(rebuilt=reason)
        return result._replace(seconds=time.monotonic() - began)

    def _refill_tables(self, reason: str, progress: Progress | None, workers: int | None) -> CatchUp:
        """Empty the tables and fill them in one transaction, so that no process reads half of a model.

        Nothing is done if another process has rebuilt a stale model meanwhile.
        """
        with self._connection.transaction("EXCLUSIVE"):
            if reason != _REQUESTED and not self.stale_reason() and not self.is_behind():
                return CatchUp(0, 0, 0, 0.0, "")
            self._connection.recreate_tables()
            result = self._fill_tables(progress, workers)
        return result._replace(rebuilt=reason)

    def _fill_tables(self, progress: Progress | None, workers: int | None) -> CatchUp:
        """Fold all files into empty tables; the result has no duration and no reason."""
        from ..replay import fold_parallel  # noqa: PLC0415 - a question to an existing model needs no processes

        applier = Applier(self._connection.db, empty=True)
        events, done, findings = 0, 0, 0
        for numbered in self.files.present():
            number, source = numbered
            position = 0
            try:
                for stretch in fold_parallel(source, number << SOURCE_SHIFT, workers, progress):
                    applier.add(stretch.fold, stretch.nodeids, stretch.first_number)
                    applier.add_findings(stretch.findings)
                    events, findings = events + stretch.fold.events, findings + len(stretch.findings)
                    position = max(position, stretch.end)
            except FileNotFoundError:
                if number == 0:
                    raise
                continue  # collected meanwhile: its session is in the log, which is read last
            done += position
            self._save_checkpoint(numbered, position)
        self._fold_again(applier.finish())
        return CatchUp(events, done, findings, 0.0, "")

    def _fold_again(self, streams: set[str]) -> None:
        """Fold some sessions as a whole: their events are repeated or out of order, so that parts cannot be joined."""
        if not streams:
            return
        applier = Applier(self._connection.db)
        for stream, events in self._read_streams(streams).items():
            applier.forget(stream)
            lines = [events[seq] for seq in sorted(events)]
            nodes = Nodes()
            fold = fold_lines([position for position, _ in lines], [line for _, line in lines], nodes)
            applier.add(fold, list(nodes.numbers))
        applier.finish()

    def _read_streams(self, streams: set[str]) -> dict[str, dict[int, _Line]]:
        """Return the first line with each sequence number, by stream; lines in the log outrank those in other files."""
        found: dict[str, dict[int, _Line]] = {stream: {} for stream in streams}
        for numbered in self.files.present():
            here: dict[str, dict[int, _Line]] = {stream: {} for stream in streams}
            for batch in _read_file(numbered, 0):
                for position, line in zip(_positions_of(batch, numbered.number), batch.lines, strict=True):
                    envelope = parse_envelope(line)
                    if envelope is not None and envelope.stream in here:
                        here[envelope.stream].setdefault(envelope.seq, (position, line))
            for stream, events in here.items():
                found[stream].update(events)  # the log is the last file
        return found


def _read_file(numbered: Numbered, start: int) -> Iterator[Batch]:
    """Yield the batches of a file from a byte offset on; none of a live file that was collected meanwhile.

    Raises:
        FileNotFoundError: the log itself does not exist.
    """
    try:
        yield from read_batches(numbered.source, after_line(numbered.source, start), whole=True)
    except FileNotFoundError:
        if numbered.number == 0:
            raise


def _positions_of(batch: Batch, number: int) -> list[int]:
    """Return the positions of the lines of a batch in the file with a number."""
    base = number << SOURCE_SHIFT
    return [base + offset for offset in batch.offsets] if base else batch.offsets
