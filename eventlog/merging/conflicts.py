"""Sessions with the same label (`session_id`), and the strategies for them.

What a reader shows then is a rule (`projections.rules.visible_names`);
a strategy other than the default adds events that say so, whose bytes follow from the headers alone:

| strategy | added | shown |
|---|---|---|
| `skip_existing` | nothing | the earliest of a label |
| `replace_existing` | `session.superseded` for all but the latest | the latest |
| `keep_both` | `session.restored` for each | all, as `<label>` and `<label>~<8 digits>` |
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from enum import StrEnum

from ..codec import encode_event
from ..events import Event, SessionRestored, SessionSuperseded
from ..streams import stream_id
from .segments import Header, SegmentIndex


class Strategy(StrEnum):
    """Treatment of a session whose label another session has."""

    SKIP_EXISTING = "skip_existing"
    REPLACE_EXISTING = "replace_existing"
    KEEP_BOTH = "keep_both"


@dataclass
class LabelConflict:
    """Sessions of one label."""

    label: str
    shown: list[str]
    """Streams that the strategy shows."""
    hidden: list[str]


def live_headers(index: SegmentIndex) -> list[Header]:
    """Return the headers of all sessions that were not purged, each once."""
    buried = index.tombstones.streams
    plain = dict.fromkeys(header._replace(source=0) for header in index.headers)
    return [header for header in plain if header.stream not in buried]


def _by_label(headers: Iterable[Header]) -> dict[str, list[Header]]:
    """Return the headers of labels that several streams have, the earliest first."""
    labels: dict[str, list[Header]] = {}
    for header in headers:
        labels.setdefault(header.label, []).append(header)
    return {
        label: sorted(found, key=lambda header: (header.at, header.stream))
        for label, found in sorted(labels.items())
        if len({header.stream for header in found}) > 1
    }


def find_conflicts(headers: list[Header], strategy: Strategy) -> Iterator[LabelConflict]:
    """Yield the labels that several streams have, with the streams that the strategy shows and hides."""
    for label, found in _by_label(headers).items():
        streams = list(dict.fromkeys(header.stream for header in found))
        shown = {
            Strategy.SKIP_EXISTING: streams[:1],
            Strategy.REPLACE_EXISTING: streams[-1:],
            Strategy.KEEP_BOTH: streams,
        }[strategy]
        yield LabelConflict(label, shown, [stream for stream in streams if stream not in shown])


def strategy_lines(headers: list[Header], strategy: Strategy) -> list[bytes]:
    """Return the lines that make readers show the sessions that the strategy shows.

    They do not depend on the merge, and further inputs only add to them, so merging stays associative.
    """
    if strategy is Strategy.SKIP_EXISTING:
        return []
    lines: dict[str, bytes] = {}
    for found in _by_label(headers).values():
        marked = found[:-1] if strategy is Strategy.REPLACE_EXISTING else found
        for header in marked:
            if strategy is Strategy.REPLACE_EXISTING and header.stream == found[-1].stream:
                continue
            lines.setdefault(header.stream, _mark(header, strategy))
    return list(lines.values())


def _mark(header: Header, strategy: Strategy) -> bytes:
    event: Event
    if strategy is Strategy.REPLACE_EXISTING:
        event = SessionSuperseded(target=header.stream, reason=strategy.value)
    else:
        event = SessionRestored(target=header.stream, reason=strategy.value)
    return encode_event(event, stream=stream_id(f"{strategy.value} {header.stream}"), seq=0, at=header.at)
