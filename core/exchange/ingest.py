"""Add sessions of elsewhere to a log: what is decided for each, and how its lines get there.

The decisions are one pure function, `decide`. They are taken under the lock of the log, in batches, with what is in the
log then; so processes that save, import, clear and merge at once come to what they would have come to in turn.
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
    """What becomes of one session."""

    what: What
    why: str
    add: bool = False
    """Its lines are to be added."""
    restore: bool = False
    supersede: tuple[str, ...] = ()
    """Streams that give way to it."""
    shown_as: str = ""
    """The name under which it will be found."""


class IngestResult(NamedTuple):
    """What became of one session."""

    incoming: Incoming
    decision: Decision


class Labels:
    """Who bears which label in a log, and what was said about whom; kept up while sessions are added."""

    def __init__(self, roster: Roster) -> None:
        self.started = {stream: started for stream, (_, started) in roster.streams.items()}
        self.label_of = {stream: label for stream, (label, _) in roster.streams.items()}
        self.changes = dict(roster.changes)
        self._said = roster.changes
        self.buried = roster.buried
        self.buried_lines = roster.buried_lines
        self._bearers: dict[str, list[str]] = {}
        for stream, label in self.label_of.items():
            if label is not None and stream not in self.buried:
                self._bearers.setdefault(label, []).append(stream)

    def visible(self, label: str) -> dict[str, str]:
        """Return the visible streams of a label with their names."""
        bearers = self._bearers.get(label, ())
        sessions = [Labelled(stream, self.started[stream], self.changes.get(stream)) for stream in bearers]
        return visible_names(label, sessions)

    def bearers(self, label: str) -> list[str]:
        """Return all streams of a label."""
        return list(self._bearers.get(label, ()))

    def add(self, incoming: Incoming) -> None:
        """Note a session that is added."""
        if incoming.stream not in self.label_of:
            self._bearers.setdefault(incoming.label, []).append(incoming.stream)
        self.label_of[incoming.stream] = incoming.label
        self.started.setdefault(incoming.stream, incoming.started_us)

    def said_us(self, stream: str) -> int:
        """Return the time of the last that was said about a stream before we came; 0 if nothing was."""
        change = self._said.get(stream)
        return parse_time(change[0]) if change else 0


def decide(  # noqa: PLR0911 - one return a rule
    incoming: Incoming, labels: Labels, strategy: Strategy, *, restore: bool
) -> Decision:
    """Decide what becomes of a session.

    Args:
        incoming: the session.
        labels: what is in the log.
        strategy: what becomes of it where another session bears its label.
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
    return Decision("added", f"it is kept beside {label}", add=not known, restore=True, shown_as=name)


def ingest(
    store: SessionStore,
    sessions: Iterable[Incoming],
    strategy: Strategy,
    *,
    restore: bool,
    dry_run: bool = False,
) -> Iterator[IngestResult]:
    """Add sessions to a log, and yield what became of each.

    A session that the log has in part gets the rest. Doing it again changes nothing.

    Args:
        store: where to.
        sessions: what to add; those of the same file may bear the same label.
        strategy: what becomes of sessions whose label another bears.
        restore: whether sessions that were cleared come back.
        dry_run: only decide.

    Raises:
        EventLogError, OSError: the log cannot be written; what was yielded is in it.
    """
    if dry_run:
        labels = _labels(store)
        for incoming in sessions:
            known = _identified(store, incoming, labels, strategy)
            yield _decided(known, labels, strategy, restore=restore, said=[])
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
    said: list[Event] = []
    done: list[IngestResult] = []
    for incoming in batch:
        incoming = _identified(store, incoming, labels, strategy)  # noqa: PLW2901 - the same session, better known
        outcome = _decided(incoming, labels, strategy, restore=restore, said=said)
        if outcome.decision.add:
            for piece in incoming.read():
                append(_without_buried(piece, labels.buried_lines))
        elif incoming.stream in labels.label_of and _mend(store, incoming, labels, append):
            outcome = outcome._replace(decision=_mended(outcome.decision))
        done.append(outcome)
    if said:
        append(_statements(said, labels))
    return done


def _identified(store: SessionStore, incoming: Incoming, labels: Labels, strategy: Strategy) -> Incoming:
    """Return a document's session as the one in the log that has the same content, if there is one of its label.

    A session that was recorded and exported as a document has another stream than its document has; one that is kept
    beside others of its label is exported under its name with a suffix.
    """
    if not incoming.document or incoming.stream in labels.label_of:
        return incoming
    if strategy is Strategy.SKIP_EXISTING and labels.visible(incoming.label):
        return incoming  # it will not be added in any case
    base, _, digits = incoming.label.rpartition("~")
    suffixed = [stream for stream in labels.bearers(base) if digits and stream.startswith(digits)]
    for stream in (*labels.bearers(incoming.label), *suffixed):
        if store.has_content(stream, incoming.label, incoming.stream):
            label = labels.label_of[stream] or incoming.label
            return replace(incoming, stream=stream, label=label, events=0, last_seq=-1)
    return incoming


def _decided(
    incoming: Incoming, labels: Labels, strategy: Strategy, *, restore: bool, said: list[Event]
) -> IngestResult:
    decision = decide(incoming, labels, strategy, restore=restore)
    if decision.what != "skipped":
        labels.add(incoming)
        for stream in decision.supersede:
            said.append(SessionSuperseded(target=stream, by=incoming.stream, reason=strategy.value))
            labels.changes[stream] = (_AFTER_ALL, f"{len(said):032d}", "superseded")
        if decision.restore:
            said.append(SessionRestored(target=incoming.stream, reason="import"))
            labels.changes[incoming.stream] = (_AFTER_ALL, f"{len(said):032d}", "restored")
    return IngestResult(incoming, decision)


_AFTER_ALL = format_time(1 << 62)
"""Until its statement has a time, what is decided in a batch counts as later than all that was said before."""


def _statements(said: list[Event], labels: Labels) -> bytes:
    """Lines of statements; of several about one session only the last is said, as all have the same time."""
    last: dict[str, Event] = {getattr(event, "target", ""): event for event in said}
    return statement_lines(last.values(), max(map(labels.said_us, last)))


def _mended(decision: Decision) -> Decision:
    if decision.what != "skipped":
        return decision
    return decision._replace(what="updated", why="events that were missing here were added")


def _mend(store: SessionStore, incoming: Incoming, labels: Labels, append: Append) -> bool:
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
