"""Events of generated data: templates and values.

Values are recorded in addition to their seed, since another release of a library generates other values from the same
seed.
"""

import msgspec

from ....eventlog.journal import JournalEvent

__all__ = ["GENERATION_EVENTS", "DataGenerated", "DataPart", "TemplateDefined"]


class TemplateDefined(JournalEvent, frozen=True, kw_only=True, tag="template.defined"):
    """A template got a new version; stream `tdm/template/<name>`."""

    template_id: str
    """Digest of name, entity type and content."""
    name: str
    entity_type: str
    version: int
    """Number of the version under this name, from 1."""
    data: msgspec.Raw
    """The content: JSON with `${name}` in its strings."""


class DataGenerated(JournalEvent, frozen=True, kw_only=True, tag="data.generated"):
    """Records were generated for one call; stream `tdm/data/<entity type>`."""

    record: str
    """Identity of the call: 32 hex digits from seed, provider, locale, time, entity, and name of the call."""
    entity_type: str
    first: int = 0
    """Number of the first of these values among all values of the call."""
    values: list[msgspec.Raw] = msgspec.field(default_factory=list[msgspec.Raw])
    """The records in order; one that does not fit into a line follows in `data.part` events instead."""
    key: str = ""
    """The `cache_key` of the call, empty if it was named by its test or scope."""
    scope: str = ""
    """Test or scope of a call without a key, and its number there: `test:test_a.py::test_b#0`."""
    template_id: str = ""
    seed: str = ""
    as_of: str = ""
    """Time that counted as now."""
    locale: str = ""
    session: str = ""
    """Test run that generated them."""
    versions: dict[str, str] = msgspec.field(default_factory=dict[str, str])
    """Releases of provider and Python."""


class DataPart(JournalEvent, frozen=True, kw_only=True, tag="data.part"):
    """Part of the JSON text of a record that is longer than a line; in the batch of its `data.generated`."""

    record: str
    index: int
    """Number of the value, counted as in `first`."""
    part: int
    """Number of the part, from 0, so that a missing part is noticed."""
    text: str
    last: bool = False
    """True for the last part."""


GENERATION_EVENTS: tuple[type[JournalEvent], ...] = (TemplateDefined, DataGenerated, DataPart)
"""Event types of generated data."""
