"""Recording and look-up of generated data; `GenerationStore` is a log that contains nothing else."""

from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any, Protocol

import msgspec

from ....eventlog.journal import Entry, Journal, JournalEvent, Transaction
from ..jsonvalues import encode
from ..templates.template import DataTemplate
from .events import GENERATION_EVENTS, DataGenerated, DataPart, TemplateDefined
from .state import GenerationState, TemplateVersion

__all__ = ["GenerationLog", "GenerationRecorder", "GenerationStore"]

_VALUES_BYTES_MAX = 128 * 1024
"""Maximum size of the JSON in one event: half a line; the rest is for names."""
_PIECE_CHARS = 48 * 1024
"""Length of a part of a long text: each character may take 4 bytes in a line of 256 KiB."""


class _Holder(Protocol):
    @property
    def generation(self) -> GenerationState: ...


class GenerationLog(Protocol):
    """A log with generated data, possibly among other events."""

    @property
    def path(self) -> Path:
        """Path of the log."""
        ...

    @property
    def position(self) -> int:
        """Position up to which it has been folded, in bytes."""
        ...

    def current(self) -> _Holder:
        """Return the current state."""
        ...

    def transact(self) -> AbstractContextManager[Transaction[Any]]:
        """Return a transaction that writes the appended events at the end of the block."""
        ...


class GenerationFold:
    """State of a log with generated data only."""

    def __init__(self) -> None:
        self.generation = GenerationState()

    def apply(self, entry: Entry) -> None:
        """Apply the next event."""
        self.generation.apply(entry)


class GenerationStore(Journal[GenerationFold]):
    """A log of templates and generated data, shared by threads and processes.

    Args:
        path: the log; it and its folder are created with the first event.
    """

    def __init__(self, path: Path | str) -> None:
        super().__init__(Path(path), GENERATION_EVENTS, GenerationFold)


class GenerationRecorder:
    """Templates and values of a generator: in a store, or only templates in memory.

    Args:
        store: the log to write to and read from.
    """

    def __init__(self, store: GenerationLog | None) -> None:
        self._store = store
        self._own = GenerationState()

    @property
    def lasting(self) -> bool:
        """True if values are recorded."""
        return self._store is not None

    def state(self) -> GenerationState:
        """Return the current state."""
        return self._own if self._store is None else self._store.current().generation

    def define(self, template: DataTemplate) -> None:
        """Store a template, unless it exists."""
        if template.id in self.state().templates:
            return
        if self._store is None:
            event = _definition(template, self._own)
            self._own.apply(Entry(0, "", 0, 0, event))
            return
        with self._store.transact() as transaction:
            state = transaction.state.generation
            if template.id not in state.templates:
                transaction.append(f"tdm/template/{template.name}", _definition(template, state))

    def find(self, record: str) -> list[bytes]:
        """Return the recorded values of a call, as JSON."""
        if self._store is None:
            return []
        found = self.state().records.get(record)
        return found.values[:] if found else []

    def save(self, head: DataGenerated, values: Sequence[bytes]) -> list[bytes]:
        """Record the values of a call, and return the valid ones: those of another process if it was faster.

        Args:
            head: description of the call; `first` is the number of the first value.
            values: JSON of each record.
        """
        if self._store is None:
            return list(values)
        with self._store.transact() as transaction:
            known = transaction.state.generation.records.get(head.record)
            there: Sequence[bytes] = known.values[head.first :] if known else []
            missing = values[len(there) :]
            events = _events(msgspec.structs.replace(head, first=head.first + len(there)), missing)
            transaction.append(f"tdm/data/{head.entity_type}", *events)
        return [*there[: len(values)], *missing]

    def template(self, reference: str) -> TemplateVersion | None:
        """Return the template with an id, else the newest with a name."""
        state = self.state()
        return state.templates.get(reference) or state.newest(reference)


def _definition(template: DataTemplate, state: GenerationState) -> TemplateDefined:
    return TemplateDefined(
        template_id=template.id,
        name=template.name,
        entity_type=template.entity_type,
        version=len(state.versions.get(template.name, ())) + 1,
        data=msgspec.Raw(encode(template.data)),
    )


def _events(head: DataGenerated, values: Sequence[bytes]) -> Iterator[JournalEvent]:
    """Yield the events for values, in as few lines as possible."""
    group: list[msgspec.Raw] = []
    size, first = 0, head.first
    for index, value in enumerate(values, head.first):
        if group and size + len(value) > _VALUES_BYTES_MAX:
            yield msgspec.structs.replace(head, first=first, values=group)
            group, size, first = [], 0, index
        if len(value) > _VALUES_BYTES_MAX:
            yield msgspec.structs.replace(head, first=index, values=[])
            yield from _parts(head.record, index, value.decode())
            first = index + 1
        else:
            group.append(msgspec.Raw(value))
            size += len(value)
    if group:
        yield msgspec.structs.replace(head, first=first, values=group)


def _parts(record: str, index: int, text: str) -> Iterator[DataPart]:
    for part, start in enumerate(range(0, len(text), _PIECE_CHARS)):
        piece = text[start : start + _PIECE_CHARS]
        yield DataPart(record=record, index=index, part=part, text=piece, last=start + _PIECE_CHARS >= len(text))
