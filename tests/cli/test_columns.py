"""Rows of tests: names that stay different, strips with the newest run right, and lines that fit."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pytest_insight.cli.formatters import strips
from pytest_insight.cli.formatters.columns import (
    GAP,
    INDENT,
    STRIP_RUNS,
    STRIP_RUNS_WIDE,
    Cells,
    row_line,
    short_names,
    widths_of,
)
from pytest_insight.cli.formatters.strips import legend, strip, strip_line, words_of
from pytest_insight.cli.terminal import layout
from pytest_insight.core.overview.marks import MARKS
from pytest_insight.core.questions.evidence import Occurrence
from rich.cells import cell_len

NODEIDS = [
    "test_a.py::test_a",
    "tests/unit/test_stock.py::TestStock::test_reserve[postgres]",
    "tests/unit/test_stock.py::TestStock::test_reserve[sqlite]",
    "tests/integration/test_stock.py::TestStock::test_reserve[sqlite]",
    "tests/integration/warehouse/returns/test_long_names.py::TestReturns::test_a_return_is_booked_once",
    "tests/在庫/test_予約.py::test_在庫を予約する",
    "tests/test_x.py::test_\x1b[2J",
]
NODE_LISTS = st.lists(
    st.from_regex(r"([ab]/){0,2}t\.py::[cd]{1,30}(\[[ef]\])?", fullmatch=True), max_size=8, unique=True
)


@pytest.fixture(autouse=True, params=["utf-8", "ascii"])
def encoding(request, monkeypatch):
    """Write to an output that has the shapes of the marks, and to one that lacks them."""
    for module in (layout, strips):
        monkeypatch.setattr(module, "can_draw", lambda: request.param == "utf-8")
    return request.param


@pytest.mark.parametrize("width", [0, 20, 40, 80, 140])
def test_a_name_fits_and_begins_where_a_part_of_the_node_id_begins(width):
    """Folders go first, then the file, then the middle; the name of the test is what stays."""
    for nodeid, shown in short_names(NODEIDS, width).items():
        assert not width or cell_len(shown) <= width
        if "…" not in shown and "..." not in shown and "\x1b" not in nodeid:
            assert nodeid.endswith(shown)
            assert nodeid.removesuffix(shown)[-1:] in ("", "/", ":")


@given(NODE_LISTS, st.integers(0, 60))
def test_a_shared_short_name_is_not_used(nodeids, width):
    """Of two tests that a short form would show alike, both show more, or as much as there is room for."""
    shown = short_names(nodeids, width)
    whole = [nodeid for nodeid in nodeids if shown[nodeid] == nodeid]
    short = [
        name for nodeid, name in shown.items() if nodeid not in whole and not set("….") & set(name.partition("::")[0])
    ]
    assert len(set(short)) == len(short)


@pytest.mark.parametrize(
    ("width", "shown"),
    [
        (0, "tests/unit/test_stock.py::test_reserve"),
        (38, "tests/unit/test_stock.py::test_reserve"),
        (37, "test_stock.py::test_reserve"),
        (27, "test_stock.py::test_reserve"),
        (26, "test_reserve"),
        (12, "test_reserve"),
    ],
)
def test_a_name_gives_up_its_folders_before_its_file(width, shown):
    """One part after the other, each as a whole."""
    assert short_names(["tests/unit/test_stock.py::test_reserve"], width) == {
        "tests/unit/test_stock.py::test_reserve": shown
    }


ROWS = [
    Cells(NODEIDS[1], ["passed", "failed"] * 20, "was flaky", "AssertionError: assert 3 == 4"),
    Cells(NODEIDS[4], ["failed"], "", "E" * 300),
    Cells(NODEIDS[5], [], "cut", ""),
]


@pytest.mark.parametrize(
    "rows", [ROWS, ROWS[:1], [Cells("test_a.py::test_a")], [Cells(NODEIDS[4] * 9, text="x" * 999)]]
)
@pytest.mark.parametrize("width", [60, 80, 110, 140])
def test_rows_fit_the_screen_and_their_columns_are_below_each_other(rows, width):
    """The strips of several rows begin and end in the same column, so that runs can be compared."""
    widths = widths_of(rows, width)
    lines = [row_line(cells, widths) for cells in rows]
    assert all(cell_len(str(line)) <= width for line in lines)
    assert len({cell_len(line.words[0]) for line in lines}) == 1
    assert all(str(line).startswith(INDENT) for line in lines)


@pytest.mark.parametrize(
    ("width", "runs"), [(60, STRIP_RUNS), (109, STRIP_RUNS), (110, STRIP_RUNS_WIDE), (0, STRIP_RUNS_WIDE)]
)
def test_a_wide_screen_shows_more_runs(width, runs):
    """As many as there are, up to a limit that depends on the screen."""
    assert widths_of(ROWS, width).strip == runs
    assert widths_of([Cells("a", ["passed"] * 3)], width).strip == 3


def test_without_a_width_names_and_texts_are_whole():
    """What is piped has all of both."""
    widths = widths_of(ROWS, 0)
    for cells in ROWS:
        line = str(row_line(cells, widths))
        assert cells.nodeid in line
        assert cells.text in line


def test_no_rows_need_no_columns():
    """And no exception."""
    widths = widths_of([], 80)
    assert (widths.name, widths.strip, widths.note) == (0, 0, 0)


@pytest.mark.parametrize("width", [0, 1, 5, 24])
@pytest.mark.parametrize("count", [0, 1, 5, 500])
def test_a_strip_shows_the_newest_runs_at_its_right_end(count, width, encoding):
    """A mark a run; too many are cut at the left, too few are padded there."""
    words = [*["passed"] * (count - 1), *["failed"] * min(count, 1)]
    shown = str(strip_line(words, width=width))
    assert len(shown) == (width or count)
    if count:
        mark = MARKS["failed"]
        assert shown[-1] == (mark.shape if encoding == "utf-8" else mark.ascii)


@pytest.mark.parametrize("word", [*MARKS, "levitated"])
def test_each_mark_can_be_told_from_all_others(word, encoding):
    """By its character alone, without colour; a result that is not known is marked as another one."""
    shown = str(strip_line([word]))
    alike = [other for other in MARKS if str(strip_line([other])) == shown]
    assert alike == [word if word in MARKS else "other"]
    assert shown.encode(encoding)


def test_the_strip_of_runs_has_the_marks_of_their_results():
    """A pass behind a failed attempt is the mark of flaky, not of passed."""
    runs = [
        Occurrence("s1", "s1", 1, "", "passed", ("passed",), 0.0, -1),
        Occurrence("s2", "s2", 2, "", "passed", ("rerun", "passed"), 0.0, -1),
        Occurrence("s3", "s3", 3, "", "failed", ("failed",), 0.0, -1),
    ]
    assert words_of(runs) == ["passed", "flaky", "failed"]
    assert str(strip(runs)) == str(strip_line(["passed", "flaky", "failed"]))


@pytest.mark.parametrize(
    ("words", "count"), [([], 0), (["passed"] * 9, 1), (["passed", "failed", "passed"], 2), (["not_run"], 0)]
)
def test_a_legend_explains_the_marks_that_are_there(words, count):
    """Each once, and no blank, which means that there is nothing to see."""
    text = legend(words)
    assert len([part for part in text.split("  ") if part]) == count
    assert all(MARKS[word].meaning in text for word in words if MARKS[word].shape.strip())
    assert GAP.join(text.split(GAP)) == text
