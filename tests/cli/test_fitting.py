"""Tables that fit a terminal: columns shrink as little as they have to, and what went wrong stays in sight."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pytest_insight.cli.terminal.fitting import GAP, elide_middle, elide_words, fitted, fitted_widths
from pytest_insight.cli.terminal.words import Line, Word
from rich.cells import cell_len

COLUMNS = st.lists(st.tuples(st.integers(1, 60), st.integers(0, 20)), min_size=1, max_size=9)


def counts(*parts):
    """Return a line of counts, as `session list` has it."""
    line = Line()
    for number, (text, style) in enumerate(parts):
        line.append(f"{', ' if number else ''}{text}", style)
    return line


FAILED, ERROR = ("1 failed", "red"), ("2 errors", "bold red")
PASSED, SKIPPED, CUT = ("700 passed", "green"), ("30 skipped", "yellow"), ("1 cut", "magenta")


def slow_widths(natural, least, total):
    """Return the fitted widths found the plain way: take a character from the column that has most to give."""
    widths = list(natural)
    while sum(widths) + GAP * (len(widths) - 1) > total:
        spare = [width - keep for width, keep in zip(widths, least, strict=True)]
        if max(spare) <= 0:
            break
        widths[spare.index(max(spare))] -= 1
    return widths


@given(COLUMNS, st.integers(1, 300))
def test_columns_shrink_only_as_far_as_they_have_to(columns, total):
    """They fit if they can, none goes below its least width, and nothing is taken that was not needed."""
    natural, least = [max(one) for one in columns], [min(one) for one in columns]
    widths = fitted_widths(natural, least, total)
    assert widths == slow_widths(natural, least, total)
    assert all(keep <= width <= full for keep, width, full in zip(least, widths, natural, strict=True))
    gaps = GAP * (len(widths) - 1)
    if sum(natural) + gaps <= total:
        assert widths == natural
    elif sum(least) + gaps <= total:
        assert sum(widths) + gaps == total
    else:
        assert widths == least


@pytest.mark.parametrize("width", [1, 2, 3, 12, 40])
@pytest.mark.parametrize(
    "text", ["", "ci-7", "feature/very-long-name-of-a-branch", "機能/とても長いブランチの名前", "e\u0301" * 30]
)
def test_an_elided_text_has_its_beginning_and_its_end(text, width):
    """A branch is known by both: what kind it is, and which one."""
    shown = elide_middle(text, width)
    assert cell_len(shown) <= width
    if shown != text:
        head, dots, tail = shown.partition("…")
        assert dots
        assert text.startswith(head)
        assert text.endswith(tail)
        assert abs(cell_len(head) - cell_len(tail)) <= 2


@pytest.mark.parametrize(
    ("parts", "width", "shown"),
    [
        ((FAILED, PASSED), 40, "1 failed, 700 passed"),
        ((FAILED, PASSED), 20, "1 failed, 700 passed"),
        ((FAILED, PASSED), 19, "1 failed, …"),
        ((PASSED, SKIPPED, ERROR), 16, "2 errors, …"),
        ((PASSED, SKIPPED, CUT), 10, "1 cut, …"),
        ((FAILED, PASSED, SKIPPED, ERROR), 24, "1 failed, 2 errors, …"),
        ((FAILED, ERROR), 12, "1 failed, …"),
        ((PASSED,), 5, "…"),
    ],
)
def test_counts_of_what_went_wrong_are_left_out_last(parts, width, shown):
    """That 700 passed is less to know than that one failed; dots say that there is more."""
    assert str(elide_words(counts(*parts), width)) == shown


@given(st.permutations([FAILED, ERROR, PASSED, SKIPPED, CUT]), st.integers(9, 60))
def test_elided_counts_are_never_a_false_number(parts, width):
    """Each count that is shown is whole: `700 passed` never becomes `70` or `7`."""
    shown = str(elide_words(counts(*parts), width))
    assert len(shown) <= width
    assert {part.removesuffix("…") for part in shown.split(", ")} - {""} <= {text for text, _ in parts}


@pytest.mark.parametrize("width", [0, 1, 3, 8, 20, 200])
@pytest.mark.parametrize("cell", ["0123456789" * 3, Word("0123456789" * 3, "cyan"), counts(FAILED, PASSED, SKIPPED)])
def test_a_cell_keeps_its_kind_and_its_style(cell, width):
    """Whatever is left of it is coloured as before."""
    shown = fitted(cell, width)
    assert type(shown) is type(cell)
    assert len(str(shown)) <= max(width, 1)
    if isinstance(cell, Word):
        assert shown.style == cell.style
