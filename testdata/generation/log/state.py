"""State of generated data: templates, values by call, and used keys."""

from dataclasses import dataclass, field
from typing import NamedTuple

from ....eventlog.journal import Entry
from ..jsonvalues import decode
from ..templates.template import DataTemplate
from .events import DataGenerated, DataPart, TemplateDefined

__all__ = ["CallRecord", "GenerationState", "TemplateVersion", "UsedKey"]


class TemplateVersion(NamedTuple):
    """A template, its version number and its position."""

    template: DataTemplate
    version: int
    position: int


class UsedKey(NamedTuple):
    """A key that data was generated for."""

    entity_type: str
    key: str


@dataclass
class CallRecord:
    """Values of one call."""

    event: DataGenerated
    """First event of the call."""
    position: int
    values: list[bytes] = field(default_factory=list[bytes])
    """JSON of each record so far, in order."""


class GenerationState:
    """State of the recorded events. A pure fold: an event that does not continue the state is skipped, without an
    error.
    """

    def __init__(self) -> None:
        self.templates: dict[str, TemplateVersion] = {}
        """By template id."""
        self.versions: dict[str, list[str]] = {}
        """Template ids by name, oldest first."""
        self.records: dict[str, CallRecord] = {}
        """Values by the `record` of the events."""
        self.keys: dict[UsedKey, int] = {}
        """Maximum number of records for each key; the key used last is last."""
        self._pieces: dict[str, list[str]] = {}

    def apply(self, entry: Entry) -> None:
        """Apply the next event; other event types are skipped."""
        match entry.event:
            case TemplateDefined() as event:
                self._define(event, entry.position)
            case DataGenerated() as event:
                self._generate(event, entry.position)
            case DataPart() as event:
                self._piece(event)
            case _:
                pass

    def newest(self, name: str) -> TemplateVersion | None:
        """Return the newest version of a template by its name."""
        ids = self.versions.get(name)
        return self.templates[ids[-1]] if ids else None

    def _define(self, event: TemplateDefined, position: int) -> None:
        if event.template_id in self.templates:
            return
        template = DataTemplate(
            id=event.template_id, name=event.name, entity_type=event.entity_type, data=decode(event.data)
        )
        self.templates[template.id] = TemplateVersion(template, event.version, position)
        self.versions.setdefault(template.name, []).append(template.id)

    def _generate(self, event: DataGenerated, position: int) -> None:
        record = self.records.setdefault(event.record, CallRecord(event, position))
        if event.first == len(record.values):
            record.values += [bytes(value) for value in event.values]
            self._use(record, event)

    def _piece(self, event: DataPart) -> None:
        record = self.records.get(event.record)
        if record is None or event.index != len(record.values):
            return
        pieces = self._pieces.setdefault(event.record, [])
        if event.part == 0:
            pieces.clear()
        if event.part != len(pieces):
            return
        pieces.append(event.text)
        if event.last:
            record.values.append("".join(self._pieces.pop(event.record)).encode())
            self._use(record, record.event)

    def _use(self, record: CallRecord, event: DataGenerated) -> None:
        if event.key:
            used = UsedKey(event.entity_type, event.key)
            self.keys[used] = max(self.keys.pop(used, 0), len(record.values))
