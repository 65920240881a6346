"""Bars and sparklines: heights and lengths follow the values."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pytest_insight.cli.formatters.drawings import bar, spark

HEIGHTS = "▁▂▃▄▅▆▇█"


@given(st.lists(st.floats(0, 1e9), min_size=1, max_size=200))
def test_a_sparkline_has_a_character_a_value_and_keeps_their_order(values):
    """A higher value is never drawn lower; the highest one is full."""
    drawn = [HEIGHTS.index(mark) for mark in spark(values)]
    assert len(drawn) == len(values)
    pairs = sorted(zip(values, drawn, strict=True))
    assert [height for _, height in pairs] == sorted(drawn)
    if max(values) > 0:
        assert drawn[values.index(max(values))] == len(HEIGHTS) - 1


@pytest.mark.parametrize(
    ("values", "drawn"),
    [
        ([], ""),
        ([0.0], "▁"),
        ([0.0, 0.0, 0.0], "▁▁▁"),
        ([5.0], "█"),
        ([1.0, 1.0], "██"),
        ([0, 1, 2, 3, 4, 5, 6, 7, 8], "▁▂▃▄▅▆▇██"),
        ([1e-300, 1e300], "▁█"),
    ],
)
def test_a_sparkline_is_drawn_from_zero(values, drawn):
    """Equal values look equal, and nothing at all is the lowest line."""
    assert spark(values) == drawn


@given(st.floats(-10, 10), st.integers(1, 140))
def test_a_bar_has_its_width_whatever_the_share(share, width):
    """Also of a share that is out of range, as rounding of a sum may make it."""
    drawn = bar(share, width)
    assert len(drawn) == width
    assert drawn == "█" * drawn.count("█") + "░" * drawn.count("░")
    assert abs(drawn.count("█") - max(0.0, min(share, 1.0)) * width) <= 0.5


@pytest.mark.parametrize(("share", "full"), [(0.0, 0), (0.5, 10), (1.0, 20), (1.0000001, 20), (-0.1, 0)])
def test_a_bar_of_twenty_shows_steps_of_five_per_cent(share, full):
    """The width that answers have."""
    assert bar(share).count("█") == full
