"""Parts of a report: strips, texts, the table of all results, and how much fits into a size."""

import re
from datetime import timedelta
from itertools import pairwise
from random import Random
from types import SimpleNamespace

import pytest
from histories import write_session
from hypothesis import given
from hypothesis import strategies as st
from pytest_insight.core.overview.marks import MARKS
from pytest_insight.core.questions.stats import wilson
from pytest_insight.reports import texts
from pytest_insight.reports.answers import SessionLine
from pytest_insight.reports.budget import Extent, extents, left_out, parse_size
from pytest_insight.reports.grid import LEAST_US, STEP, _differences, duration_code
from pytest_insight.reports.limits import Limits
from pytest_insight.reports.marks import CELL, DRAWINGS, strip_svg, words_of_strip
from pytest_insight.reports.page import SCRIPTS, STATIC_BYTES, STATIC_ELEMENTS, read_asset, script_text
from report_pages import START, PageReader, data_of, make_report


def test_each_mark_of_a_strip_has_a_shape_of_its_own():
    """The words are those of every other strip, and no two share a path."""
    assert set(DRAWINGS) == set(MARKS)
    assert len({drawing.path for drawing in DRAWINGS.values()}) == len(DRAWINGS)


@given(st.lists(st.sampled_from(sorted(MARKS)), max_size=40), st.integers(0, 60))
def test_a_strip_draws_every_run_once_with_the_newest_on_the_right(words, room):
    """Runs are as many as words, at the right end of the room; neighbouring passes are one line of their length."""
    drawn = strip_svg(words, room)
    width = max(room, len(words), 1) * CELL
    assert f'width="{width}"' in drawn
    places = {}
    for word, path in re.findall(r'class="m-(\w+)"[^>]* d="([^"]*)"', drawn):
        if word == "passed":
            for left, length in re.findall(r"M(\d+) 8\.5h(\d+)", path):
                places |= {int(left) // CELL + at: word for at in range(int(length) // CELL)}
        else:
            places |= {int(float(left)) // CELL: word for left in re.findall(r"M([\d.]+) ", path)}
    first = width // CELL - len(words)
    assert places == dict(enumerate(words, first))


SAID = {
    (): "no run",
    ("passed",): "1 runs: passed 1",
    ("flaky", "failed", "error"): "failing since 2 of 3 runs: error 1, failed 1, flaky 1",
    ("failed", "passed", "not_run"): "3 runs: failed 1, passed 1, not run 1",
}


@pytest.mark.parametrize("words", SAID)
def test_a_strip_says_itself_in_words(words):
    """How long it fails, and how many runs had which result."""
    assert words_of_strip(words) == SAID[words].replace("1 runs", "1 run")


@given(st.lists(st.lists(st.integers(0, 255), min_size=5, max_size=5), max_size=6))
def test_durations_are_read_back_as_they_were_stored(rows):
    """The script's way back, written here once more, returns every code."""
    stored = _differences(bytearray(code for row in rows for code in row), 5)
    found = []
    for at in range(0, len(stored), 5):
        last, row = 0, []
        for step in stored[at : at + 5]:
            if step:
                last = (last + step) % 255 or 255
            row.append(last if step else 0)
        found.append(row)
    assert found == rows


@given(st.integers(1, 10**11))
def test_a_duration_is_told_within_four_percent(duration_us):
    """From 0.1 ms to hours; none is told as not known."""
    code = duration_code(duration_us)
    told = LEAST_US * STEP ** (code - 1)
    assert 1 <= code <= 255
    if LEAST_US <= duration_us < LEAST_US * STEP**253:
        assert abs(told - duration_us) / duration_us < 0.04


@given(st.text(st.characters(exclude_categories=())))
def test_shown_texts_can_be_encoded_and_turn_nothing(text):
    """Lone surrogates, controls and marks of direction are escapes; everything else is as it was."""
    shown = texts.visible(text)
    shown.encode()
    assert not re.search("[\x00-\x08\x0b-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069]", shown)
    if text.isascii() and text.isprintable():
        assert shown == text


def test_long_texts_lose_their_middle_and_say_how_much():
    """At most 200 lines and 16,000 characters; the first and the last line stay."""
    cut = texts.cut_text("\n".join(f"line {number}" for number in range(1000)))
    assert cut.startswith("line 0\n")
    assert cut.endswith("line 999")
    assert "... 800 lines left out ..." in cut
    assert len(texts.cut_text("x" * 1_000_000)) < 17_000
    assert len(texts.cut_text(("y" * 9000 + "\n") * 300)) < 40_000


def test_rates_are_never_rounded_to_all_or_nothing():
    """A share of almost all is not 100 %, one of few runs has no percentage."""
    assert texts.percent(0.99999) == "99.9+ %"
    assert texts.percent(0.00001) == "< 0.1 %"
    assert texts.percent(1.0) == "100 %"
    assert texts.rate_text(3, 4, wilson(3, 4)) == "3 of 4"
    assert texts.rate_text(8, 10, wilson(8, 10)) == "80 % (49 % to 94.3 %)"


DURATIONS = {0: "0 ms", 0.0004: "0.4 ms", 0.0123: "12.3 ms", 4.25: "4.25 s", 61.0: "1 min 1 s", 7320.0: "2 h 2 min"}


@pytest.mark.parametrize("value", DURATIONS)
def test_durations_have_the_unit_that_fits(value):
    """From parts of a millisecond to hours."""
    assert texts.seconds(value) == DURATIONS[value]


def test_less_and_less_is_kept_until_it_fits():
    """Durations go first, then texts, then sessions; each step says what is missing, the first that nothing is."""
    answers = SimpleNamespace(sessions=[None] * 90, clusters=[None] * 500)
    steps = list(extents(answers))
    assert steps[0] == Extent(90, 90, 500)
    assert left_out(answers, steps[0]) == []
    assert steps[-1] == Extent(0, 0, 0)
    for before, after in pairwise(steps):
        assert (after.sessions, after.sessions_with_durations, after.texts) < (
            before.sessions,
            before.sessions_with_durations,
            before.texts,
        )
    assert steps[1].texts == 500
    assert steps[2].sessions == 90
    assert all(left_out(answers, step) for step in steps[1:])


def test_sizes_are_written_as_people_write_them():
    """With and without a unit, in thousands."""
    assert [parse_size(text) for text in ("900", "500kB", "2MB", "1.5 mib", "2M")] == [
        900,
        500_000,
        2_000_000,
        1_500_000,
        2_000_000,
    ]
    for text in ("", "MB", "-1", "2 apples"):
        with pytest.raises(ValueError, match="is no size"):
            parse_size(text)


def test_limits_shrink_to_something_that_still_says_something():
    """Every step has fewer rows, and there is a last one."""
    limits, steps = Limits(), 0
    while limits.can_shrink:
        limits, steps = limits.shrunk(), steps + 1
    assert 3 < steps < 20
    assert limits.broken >= 4


@pytest.mark.parametrize(("tests", "sessions"), [(100, 100), (1000, 10)])
def test_ten_thousand_results_take_less_than_100_kb(tests, sessions, tmp_path):
    """With durations, ids and commits that do not repeat, and 40 sessions that need no script."""
    random = Random(1)
    lines = []
    for number in range(sessions):
        results = []
        for at in range(tests):
            took = random.lognormvariate(3, 1)
            results.append(
                (
                    f"tests/unit/test_{at % 97}.py::test_{at}_case",
                    "passed" if random.random() < 0.996 else "skipped",
                    took,
                )
            )
        results[number % 7] = (results[number % 7][0], "failed", 9)
        vcs = {"commit": f"{random.getrandbits(160):040x}", "branch": "main", "dirty": False}
        name, at = f"{random.getrandbits(48):012x}", START + timedelta(minutes=97 * number)
        lines.append(write_session(name, 0, results, start=at, vcs=vcs))
    log = tmp_path / "log.jsonl"
    log.write_bytes(b"".join(lines))
    page = make_report(log, tmp_path).read_text()
    assert len(page.encode()) <= 100_000
    reader = PageReader(page)
    assert len([each for each in reader.ids() if each.startswith("s-")]) == min(sessions, 40)
    head, results, _ = data_of(page)
    assert (len(head["tests"]), len(head["sessions"]), 0 in results) == (tests, sessions, False)


def test_each_mark_in_a_list_is_that_of_the_legend(tmp_path):
    """A mark that is a reference leads to one that the page has."""
    log = tmp_path / "log.jsonl"
    log.write_bytes(write_session("a", 0, [("t.py::a", "failed", 1)], start=START))
    reader = PageReader(make_report(log, tmp_path).read_text())
    used = {attributes["href"] for tag, attributes in reader.tags if tag == "use"}
    assert used
    assert used <= {f"#{each}" for each in reader.ids()}


def test_the_script_loses_blanks_and_comments_alone():
    """Every text of its sources is in it, and without blanks both are the same."""
    sources = "\n".join(read_asset(name) for name in SCRIPTS)
    code = re.sub(r"^ *//.*$", "", sources, flags=re.MULTILINE)
    made = script_text()
    assert len(made) < len(sources)
    assert "".join(code.split()) in "".join(made.split())
    for text in re.findall(r"'(?:[^'\\\n]|\\.)*'|`[^`\n]*`", code):
        assert text in made, text


def test_the_part_without_data_is_bounded_whatever_failed(tmp_path):
    """400 tests of long names that fail in 400 ways keep the page below its limits; the data has all of them."""
    names = [
        f"tests/{'area' * 8}/test_{'long_name_' * 6}{number}.py::TestOf{number}::test_{'case_' * 12}"
        for number in range(400)
    ]
    sessions = [
        write_session(
            f"s{part}",
            0,
            [(name, "passed" if part < 2 else "failed", 1) for name in names[:390]],
            start=START + timedelta(hours=part),
            commit="abcd"[part],
        )
        for part in range(4)
    ]
    log = tmp_path / "log.jsonl"
    log.write_bytes(b"".join(sessions))
    page = make_report(log, tmp_path).read_text()
    data = re.search(r'id="data">([^<]*)<', page)[1]
    assert len(page.encode()) - len(data) <= STATIC_BYTES
    assert len(PageReader(page).tags) <= STATIC_ELEMENTS
    head, results, _ = data_of(page)
    assert len(head["tests"]) == 390
    assert all(results)


def test_links_to_ci_are_of_the_web_alone():
    """Another scheme is no link, whatever the variable was called."""
    from pytest_insight.reports.answers import _link_of

    assert _link_of({"ci": {"url": "javascript:alert(1)", "job": "data:text/html,x"}}) == ""
    assert _link_of({"ci": {"name": "gitlab", "url": "https://ci.example/1"}}) == "https://ci.example/1"
    assert _link_of({}) == _link_of({"ci": "https://ci.example"}) == ""
    assert "link" in SessionLine.__dataclass_fields__
