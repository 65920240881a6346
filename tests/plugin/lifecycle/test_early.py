"""A session for a run that ended before the recorder started: when there is one, and what it says."""

import json
import os
from types import SimpleNamespace

import pytest
from builders import Raises
from pytest_insight.eventlog.maintenance.verify import verify_log
from pytest_insight.plugin.lifecycle import early
from pytest_insight.plugin.lifecycle.nesting import LOG_VARIABLE, RECORDER_VARIABLE


@pytest.fixture(autouse=True)
def _outside_xdist(monkeypatch):
    """A worker of xdist writes no such session; the tests may run in one."""
    monkeypatch.delenv("PYTEST_XDIST_WORKER", raising=False)


@pytest.fixture
def log(tmp_path):
    """Where the session is written."""
    return tmp_path / "log.jsonl"


@pytest.fixture
def config(tmp_path, log):
    """The config of a run that is given the log."""
    options = SimpleNamespace(insight_log=str(log), insight_redact=None)
    return SimpleNamespace(
        rootpath=tmp_path,
        option=options,
        known_args_namespace=options,
        invocation_params=SimpleNamespace(dir=tmp_path, args=("-x", "--insight-log", "a")),
        pluginmanager=SimpleNamespace(list_plugin_distinfo=list),
        getini=lambda name: ["geheim"] if name == "insight_redact" else None,
    )


def events_of(log):
    """The events of the log, which verifies."""
    assert verify_log(log).findings == []
    return [json.loads(line) for line in log.read_bytes().splitlines()]


def wanted(config, options):
    """The run is to be recorded."""
    return True


def test_a_run_that_ends_while_its_first_conftest_is_loaded_is_a_session(config, log):
    """Its header, its command line, and the error with the status of pytest for it; without secrets."""
    early.record_early_end(config, ["-x", "tests"], ImportError("no module geheim, password=Canary1xyz"), wanted)
    header, seal = events_of(log)
    assert (header["type"], header["args"], header["rootdir"]) == (
        "session.started",
        ["-x", "tests"],
        str(config.rootpath),
    )
    assert seal["internal_error"] == "ImportError: no module [redacted], password=[redacted]"
    assert seal["exit_status"] == pytest.ExitCode.USAGE_ERROR


@pytest.mark.parametrize(
    ("end", "errors", "status", "text"),
    [
        (3, ["INTERNAL one", "INTERNAL two"], 3, "INTERNAL one\nINTERNAL two"),
        (5, [], 5, "a plugin ended the run in pytest_configure, before it was recorded"),
        (None, [], 3, "a plugin ended the run in pytest_configure, before it was recorded"),
        (SystemExit(7), ["ignored"], 7, "SystemExit: 7"),
        (KeyboardInterrupt(), [], 130, "KeyboardInterrupt: "),
        (ValueError("x"), [], 1, "ValueError: x"),
    ],
)
def test_a_run_in_which_a_plugin_failed_has_its_status_and_the_reason(config, log, end, errors, status, text):
    """The exception that ended it, else the internal errors, else that nothing is known."""
    early.record_failed_start(config, end, errors)
    header, seal = events_of(log)
    assert header["args"] == ["-x", "--insight-log", "a"]
    assert (seal["exit_status"], seal["internal_error"]) == (status, text)


def test_a_fact_that_is_not_known_yet_is_reported_and_the_others_are_written(config, log):
    """The plugins cannot be listed so early in every run."""
    config.pluginmanager = Raises
    early.record_failed_start(config, 3, [])
    header, degraded, _ = events_of(log)
    assert "plugins" not in header
    assert degraded["reason"].startswith("plugins: AttributeError")


def test_a_worker_of_xdist_writes_nothing(config, log, monkeypatch):
    """The run is the session of its controller."""
    monkeypatch.setattr(early, "is_xdist_worker", lambda: True)
    early.record_early_end(config, [], ValueError("x"), wanted)
    early.record_failed_start(config, 3, [])
    assert not log.exists()


def test_a_run_that_is_not_to_be_recorded_is_no_session(config, log):
    """As its options say, as far as pytest knows them."""
    early.record_early_end(config, [], ValueError("x"), lambda config, options: False)
    assert not log.exists()


def test_a_nested_run_is_recorded_only_into_a_log_of_its_own(config, log, private_home, monkeypatch):
    """This very test is a run: without a log nothing is written, nor into that of the outer run."""
    config.option.insight_log = None
    early.record_failed_start(config, 3, [])
    assert not (private_home / "insight").exists()
    config.option.insight_log = str(log)
    monkeypatch.setenv(RECORDER_VARIABLE, str(os.getppid()))
    monkeypatch.setenv(LOG_VARIABLE, str(log))
    early.record_failed_start(config, 3, [])
    assert not log.exists()


@pytest.mark.parametrize("way", ["early end", "failed start"])
def test_a_session_that_cannot_be_written_is_one_line(config, log, capsys, way):
    """pytest shows its own error in any case."""
    log.mkdir()
    if way == "early end":
        early.record_early_end(config, [], ValueError("x"), wanted)
    else:
        early.record_failed_start(config, 3, [])
    (line,) = [line for line in capsys.readouterr().err.split("\n") if line]
    assert line.startswith(f"insight: nothing was recorded: {log}: ")
