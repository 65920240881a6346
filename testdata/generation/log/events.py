"""What the generation of data leaves in the log: templates as they were defined, and values as they were made.

Values are recorded, not only the seed they came from: another release of a library makes other values of the same
seed, and an old session must stay what it was.
"""

import msgspec

from ....eventlog.journal import JournalEvent

__all__ = ["GENERATION_EVENTS", "DataGenerated", "DataPart", "TemplateDefined"]


class TemplateDefined(JournalEvent, frozen=True, kw_only=True, tag="template.defined"):
    """A template got a new version; stream `tdm/template/<name>`."""

    template_id: str
    """Follows from name, entity type and content."""
    name: str
    entity_type: str
    version: int
    """Number of the version under this name, from 1."""
    data: msgspec.Raw
    """The content: JSON with `${name}` in its strings."""


class DataGenerated(JournalEvent, frozen=True, kw_only=True, tag="data.generated"):
    """Records were made for one call; stream `tdm/data/<entity type>`."""

    record: str
    """32 hex digits that say for which call: of the seed, provider, locale, time, entity, and name of the call."""
    entity_type: str
    first: int = 0
    """Number of the first of these values among all that were ever made for the call."""
    values: list[msgspec.Raw] = msgspec.field(default_factory=list[msgspec.Raw])
    """The records in order; one that does not fit into a line follows in `data.part` events instead."""
    key: str = ""
    """The `cache_key` of the call, empty if it was named by its test or scope."""
    scope: str = ""
    """The test or scope of a call without a key, and its number there: `test:test_a.py::test_b#0`."""
    template_id: str = ""
    seed: str = ""
    as_of: str = ""
    """The time that was taken for now."""
    locale: str = ""
    session: str = ""
    """The test run that made them."""
    versions: dict[str, str] = msgspec.field(default_factory=dict[str, str])
    """Releases of what they were made with: provider and python."""


class DataPart(JournalEvent, frozen=True, kw_only=True, tag="data.part"):
    """A piece of the JSON text of a record that is longer than a line; in the batch of its `data.generated`."""

    record: str
    index: int
    """Number of the value, as `first` counts."""
    part: int
    """Number of the piece, from 0: one that is missing must not go unnoticed."""
    text: str
    last: bool = False
    """Whether the text is complete with this piece."""


GENERATION_EVENTS: tuple[type[JournalEvent], ...] = (TemplateDefined, DataGenerated, DataPart)
"""The types of event that a journal needs to know to hold what the generator records."""
