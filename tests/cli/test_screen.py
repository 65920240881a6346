"""Tables and lines on a screen and in a pipe: what is piped is whole and plain, what is shown fits."""

import io
import re
import sys

import pytest
from pytest_insight.cli.terminal import paging, screen
from pytest_insight.cli.terminal.screen import Listing, PlainOutput, RichOutput, output, painted, use_color
from pytest_insight.cli.terminal.words import Line, Word
from rich.cells import cell_len
from rich.console import Console

STEPS = ({"session": 12, "counts": 24, "branch": 12}, {"branch": 6}, {"session": 8, "counts": 12})
SESSIONS = [
    ("825a3f9a8fd1", "complete", "1 failed, 8 passed", "main", "23 h", "2026-11-27 15:02:11"),
    (
        "e7b4caf77918",
        "killed",
        "700 passed, 3 skipped, 2 warnings, 1 cut",
        "feature/reservations",
        "1 d",
        "2026-11-26 09:00:00",
    ),
    ("nightly/2026-11-25", "running", "no tests ran", "予約機能を追加する", "3 d", "2026-11-25 02:00:00"),
]


class Terminal(io.StringIO):
    """A stream that says whether it is a terminal."""

    def __init__(self, *, is_terminal):
        super().__init__()
        self._is_terminal = is_terminal

    def isatty(self):
        return self._is_terminal


def sessions(rows=SESSIONS):
    """Return a table as `session list` has it: some columns may shrink, the last one may go."""
    listing = Listing("session", "state", "counts", "branch", ">age", "started", least=STEPS, optional=("started",))
    for row in rows:
        listing.add_row(*row)
    return listing


def shown_lines(part, width):
    """Return the lines that a terminal of a width shows of a part of the output."""
    console = Console(file=io.StringIO(), width=width, markup=False, highlight=False, emoji=False)
    RichOutput(console).print(part)
    return console.file.getvalue().rstrip("\n").split("\n")


@pytest.mark.parametrize("width", [60, 80, 100, 140, 400])
def test_each_session_takes_one_line_of_the_screen(width):
    """As many lines as rows and one for the titles, none of them wider than the terminal."""
    lines = shown_lines(sessions(), width)
    assert len(lines) == len(SESSIONS) + 1
    assert max(map(cell_len, lines)) <= width


def test_a_wide_terminal_shows_every_cell_whole():
    """Nothing is elided while there is room for all."""
    text = "\n".join(shown_lines(sessions(), 140))
    assert all(cell in text for row in SESSIONS for cell in row)


@pytest.mark.parametrize(("width", "is_there"), [(140, True), (120, True), (80, False), (60, False)])
def test_an_optional_column_goes_before_any_cell_is_cut(width, is_there):
    """When a session started can be told from its age; its counts cannot."""
    assert ("started" in shown_lines(sessions(), width)[0]) is is_there


def test_columns_that_may_shrink_do_so_in_steps():
    """The branch is cut before the counts: what failed is more to know than where."""
    fitted = sessions().fitted_to(80)
    counts, branch = (fitted.columns.index(name) for name in ("counts", "branch"))
    assert fitted.rows[1][branch] != SESSIONS[1][3]
    assert len(fitted.rows[1][counts]) >= STEPS[0]["counts"]
    assert len(fitted.rows[1][branch]) >= STEPS[1]["branch"]


def test_a_table_that_may_not_shrink_stays_as_it_is():
    """Without least widths cells are folded, not cut."""
    listing = Listing("test", ">median")
    listing.add_row("tests/test_stock.py::test_reserve", "12 ms")
    assert listing.fitted_to(10) is listing
    assert re.sub(r"\s", "", "".join(row[:15] for row in shown_lines(listing, 20)[1:])).startswith("tests/test")


def test_fitting_leaves_the_table_itself_alone():
    """The same table may be shown again on a wider screen, or piped."""
    listing = sessions()
    before = listing.lines()
    listing.fitted_to(60)
    assert listing.lines() == before


def test_a_piped_table_has_aligned_columns_and_whole_cells():
    """Each column begins at the same place of each line, counted in columns of the screen."""
    lines = sessions().lines()
    starts = {
        cell_len(line[: line.index(row[4], 60)]) + len(row[4]) for line, row in zip(lines[1:], SESSIONS, strict=True)
    }
    assert len(starts) == 1  # set to the right
    assert all(cell in line for line, row in zip(lines[1:], SESSIONS, strict=True) for cell in row)
    assert not any(line.endswith(" ") for line in lines)


@pytest.mark.parametrize("rows", [0, 1, 5000])
def test_a_table_has_a_line_a_row(rows):
    """Also an empty one, which has its titles, and a huge one."""
    listing = Listing("test", ">runs")
    for number in range(rows):
        listing.add_row(f"test_{number}", str(number))
    assert len(listing.lines()) == rows + 1
    assert len(listing.fitted_to(40).rows) == rows


def test_titles_say_how_a_column_is_set():
    """`>` sets it to the right, and neither that nor `|` is shown."""
    listing = Listing("name", ">size", "|newest right")
    listing.add_row("a", "1", "x")
    assert listing.lines() == ["name  size  newest right", "a        1  x"]


def test_plain_output_has_no_style_and_no_end_of_its_own():
    """What is piped is the text: words with blanks between them, lines and tables as they are."""
    line = Line()
    line.append("1 failed", "red")
    out = Terminal(is_terminal=False)
    screen.sys.stdout, before = out, sys.stdout
    try:
        PlainOutput().print(Word("FAILED", "red"), "->", line, 3, style="bold", end="!\n")
    finally:
        screen.sys.stdout = before
    assert out.getvalue() == "FAILED -> 1 failed 3!\n"


@pytest.mark.parametrize("text", ["[red]x[/red]", ":smile:", "0x1f 3.14 'a' None /usr/bin", "[link=x]y[/link]"])
def test_rich_output_shows_the_text_that_it_is_given(text, capsys):
    """No markup, no emoji, no guessed colours: names of tests hold brackets and colons."""
    with use_color("always"):
        output().print(text)
    assert capsys.readouterr().out == f"{text}\n"


def test_words_and_cells_keep_their_style_on_a_terminal():
    """A style is a colour there, and gone in a file."""
    line = Line()
    line.append("1 failed", "red")
    line.append(", 2 passed", "green")
    listing = Listing("state")
    listing.add_row(Word("killed", "bold red"))
    console = Console(file=io.StringIO(), width=80, force_terminal=True, color_system="standard")
    console.print(painted([line, listing, Word("x", "dim")]))
    text = console.file.getvalue()
    assert "\x1b[31m1 failed\x1b[0m\x1b[32m, 2 passed\x1b[0m" in text
    assert "\x1b[1;31mkilled" in text
    assert "\x1b[2mx" in text


@pytest.mark.parametrize(
    ("word", "forced", "is_terminal", "is_rich"),
    [
        ("auto", "", False, False),
        ("auto", "", True, True),
        ("auto", "1", False, True),
        ("always", "", False, True),
        ("never", "", True, False),
        ("never", "1", True, False),
    ],
)
@pytest.mark.parametrize("err", [False, True])
def test_colours_are_for_terminals_unless_something_else_is_said(word, forced, is_terminal, is_rich, err, monkeypatch):
    """The option counts more than FORCE_COLOR, and that more than what the stream is."""
    monkeypatch.setenv("FORCE_COLOR", forced)
    monkeypatch.setattr(sys, "stderr" if err else "stdout", Terminal(is_terminal=is_terminal))
    with use_color(word):
        assert isinstance(output(err=err), RichOutput if is_rich else PlainOutput)


@pytest.mark.parametrize("word", ["", "Always", "yes", "auto ", "truecolor"])
def test_an_unknown_word_for_colours_is_refused_and_named(word):
    """With the three that there are, before anything is printed."""
    with pytest.raises(ValueError, match=r"auto, always or never") as error, use_color(word):
        pass
    assert repr(word) in str(error.value)


def test_a_choice_of_colours_ends_with_its_block():
    """A command that fails within leaves the choice of the next one alone."""
    with pytest.raises(RuntimeError), use_color("never"):
        raise RuntimeError
    with use_color("always"):
        assert isinstance(output(), RichOutput)
    assert isinstance(output(), PlainOutput)


@pytest.mark.parametrize("lines", [0, 1, 23, 24, 1000])
@pytest.mark.parametrize("pager", ["", "no-such-pager --at-all"])
def test_without_a_pager_all_is_printed(lines, pager, monkeypatch):
    """An empty or unknown PAGER loses no line."""
    monkeypatch.setenv("PAGER", pager)
    out = Terminal(is_terminal=True)
    monkeypatch.setattr(sys, "stdout", out)
    text = "line\n" * lines
    paging.show(text, 24)
    assert out.getvalue() == text


def test_what_is_piped_is_never_collected(monkeypatch):
    """A program that reads along gets the first line before the last one is there."""
    out = Terminal(is_terminal=False)
    monkeypatch.setattr(sys, "stdout", out)

    @paging.pages
    def command(first, *, last):
        paging.write(first)
        assert (paging.current(), out.getvalue()) == (None, first)
        paging.write(last)
        return 7

    assert command("a\x1b[2J", last="b") == 7
    assert out.getvalue() == "a\x1b[2Jb"


def test_a_command_on_a_terminal_is_shown_when_it_ends(monkeypatch):
    """Also if it fails: what it has printed until then is not lost, and the next command has no part of it."""
    out = Terminal(is_terminal=True)
    monkeypatch.setattr(sys, "stdout", out)
    monkeypatch.setenv("PAGER", "")

    @paging.pages
    def command():
        output().print("half an answer")
        paging.write("\x1b[1mraw\x1b[0m\n")
        assert out.getvalue() == ""
        raise LookupError

    with pytest.raises(LookupError):
        command()
    assert out.getvalue() == "half an answer\n\x1b[1mraw\x1b[0m\n"
    assert paging.current() is None
