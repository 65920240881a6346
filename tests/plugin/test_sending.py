"""The line of a session that is sent: for each state of the helper process, each way to end, each missing setting."""

import os
from types import SimpleNamespace

import pytest
from builders import make_recording, make_settings
from pytest_insight.eventlog.home.push_state import (
    STATE_BYTES,
    PushState,
    create_state,
    last_failure,
    note_failure,
    read_state,
    write_state,
)
from pytest_insight.plugin import sending
from pytest_insight.plugin.sending import SendingHooks, send_while_running, why_not_sent

REMOTE = {"storage": "remote", "remote_url": "http://h", "api_key": ""}
KEY = {"INSIGHT_API_KEY": "ik_x"}


class Terminal:
    """A terminal that keeps lines."""

    def __init__(self, verbosity=0):
        self.verbosity, self.lines = verbosity, []

    def write_line(self, line, **markup):
        """Keep a line."""
        self.lines.append(line)


def lines_of(hooks, terminal=None, exit_error=None):
    """Lines of a run, before its last line and after its end."""
    terminal = terminal or Terminal()
    summary = hooks.pytest_terminal_summary(terminal)
    next(summary)
    assert next(summary, "ended") == "ended"
    before = list(terminal.lines)
    end = hooks.pytest_unconfigure()
    next(end)
    assert next(end, "ended") == "ended"
    return before, terminal.lines[len(before) :]


@pytest.fixture
def state(tmp_path):
    """State file of a session, in a home of the test."""
    return create_state("a" * 32, tmp_path)


def hooks_of(state, phase="sending", sent=3, reason="", **more):
    """Hooks of a session whose helper, this process, has reported a state."""
    settings = REMOTE | more.pop("settings", {})
    write_state(state, PushState(phase, sent, "http://h", reason))
    return SendingHooks(make_recording(**settings), os.getpid(), state, **more)


@pytest.mark.parametrize(
    ("phase", "reason", "expected"),
    [
        ("sending", "", "insight: sending to http://h goes on, 3 events so far"),
        ("waiting", "http://h: refused", "insight: sending to http://h goes on, 3 events so far; http://h: refused"),
        ("done", "", "insight: sent 3 events to http://h"),
        ("done", "2 conflict", "insight: sent 3 events to http://h; 2 conflict"),
        ("failed", "no such key", "insight: not sent: no such key; nothing is lost; run insight sync later"),
    ],
)
def test_without_waiting_the_line_comes_before_the_counts(state, phase, reason, expected):
    """It is written once, and the state of the helper is removed."""
    assert lines_of(hooks_of(state, phase, reason=reason)) == ([expected], [])
    assert not state.exists()


def test_with_waiting_the_line_comes_after_the_last_event(state, monkeypatch):
    """The end of the helper ends the waiting."""
    hooks = hooks_of(state, settings={"push_wait": 5.0})
    rounds = []

    def sleep(seconds):
        rounds.append(seconds)
        if len(rounds) == 3:
            write_state(state, PushState("done", 9, "http://h"))

    monkeypatch.setattr(sending, "_sleep", sleep)
    assert lines_of(hooks) == ([], ["insight: sent 9 events to http://h"])
    assert len(rounds) == 3


@pytest.mark.parametrize("interrupted", [False, True])
def test_waiting_ends_in_time_or_by_control_c(state, monkeypatch, interrupted):
    """As many rounds as fit; an interruption of the waiting does not become that of the run."""
    hooks = hooks_of(state, "waiting", reason="refused", settings={"push_wait": 5.0})
    slept = []

    def sleep(seconds):
        slept.append(seconds)
        if interrupted:
            raise KeyboardInterrupt

    monkeypatch.setattr(sending, "_sleep", sleep)
    expected = (
        "insight: sent 3 events to http://h within 5 s, not all; refused; nothing is lost; run insight sync later"
    )
    assert lines_of(hooks) == ([], [expected])
    assert sum(slept) == pytest.approx(0.05 if interrupted else 5.0)


def test_a_helper_that_died_is_named(state):
    """No line says that sending goes on if it does not."""
    hooks = hooks_of(state)
    hooks._pid = 2**22 + 1
    (line,), _ = lines_of(hooks)
    assert line.startswith("insight: not sent: the process that sends ended after 3 events")


def test_a_quiet_run_shows_problems_only(state, tmp_path):
    """As for the line of the recorder."""
    assert lines_of(hooks_of(state), Terminal(-1)) == ([], [])
    state = create_state("b" * 32, tmp_path)
    assert len(lines_of(hooks_of(state, "failed", reason="x"), Terminal(-1))[0]) == 1


def test_a_run_without_a_terminal_writes_problems_to_stderr(state, capsys):
    """A run that ended before its summary, too."""
    hooks = hooks_of(state, "failed", reason="x")
    end = hooks.pytest_unconfigure()
    next(end)
    next(end, None)
    assert "insight: not sent: x" in capsys.readouterr().err
    assert not state.exists()


def test_a_forked_child_leaves_the_state_alone(state):
    """The end of a child is not that of the run."""
    hooks = hooks_of(state)
    hooks._os_pid = -1
    end = hooks.pytest_unconfigure()
    next(end)
    next(end, None)
    assert state.exists()


def test_a_failure_after_the_end_is_told_by_the_next_session(state, tmp_path):
    """The line of a session is written before; the next one names it, until a session is sent."""
    note_failure("no such\nkey", tmp_path)
    hooks = hooks_of(state, before=last_failure(tmp_path))
    assert lines_of(hooks)[0] == [
        "insight: sending to http://h goes on, 3 events so far; the session before was not sent: no such key; run insight sync"
    ]
    note_failure("", tmp_path)
    assert last_failure(tmp_path) == ""


def test_a_terminal_that_fails_does_not_end_the_run(state, capsys):
    """The boundary of the recorder."""

    class Broken(Terminal):
        def write_line(self, line, **markup):
            raise ValueError("closed")

    lines_of(hooks_of(state), Broken())
    assert "ValueError: closed" in capsys.readouterr().err


def test_each_missing_setting_is_named_with_a_hint(monkeypatch):
    """Storage, address, key and extra."""
    assert why_not_sent(make_settings(**REMOTE), KEY) == ""
    assert why_not_sent(make_settings(**REMOTE), {"INSIGHT_API_KEY_FILE": "f"}) == ""
    assert "INSIGHT_API_KEY_FILE" in why_not_sent(make_settings(**REMOTE), {})
    assert "INSIGHT_REMOTE_URL" in why_not_sent(make_settings(**REMOTE | {"remote_url": ""}), KEY)
    assert "INSIGHT_DB_URL" in why_not_sent(make_settings(storage="database"), {})
    assert why_not_sent(make_settings(storage="database", db_url="postgresql:///d"), {}) == ""
    monkeypatch.setattr(sending.importlib.util, "find_spec", lambda name: None)
    assert why_not_sent(make_settings(**REMOTE), KEY) == (
        "urllib3 is not installed; run: pip install 'pytest-insight[remote]'"
    )


def test_a_helper_that_cannot_start_is_one_line(monkeypatch):
    """A missing setting and a profile in memory; the hooks are there to say it."""
    plugins = []
    config = SimpleNamespace(pluginmanager=SimpleNamespace(register=lambda plugin, name: plugins.append(plugin)))
    for environ, expected in (({}, "no key is given"), (KEY, "a profile in memory")):
        monkeypatch.setattr(os, "environ", dict(environ))
        send_while_running(make_recording(config, **REMOTE))
        (line,), _ = lines_of(plugins[-1])
        assert expected in line


def test_the_key_on_the_command_line_is_warned_about(state):
    """In the same line."""
    hooks = hooks_of(state, settings={"api_key": "ik_canary"})
    (line,), _ = lines_of(hooks)
    assert line.endswith("; --insight-api-key: other users of this machine see the key, set INSIGHT_API_KEY instead")
    assert "canary" not in line


def test_a_state_is_one_line_of_bounded_size_whatever_it_holds(state):
    """A server decides what is in a reason: control characters, surrogates, megabytes."""
    for text in ("\x1b[31m\nred\r" * 1000, '"\\' * 10_000, "\udc80\u2028" + "\U0001f600" * 9999, "€" * 9999):
        assert write_state(state, PushState("failed", 1, text, text))
        found = read_state(state)
        assert found.reason.isprintable()
        assert found.is_final
        assert state.stat().st_size == STATE_BYTES


def test_a_state_is_not_created_again(state):
    """The session removed it: the helper finds out, and follows no link."""
    state.unlink()
    assert not write_state(state, PushState("done"))
    assert not state.exists()
    state.symlink_to(state.with_name("other"))
    state.with_name("other").write_text("mine")
    assert not write_state(state, PushState("done"))
    assert state.with_name("other").read_text() == "mine"


def test_a_state_that_cannot_be_read_is_that_of_a_helper_that_said_nothing(state):
    """Missing, empty, damaged."""
    for content in (b"", b"{", b"\xff", b'{"phase": 3}'):
        state.write_bytes(content)
        assert read_state(state) == PushState()
    state.unlink()
    assert read_state(state) == PushState()
