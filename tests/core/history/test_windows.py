"""Spans of time and selections of sessions as people write them: calendars and slow filters as second opinions."""

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pytest_insight.core.history.references import Span
from pytest_insight.core.history.selection import Candidate, Selection, is_age, matches, parse_age
from pytest_insight.core.history.windows import Window, moment_of, parse_window

NOW = datetime(2026, 11, 20, 12, tzinfo=UTC)
NOW_US = int(NOW.timestamp()) * 1_000_000
DAY_US = 86_400_000_000
moments = st.integers(0, 100)
ends = st.none() | moments


def us(*when):
    """Return a local time in microseconds since the epoch, by the calendar of the standard library."""
    return round(datetime(*when).astimezone().timestamp() * 1_000_000)


def lookup(text):
    """Know one commit with sessions from 100 to 200, done at 250, and one session at 300."""
    return {"abc123": Span(100, 200, 250), "s-1": Span(300, 300, 350)}.get(text)


# ------------------------------------------------------------------ windows


@given(ends, ends, ends, moments)
def test_windows_that_meet_divide_all_moments(first, middle, last, moment):
    """The end of one is the beginning of the next, and belongs to the next only."""
    before, behind, whole = Window(first, middle), Window(middle, last), Window(first, last)
    expected = (first is None or first <= moment) and (last is None or moment < last)
    assert whole.holds(moment) is expected
    if middle is not None and (first is None or first <= middle) and (last is None or middle <= last):
        assert [before.holds(moment), behind.holds(moment)].count(True) == int(expected)


@pytest.mark.parametrize(
    ("text", "since", "until"),
    [
        ("", None, None),
        (None, None, None),
        ("7d", NOW_US - 7 * DAY_US, NOW_US + DAY_US + 1),
        ("24h", NOW_US - DAY_US, NOW_US + DAY_US + 1),
        ("2W", NOW_US - 14 * DAY_US, NOW_US + DAY_US + 1),
        ("2w..1w", NOW_US - 14 * DAY_US, NOW_US - 7 * DAY_US),
        ("2w..", NOW_US - 14 * DAY_US, None),
        ("..1w", None, NOW_US - 7 * DAY_US),
        ("..", None, None),
        ("2026-11-01", us(2026, 11, 1), us(2026, 11, 2)),
        ("2026-11-01..2026-11-03", us(2026, 11, 1), us(2026, 11, 4)),
        ("2026-11-01..", us(2026, 11, 1), None),
        ("2026-11-01T12:30", us(2026, 11, 1, 12, 30), None),
        ("2026-11-01T12:30..2026-11-01T13:00", us(2026, 11, 1, 12, 30), us(2026, 11, 1, 13)),
        ("2026-11-01T12:30+00:00", round(datetime(2026, 11, 1, 12, 30, tzinfo=UTC).timestamp() * 1e6), None),
        ("abc123", 100, 201),
        ("abc123..s-1", 100, 301),
        ("s-1..", 300, None),
        ("..abc123", None, 201),
    ],
)
def test_a_text_is_the_span_that_is_documented(text, since, until):
    """A day ends with it, an age is counted back from now, a commit reaches from its first session to its last."""
    assert parse_window(text, NOW_US, lookup) == (since, until)


@pytest.mark.parametrize("text", ["yesterday", "7", "d", "2026-13-01", "abc1234", "7d..nonsense", "nonsense..7d"])
def test_a_text_that_is_no_span_is_refused_with_examples(text):
    """The message names the part that is wrong."""
    with pytest.raises(ValueError, match="write 7d, 2026-11-01"):
        parse_window(text, NOW_US, lookup)


@pytest.mark.parametrize("text", ["1w..2w", "2026-11-03..2026-11-01", "s-1..abc123", "1h..1h"])
def test_a_span_that_ends_before_it_begins_is_refused(text):
    """Also one that ends where it begins: no moment is within."""
    with pytest.raises(ValueError, match="ends before it begins"):
        parse_window(text, NOW_US, lookup)


def test_without_a_lookup_commits_are_not_understood():
    """A log that is not open knows none."""
    with pytest.raises(ValueError, match="abc123"):
        parse_window("abc123", NOW_US)


@pytest.mark.parametrize(
    ("zone", "day", "hours"),
    [("Europe/Berlin", "2026-03-29", 23), ("Europe/Berlin", "2026-10-25", 25), ("UTC", "2026-03-29", 24)],
)
def test_a_day_is_as_long_as_the_clocks_of_its_zone_make_it(zone, day, hours, monkeypatch):
    """23 or 25 hours where summer time begins or ends."""
    import time

    monkeypatch.setenv("TZ", zone)
    time.tzset()
    try:
        since, until = parse_window(day, NOW_US)
        assert (until - since) / 3_600_000_000 == hours
        assert moment_of(day) == until
    finally:
        monkeypatch.undo()
        time.tzset()


def test_the_moment_of_a_text_is_the_end_of_what_it_means():
    """Of a commit the last recorded event; digits alone are a position in the log."""
    assert moment_of("12345") is None
    assert moment_of("2026-11-01T12:30") == us(2026, 11, 1, 12, 30)
    assert moment_of("abc123", lookup) == 250
    before = datetime.now(UTC).timestamp() * 1_000_000
    assert 0 <= moment_of("1h") - (before - 3_600_000_000) < 60_000_000
    with pytest.raises(ValueError, match="nonsense"):
        moment_of("nonsense", lookup)


# ------------------------------------------------------------------ ages


@pytest.mark.parametrize(
    ("text", "age"),
    [
        ("10s", timedelta(seconds=10)),
        ("30m", timedelta(minutes=30)),
        ("24h", timedelta(days=1)),
        ("90d", timedelta(days=90)),
        ("2w", timedelta(days=14)),
        (" 2 W ", timedelta(days=14)),
        ("0d", timedelta(0)),
        ("999999d", timedelta(days=999999)),
    ],
)
def test_an_age_is_a_number_and_a_unit(text, age):
    """In any case, with spaces around."""
    assert is_age(text)
    assert parse_age(text) == age


@pytest.mark.parametrize("text", ["", "d", "7", "-7d", "7.5d", "7 days", "7y", "1000000d", "7d7h"])
def test_another_text_is_no_age(text):
    """The message shows how one is written."""
    assert not is_age(text)
    with pytest.raises(ValueError, match="write 90d"):
        parse_age(text)


# ------------------------------------------------------------------ selections

candidates = st.lists(
    st.builds(
        Candidate,
        name=st.sampled_from(["nightly-1", "nightly-2", "ci"]),
        sut=st.sampled_from(["shop", "pay"]),
        started_us=st.integers(0, 20).map(lambda days: NOW_US - days * DAY_US),
        nodeids=st.sampled_from([(), ("t.py::test_a",), ("u.py::T::test_b[x]",)]).map(lambda ids: lambda: ids),
    ),
    max_size=8,
    unique_by=lambda one: (one.name, one.sut, one.started_us),
)
selections = st.builds(
    Selection,
    sut=st.none() | st.sampled_from(["shop", "none"]),
    days=st.none() | st.integers(0, 20),
    older_than=st.none() | st.integers(0, 20).map(lambda days: timedelta(days=days)),
    pattern=st.none() | st.sampled_from(["nightly-*", "test_?", "*::T::*", "ci"]),
    keep_last=st.none() | st.integers(0, 3),
)


@given(candidates, selections)
def test_all_filters_are_combined_and_each_alone_is_a_plain_condition(everyone, selection):
    """What is kept is what every filter alone keeps, in the order in which it was given."""
    alone = [Selection(**{name: value}) for name, value in vars(selection).items() if value is not None]
    found = selection.pick(everyone, NOW)
    assert found == [one for one in everyone if all(one in each.pick(everyone, NOW) for each in alone)]
    assert selection.is_everything is (not alone)
    for one in everyone:
        age = timedelta(microseconds=NOW_US - one.started_us)
        newer = sum(other.sut == one.sut and other[2::-2] > one[2::-2] for other in everyone)
        conditions = [
            selection.sut in (None, one.sut),
            selection.days is None or age <= timedelta(days=selection.days),
            selection.older_than is None or age > selection.older_than,
            selection.pattern is None or matches(selection.pattern, one.name, one.nodeids),
            not selection.keep_last or newer >= selection.keep_last,
        ]
        assert (one in found) is all(conditions)


@pytest.mark.parametrize(("more_us", "is_within"), [(-1, True), (0, True), (1, False)])
def test_a_session_is_within_an_age_or_older_and_never_both(more_us, is_within):
    """Exactly so old is within; a microsecond more is older."""
    one = Candidate("s", "shop", NOW_US - 7 * DAY_US - more_us, lambda: ())
    assert bool(Selection(days=7).pick([one], NOW)) is is_within
    assert bool(Selection(older_than=timedelta(days=7)).pick([one], NOW)) is not is_within


@pytest.mark.parametrize(
    ("pattern", "fits"),
    [
        ("nightly-1", True),
        ("nightly-?", True),
        ("nightly", False),
        ("test_x", True),
        ("t.py::T::test_x", True),
        ("t.py", False),
        ("T::test_x", False),
        ("*T::test_x", True),
        ("test_[wxy]", True),
        ("TEST_X", False),
    ],
)
def test_a_glob_fits_a_name_or_the_whole_or_the_last_part_of_a_node_id(pattern, fits):
    """Never a part of a word, and in the same case."""
    assert matches(pattern, "nightly-1", lambda: ["t.py::T::test_x"]) is fits


@pytest.mark.parametrize("selection", [Selection(days=-1), Selection(keep_last=-1)])
def test_negative_numbers_are_refused(selection):
    """They would select something that nobody meant."""
    with pytest.raises(ValueError, match="negative"):
        selection.pick([], NOW)
