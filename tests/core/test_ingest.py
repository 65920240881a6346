"""The decision for one session that is added to a log: every case of the table, against an oracle of its own."""

from collections.abc import Iterator
from itertools import product

import pytest
from pytest_insight.core.exchange.incoming import Incoming
from pytest_insight.core.exchange.ingest import Labels, decide
from pytest_insight.eventlog.merging.conflicts import Strategy
from pytest_insight.eventlog.times import format_time
from pytest_insight.projections.readmodel import Roster

OURS = "aa" * 16
OTHER = "bb" * 16
LABEL = "session"
CHANGES = [None, "cleared", "superseded", "restored"]


def incoming(stream: str = OURS, label: str = LABEL, started_us: int = 2) -> Incoming:
    """A session of a file."""
    return Incoming(stream, label, "s", started_us, events=1, last_seq=0, size_bytes=1, read=lambda: iter([b""]))


def labels(*, known: bool, change: str | None, purged: bool, other: bool) -> Labels:
    """The index of a log.

    Args:
        known: the stream of the session is in the log.
        change: the last event about its visibility.
        purged: it was purged.
        other: a restored session with the same label is in the log, so it is visible in any case.
    """
    streams: dict[str, tuple[str | None, int]] = {}
    changes = {}
    if known:
        streams[OURS] = (LABEL, 2)
        if change:
            changes[OURS] = (format_time(10), "0" * 32, change)
    if other:
        streams[OTHER] = (LABEL, 1)
        changes[OTHER] = (format_time(5), "1" * 32, "restored")
    return Labels(Roster(streams, changes, {OURS} if purged else set(), set()))


def is_visible(*, known: bool, change: str | None, other: bool) -> bool:
    """Whether the session is shown already, by the rule in docs/format.md."""
    if not known or change == "cleared":
        return False
    if change == "restored":
        return True
    return not other if change == "superseded" else True


def expected(*, known, change, purged, other, strategy, restore) -> tuple[str, bool, bool, tuple[str, ...], str]:
    """`(what, add, restore, supersede, shown as)`, decided by sets of facts instead of an order of rules."""
    if purged or is_visible(known=known, change=change, other=other):
        return "skipped", False, False, (), "" if purged else "?"
    if known and change == "cleared" and not restore:
        return "skipped", False, False, (), ""
    comes_back = known and change in ("cleared", "superseded")
    if not other:
        return "added", not known, comes_back, (), LABEL
    return {
        Strategy.SKIP_EXISTING: ("skipped", False, False, (), ""),
        Strategy.REPLACE_EXISTING: ("updated", not known, comes_back, (OTHER,), LABEL),
        Strategy.KEEP_BOTH: ("added", not known, True, (), f"{LABEL}~{OURS[:8]}"),
    }[strategy]


def cases() -> Iterator[dict]:
    """All combinations of facts; a stream that is not in the log has no change."""
    for known, change, purged, other, strategy, restore in product(
        (False, True), CHANGES, (False, True), (False, True), Strategy, (False, True)
    ):
        if known or change is None:
            yield {
                "known": known,
                "change": change,
                "purged": purged,
                "other": other,
                "strategy": strategy,
                "restore": restore,
            }


@pytest.mark.parametrize("case", list(cases()), ids=lambda case: " ".join(f"{k}={v}" for k, v in case.items()))
def test_every_case_of_the_table(case):
    """What becomes of the session, of the other one, and the name it is shown under."""
    log = labels(**{name: case[name] for name in ("known", "change", "purged", "other")})
    decision = decide(incoming(), log, case["strategy"], restore=case["restore"])
    what, add, restore, supersede, shown = expected(**case)
    assert (decision.what, decision.add, decision.restore, decision.supersede) == (what, add, restore, supersede)
    if shown != "?":
        assert decision.shown_as == shown
    assert decision.why


def test_only_new_lines_are_added():
    """A stream that the log has is never appended again; it comes back by an event."""
    for case in cases():
        log = labels(**{name: case[name] for name in ("known", "change", "purged", "other")})
        decision = decide(incoming(), log, case["strategy"], restore=case["restore"])
        assert not (decision.add and case["known"])
        assert decision.what != "skipped" or not (decision.add or decision.restore or decision.supersede)


def test_deciding_twice_changes_nothing():
    """Once a new session is noted, the same session is skipped."""
    log = labels(known=False, change=None, purged=False, other=False)
    assert decide(incoming(), log, Strategy.SKIP_EXISTING, restore=True).what == "added"
    log.add(incoming())
    again = decide(incoming(), log, Strategy.SKIP_EXISTING, restore=True)
    assert (again.what, again.shown_as) == ("skipped", LABEL)


def test_the_index_follows_what_is_added():
    """A session added to the index has its label there; that of another label is not touched."""
    log = labels(known=False, change=None, purged=False, other=True)
    log.add(incoming(label="new"))
    assert log.streams_of("new") == [OURS]
    assert log.streams_of(LABEL) == [OTHER]
    assert log.visible("new") == {OURS: "new"}
    assert log.changed_us(OTHER) == 5
    assert log.changed_us(OURS) == 0
