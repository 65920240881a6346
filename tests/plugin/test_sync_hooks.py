"""Reports of a session to its helper process: each fact once, and no failure reaches the run."""

from types import SimpleNamespace

import pytest
from builders import make_node, make_recording
from pytest_insight.plugin.sync import MAIN, SyncHooks


class Link:
    """A connection that keeps what is sent; `fails` names the message that breaks it."""

    def __init__(self, fails=None, answer=None):
        self.sent = []
        self.fails = fails
        self.answer = answer

    def __getattr__(self, method):
        def send(*words):
            self.sent.append((method, *words))
            if method == self.fails:
                raise OSError("broken pipe")
            return self.answer if method == "finish" else None

        return send


def run_through(hooks):
    """The hooks of a short run with one xdist worker."""
    recording = hooks._recording
    node = make_node("gw0", _io=SimpleNamespace(popen=SimpleNamespace(pid=77)))
    hooks.pytest_testnodeready(node)
    recording.xdist.worker = "gw0"
    hooks.pytest_runtest_logstart("t::a[secret]")
    hooks.pytest_runtest_logfinish()
    recording.xdist.worker = ""
    hooks.pytest_runtest_logstart("t::b")
    hooks.pytest_testnodedown(node, None)
    hooks.pytest_testnodedown(make_node("gw1"), "crashed")
    hooks.pytest_sessionfinish()
    lines = []
    hooks.pytest_terminal_summary(SimpleNamespace(write_line=lambda line, **markup: lines.append(line)))
    hooks.pytest_unconfigure()
    return lines


WHOLE = [
    ("worker", MAIN),
    ("worker", "gw0", 77),
    ("running", "gw0", "t::a[[redacted]]"),
    ("running", "gw0", ""),
    ("running", MAIN, "t::b"),
    ("done", "gw0"),
    ("lost", "gw1"),
    ("finish",),
    ("finish", 0.0),
    ("close",),
]


def test_each_fact_is_sent_once_and_a_run_without_problems_says_nothing():
    """Workers by name and process, running tests without secrets, the end, and the connection is closed."""
    link = Link()
    recording = make_recording()
    assert run_through(SyncHooks(recording, link)) == []
    assert link.sent == [(*WHOLE[0], recording.os_pid), *WHOLE[1:]]


def test_the_answer_at_the_end_is_one_line():
    """As the service gives it."""
    lines = run_through(SyncHooks(make_recording(), Link(answer="the service is gone")))
    assert lines == ["insight: not in the test run: the service is gone"]


@pytest.mark.parametrize("number", range(len(WHOLE)))
def test_a_broken_connection_is_named_and_used_no_more(number):
    """Whichever message breaks it: the hooks go on, and nothing more is sent."""
    method = WHOLE[number][0]
    link = Link(fails=method)
    lines = run_through(SyncHooks(make_recording(), link))
    first = next(index for index, message in enumerate(WHOLE) if message[0] == method)
    assert len(link.sent) == first + 1
    is_shown = first < 8  # the summary is written before the connection is closed
    assert lines == (["insight: not in the test run: builtins.OSError: broken pipe"] if is_shown else [])


def test_without_a_connection_the_reason_is_shown():
    """The helper process could not be started."""
    assert run_through(SyncHooks(make_recording(), "no port is free")) == [
        "insight: not in the test run: no port is free"
    ]
