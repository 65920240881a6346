"""Spans of time and selections: what a text means, that spans divide time, and that filters commute."""

from datetime import UTC, datetime, timedelta
from itertools import permutations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pytest_insight.core.history.references import Span
from pytest_insight.core.history.selection import Candidate, Selection, is_age, matches, parse_age
from pytest_insight.core.history.windows import Window, moment_of, parse_window
from small_histories import DAY_US, HOUR_US
from small_runs import BASE_US, few

NOW = BASE_US
SECONDS = {"s": 1, "m": 60, "h": 3600, "d": 86_400, "w": 604_800}
ages = st.tuples(st.integers(0, 999), st.sampled_from("smhdw"))
times = st.integers(NOW - 30 * DAY_US, NOW + 5 * DAY_US)


def local_us(*when: int) -> int:
    """A time of this machine's zone in microseconds since the epoch."""
    return round(datetime(*when).astimezone().timestamp() * 1_000_000)


# ------------------------------------------------------------------ ages


@few
@given(ages)
def test_an_age_is_a_number_of_units(age):
    """By a table of seconds; blanks and capitals do not matter."""
    count, unit = age
    for text in (f"{count}{unit}", f" {count} {unit.upper()} "):
        assert is_age(text)
        assert parse_age(text) == timedelta(seconds=count * SECONDS[unit])


@pytest.mark.parametrize("text", ["", "d", "7", "7x", "-7d", "7d7h", "1.5d", "1234567d", "7 days"])
def test_what_is_no_age_is_an_error(text):
    """The message shows how one is written."""
    assert not is_age(text)
    with pytest.raises(ValueError, match="write 90d"):
        parse_age(text)


# ------------------------------------------------------------------ spans


@few
@given(ages, times)
def test_an_age_holds_what_started_since_then(age, started_us):
    """Up to a day ahead of now, for clocks that are fast; both ends inclusive."""
    window = parse_window(f"{age[0]}{age[1]}", NOW)
    since = NOW - age[0] * SECONDS[age[1]] * 1_000_000
    assert window.holds(started_us) == (since <= started_us <= NOW + DAY_US)


@few
@given(st.integers(0, 100), st.integers(0, 100), times)
def test_two_spans_that_meet_divide_time(older, newer, started_us):
    """A time before the middle is in the first, one from the middle on in the second, none in both."""
    if older <= newer:
        return
    first, second = parse_window(f"..{older}h", NOW), parse_window(f"{older}h..", NOW)
    assert first.holds(started_us) != second.holds(started_us)
    inner = parse_window(f"{older}h..{newer}h", NOW)
    assert inner.holds(started_us) == (second.holds(started_us) and parse_window(f"..{newer}h", NOW).holds(started_us))


@pytest.mark.parametrize(
    ("window", "held"),
    [
        (Window(5, 8), [5, 6, 7]),
        (Window(5), [5, 6, 7, 8, 9]),
        (Window(None, 5), [3, 4]),
        (Window(), [3, 4, 5, 6, 7, 8, 9]),
    ],
)
def test_a_span_has_its_first_moment_and_not_its_last(window, held):
    """An end that is missing is open."""
    assert [at for at in range(3, 10) if window.holds(at)] == held


@pytest.mark.parametrize(
    ("text", "since", "until"),
    [
        ("2026-11-20", (2026, 11, 20), (2026, 11, 21)),
        ("2026-11-20T12:30", (2026, 11, 20, 12, 30), None),
        ("2026-11-20..2026-11-21", (2026, 11, 20), (2026, 11, 22)),
        ("2026-11-20..", (2026, 11, 20), None),
        ("..2026-11-20", None, (2026, 11, 21)),
        ("2026-11-20T08:00..2026-11-20T09:00", (2026, 11, 20, 8), (2026, 11, 20, 9)),
        ("2026-11-20..2026-11-20T09:00", (2026, 11, 20), (2026, 11, 20, 9)),
        ("2026-12-31", (2026, 12, 31), (2027, 1, 1)),
        ("2028-02-29", (2028, 2, 29), (2028, 3, 1)),
        ("..", None, None),
        ("", None, None),
        (None, None, None),
    ],
)
def test_days_are_whole_and_times_are_open_to_the_end(text, since, until):
    """In the local zone; a span of days has its last day."""
    assert parse_window(text, NOW) == Window(since and local_us(*since), until and local_us(*until))


def test_a_time_with_a_zone_is_that_moment():
    """Whatever the zone of the reader is."""
    moment = datetime(2026, 11, 20, 12, tzinfo=UTC)
    assert parse_window("2026-11-20T13:00+01:00", NOW).since_us == round(moment.timestamp() * 1_000_000)


@pytest.mark.parametrize("text", ["1w..2w", "2026-11-21..2026-11-19", "7d..7d", "2026-11-20T09:00..2026-11-20T09:00"])
def test_a_span_that_ends_before_it_begins_is_an_error(text):
    """Also one without any length."""
    with pytest.raises(ValueError, match="ends before it begins"):
        parse_window(text, NOW)


@pytest.mark.parametrize("text", ["yesterday", "2026-13-01", "a..b", "7days"])
def test_what_means_nothing_is_an_error_that_shows_what_does(text):
    """With and without a lookup that knows nothing."""
    for lookup in (None, lambda _: None):
        with pytest.raises(ValueError, match="write 7d, 2026-11-01"):
            parse_window(text, NOW, lookup)


def test_a_commit_or_a_session_is_the_span_of_its_sessions():
    """From the first start to the last, both in; as the end of a span, too."""
    spans = {"abc": Span(NOW, NOW + HOUR_US, NOW + 2 * HOUR_US), "def": Span(NOW + DAY_US, NOW + DAY_US, NOW + DAY_US)}
    assert parse_window("abc", NOW, spans.get) == Window(NOW, NOW + HOUR_US + 1)
    assert parse_window("abc..def", NOW, spans.get) == Window(NOW, NOW + DAY_US + 1)
    assert parse_window("abc..", NOW, spans.get) == Window(NOW, None)
    assert moment_of("abc", spans.get) == NOW + 2 * HOUR_US


@pytest.mark.parametrize(
    ("text", "expected"), [("1024", None), ("2026-11-20", (2026, 11, 21)), ("2026-11-20T12:30", (2026, 11, 20, 12, 30))]
)
def test_an_instant_is_the_last_of_a_day_and_a_number_is_a_position(text, expected):
    """As of a day means at its end."""
    assert moment_of(text) == (local_us(*expected) if expected else None)
    with pytest.raises(ValueError, match="not a date"):
        moment_of("yesterday")


# ------------------------------------------------------------------ selections

MOMENT = datetime(2026, 11, 28, tzinfo=UTC)
MOMENT_US = round(MOMENT.timestamp() * 1_000_000)
candidates = st.lists(
    st.tuples(st.sampled_from("ab"), st.integers(0, 40), st.sampled_from(["t.py::x", "t.py::y", "u.py::C::x"])),
    max_size=8,
).map(
    lambda found: [
        Candidate(f"s{at}", sut, MOMENT_US - age * DAY_US, lambda nodeid=nodeid: [nodeid])
        for at, (sut, age, nodeid) in enumerate(found)
    ]
)
FILTERS = [Selection(sut="a"), Selection(days=20), Selection(older_than=timedelta(days=10)), Selection(pattern="*x")]


@few
@given(candidates)
def test_filters_commute(found):
    """In any order, one after the other, they pick what they pick together."""
    together = Selection("a", 20, timedelta(days=10), "*x").pick(found, MOMENT)
    for order in permutations(FILTERS):
        left = found
        for one in order:
            left = one.pick(left, MOMENT)
        assert left == together


@few
@given(candidates, st.integers(0, 30))
def test_within_some_days_and_older_than_them_divide_everything(found, days):
    """Each session is in one of the two, and the order is kept."""
    within = Selection(days=days).pick(found, MOMENT)
    older = Selection(older_than=timedelta(days=days)).pick(found, MOMENT)
    assert [one for one in found if (one in within) != (one in older)] == found


@few
@given(candidates, st.integers(0, 3))
def test_the_newest_of_each_system_are_kept(found, count):
    """What is left out are the `count` last of each, by start and then by name."""
    picked = Selection(keep_last=count).pick(found, MOMENT)
    for sut in "ab":
        newest_first = sorted((one.started_us, one.name) for one in found if one.sut == sut)[::-1]
        assert {one.name for one in picked if one.sut == sut} == {name for _, name in newest_first[count:]}


@pytest.mark.parametrize(
    ("pattern", "is_match"),
    [
        *[("run-1", True), ("run-*", True), ("run", False), ("*::test_x", True), ("test_x", True), ("test_?", True)],
        *[("x", False), ("*/t.py*", True), ("C::test_x", False), ("RUN-1", False), ("", False)],
    ],
)
def test_a_glob_fits_the_whole_name_or_a_test_or_its_last_part(pattern, is_match):
    """Case counts, and a part alone is not enough."""
    assert matches(pattern, "run-1", lambda: ["a/t.py::C::test_x"]) == is_match


def test_of_two_sessions_of_one_start_the_later_by_name_is_kept():
    """Whatever order they come in."""
    found = [Candidate(name, "a", MOMENT_US, lambda: ()) for name in ("s2", "s1")]
    for order in (found, found[::-1]):
        assert [one.name for one in Selection(keep_last=1).pick(order, MOMENT)] == ["s1"]


@pytest.mark.parametrize("wrong", [Selection(days=-1), Selection(keep_last=-1)])
def test_a_negative_number_is_an_error(wrong):
    """Before anything is picked."""
    with pytest.raises(ValueError, match="cannot be negative"):
        wrong.pick([])
    assert Selection().is_everything
    assert not Selection(days=0).is_everything
