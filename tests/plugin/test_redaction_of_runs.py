"""Runs of real pytest processes that show secrets everywhere: none is in the log, and nothing else is lost."""

import re
import subprocess
import sys

import pytest

SUITE = """
import logging, subprocess, warnings, pytest
A = "Canary"
TOKEN = "ghp_" + A + "param1" + "A" * 30

def test_locals():
    token = A + "token1"; api_key = A + "key1"; pwd = A + "pwd1"
    print("AccountKey=" + A + "azure1;x=y", "url https://u:" + A + "p/w1@h/x", "\\x1b[1mpassword\\x1b[0m=" + A + "ansi1")
    logging.error("secret: %s", A + "log1")
    assert token == "y"

def test_compared():
    password = A + "cmp1"
    assert password == "y"

@pytest.mark.parametrize("value", [TOKEN, "plain"])
def test_param(value, recwarn):
    assert value == "x"

@pytest.mark.parametrize("value", ["password=" + A + "id1", "password=" + A + "id2"])
def test_ids(value):
    warnings.warn("token=" + A + "warn1")

def test_command():
    subprocess.run(["false", "--password", A + "cmd1"], check=True)

def test_properties(record_property):
    record_property("token", A + "prop1")
    record_property("conf", {"db": [{"password": A + "nested1"}]})

def test_skip():
    pytest.skip("token=" + A + "skip1")

@pytest.mark.insight_tag("token", A + "tag1")
def test_tag():
    pass

def test_own_pattern():
    print("own-canary-x")
    assert 0
"""
CONFTEST = "def pytest_addoption(parser): parser.addoption('--db-password'); parser.addoption('--token')\n"
INI = "[pytest]\ninsight_redact = own-[a-z-]+\ninsight_env = MY_*\n"
ENVIRONMENT = {
    "MY_TOKEN": "Canaryenv1",
    "BUILDKITE": "true",
    "BUILDKITE_BUILD_URL": "https://ci:Canaryci1@host/1",
    "BUILDKITE_LABEL": "deploy token=Canarylabel1",
}
ARGS = ["-l", "--db-password", "Canaryarg1", "--token=Canaryarg2", "--insight-tag", "secret=Canarytag2"]


@pytest.fixture
def project(tmp_path, suite):
    """A suite that shows secrets in every way."""
    suite(test_s=SUITE, conftest=CONFTEST)
    (tmp_path / "pytest.ini").write_text(INI)
    subprocess.run(["git", "init", "-q"], cwd=tmp_path, check=True)
    remote = "https://bob:Canary@ss1@git.example/o/r.git"
    subprocess.run(["git", "remote", "add", "origin", remote], cwd=tmp_path, check=True)
    return tmp_path


@pytest.mark.parametrize("args", [[], ["-n2"]], ids=["alone", "xdist"])
def test_no_secret_of_a_run_is_in_its_log(args, project, run, fold, python):
    """Every place where pytest or a test shows a secret, in one process and with workers; the counts stay."""
    result = run(python, *ARGS, *args, env=ENVIRONMENT)
    assert sorted(set(re.findall(r"Canary[a-z]\w*|own-canary\S*", result.log.read_text()))) == []
    assert fold(result.events) == result.counts
    (header,) = result.of_type("session.started")
    assert header["env"] == {"MY_TOKEN": "[redacted]"}
    assert "--token=[redacted]" in header["args"]
    assert header["args"][header["args"].index("--db-password") + 1] == "[redacted]"


def test_a_secret_in_a_node_id_is_the_same_word_in_all_events_and_runs(project, run):
    """Announced, started, finished and warned of by one id, which the next run has as well."""
    first = run(sys.executable, *ARGS, env=ENVIRONMENT)
    announced = [nodeid for event in first.of_type("tests.announced") for nodeid in event["nodeids"]]
    assert len(announced) == len(set(announced))
    assert set(announced) == {event["nodeid"] for event in first.of_type("test.started")}
    assert set(announced) == {event["nodeid"] for event in first.of_type("test.finished")}
    assert {event["nodeid"] for event in first.of_type("warning.recorded") if event.get("nodeid")} <= set(announced)
    assert sum("<redacted:" in nodeid for nodeid in announced) == 3
    second = run(sys.executable, *ARGS, env=ENVIRONMENT)
    assert [nodeid for event in second.of_type("tests.announced") for nodeid in event["nodeids"]] == announced


def test_the_key_is_in_the_home_and_private(project, run, private_home):
    """It is made by the first run that needs it."""
    run(sys.executable, env=ENVIRONMENT)
    (key,) = private_home.rglob("redaction.key")
    assert key.stat().st_mode & 0o777 == 0o600
    assert key.read_bytes().hex() not in (project / "log.jsonl").read_text()


def test_a_run_that_ends_early_is_redacted_with_the_own_patterns(project, run):
    """A broken conftest.py shows its secret in the error, which only the ini setting knows."""
    (project / "conftest.py").write_text("raise RuntimeError('own-canary-y token=Canaryearly1')\n")
    result = run(sys.executable, "--password", "Canaryarg3", env=ENVIRONMENT)
    text = result.log.read_text()
    assert "session.finished" in text
    assert re.findall(r"Canary\w*|own-canary\S*", text) == []


def test_lost_workers_and_collection_errors_name_replaced_ids(project, run):
    """What a killed worker was running is named by the same id; so is a collector."""
    (project / "test_s.py").write_text(
        "import os, pytest\n@pytest.mark.parametrize('v', ['password=' + 'Canary' + 'lost1'])\n"
        "def test_dies(v): os._exit(3)\n"
    )
    (project / "test_broken.py").write_text("raise RuntimeError('token=' + 'Canary' + 'broken1')\n")
    result = run(sys.executable, "-n1", "--max-worker-restart=0", "--continue-on-collection-errors", env=ENVIRONMENT)
    text = result.log.read_text()
    assert re.findall(r"Canary[a-z]\w*", text) == []
    (lost,) = result.of_type("worker.lost")
    started = {event["nodeid"] for event in result.of_type("test.started")}
    assert set(lost["running"]) == started
    assert all("<redacted:" in nodeid for nodeid in started)
