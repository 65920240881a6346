"""Add sessions to a log: the decision for each of them, and appending its lines.

The decision is one pure function, `decide`. It runs in batches under the lock of the log, with the content of the log
at that time. Processes that save, import, clear and merge at once therefore get the same result as one after another.
"""

from collections.abc import Iterable, Iterator
from dataclasses import replace
from typing import Literal, NamedTuple

from ...eventlog.codec import line_digest
from ...eventlog.events import Event, SessionRestored, SessionSuperseded
from ...eventlog.merging.conflicts import Strategy
from ...eventlog.reader import Record, read_records
from ...eventlog.targets.log_targets import Append, statement_lines
from ...eventlog.times import format_time, parse_time
from ...projections.readmodel import ReadModel, Roster
from ...projections.rules import Labelled, visible_names
from .incoming import Incoming
from .store import SessionStore

BATCH_BYTES = 4 << 20
BATCH_SESSIONS = 500

What = Literal["added", "updated", "skipped"]


class Decision(NamedTuple):
    """Decision for one session."""

    what: What
    why: str
    add: bool = False
    """Whether its lines are added."""
    restore: bool = False
    supersede: tuple[str, ...] = ()
    """Streams that it supersedes."""
    shown_as: str = ""
    """Name under which it is shown."""


class IngestResult(NamedTuple):
    """A session with the decision for it."""

    incoming: Incoming
    decision: Decision


class Labels:
    """Index of session ids and visibility events in a log; updated while sessions are added."""

    def __init__(self, roster: Roster) -> None:
        self.started = {stream: started for stream, (_, started) in roster.streams.items()}
        self.label_of = {stream: label for stream, (label, _) in roster.streams.items()}
        self.changes = dict(roster.changes)
        self._changes_before = roster.changes
        self.buried = roster.buried
        self.buried_lines = roster.buried_lines
        self._streams: dict[str, list[str]] = {}
        for stream, label in self.label_of.items():
            if label is not None and stream not in self.buried:
                self._streams.setdefault(label, []).append(stream)

    def visible(self, label: str) -> dict[str, str]:
        """Return the visible streams of a label with their names."""
        streams = self._streams.get(label, ())
        sessions = [Labelled(stream, self.started[stream], self.changes.get(stream)) for stream in streams]
        return visible_names(label, sessions)

    def streams_of(self, label: str) -> list[str]:
        """Return all streams with a label."""
        return list(self._streams.get(label, ()))

    def add(self, incoming: Incoming) -> None:
        """Record a session that is added."""
        if incoming.stream not in self.label_of:
            self._streams.setdefault(incoming.label, []).append(incoming.stream)
        self.label_of[incoming.stream] = incoming.label
        self.started.setdefault(incoming.stream, incoming.started_us)

    def changed_us(self, stream: str) -> int:
        """Return the time of the latest visibility event of a stream before this import, in microseconds; 0 if none."""
        change = self._changes_before.get(stream)
        return parse_time(change[0]) if change else 0


def decide(  # noqa: PLR0911 - one return a rule
    incoming: Incoming, labels: Labels, strategy: Strategy, *, restore: bool
) -> Decision:
    """Return the decision for a session.

    | in the log | strategy | decision |
    |---|---|---|
    | purged | any | skipped |
    | visible | any | skipped |
    | cleared, without `restore` | any | skipped |
    | no other visible session with its label | any | added |
    | another one | `skip_existing` | skipped |
    | another one | `replace_existing` | updated; the other is superseded |
    | another one | `keep_both` | added, shown as `<label>~<8 digits>` |

    Args:
        incoming: the session.
        labels: sessions and visibility events of the log.
        strategy: treatment of a session whose label another visible session has.
        restore: whether a session that was cleared comes back (an explicit import), or stays cleared (a merge).
    """
    stream, label = incoming.stream, incoming.label
    if stream in labels.buried:
        return Decision("skipped", "it was purged here")
    visible = labels.visible(label)
    if stream in visible:
        return Decision("skipped", "it is here already", shown_as=visible[stream])
    known = stream in labels.label_of
    change = labels.changes.get(stream)
    if known and change is not None and change[2] == "cleared" and not restore:
        return Decision("skipped", "it was cleared here")
    back = known and change is not None and change[2] != "restored"
    others = tuple(visible)
    if not others:
        why = "it had been cleared" if back else "it is new"
        return Decision("added", why, add=not known, restore=back, shown_as=label)
    if strategy is Strategy.SKIP_EXISTING:
        return Decision("skipped", f"another session is called {label}")
    if strategy is Strategy.REPLACE_EXISTING:
        why = f"it replaces the session that was called {label}"
        return Decision("updated", why, add=not known, restore=back, supersede=others, shown_as=label)
    name = f"{label}~{stream[:8]}"
    return Decision("added", f"it is kept next to {label}", add=not known, restore=True, shown_as=name)


def ingest(
    store: SessionStore,
    sessions: Iterable[Incoming],
    strategy: Strategy,
    *,
    restore: bool,
    dry_run: bool = False,
) -> Iterator[IngestResult]:
    """Add sessions to a log, and yield the result for each.

    If the log has a part of a session, the other events are added. Repeating the call changes nothing.

    Args:
        store: the log.
        sessions: the sessions to add; several may have the same label.
        strategy: treatment of sessions whose label another session has.
        restore: whether sessions that were cleared come back.
        dry_run: only yield the decisions.

    Raises:
        EventLogError, OSError: the log cannot be written; the sessions yielded before are in it.
    """
    if dry_run:
        labels = _labels(store)
        for incoming in sessions:
            known = _match_stored(store, incoming, labels, strategy)
            yield _decide_and_note(known, labels, strategy, restore=restore, new_events=[])
        return
    for batch in _batches(sessions):
        with store.target.locked() as append:
            done = _add_batch(store, batch, strategy, append, restore=restore)
        yield from done


def _labels(store: SessionStore) -> Labels:
    with store.model() as model:
        return Labels(model.roster())


def _add_batch(
    store: SessionStore, batch: list[Incoming], strategy: Strategy, append: Append, *, restore: bool
) -> list[IngestResult]:
    labels = _labels(store)
    new_events: list[Event] = []
    done: list[IngestResult] = []
    for incoming in batch:
        incoming = _match_stored(store, incoming, labels, strategy)  # noqa: PLW2901 - the same session, better known
        outcome = _decide_and_note(incoming, labels, strategy, restore=restore, new_events=new_events)
        if outcome.decision.add:
            for piece in incoming.read():
                append(_without_buried(piece, labels.buried_lines))
        elif incoming.stream in labels.label_of and _add_missing(store, incoming, labels, append):
            outcome = outcome._replace(decision=_mark_completed(outcome.decision))
        done.append(outcome)
    if new_events:
        append(_visibility_lines(new_events, labels))
    return done


def _match_stored(store: SessionStore, incoming: Incoming, labels: Labels, strategy: Strategy) -> Incoming:
    """Return a document's session as the one in the log that has the same content, if there is one of its label.

    A session that was recorded and exported as a document has another stream than its document. One that is kept next
    to others with its label is exported under its name with a suffix.
    """
    if not incoming.document or incoming.stream in labels.label_of:
        return incoming
    if strategy is Strategy.SKIP_EXISTING and labels.visible(incoming.label):
        return incoming  # it will not be added in any case
    base, _, digits = incoming.label.rpartition("~")
    suffixed = [stream for stream in labels.streams_of(base) if digits and stream.startswith(digits)]
    for stream in (*labels.streams_of(incoming.label), *suffixed):
        if store.has_content(stream, incoming.label, incoming.stream):
            label = labels.label_of[stream] or incoming.label
            return replace(incoming, stream=stream, label=label, events=0, last_seq=-1)
    return incoming


def _decide_and_note(
    incoming: Incoming, labels: Labels, strategy: Strategy, *, restore: bool, new_events: list[Event]
) -> IngestResult:
    decision = decide(incoming, labels, strategy, restore=restore)
    if decision.what != "skipped":
        labels.add(incoming)
        for stream in decision.supersede:
            new_events.append(SessionSuperseded(target=stream, by=incoming.stream, reason=strategy.value))
            labels.changes[stream] = (_AFTER_ALL, f"{len(new_events):032d}", "superseded")
        if decision.restore:
            new_events.append(SessionRestored(target=incoming.stream, reason="import"))
            labels.changes[incoming.stream] = (_AFTER_ALL, f"{len(new_events):032d}", "restored")
    return IngestResult(incoming, decision)


_AFTER_ALL = format_time(1 << 62)
"""Time of the decisions of a batch until their events are written: later than all events of the log."""


def _visibility_lines(new_events: list[Event], labels: Labels) -> bytes:
    """Return the lines of visibility events; only the last about each session, as all have the same time."""
    last: dict[str, Event] = {getattr(event, "target", ""): event for event in new_events}
    return statement_lines(last.values(), max(map(labels.changed_us, last)))


def _mark_completed(decision: Decision) -> Decision:
    if decision.what != "skipped":
        return decision
    return decision._replace(what="updated", why="events that were missing here were added")


def _add_missing(store: SessionStore, incoming: Incoming, labels: Labels, append: Append) -> bool:
    """Add the events of a session that the log lacks, if it has only a part of it."""
    with store.model() as model:
        part = model.part_of(incoming.stream)
        if part is not None and part.events >= incoming.events and part.last_seq >= incoming.last_seq:
            return False
        known = _known_lines(model, incoming.stream)
    missing = [
        line
        for piece in incoming.read()
        for line in piece.split(b"\n")
        if line and line_digest(line) not in known and line_digest(line) not in labels.buried_lines
    ]
    if missing:
        append(b"\n".join(missing) + b"\n")
    return bool(missing)


def _known_lines(model: ReadModel, stream: str) -> set[str]:
    if not model.log.exists():
        return set()
    return {record.digest for record in read_records(model.log, stream=stream) if isinstance(record, Record)}


def _without_buried(piece: bytes, buried: set[str]) -> bytes:
    if not buried:
        return piece
    return b"".join(line + b"\n" for line in piece.split(b"\n") if line and line_digest(line) not in buried)


def _batches(sessions: Iterable[Incoming]) -> Iterator[list[Incoming]]:
    batch: list[Incoming] = []
    size = 0
    for incoming in sessions:
        batch.append(incoming)
        size += incoming.size_bytes
        if size >= BATCH_BYTES or len(batch) >= BATCH_SESSIONS:
            yield batch
            batch, size = [], 0
    if batch:
        yield batch
