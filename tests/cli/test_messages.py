"""Messages beside the answer: questions before something is lost, notices on stderr, hints for people only."""

import io
import sys

import pytest
from pytest_insight.cli.app import NOUNS, build_app
from pytest_insight.cli.terminal.hints import HINTS, show_hint
from pytest_insight.cli.terminal.messages import NotConfirmedError, confirm, progress_bar, say, say_passed_over
from typer.main import get_command


class Stream(io.StringIO):
    """A stream that says whether it is a terminal."""

    def __init__(self, text="", *, is_terminal=True):
        super().__init__(text)
        self._is_terminal = is_terminal

    def isatty(self):
        return self._is_terminal


@pytest.mark.parametrize(
    ("answer", "goes_on"), [("y\n", True), ("yes\n", True), ("n\n", False), ("\n", False), ("maybe\nn\n", False)]
)
def test_only_a_yes_goes_on(answer, goes_on, monkeypatch):
    """An empty answer is no; an unclear one is asked for again."""
    monkeypatch.setattr(sys, "stdin", Stream(answer))
    if goes_on:
        confirm("delete 3 sessions?", force=False)
        return
    with pytest.raises(NotConfirmedError, match="nothing was changed"):
        confirm("delete 3 sessions?", force=False)


def test_a_script_is_never_asked(monkeypatch):
    """It is told which option says yes, instead of waiting for an answer that cannot come."""
    monkeypatch.setattr(sys, "stdin", Stream("y\n", is_terminal=False))
    with pytest.raises(NotConfirmedError, match="--force"):
        confirm("delete 3 sessions?", force=False)
    confirm("delete 3 sessions?", force=True)


def test_a_question_is_not_part_of_the_answer(monkeypatch, capsys):
    """It is on stderr, so that what is piped is the answer alone."""
    monkeypatch.setattr(sys, "stdin", Stream("y\n"))
    confirm("delete 3 sessions?", force=False)
    assert capsys.readouterr().out.strip() == ""  # Click lets input() print a blank


def test_a_notice_names_the_program_on_stderr(capsys):
    """And what was passed over is named safely, one a line."""
    say("2 places in the log are not events")
    say_passed_over(["a.txt", "b\x1b[2J\nc"])
    captured = capsys.readouterr()
    assert captured.out == ""
    assert captured.err.splitlines() == [
        "insight: 2 places in the log are not events",
        "insight: a.txt; passed over",
        "insight: b\\x1b[2J\\nc; passed over",
    ]


def test_progress_is_shown_on_a_terminal_only(monkeypatch, capsys):
    """In a log of a CI job a bar would be a thousand lines."""
    with progress_bar("merge") as progress:
        assert progress is None
    monkeypatch.setattr(sys, "stderr", Stream())
    with progress_bar("merge [x] \x1b[2J") as progress:
        progress(5, 10)
        progress(10, 10)
    assert capsys.readouterr().out == ""


def hint_of(arguments, monkeypatch, *, piped="", no_color="1"):
    """Return what is printed behind a command whose output goes to a terminal, but for one stream."""
    streams = {name: Stream(is_terminal=name != piped) for name in ("stdout", "stderr")}
    monkeypatch.setenv("NO_COLOR", no_color)
    with monkeypatch.context() as patch:
        for name, stream in streams.items():
            patch.setattr(sys, name, stream)
        show_hint(arguments)
    assert streams["stdout"].getvalue() == ""
    return streams["stderr"].getvalue()


@pytest.mark.parametrize("words", HINTS)
def test_each_hint_is_for_a_command_that_exists_and_names_ones_that_do(words, monkeypatch):
    """A command that was renamed would leave a hint that is never shown, or one that leads nowhere."""
    known = {noun.name: get_command(build_app(noun.name)).commands[noun.name] for noun in NOUNS}
    for named in [words, *(part.split()[1:] for part in HINTS[words].split("    "))]:
        below = [word for word in named if word.islower() and not word.startswith("-")]
        command = known[below[0]] if below else None
        assert len(below) < 2 or below[1] in command.commands
    assert hint_of([*words, "last"], monkeypatch) == f"next    {HINTS[words]}\n"


@pytest.mark.parametrize(
    "arguments",
    [
        [],
        ["session"],
        ["tail"],
        ["session", "play"],
        ["session", "list", "--json"],
        ["--json", "session", "list"],
        ["session", "list", "-h"],
        ["session", "list", "--help"],
    ],
)
def test_programs_and_readers_of_help_get_no_hint(arguments, monkeypatch):
    """Nor do commands that have nothing to lead on to."""
    assert hint_of(arguments, monkeypatch) == ""


@pytest.mark.parametrize("piped", ["stdout", "stderr"])
def test_no_hint_goes_into_a_file(piped, monkeypatch):
    """Neither with the answer nor with the errors."""
    assert hint_of(["session", "list"], monkeypatch, piped=piped) == ""


@pytest.mark.parametrize(("no_color", "begin"), [("1", "next"), ("", "\x1b[2mnext")])
def test_a_hint_is_dim_unless_colours_are_off(no_color, begin, monkeypatch):
    """It is less than the answer."""
    assert hint_of(["test", "list", "--sut", "shop"], monkeypatch, no_color=no_color).startswith(begin)
