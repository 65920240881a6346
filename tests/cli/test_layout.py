"""Lines that fit a screen: never wider than it, and what matters most is what is left."""

import sys
import textwrap

import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from pytest_insight.cli.terminal import layout
from pytest_insight.cli.terminal.cells import columns_of
from pytest_insight.cli.terminal.layout import (
    can_draw,
    elided,
    screen_height,
    screen_width,
    shortened,
    spread,
    wrapped,
)
from pytest_insight.cli.terminal.words import Line
from rich.cells import cell_len

NODEID = "tests/unit/test_stock.py::TestStock::test_reserve[postgres-many]"
WIDE = "tests/在庫/test_予約.py::test_在庫を予約する[東京-大阪]"
MARKED = "tests/test_cafe\u0301.py::test_nai\u0308ve"
TEXTS = ["", "x", NODEID, WIDE, MARKED, "\U0001f600" * 50, NODEID * 400]
WIDTHS = [1, 2, 3, 5, 10, 39, 40, 41, 80, 140]


def line_of(*parts):
    """Return a line of some texts with their styles."""
    line = Line()
    for text, style in parts:
        line.append(text, style)
    return line


@pytest.mark.parametrize("width", WIDTHS)
@pytest.mark.parametrize("text", TEXTS)
@pytest.mark.parametrize("cut", [elided, shortened])
def test_a_cut_text_takes_no_more_columns_than_there_are(cut, text, width):
    """Counted as the terminal counts: two for a wide character, none for a mark above a letter."""
    shown = cut(text, width)
    assert cell_len(shown) <= width
    assert shown == text or cell_len(text) > width


@pytest.mark.parametrize("text", TEXTS)
@pytest.mark.parametrize("cut", [elided, shortened])
def test_without_a_width_a_text_is_whole(cut, text):
    """What is piped is for programs; they get all of it."""
    assert cut(text, 0) == text


@given(
    st.text(st.characters(codec="utf-8", exclude_categories=["Cc", "Cs"], exclude_characters="…"), max_size=60),
    st.integers(1, 70),
)
@example("0000000\u0e5c\u0e5c\u0e5c\u0e5c", 11)
def test_a_text_is_cut_in_one_place_only(text, width):
    """What is shown is a beginning and an end of the text with dots between them, and as much as fits."""
    shown = elided(text, width)
    if shown == text:
        return
    head, dots, tail = shown.partition("…")
    assert dots
    assert text.startswith(head)
    assert text.endswith(tail)
    assert columns_of(shown) >= min(width - 3, columns_of(text) - 3)


@given(st.text(st.characters(codec="utf-8", exclude_categories=["Cc", "Cs"]), max_size=60), st.integers(2, 70))
def test_a_shortened_text_is_a_beginning(text, width):
    """Only its end is left out, with dots in place of it and no blank before them."""
    shown = shortened(text, width)
    if shown != text:
        assert shown.endswith("…")
        assert text.startswith(shown[:-1])
        assert shown[:-1] == shown[:-1].rstrip()


@pytest.mark.parametrize(
    ("width", "shown"),
    [
        (64, NODEID),
        (63, "tests/unit/test_stoc…py::TestStock::test_reserve[postgres-many]"),
        (40, "tests/unit/te…est_reserve[postgres-many]"),
        (10, "tes…-many]"),
        (2, "…]"),
        (1, "…"),
    ],
)
def test_more_is_kept_of_the_end_of_a_name_than_of_its_beginning(width, shown):
    """The end of a node id is the test; its beginning are folders that many tests share."""
    assert elided(NODEID, width) == shown


@pytest.mark.parametrize(
    ("encoding", "term", "is_terminal", "drawn"),
    [
        ("utf-8", "xterm", True, True),
        ("utf-8", "dumb", True, False),
        ("utf-8", "linux", True, False),
        ("utf-8", "dumb", False, True),
        ("ascii", "xterm", True, False),
        ("latin-1", "xterm", True, False),
        ("no-such-encoding", "xterm", True, False),
        (None, "xterm", True, False),
    ],
)
def test_shapes_are_drawn_where_the_output_can_show_them(encoding, term, is_terminal, drawn, monkeypatch):
    """Its encoding has them, and the font of the terminal as far as TERM says; a file has no font."""

    class Stream:
        def __init__(self):
            self.encoding = encoding

        def isatty(self):
            return is_terminal

    monkeypatch.setenv("TERM", term)
    monkeypatch.setattr(sys, "stdout", Stream())
    assert can_draw() is drawn
    assert elided(NODEID, 20).count("…") == int(drawn)
    assert len(elided(NODEID, 20)) == 20


@pytest.mark.parametrize("width", [0, 40, 80, 140])
@pytest.mark.parametrize("right", ["", "3 tests", "insight analytics failures"])
@pytest.mark.parametrize("left", ["", "since 1a2b3c4d5", NODEID, WIDE])
def test_the_right_part_of_a_line_is_never_cut(left, right, width):
    """The left one gives way; together they fill the line, or stand two blanks apart without a width."""
    shown = str(spread(line_of((left, "bold")), line_of((right, "")) if right else Line(), width))
    assert shown.endswith(right)
    if width:
        assert cell_len(shown) <= width
        assert not right or cell_len(shown) == width
    else:
        assert shown == (f"{left}  {right}" if right else left)


@pytest.mark.parametrize("width", range(12, 40))
def test_words_of_a_line_are_cut_from_its_end(width):
    """Styles stay with their words, whichever of them are cut."""
    left = line_of(("shop", "bold"), ("  ", ""), ("main", "cyan"), ("  ", ""), ("1a2b3c4d5", "dim"))
    shown = spread(left, line_of(("9 passed", "green")), width)
    assert cell_len(str(shown)) == width
    assert [word.style for word in shown.words if word == "shop"] == ["bold"] * ("shop" in str(shown))
    assert shown.words[-1].style == "green"


@given(st.lists(st.text("abc-", min_size=1, max_size=8), min_size=1, max_size=40), st.integers(10, 100))
def test_a_text_is_wrapped_as_the_standard_library_wraps_it(words, width):
    """Lines are broken between words, as full as they can be, and those behind the first are set in."""
    text = " ".join(words)
    expected = textwrap.wrap(text, width, subsequent_indent="  ", break_on_hyphens=False)
    assert wrapped(text, width, "  ") == expected


@given(st.lists(st.text("ab在庫\u0301", min_size=1, max_size=90), min_size=1, max_size=9), st.integers(8, 100))
def test_wrapping_loses_no_character(words, width):
    """Also of wide words, and of words that are longer than a line; no line is wider than the screen."""
    lines = wrapped(" ".join(words), width, "  ")
    assert "".join("".join(lines).split()) == "".join(words)
    assert all(cell_len(line) <= width for line in lines)


@pytest.mark.parametrize(("width", "count"), [(0, 1), (200, 1), (80, 2), (40, 3)])
def test_a_sentence_takes_as_many_lines_as_it_needs(width, count):
    """On a wide screen, and in a pipe, it is one."""
    sentence = "1 of 9 tests is broken since the latest session, and 2 tests were cut when the session of main was killed on ci-7"
    assert len(wrapped(sentence, width, "  ")) == count


@pytest.mark.parametrize(
    ("columns", "is_terminal", "width"),
    [
        ("80", False, 80),
        ("40", True, 40),
        ("500", True, layout.WIDTH_MAX),
        ("", False, 0),
        ("many", False, 0),
        ("-5", False, 0),
    ],
)
def test_lines_are_as_wide_as_the_screen_up_to_a_limit(columns, is_terminal, width, monkeypatch):
    """COLUMNS counts also where output is piped; very wide screens are not filled, as lines get hard to follow."""
    monkeypatch.setenv("COLUMNS", columns)
    monkeypatch.setattr(sys.stdout, "isatty", lambda: is_terminal, raising=False)
    assert screen_width() == width


@pytest.mark.parametrize(("is_terminal", "height"), [(True, 33), (False, 0)])
def test_only_a_terminal_has_a_height(is_terminal, height, monkeypatch):
    """A file takes any number of lines."""
    monkeypatch.setenv("LINES", "33")
    monkeypatch.setattr(sys.stdout, "isatty", lambda: is_terminal, raising=False)
    assert screen_height() == height
