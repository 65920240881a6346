"""Cleanup functions: which another process could find and call, and what an error of one is recorded as."""

import functools
import importlib
import os
import sys
import threading

import pytest
from pytest_insight.testdata.cleaning.callbacks import (
    CleanupTimeoutError,
    Durable,
    as_durable,
    call_durable,
    call_here,
    check_callback,
    error_text,
)
from pytest_insight.testdata.errors import CleanupCallbackError, CleanupTargetError

MODULE = """
import threading
calls = []
def note(*, path="x", number=0): calls.append((path, number, threading.current_thread().name))
def needs(path): calls.append(path)
def fail(): raise KeyError("row")
def interrupt(): raise KeyboardInterrupt
def leave(): raise SystemExit(3)
async def later(): calls.append("later")
class Tools:
    @staticmethod
    def close(): calls.append("closed")
    def bound(self): pass
number = 7
"""


@pytest.fixture
def jobs(tmp_path, monkeypatch):
    """A module of cleanups that is found in a folder of the path."""
    (tmp_path / "cleaning_jobs.py").write_text(MODULE)
    monkeypatch.syspath_prepend(str(tmp_path))
    yield importlib.import_module("cleaning_jobs")
    sys.modules.pop("cleaning_jobs", None)


@pytest.mark.parametrize("form", ["name", "function", "pair of a name", "pair of a function"])
def test_a_function_may_be_named_in_any_form(jobs, tmp_path, form):
    """Its name, arguments and folder are recorded, so that any process can find it."""
    arguments = {"path": "p"} if form.startswith("pair") else {}
    what = jobs.note if "function" in form else "cleaning_jobs:note"
    durable = as_durable((what, arguments) if form.startswith("pair") else what)
    assert durable == Durable("cleaning_jobs:note", arguments, str(tmp_path))


def test_a_function_of_a_class_is_found_by_its_path(jobs):
    """A static method is one function for all processes."""
    assert as_durable(jobs.Tools.close).target == "cleaning_jobs:Tools.close"
    assert as_durable("cleaning_jobs:Tools.close").target == "cleaning_jobs:Tools.close"


REFUSED = {
    "not a name": ("note", "not a function name"),
    "no function": ("cleaning_jobs:", "not a function name"),
    "no module": (":note", "not a function name"),
    "unknown module": ("no_such_module:note", "cannot be imported"),
    "unknown function": ("cleaning_jobs:missing", "has no function missing"),
    "not callable": ("cleaning_jobs:number", "has no function number"),
    "a script": ("__main__:note", "cannot import a script"),
    "a lambda": (lambda: None, "not a function of a module"),
    "a partial": (functools.partial(print, 1), "not a function of a module"),
    "arguments as a list": (("cleaning_jobs:note", [1]), "pass keyword arguments as a dict"),
    "unknown argument": (("cleaning_jobs:note", {"other": 1}), "cannot be called with the arguments"),
    "missing argument": ("cleaning_jobs:needs", "missing a required argument"),
}


@pytest.mark.usefixtures("jobs")
@pytest.mark.parametrize("name", REFUSED)
def test_what_another_process_could_not_call_is_refused(name):
    """Before anything is recorded, with the reason."""
    cleanup, reason = REFUSED[name]
    with pytest.raises(CleanupTargetError, match=reason):
        as_durable(cleanup)


def test_a_bound_method_is_refused(jobs):
    """Its object exists in this process only."""
    with pytest.raises(CleanupTargetError, match="not a function of a module"):
        as_durable(jobs.Tools().bound)


def test_arguments_that_cannot_be_recorded_are_refused(jobs):
    """With their path."""
    with pytest.raises(TypeError, match=r"cleanup arguments\.path: object is not JSON"):
        as_durable((jobs.note, {"path": object()}))


@pytest.mark.parametrize(
    ("callback", "accepted"),
    [
        (lambda: None, True), (lambda x=1: None, True), (functools.partial(print, 1), True), (dict, True), (print, True),
        (lambda x: None, False), (None, False), ("module:function", False), (("m:f", {}), False), (7, False),
    ],
)  # fmt: skip
def test_a_callback_is_a_function_without_arguments(callback, accepted):
    """A text is the form of a durable cleanup, which the message names."""
    if accepted:
        check_callback(callback)
        return
    with pytest.raises(CleanupCallbackError) as error:
        check_callback(callback)
    assert ("pass it as cleanup=..." in str(error.value)) == isinstance(callback, (str, tuple))


def test_a_durable_cleanup_runs_in_a_thread_of_its_own(jobs):
    """With its arguments; the thread has the name of the function."""
    call_durable(as_durable((jobs.note, {"path": "p", "number": 3})), 60)
    assert jobs.calls == [("p", 3, "cleanup cleaning_jobs:note")]


@pytest.mark.parametrize(
    ("name", "error"),
    [("fail", KeyError), ("leave", SystemExit), ("interrupt", RuntimeError), ("missing", CleanupTargetError)],
)
@pytest.mark.usefixtures("jobs")
def test_an_error_of_a_durable_cleanup_is_that_of_the_call(name, error):
    """A KeyboardInterrupt of the callback is no Ctrl-C of the user."""
    with pytest.raises(error):
        call_durable(Durable(f"cleaning_jobs:{name}", {}, ""), 60)


def test_a_cleanup_that_takes_too_long_is_left_behind():
    """Its thread goes on; the message says so."""
    release = threading.Event()
    sys.modules["slow_jobs"] = type(sys)("slow_jobs")
    sys.modules["slow_jobs"].wait = release.wait
    try:
        with pytest.raises(CleanupTimeoutError, match=r"did not end within 0\.01 s"):
            call_durable(Durable("slow_jobs:wait", {}, ""), 0.01)
    finally:
        release.set()
        del sys.modules["slow_jobs"]


def test_a_coroutine_is_run_to_its_end(jobs):
    """A callback may be one, or return one."""
    call_here(jobs.later)
    call_here(jobs.later)
    assert jobs.calls == ["later", "later"]


def test_a_module_is_looked_for_where_it_was_registered(tmp_path):
    """And the path of this process is as it was; another module of that name is not run in its place."""
    for folder in ("one", "two"):
        (tmp_path / folder).mkdir()
        (tmp_path / folder / "placed_jobs.py").write_text(f"calls = []\ndef run(): calls.append({folder!r})\n")
    before = list(sys.path)
    try:
        call_durable(Durable("placed_jobs:run", {}, str(tmp_path / "one")), 60)
        assert sys.modules["placed_jobs"].calls == ["one"]
        assert sys.path == before
        with pytest.raises(CleanupTargetError, match="registered from"):
            call_durable(Durable("placed_jobs:run", {}, str(tmp_path / "two")), 60)
        call_durable(Durable("placed_jobs:run", {}, str(tmp_path / "gone")), 60)
    finally:
        sys.modules.pop("placed_jobs", None)


def test_an_error_is_a_text_with_its_place():
    """The innermost one; at most 2000 characters of valid Unicode, and without a place if it was never raised."""
    try:
        os.stat("/no/such/file")
    except OSError as error:
        text = error_text(error)
    assert text.startswith(
        "FileNotFoundError: [Errno 2] No such file or directory: '/no/such/file' (test_callbacks.py:"
    )
    assert error_text(ValueError("\ud800")) == "ValueError: \\ud800"
    assert len(error_text(ValueError("x" * 5000))) == 2000
