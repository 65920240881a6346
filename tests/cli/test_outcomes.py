"""Outcomes on a screen: pytest's words, in pytest's order, none lost."""

import pytest
from _pytest.terminal import KNOWN_TYPES, pluralize
from pytest_insight.cli.formatters.outcomes import COUNT_ORDER, OUTCOME_STYLES, counts_text, plural, styled
from pytest_insight.eventlog.outcome import RESULTS, VERDICTS
from rich.style import Style


@pytest.mark.parametrize("count", [0, 1, 2, 1000])
@pytest.mark.parametrize("word", [*KNOWN_TYPES, "rerun"])
def test_a_count_has_the_word_that_pytest_has_for_it(word, count):
    """pytest writes `1 error` and `2 errors`, `1 warning` and `2 warnings`, but never `2 faileds`."""
    noun = {"error": "error", "warnings": "warnings"}.get(word)
    expected = pluralize(count, noun)[1] if noun else word
    assert plural(count, word) == expected


def test_counts_come_in_the_order_of_the_last_line_of_pytest():
    """Each known type of pytest is there, in the order in which its own summary has them."""
    known = [word for word in COUNT_ORDER if word in KNOWN_TYPES]
    assert known == [word for word in KNOWN_TYPES if word in COUNT_ORDER]
    assert {"failed", "passed", "skipped", "error", "xfailed", "xpassed", "warnings"} <= set(known)


@pytest.mark.parametrize(
    ("counts", "text"),
    [
        ({}, "no tests ran"),
        ({"passed": 0}, "no tests ran"),
        ({"passed": 7, "failed": 1}, "1 failed, 7 passed"),
        ({"error": 2, "passed": 1, "warnings": 1}, "1 passed, 1 warning, 2 errors"),
        ({"flaked": 3, "passed": 1}, "1 passed, 3 flaked"),
        ({"cut": 1, "running": 2, "crashed": 3}, "3 crashed, 1 cut, 2 running"),
        ({"": 4, "passed": 1}, "1 passed"),
        ({"passed": 10**7}, "10000000 passed"),
    ],
)
def test_counts_are_told_as_in_the_last_line_of_pytest(counts, text):
    """What is not there is left out; a category of another plugin follows those of pytest."""
    assert counts_text(counts) == text


def test_each_count_is_told_once_whatever_its_category():
    """No category is lost and none is told twice, known or not."""
    counts = dict.fromkeys([*COUNT_ORDER, "sprinkled", "dusted"], 5)
    parts = counts_text(counts).split(", ")
    assert len(parts) == len(counts)
    assert all(part.startswith("5 ") for part in parts)


@pytest.mark.parametrize("word", [*VERDICTS, *OUTCOME_STYLES])
def test_each_style_is_one_that_the_terminal_library_knows(word):
    """A style with a typing error would fail only when the first session has that verdict."""
    Style.parse(styled(word).style)


def test_bad_results_are_red_and_good_ones_never_are():
    """The colour says what the table of results says."""
    for result in RESULTS:
        is_red = "red" in OUTCOME_STYLES.get(result.name, "")
        assert is_red == (result.kind == "bad"), result.name


@pytest.mark.parametrize(
    ("word", "shown", "text"),
    [
        ("failed", None, "failed"),
        ("failed", "FAILED ", "FAILED "),
        ("failed", "", ""),
        ("fai\x1b[2Jled", None, "fai\\x1b[2Jled"),
        ("two\nlines", None, "two\\nlines"),
    ],
)
def test_a_styled_word_is_safe_to_print(word, shown, text):
    """The name of a category comes from a plugin or a log; it moves no cursor."""
    assert styled(word, shown) == text


def test_a_word_that_nothing_is_known_of_has_no_style():
    """A status of a later release is shown as it is, in the colour of plain text."""
    assert styled("levitated").style == ""
