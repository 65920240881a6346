"""The screen of `insight` without a command, from answers made by hand: it fits, and it drops nothing without a word."""

import io
import re

import pytest
from pytest_insight.cli.formatters import overview_screen
from pytest_insight.cli.formatters.overview_screen import ROOMS, lines_of, print_overview
from pytest_insight.cli.terminal.screen import PlainOutput
from pytest_insight.core.overview.about import AboutAnswer
from pytest_insight.core.overview.data import (
    BranchRow,
    BrokenGroup,
    BrokenRow,
    CutRow,
    FlakyRow,
    LostRow,
    NewestSession,
    Overview,
    SlowerRow,
)
from pytest_insight.eventlog.times import parse_time
from rich.cells import cell_len

NOW = "2026-11-28T15:00:00.000000Z"
EARLIER = "2026-11-28T12:00:00.000000Z"
NOW_US = parse_time(NOW)
LABELS = ("cut", "flaky", "slower", "lost", "others", "span", "next")
WIDTHS = [40, 60, 80, 110, 140]


def broken(nodeid, *, cases=1, note="", message="assert 3 == 4", strip=("passed", "failed"), variants=()):
    """Return a row of a broken test."""
    nodeids = [f"{nodeid}[{number}]" for number in range(cases)] if cases > 1 else [nodeid]
    return BrokenRow(nodeid, nodeids, "failed", note, 2, list(variants), list(strip), message)


def group(number, rows, **fields):
    """Return a group of broken tests with a commit of its own."""
    known = {"commit": f"{number:x}" * 40, "session": f"s{number}", "started_at": EARLIER, "good_commit": "9" * 40}
    tests = sum(len(row.nodeids) for row in rows)
    return BrokenGroup(**(known | {"good_session": "g", "sessions": number + 1, "tests": tests, "rows": rows} | fields))


def small():
    """Return the answer of a small project with one broken test."""
    return Overview(
        AboutAnswer(["shop"], ["main"], ["os=Linux"], 12, "2026-11-01T00:00:00.000000Z", EARLIER),
        sentences=["1 of 9 tests is broken"],
        newest=NewestSession("s12", "complete", 1, "dcbdd457c" * 4, "main", EARLIER, counts={"failed": 1, "passed": 8}),
        groups=[group(1, [broken("test_stock.py::test_reserve")])],
        commands=["insight session show last"],
    )


def huge():
    """Return an answer in which every part has more than any screen shows, with names in several scripts."""
    name = "tests/integration/在庫/test_予約.py::TestReservations::test_a_reservation_is_kept_until_it_is_paid"
    groups = [
        group(g, [broken(f"{name}_{g}_{n}", cases=1 + n % 3, note="was flaky") for n in range(40)]) for g in range(9)
    ]
    return Overview(
        AboutAnswer(["shop", "倉庫"], ["feature/" + "x" * 90], ["a", "b"], 99_999, EARLIER, NOW),
        sentences=["1,234 of 99,999 tests are broken since 9 commits of several people", "3 tests were cut"],
        newest=NewestSession(
            "s" * 40, commit="d" * 40, started_at=EARLIER, counts={"failed": 12_345, "passed": 10**6, "error": 3}
        ),
        groups=groups,
        cut=[CutRow(f"{name}_{n}", "s1", EARLIER, "ci-7", 2.5, n + 1) for n in range(30)],
        flaky=[
            FlakyRow(f"{name}_{n}", [name], 1, ["retry"], "retry", 3, 9, n == 0, NOW, ["flaky"] * 30) for n in range(30)
        ],
        flaky_tests=30,
        flaky_new=1,
        recovered=2,
        slower=[SlowerRow(f"{name}_{n}", 0.5, 1.5, [9, 9], n % 2 == 0) for n in range(30)],
        lost=[LostRow(f"{name}_{n}", "s1", EARLIER, "e" * 40, "s2", ["test_renamed"]) for n in range(30)],
        other_branches=[BranchRow(f"feature/{n}", 3, [name] * n) for n in range(30)],
        commands=[f"insight test show {name}_{n}" for n in range(3)] + ["insight session list", "insight tail"],
    )


def texts(found, width, rows=ROOMS[0]):
    """Return the lines of the screen as text."""
    return [str(line) for line in lines_of(found, NOW_US, width, rows)]


@pytest.mark.parametrize("rows", ROOMS)
@pytest.mark.parametrize("width", WIDTHS)
@pytest.mark.parametrize("make", [small, huge])
def test_no_line_is_wider_than_the_screen(make, width, rows):
    """Counted in columns of the terminal, with names of wide characters and with counts of seven digits."""
    too_wide = [line for line in texts(make(), width, rows) if cell_len(line) > width]
    assert too_wide == []


@pytest.mark.parametrize("height", [12, 24, 30, 50, 1000])
@pytest.mark.parametrize("make", [small, huge])
def test_a_low_screen_shows_fewer_rows_of_the_same_sections(make, height, monkeypatch, capsys):
    """The answer is above the prompt when it ends; each section is still named."""
    monkeypatch.setattr(overview_screen, "screen_width", lambda: 80)
    monkeypatch.setattr(overview_screen, "screen_height", lambda: height)
    print_overview(PlainOutput(), make(), NOW_US)
    lines = capsys.readouterr().out.splitlines()
    fewest = texts(make(), 80, ROOMS[-1])
    assert len(lines) < height or lines == fewest
    assert [label for label in LABELS if any(line.startswith(label) for line in lines)] == [
        label for label in LABELS if any(line.startswith(label) for line in fewest)
    ]


@pytest.mark.parametrize("rows", ROOMS)
def test_every_broken_test_is_shown_or_counted_as_left_out(rows):
    """The rows of a group and its `... more`, and the groups below, are all tests that are broken."""
    found = huge()
    lines = texts(found, 0, rows)
    shown = {row.nodeid: len(row.nodeids) for group in found.groups for row in group.rows}
    total = sum(count for nodeid, count in shown.items() if any(line.startswith(f"  {nodeid} ") for line in lines))
    left = sum(
        int(match[1].replace(",", ""))
        for line in lines
        if (match := re.match(r"  \.\.\. ([\d,]+) more .*failures", line))
    )
    rest = sum(int(match[1]) for line in lines if (match := re.match(r"  \.\.\. (\d+) tests? since", line)))
    assert total + left + rest == sum(group.tests for group in found.groups)


@pytest.mark.parametrize("rows", ROOMS[:-1])
@pytest.mark.parametrize(
    ("label", "metric", "count"),
    [("cut", "cut", 30), ("flaky", "flaky", 30), ("slower", "slower", 30), ("lost", "lost", 30)],
)
def test_a_section_says_how_many_rows_it_leaves_out_and_which_command_has_them(label, metric, count, rows):
    """The rows that are shown and the number of those that are not are all of them."""
    lines = texts(huge(), 0, rows)
    start = next(place for place, line in enumerate(lines) if line.startswith(label))
    more = next(place for place, line in enumerate(lines) if place > start and line.startswith("  ... "))
    left = int(re.search(r"\d+", lines[more])[0])
    assert more - start - 1 + left == count
    assert lines[more].endswith(f"insight analytics analyze --metric {metric}")


def test_without_anything_wrong_there_are_three_things_to_read():
    """What is the newest session, that nothing is broken, and how much was looked at."""
    found = small()
    found.groups, found.sentences = [], ["nothing is broken"]
    assert [line.split()[0] for line in texts(found, 80) if line] == ["shop", "nothing", "span", "next"]


@pytest.mark.parametrize(
    ("fields", "head"),
    [
        ({}, "since 111111111, 2 sessions, last good 999999999"),
        ({"sessions": 1}, "since 111111111, the latest session, last good 999999999"),
        ({"good_commit": "", "good_session": ""}, "since 111111111, 2 sessions, never good in this span"),
        ({"good_commit": "1" * 40}, "since 111111111, 2 sessions, good on the same commit before"),
        ({"commit": ""}, "since session s1, 2 sessions, last good 999999999"),
        ({"good_commit": ""}, "since 111111111, 2 sessions, last good g"),
    ],
)
def test_a_group_says_since_when_and_what_was_good_before(fields, head):
    """By commits where they are known, by sessions where not; what was never good is not called a regression."""
    found = small()
    found.groups = [group(1, [broken("test_a.py::test_a")], **fields)]
    assert f"{head}  1 test" in texts(found, 0)


@pytest.mark.parametrize(
    ("counts", "text"),
    [
        ({}, "no tests ran"),
        ({"passed": 8, "failed": 1}, "1 failed  8 passed"),
        ({"passed": 1_234_567}, "1,234,567 passed"),
        ({"passed": 8, "warnings": 5, "deselected": 4}, "8 passed"),
        ({"error": 2, "crashed": 1}, "2 errors  1 crashed"),
    ],
)
def test_the_first_line_ends_with_the_counts_of_the_newest_session(counts, text):
    """In pytest's order and words; warnings and deselected tests are no results."""
    found = small()
    found.newest.counts = counts
    assert texts(found, 80)[0].endswith(text)
    assert texts(found, 80)[0].startswith("shop  main  dcbdd457c  3 h ago")


@pytest.mark.parametrize(
    ("row", "text"),
    [
        (CutRow("t", "s", EARLIER, "ci-7", 2.5, 1), "killed after at least 2.5 s 3 h ago on ci-7"),
        (CutRow("t", "s", EARLIER, "", None, 4), "killed 3 h ago, 4 times, ran unknown how long"),
        (CutRow("t", "s", EARLIER, "\x1b[2J", None, 1), "killed 3 h ago on \\x1b[2J, ran unknown how long"),
    ],
)
def test_a_cut_test_says_when_where_and_how_often(row, text):
    """How long it had run at least, and that it is unknown where the log does not know."""
    found = small()
    found.cut = [row]
    assert f"  t  {text}" in texts(found, 0)


@pytest.mark.parametrize(
    ("row", "text"),
    [
        (FlakyRow("t", ["t"], 1, ["retry"], "retry", 3, 9, False, NOW, []), "retried in 3 of 9 runs"),
        (FlakyRow("t", ["t"], 1, ["same-source"], "same-source", 1, 2, True, NOW, []), "new, both on 1 of 2 commits"),
        (
            FlakyRow("t", ["a", "b"], 7, ["retry"], "retry", 3, 9, False, NOW, []),
            "2 of 7 cases, retried in 3 of 9 runs",
        ),
    ],
)
def test_a_flaky_test_says_by_which_evidence(row, text):
    """Sessions in which it was retried to a pass, or commits on which it did both."""
    found = small()
    found.flaky, found.flaky_tests = [row], 1
    assert f"  t  {text}" in texts(found, 0)


def test_an_unconfirmed_change_of_duration_says_on_how_many_runs_it_rests():
    """A confirmed one needs no such word, and comes with both figures as well."""
    found = small()
    found.slower = [SlowerRow("t", 0.5, 1.5, [9, 9], confirmed=True), SlowerRow("u", 0.01, 70, [2, 1], confirmed=False)]
    lines = texts(found, 0)
    assert "slower  1 confirmed and 1 unconfirmed" in lines
    assert "  t  500 ms -> 1.5 s" in lines
    assert "  u  10 ms -> 1 min 10 s (2 and 1 runs, unconfirmed)" in lines


@pytest.mark.parametrize("width", [0, *WIDTHS])
def test_each_command_to_go_on_with_is_whole_or_not_there(width):
    """Half a command cannot be pasted."""
    found = huge()
    lines = texts(found, width)
    start = next(place for place, line in enumerate(lines) if line.startswith("next"))
    shown = [part for line in lines[start:] for part in re.split(r"    +|^next\s+", line) if part.strip()]
    assert shown
    assert set(map(str.strip, shown)) <= set(found.commands)


def test_names_from_a_log_move_no_cursor():
    """Not in any part of the screen."""
    evil = "\x1b]0;x\x07"
    row = broken(evil, note="", message=evil + "\nsecond", variants=[evil])
    found = Overview(
        AboutAnswer([evil], [evil], [evil], 1, EARLIER, NOW),
        sentences=[evil],
        newest=NewestSession(started_at=EARLIER, counts={"passed": 1}),
        groups=[group(1, [row], commit="", session=evil, good_commit="", good_session=evil)],
        cut=[CutRow(evil, evil, EARLIER, evil)],
        lost=[LostRow(evil, evil, EARLIER, "", evil, [evil])],
        other_branches=[BranchRow(evil, 1, [evil]), BranchRow(evil, 1, [])],
        commands=[evil],
    )
    screen = io.StringIO("\n".join(texts(found, 140))).read()
    assert "\x1b" not in screen
    assert screen.count("\\x1b") >= 10
