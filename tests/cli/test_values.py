"""Single values as text, and texts that fit a width."""

import pytest
from pytest_insight.cli.formatters.drawings import bar, spark
from pytest_insight.cli.formatters.values import age_text, counted, duration_text, percent, size_text
from pytest_insight.cli.terminal.layout import elided, shortened, wrapped

SECOND, MINUTE, HOUR, DAY = 1_000_000, 60_000_000, 3_600_000_000, 86_400_000_000


@pytest.mark.parametrize(
    ("duration_us", "text"),
    [
        (0, "0.0 ms"),
        (999, "1.0 ms"),
        (1000, "1 ms"),
        (SECOND, "1.0 s"),
        (MINUTE, "1 min 00 s"),
        (307 * SECOND, "5 min 07 s"),
        (HOUR, "1 h 00 min"),
        (HOUR + 59 * MINUTE, "1 h 59 min"),
        (1000 * HOUR, "1000 h 00 min"),
    ],
)
def test_a_duration_has_the_two_units_that_matter(duration_us, text):
    """At each change of units, at zero, and for a huge value."""
    assert duration_text(duration_us) == text


@pytest.mark.parametrize(
    ("size", "text"),
    [(0, "0 B"), (999, "999 B"), (1000, "1.0 kB"), (10**6, "1.0 MB"), (10**9, "1.0 GB"), (10**12, "1000.0 GB")],
)
def test_a_size_has_decimal_units(size, text):
    """At each change of units."""
    assert size_text(size) == text


@pytest.mark.parametrize(
    ("age_us", "text"),
    [
        (0, "just now"),
        (-5 * SECOND, "just now"),
        (-2 * DAY, "in the future"),
        (MINUTE, "1 min ago"),
        (HOUR, "1 h ago"),
        (47 * HOUR, "47 h ago"),
        (2 * DAY, "2 d ago"),
        (59 * DAY, "59 d ago"),
    ],
)
def test_an_age_is_rounded_down(age_us, text):
    """At each change of units, and for a clock that is ahead."""
    now_us = 1_800_000_000 * SECOND
    assert age_text(now_us - age_us, now_us) == text


@pytest.mark.parametrize("share", [1e-9, 0.5, 1 - 1e-9])
def test_a_share_between_none_and_all_has_a_digit_behind_the_point(share):
    """So that it is told from none and all by its form."""
    assert "." in percent(share)
    assert (percent(0), percent(1)) == ("0 %", "100 %")


def test_one_is_singular():
    """Other numbers, also none, are plural."""
    assert [counted(count, "run") for count in (0, 1, 2)] == ["0 runs", "1 run", "2 runs"]


@pytest.mark.parametrize("width", [1, 2, 3, 5, 40, 80, 140])
@pytest.mark.parametrize(
    "text", ["", "a", "tests/test_a.py::test_" + "x" * 200, "測試" * 100], ids=["empty", "one", "long", "wide"]
)
def test_a_cut_text_has_at_most_the_width_and_keeps_its_beginning(text, width):
    """A text that fits is left as it is; 0 stands for any width."""
    for cut in (elided, shortened):
        assert len(cut(text, width)) <= width
        assert cut(text, 0) == text
        assert (cut(text, width) == text) == (len(text) <= width)
    if len(text) > width > 10:
        assert elided(text, width)[-5:] == text[-5:]
        assert shortened(text, width)[:5] == text[:5]


@pytest.mark.parametrize("width", [40, 80, 140])
def test_wrapped_lines_hold_all_words_in_order(width):
    """No line is wider than the screen."""
    words = [f"word-{number}" for number in range(100)]
    lines = wrapped(" ".join(words), width, "  ")
    assert " ".join(lines).split() == words
    assert max(map(len, lines)) <= width


@pytest.mark.parametrize("share", [-1.0, 0.0, 0.3, 1.0, 7.0])
def test_a_bar_has_its_width_for_any_share(share):
    """A share beyond its limits fills the bar or leaves it empty."""
    assert len(bar(share, 20)) == 20
    assert bar(share, 20).count("█") == round(20 * min(max(share, 0), 1))


def test_a_sparkline_has_a_mark_a_value():
    """The greatest has the tallest mark; zeros alone have the lowest."""
    assert spark([]) == ""
    assert spark([0, 0]) == "▁▁"
    assert spark([0, 1, 2, 4])[-1] == "█"
    assert len(spark(range(1000))) == 1000
