"""Removal of secrets from every text of an event, right before it is written.

Fields are found by their types, so a new field or event type is covered without a change here. Only the meaning of
fields is in tables: fields of node ids, dictionaries whose keys name their values, and fields without text.
"""

import re
from collections.abc import Callable, Sequence
from operator import attrgetter
from typing import Any, NamedTuple, cast

import msgspec

from ...eventlog.events import Event, TestFinished, TestStarted
from ...eventlog.writer import LogWriter
from .key import RedactionKey
from .names import is_value, name_kind
from .redactor import REPLACEMENT, Redactor

NODE_IDS = frozenset({"nodeid", "nodeids", "running"})
"""Fields of node ids: a secret in them is replaced by its digest, so that the test keeps its name."""

NOT_TEXT = frozenset({"session_id", "root", "started_at", "outcome", "phase_outcomes", "phases", "output", "truncated"})
"""Fields that the recorder itself fills, with fixed words or digits."""

NOT_BY_KEY = frozenset({"plugins", "testing_system", "writer"})
"""Dictionaries whose keys do not name their values: the value of a plugin called `pytest-token` is a version, not a
secret."""

_USER_AND_PASSWORD = re.compile(r"([^\s:]{1,100}:)(.{3,})", re.DOTALL)
_USER_OPTIONS = ("-u", "-U", "--user", "--proxy-user")
_PAIR = 2
_SHORT_CHARS = 200
_SHORT_MAX = 5000
_CLEAN_MAX = 50_000


class _TextFields(NamedTuple):
    """The text fields of an event type."""

    fields: tuple[str, ...]
    get: Callable[[Any], Any]
    """Returns the values of `fields`."""
    defaults: Any
    """Result of `get` for an event without any text."""
    ids: tuple[str, ...]
    has_nodeid: bool
    """True if `nodeid` is the only field of node ids, as in the events of each test."""


class EventRedactor:
    """Callable that returns events without secrets.

    Args:
        redact: removes secrets from texts.
        key: makes the digests in node ids; default: the key in the home.
    """

    def __init__(self, redact: Redactor, key: RedactionKey | None = None) -> None:
        self._redact = redact
        self._key = key or RedactionKey()
        self._text_fields: dict[type[Event], _TextFields] = {}
        self.clean_ids: dict[str, str] = {}
        """Node ids without secrets, by the node ids seen so far."""
        self._short: dict[tuple[str, str], str] = {}
        self._short_at = 0

    def __call__(self, event: Event) -> Event:
        """Return the event without secrets: the same object if it has none."""
        cls = type(event)
        _, get, defaults, _, has_nodeid = plan = self._text_fields.get(cls) or self._find_text_fields(cls)
        nodeid: str | None = cast("Any", event).nodeid if has_nodeid else None
        if nodeid is not None and self.clean_ids.get(nodeid) == nodeid and get(event) == defaults:
            return event  # what most events of a run are: a known name, and no text
        changes: dict[str, Any] = {}
        for field in plan.ids:
            value = getattr(event, field)
            clean = self.node_id(value) if type(value) is str else self._node_ids(value)
            if clean != value:
                changes[field] = clean
        if get(event) != defaults:
            self._clean_texts(event, plan, changes)
        return msgspec.structs.replace(event, **changes) if changes else event

    def node_id(self, nodeid: str) -> str:
        """Return a node id without secrets; the same result for the same id through the whole session."""
        clean = self.clean_ids.get(nodeid)
        if clean is None:
            if len(self.clean_ids) >= _CLEAN_MAX:
                self.clean_ids = {known: shown for known, shown in self.clean_ids.items() if known != shown}
            clean = self.clean_ids[nodeid] = self._redact.replace(nodeid, self._mark)
        return clean

    def _node_ids(self, nodeids: list[str]) -> list[str]:
        new = [nodeid for nodeid in nodeids if nodeid not in self.clean_ids]
        # Files once, as most tests share theirs; `::` is a part of no secret's notation.
        if len(new) > 1 and self._redact.are_clean({part for nodeid in new for part in nodeid.partition("::")}):
            self.clean_ids.update(zip(new, new, strict=True))
        known = self.clean_ids
        return [known.get(nodeid) or self.node_id(nodeid) for nodeid in nodeids]

    def _mark(self, secret: str) -> str:
        if secret.startswith("<redacted:"):
            return secret
        replacement = f"<redacted:{self._key.digest(secret)}>"
        self._redact.remember(secret, replacement)
        return replacement

    def _find_text_fields(self, cls: type[Event]) -> _TextFields:
        fields = [field for field in msgspec.structs.fields(cls) if field.name not in NOT_TEXT]
        ids = tuple(field.name for field in fields if field.name in NODE_IDS)
        texts = [field for field in fields if field.name not in NODE_IDS and _may_hold_text(field.type)]
        names = tuple(field.name for field in texts)
        if len(names) > 1:
            get: Callable[[Any], Any] = attrgetter(*names)
            defaults: Any = tuple(_default(field) for field in texts)
        else:
            get = attrgetter(names[0]) if names else _no_texts
            defaults = _default(texts[0]) if texts else None
        plan = self._text_fields[cls] = _TextFields(names, get, defaults, ids, ids == ("nodeid",))
        return plan

    def _clean_texts(self, event: Event, plan: _TextFields, changes: dict[str, Any]) -> None:
        known = self._redact.remembered
        self._clean_fields(event, plan, changes)
        if self._redact.remembered != known:  # found in one field, perhaps shown in one before it
            self._clean_fields(event, plan, changes)

    def _clean_fields(self, event: Event, plan: _TextFields, changes: dict[str, Any]) -> None:
        for field in plan.fields:
            value = changes.get(field, getattr(event, field))
            if value:
                clean = self._clean(value, "", by_key=field not in NOT_BY_KEY)
                if clean != value:
                    changes[field] = clean

    def _clean(self, value: Any, name: str, *, by_key: bool) -> Any:
        """Return a value of any type without secrets.

        Args:
            value: plain data.
            name: name of the value; empty if it has no name.
            by_key: whether keys of dictionaries name their values.
        """
        clean: Any = value
        if isinstance(value, str):
            clean = self._clean_text(value, name)
        elif isinstance(value, dict):
            clean = self._clean_mapping(cast("dict[str, Any]", value), name, by_key=by_key)
        elif isinstance(value, (list, tuple)):
            items = cast("list[Any] | tuple[Any, ...]", value)
            clean = type(items)(self._clean_items(items, name, by_key=by_key))
        elif isinstance(value, msgspec.Struct):
            fields = msgspec.structs.asdict(value)
            clean = type(value)(**{key: self._clean(item, "", by_key=by_key) for key, item in fields.items()})
        elif name and isinstance(value, (int, float)) and not isinstance(value, bool):
            kind = name_kind(name)
            clean = REPLACEMENT if kind and is_value(kind, str(value), plural=name[-1] in "sS") else value
        return clean

    def _clean_text(self, value: str, name: str) -> str:
        if len(value) > _SHORT_CHARS:
            return self._redact.value_of(name, value) if name else self._redact(value)
        if self._short_at != self._redact.remembered or len(self._short) > _SHORT_MAX:
            self._short.clear()
            self._short_at = self._redact.remembered
        clean = self._short.get((name, value))
        if clean is None:
            clean = self._redact.value_of(name, value) if name else self._redact(value)
            self._short[name, value] = clean
        return clean

    def _clean_mapping(self, value: dict[str, Any], name: str, *, by_key: bool) -> dict[str, Any]:
        outer = name if name_kind(name) == "strong" else ""
        label = value.get("name", value.get("key", "")) if "value" in value else ""
        result: dict[str, Any] = {}
        for key, item in value.items():
            named = label if key == "value" and isinstance(label, str) and label else key
            result[self._clean_text(key, "")] = self._clean(item, outer or (named if by_key else ""), by_key=by_key)
        return result

    def _clean_items(self, items: Sequence[Any], name: str, *, by_key: bool) -> list[Any]:
        """Return the items of a list without secrets. An option names the word after it; the first item of a pair
        names the second.
        """
        result: list[Any] = []
        before: Any = ""
        for item in items:
            before_text = before if isinstance(before, str) else ""
            user = _USER_AND_PASSWORD.fullmatch(item) if before in _USER_OPTIONS and isinstance(item, str) else None
            is_named = len(items) == _PAIR or (before_text.startswith("-") and not str(item).startswith("-"))
            inner = name or (before_text if is_named else "")
            result.append(user[1] + REPLACEMENT if user else self._clean(item, inner, by_key=by_key))
            before = item
        return result


def _no_texts(_event: Any) -> None:
    return None


def _default(field: Any) -> Any:
    if field.default is not msgspec.NODEFAULT:
        return field.default
    return field.default_factory() if field.default_factory is not msgspec.NODEFAULT else msgspec.NODEFAULT


def _may_hold_text(annotation: Any) -> bool:
    return annotation not in (int, float, bool, type(None), int | None, bool | None, float | None)


class RedactingWriter:
    """Writer that removes secrets from every event, the seal included, right before it is encoded.

    Args:
        writer: appends events to a log in a file or in memory; all other attributes are passed through.
        redact: removes secrets from texts; has the patterns of the user.
    """

    def __init__(self, writer: Any, redact: Redactor) -> None:
        self._writer = writer
        self._record: Callable[[Event], str] = writer.record
        self.redact_event = EventRedactor(redact)

    def append(self, event: Event) -> str:
        """Append an event without its secrets, and return its time; see `LogWriter.record`."""
        return self._record(self.redact_event(event))

    def append_named(self, event: TestStarted | TestFinished) -> str:
        """Append an event that has no text of its own but its node id, as `append` does: most events of a run."""
        nodeid = event.nodeid
        if self.redact_event.clean_ids.get(nodeid) == nodeid:
            return self._record(event)
        return self._record(self.redact_event(event))

    def seal(self, make: Callable[[int, str], Event]) -> Any:
        """Append the last event of the stream without its secrets; see `LogWriter.seal`."""

        def make_clean(count: int, root: str) -> Event:
            return self.redact_event(make(count, root))

        return self._writer.seal(make_clean)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._writer, name)


def open_writer(path: Any, redact: Redactor, **options: Any) -> RedactingWriter:
    """Return a writer to a file that removes secrets.

    Args:
        path: path of the log.
        redact: removes secrets from texts; has the patterns of the user.
        options: options of `LogWriter`.
    """
    return RedactingWriter(LogWriter(path, **options), redact)
