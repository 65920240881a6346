"""The table of sessions and the groups of failures, from a log: every session and every failure is in them once."""

import io

import pytest
from pytest_insight.api.internal.history import load_session
from pytest_insight.cli.formatters.sessions.failure_groups import failure_groups, print_group
from pytest_insight.cli.formatters.sessions.session_data import session_data
from pytest_insight.cli.formatters.sessions.session_list import (
    age_text,
    coloured_counts,
    counts_line,
    list_table,
    state_word,
)
from pytest_insight.cli.formatters.values import local_text
from pytest_insight.cli.terminal.screen import PlainOutput, RichOutput
from pytest_insight.eventlog.events import (
    SessionFinished,
    SessionStarted,
    TestFinished,
    TestsAnnounced,
    TestStarted,
    Vcs,
)
from pytest_insight.eventlog.sources import as_source
from pytest_insight.eventlog.writer import LogWriter
from pytest_insight.projections.readmodel import ReadModel
from rich.cells import cell_len
from rich.console import Console

US = 1_000_000
DAY_S = 86_400


def write(path, name, events, *, sut="shop", branch="main", is_sealed=True):
    """Append a session to a log."""
    writer = LogWriter(path)
    writer.append(SessionStarted(session_id=name, sut=sut, vcs=Vcs(commit="dcbdd457c" * 4, branch=branch)))
    for event in events:
        writer.append(event)
    if is_sealed:
        writer.seal(lambda count, root: SessionFinished(exit_status=1, duration_us=1_500_000, count=count, root=root))
    writer.close()


def finished(nodeid, outcome="passed", text="", **fields):
    """Return the result of a test."""
    return TestFinished(nodeid=nodeid, outcome=outcome, longreprtext=text, **fields)


@pytest.fixture
def model(tmp_path):
    """Return the read model of a log with a whole, a cut and an empty session."""
    log = tmp_path / "log.jsonl"
    tests = [f"t.py::test_{number}" for number in range(6)]
    assertion = "def test():\n>       assert 3 == 4\nE       assert 3 == 4\n\nt.py:3: AssertionError"
    write(
        log,
        "whole",
        [
            TestsAnnounced(nodeids=tests),
            *(
                finished(nodeid, "failed", assertion.replace("t.py:3", f"t.py:{3 + n}"))
                for n, nodeid in enumerate(tests[:3])
            ),
            finished(tests[3], "error", "E  no database", capstdout="step 1\nstep 2\n"),
            finished(tests[4]),
            finished(tests[5], "skipped"),
        ],
    )
    write(
        log,
        "cut-session",
        [TestsAnnounced(nodeids=tests), TestStarted(nodeid=tests[0])],
        branch="予約",
        is_sealed=False,
    )
    write(log, "empty", [], sut="倉庫")
    model = ReadModel.open(as_source(log), None)
    model.catch_up()
    yield model
    model.close()


def row_of(model, name):
    """Return the row of a session."""
    return next(row for row in model.sessions() if row.session_id == name)


@pytest.mark.parametrize("width", [60, 80, 140])
def test_each_session_has_a_line_that_fits(model, width):
    """Whatever its names are written in."""
    console = Console(file=io.StringIO(), width=width, markup=False, highlight=False, emoji=False)
    RichOutput(console).print(list_table(list(model.sessions())))
    lines = console.file.getvalue().rstrip().split("\n")
    assert len(lines) == 1 + 3
    assert all(cell_len(line) <= width for line in lines)


def test_the_system_is_a_column_only_where_there_are_several(model):
    """A column that says the same in each line says nothing."""
    rows = list(model.sessions())
    assert "sut" in list_table(rows).columns
    assert "sut" not in list_table([row for row in rows if row.sut == "shop"]).columns
    assert list_table([]).rows == []


def test_a_table_and_its_json_say_the_same(model):
    """Counts, state and commit of each session."""
    for row in model.sessions():
        listing = list_table([row], states={row.stream: "killed"})
        cells = dict(zip(listing.columns, map(str, listing.rows[0]), strict=True))
        data = session_data(row, "killed")
        assert cells["session"] == data["session_id"]
        assert cells["state"] == data["state"]
        assert cells["branch"] == data["branch"]
        assert data["commit"].startswith(cells["commit"])
        assert all(f"{count} {word}" in cells["counts"] for word, count in data["counts"].items() if word != "error")


@pytest.mark.parametrize(
    ("name", "state", "word"),
    [
        ("whole", "killed", "failed"),
        ("whole", "running", "failed"),
        ("cut-session", "killed", "killed"),
        ("cut-session", "running", "running"),
    ],
)
def test_the_state_of_a_session_depends_on_its_process_only_without_a_seal(model, name, state, word):
    """A sealed one does not run, whatever was found out about its process."""
    assert state_word(row_of(model, name), state) == word


@pytest.mark.parametrize(("state", "text"), [("killed", "cut"), ("running", "running")])
def test_a_test_without_a_result_is_cut_or_runs(model, state, text):
    """Depending on whether its session goes on."""
    assert str(counts_line(row_of(model, "cut-session"), state)).endswith(f"1 {text}")


@pytest.mark.parametrize(
    ("counts", "text", "styles"),
    [
        ({}, "no tests ran", ["yellow"]),
        ({"passed": 7, "failed": 1}, "1 failed, 7 passed", ["red", "green"]),
        ({"zapped": 2, "passed": 1, "dusted": 3}, "1 passed, 3 dusted, 2 zapped", ["green", "", ""]),
        ({"error": 1}, "1 error", ["bold red"]),
        ({"error": 2, "passed": 0}, "2 errors", ["bold red"]),
    ],
)
def test_each_count_has_the_colour_of_its_word(counts, text, styles):
    """Commas belong to the word behind them, so that a cut line has none too many."""
    line = coloured_counts(counts)
    assert str(line) == text
    assert [word.style.replace("bold ", "") for word in line.words] == [style.replace("bold ", "") for style in styles]


@pytest.mark.parametrize(
    ("age_s", "text"),
    [
        (0, "0 s"),
        (59, "59 s"),
        (60, "1 min"),
        (3_599, "59 min"),
        (3_600, "1 h"),
        (DAY_S - 1, "23 h"),
        (DAY_S, "1 d"),
        (29 * DAY_S, "29 d"),
        (30 * DAY_S, "1 mo"),
        (364 * DAY_S, "12 mo"),
        (365 * DAY_S, "1 y"),
        (-60, "0 s"),
    ],
)
def test_an_age_in_a_column_is_one_number_with_one_unit(age_s, text):
    """The largest unit of which there is at least one."""
    now_us = 1_800_000_000 * US
    assert age_text(now_us - age_s * US, now_us) == text


def test_what_is_in_the_future_has_its_date():
    """An age below zero would be read as one above it."""
    now_us = 1_800_000_000 * US
    assert age_text(now_us + 9 * DAY_S * US, now_us) == local_text(now_us + 9 * DAY_S * US)[:10]


def groups_of(model):
    """Return the failures of the whole session by what they say."""
    row = row_of(model, "whole")
    return failure_groups(model, row, load_session(model, row).test_results)


def test_every_failure_is_in_one_group(model):
    """Those that say the same together, in the order of the first of each; what passed or was skipped is in none."""
    groups = groups_of(model)
    nodeids = [failure.result.nodeid for group in groups for failure in group.failures]
    assert nodeids == [f"t.py::test_{number}" for number in range(4)]
    assert [len(group.failures) for group in groups] == [3, 1]


@pytest.mark.parametrize("output", [False, True])
def test_a_group_names_each_test_and_shows_the_text_once(model, output, capsys):
    """Three tests with one assertion are one traceback to read."""
    for group in groups_of(model):
        print_group(PlainOutput(), group, output=output)
    text = capsys.readouterr().out
    assert text.count("E       assert 3 == 4") == 1
    assert text.startswith("3 times: ")
    assert [text.count(f"t.py::test_{number} ") for number in range(6)] == [1, 1, 1, 1, 0, 0]
    assert ("captured stdout:" in text) is output
    assert ("    step 2" in text) is output
