"""Sections of the terminal's output: a copy of the head, and a second rendering that changes nothing of the first."""

import threading
from types import SimpleNamespace

import pytest
from pytest_insight.plugin.output import sections
from pytest_insight.plugin.output.sections import HeadCopy, find_reporter, summary_sections


class Terminal:
    """A writer that keeps what it shows."""

    def __init__(self):
        self.shown = []

    def write(self, msg, **markup):
        """Show a text."""
        self.shown.append((msg, markup))


def make_copy(taken=None):
    """A terminal, and the copy of its head."""
    terminal = Terminal()
    copy = HeadCopy(SimpleNamespace(_tw=terminal), (taken if taken is not None else []).append)
    return terminal, copy


def test_the_head_is_copied_while_it_is_shown_unchanged():
    """With its colours; what is written after the end of the head is shown and not copied."""
    terminal, copy = make_copy()
    terminal.write("one ", green=True)
    terminal.write("two")
    assert copy.stop() == "one two"
    terminal.write("three")
    assert terminal.shown == [("one ", {"green": True}), ("two", {}), ("three", {})]
    assert copy.stop() == ""


def test_a_long_head_is_copied_to_its_limit(monkeypatch):
    """The text that crosses the limit is the last one; all of them are shown."""
    monkeypatch.setattr(sections, "HEAD_CHARS_MAX", 10)
    terminal, copy = make_copy()
    for _ in range(5):
        terminal.write("1234")
    assert copy.stop() == "1234" * 3
    assert len(terminal.shown) == 5


def test_texts_of_other_threads_are_passed_on_until_the_head_ends():
    """pytest-timeout writes from a thread of its own; the main thread is not listened to."""
    taken = []
    terminal, copy = make_copy(taken)

    def write_elsewhere(text):
        thread = threading.Thread(target=terminal.write, args=(text,))
        thread.start()
        thread.join()

    terminal.write("main")
    write_elsewhere("dump")
    copy.stop()
    write_elsewhere("late")
    assert taken == ["dump"]
    assert [text for text, _ in terminal.shown] == ["main", "dump", "late"]


class Sugar(pytest.TerminalReporter):
    def __init__(self):
        """Leave the attributes unset: only the class counts."""


@pytest.mark.parametrize(("plugin", "found"), [(None, False), (object(), False), (Sugar(), True)])
def test_a_reporter_is_that_of_pytest_or_derived_from_it(plugin, found):
    """Any other counts and writes in its own way."""
    config = SimpleNamespace(pluginmanager=SimpleNamespace(getplugin=lambda name: plugin))
    assert (find_reporter(config) is plugin) is (found or plugin is None)


SUITE = """
import pytest, warnings
def test_ok(): print("of the passed")
def test_bad():
    print("of the failed")
    assert 0
@pytest.fixture
def broken(): raise ValueError
def test_error(broken): pass
@pytest.mark.skip(reason="no database")
def test_skipped(): pass
def test_warns(): warnings.warn("careful")
"""


@pytest.fixture(scope="module")
def rendered(tmp_path_factory):
    """Sections of one run by setting, and the terminal's own output with `-rA`, in this process."""
    from pytest_insight.plugin.output.sections import summary_sections

    folder = tmp_path_factory.mktemp("sections")
    (folder / "test_a.py").write_text(SUITE)
    found, stats = {}, []

    class Tap:
        @pytest.hookimpl(wrapper=True, tryfirst=True)
        def pytest_terminal_summary(self, terminalreporter):
            before = dict(terminalreporter.stats), terminalreporter.reportchars
            for output in ("all", "failed", "none"):
                found[output] = dict(summary_sections(terminalreporter, output=output))
            stats.append((before, (dict(terminalreporter.stats), terminalreporter.reportchars)))
            return (yield)

    words = [
        "-p",
        "no:cacheprovider",
        "-p",
        "no:randomly",
        "-p",
        "no:insight",
        "-p",
        "no:xdist",
        "--color=no",
        "-Wdefault",
    ]
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        patch.setenv("COLUMNS", "80")
        patch.setenv("PYTEST_INSIGHT", "0")
        status = pytest.main([*words, "-rA", "-q", "--rootdir", str(folder), "test_a.py"], plugins=[Tap()])
    return found, stats, status


@pytest.fixture
def shown(rendered):
    """The sections by setting."""
    return rendered[0]


def test_the_second_rendering_changes_nothing(rendered):
    """Neither the counts of the reporter nor its settings, nor the result of the run."""
    _, stats, status = rendered
    assert [before for before, _ in stats] == [after for _, after in stats]
    assert status == 1


def test_each_section_has_what_pytest_shows_in_it(shown):
    """Errors, failures, passes, warnings, the summary and the last line; an empty section is left out."""
    found = shown["all"]
    assert set(found) == {
        *("errors", "failures", "passes", "warnings_summary", "short_test_summary", "lastline"),
    }
    assert "ERROR at setup of test_error" in found["errors"]
    assert "def test_bad" in found["failures"]
    assert "UserWarning: careful" in found["warnings_summary"]
    assert "PASSED test_a.py::test_ok" in found["short_test_summary"]
    assert "no database" in found["short_test_summary"]
    assert "1 failed, 2 passed, 1 skipped, 1 warning, 1 error" in found["lastline"]


@pytest.mark.parametrize(
    ("output", "of_passed", "of_failed"), [("all", True, True), ("failed", False, True), ("none", False, False)]
)
def test_captured_output_is_in_a_section_only_if_it_may_be_recorded(shown, output, of_passed, of_failed):
    """A setting that keeps output out of results keeps it out of the terminal's sections as well."""
    text = "".join(shown[output].values())
    assert ("\nof the passed\n" in text) is of_passed
    assert ("\nof the failed\n" in text) is of_failed


def test_a_section_that_cannot_be_rendered_is_missing_alone():
    """The reports of another plugin may raise in anything."""

    class Broken:
        config = SimpleNamespace(option=SimpleNamespace(showcapture="all"))
        _tw = SimpleNamespace(fullwidth=80)
        stats = {}
        summary_errors = summary_warnings = short_test_summary = summary_stats = lambda self: None

        def summary_failures(self):
            raise RuntimeError

    reporter = Broken()
    assert list(summary_sections(reporter, output="none")) == []
    assert reporter.config.option.showcapture == "all"
