"""The edges of a session: how it begins, how it ends, and what of it is one session."""

import os
import subprocess
import sys

import pytest
import warm

PASS = "def test_a(): pass\n"
ENDINGS = {
    "sessionfinish raises": ("def pytest_sessionfinish():\n    raise RuntimeError('no report')\n", "no report"),
    "unconfigure raises": ("def pytest_unconfigure():\n    raise RuntimeError('not closed')\n", "not closed"),
    "sessionfinish exits": (
        "import pytest\ndef pytest_sessionfinish():\n    pytest.exit('enough', returncode=9)\n",
        "enough",
    ),
    "unconfigure changes the status": (
        "def pytest_sessionstart(session):\n    session.config.mine = session\ndef pytest_unconfigure(config):\n    config.mine.exitstatus = 6\n",
        "",
    ),
    "sessionfinish calls sys.exit": ("import sys\ndef pytest_sessionfinish():\n    sys.exit(12)\n", "SystemExit"),
    "sessionstart raises": ("def pytest_sessionstart():\n    raise RuntimeError('no start')\n", "no start"),
}


FAILED_STARTS = {
    "configure raises": ("def pytest_configure():\n    raise RuntimeError('no server')\n", 3, "no server"),
    "configure exits": (
        "import pytest\ndef pytest_configure():\n    pytest.exit('enough', returncode=9)\n",
        9,
        "plugin",
    ),
    "configure calls sys.exit": ("import sys\ndef pytest_configure():\n    sys.exit(12)\n", 3, "SystemExit: 12"),
}


@pytest.mark.parametrize("name", FAILED_STARTS)
def test_a_run_that_another_plugin_ends_before_it_begins_is_a_session(python, suite, run, name):
    """With the exit code of the process and the error; the output is that of a run without the recorder."""
    conftest, status, text = FAILED_STARTS[name]
    suite(conftest=conftest, test_a=PASS)
    bare = run(python, insight=False)
    recorded = run(python)
    assert (bare.exit_code, recorded.exit_code) == (status, status)
    assert (recorded.visible(), recorded.stderr) == (bare.visible(), bare.stderr)
    kinds = [event["type"] for event in recorded.events]
    assert kinds == ["session.started", "session.finished"]
    assert recorded.events[1]["exit_status"] == status
    assert text in recorded.events[1]["internal_error"]


SUBRUN = """
import subprocess, sys
def pytest_runtestloop(session):
    if "--inner" not in session.config.invocation_params.args:
        args = [arg for arg in session.config.invocation_params.args if not arg.startswith("--junit")]
        subprocess.run([sys.executable, "-m", "pytest", *args, "--inner"], stdout=subprocess.DEVNULL)
def pytest_addoption(parser):
    parser.addoption("--inner", action="store_true")
"""


def test_a_plugin_that_starts_pytest_with_the_same_arguments_makes_no_session(suite, run):
    """Outside of a test too: the outer run has the log, and neither waits for it nor records twice."""
    suite(conftest=SUBRUN, test_a=PASS)
    recorded = run(sys.executable)
    assert len(recorded.of_type("session.started")) == 1
    assert len(recorded.of_type("test.finished")) == 1
    assert not recorded.of_type("recorder.degraded")


def test_an_answer_without_a_run_is_no_session(suite, run):
    """A plugin that answers the command line itself ran nothing."""
    suite(conftest="def pytest_cmdline_main(): return 2\n", test_a=PASS)
    recorded = run(sys.executable)
    assert recorded.exit_code == 2
    assert not recorded.log.exists()


def test_a_wrong_option_of_the_recorder_leaves_no_session(suite, run):
    """It is refused as pytest refuses its own, with one message."""
    suite(test_a=PASS)
    recorded = run(sys.executable, "--insight-profile=a/b", "--insight-log=", "--insight")
    assert recorded.exit_code == pytest.ExitCode.USAGE_ERROR
    assert b"nothing was recorded" not in recorded.stderr


@pytest.mark.parametrize("name", ENDINGS)
def test_the_recorded_status_is_that_of_the_process(python, suite, run, name):
    """Whatever another plugin does at the end: the seal has the exit code of the process, and the error."""
    conftest, text = ENDINGS[name]
    suite(conftest=conftest, test_a=PASS)
    bare = run(python, insight=False)
    recorded = run(python)
    assert recorded.exit_code == bare.exit_code
    (seal,) = recorded.of_type("session.finished")
    assert seal["exit_status"] == recorded.exit_code
    assert text in seal.get("internal_error", "")
    assert recorded.events[-1] == seal


BREAKS = {
    "header": "metadata.find_sut = broken",
    "prepare": "session.HeadCopy = broken",
    "sections": "session.summary_sections = broken",
    "comparison": "session.shown_counts = broken",
    "open tests": "recorder.Recorder.finish_open = broken",
    "report header": "terminal.short_path = broken",
    "git": "git.find_vcs = broken",
}
BREAKING = """
from pytest_insight.plugin import recorder, session, terminal
from pytest_insight.plugin.header import git, metadata
from pytest_insight.plugin.lifecycle import start
def broken(*args, **kwargs):
    raise RuntimeError("broken on purpose")
{statement}
"""


@pytest.mark.parametrize("name", BREAKS)
def test_a_broken_step_costs_one_line_and_never_the_seal(suite, run, name):
    """A fault in any step of the beginning or the end: same exit code and counts, one line, and a seal."""
    suite(breaking=BREAKING.format(statement=BREAKS[name]), test_a=PASS + "def test_b(): assert 0\n")
    recorded = run(sys.executable, "-p", "breaking", env={"PYTHONPATH": "."})
    assert recorded.exit_code == 1
    assert recorded.counts == {"passed": 1, "failed": 1}
    (seal,) = recorded.of_type("session.finished")
    assert seal["exit_status"] == 1
    assert seal["dropped"] >= 1
    (note,) = recorded.of_type("recorder.degraded")
    assert "broken on purpose" in note["reason"]
    said = [line for line in (recorded.stdout + recorded.stderr).decode().splitlines() if "broken on purpose" in line]
    assert len(said) == 1
    assert b"INTERNALERROR" not in recorded.stdout


NOT_STARTED = ["start.open_writer = broken", "session.build_header = broken", "start.Redactor = broken"]


@pytest.mark.parametrize("quiet", [(), ("-q",), ("-p", "no:terminal")], ids=["normal", "quiet", "no terminal"])
@pytest.mark.parametrize("statement", NOT_STARTED)
def test_a_recorder_that_cannot_start_costs_one_line(suite, run, statement, quiet):
    """The run ends as without it, and says once that nothing was recorded."""
    suite(breaking=BREAKING.format(statement=statement), test_a=PASS)
    recorded = run(sys.executable, "-p", "breaking", *quiet, env={"PYTHONPATH": "."})
    assert recorded.exit_code == 0
    text = (recorded.stdout + recorded.stderr).decode()
    assert text.count("insight: nothing was recorded: RuntimeError: broken on purpose") == 1
    assert "INTERNALERROR" not in text


def test_a_user_without_a_home_runs_tests_and_gets_exit_code_3_from_commands(tmp_path):
    """No HOME and no passwd entry, as with `docker run -u`: one line in the run, a reason and a hint from commands."""
    (tmp_path / "test_a.py").write_text(PASS)
    (tmp_path / "sitecustomize.py").write_text(
        "import os.path\nold = os.path.expanduser\n"
        "os.path.expanduser = lambda path: path if os.fspath(path).startswith('~') else old(path)\n"
    )
    env = {
        name: value
        for name, value in os.environ.items()
        if name == "PYTEST_ADDOPTS" or not name.startswith(("PYTEST_", "HOME"))
    }
    env["PYTHONPATH"] = str(tmp_path)

    def call(*words):
        return warm.run(
            [sys.executable, "-m", *words], cwd=tmp_path, env=env, capture_output=True, text=True, timeout=300
        )

    ran = call("pytest", "-p", "no:cacheprovider", "--insight")
    assert ran.returncode == 0, ran.stdout
    assert (ran.stdout + ran.stderr).count("insight: nothing was recorded: ~/.pytest_insight: there is no home") == 1
    asked = call("pytest_insight.cli", "session", "list")
    assert asked.returncode == 3
    assert "HOME is not set; set PYTEST_INSIGHT_HOME" in asked.stderr
    assert "Traceback" not in asked.stderr


INTERRUPTED = {
    "pytest.exit": "import pytest\ndef test_x(): pytest.exit('enough', 7)\n",
    "Ctrl-C": "import os, signal, time\ndef test_x():\n    os.kill(os.getpid(), signal.SIGINT)\n    time.sleep(5)\n",
}


@pytest.mark.parametrize("name", INTERRUPTED)
def test_the_run_after_an_interrupted_one_is_recorded(suite, tmp_path, private_home, name):
    """In the same process and in a child of it, although pytest leaves PYTEST_CURRENT_TEST behind."""
    suite(test_x=INTERRUPTED[name], test_a=PASS)
    words = "'-p', 'no:cacheprovider', '--insight'"
    (tmp_path / "go.py").write_text(
        "import os, subprocess, sys, pytest\n"
        f"pytest.main([{words}, 'test_x.py'])\n"
        "os.environ['PYTEST_CURRENT_TEST'] = 'left behind'\n"
        f"assert pytest.main([{words}, 'test_a.py']) == 0\n"
        "os.environ['PYTEST_CURRENT_TEST'] = 'left behind'\n"
        f"subprocess.run([sys.executable, '-m', 'pytest', {words}, 'test_a.py'], check=True)\n"
        "assert 'PYTEST_INSIGHT_RECORDER_PID' not in os.environ\n"
    )
    home = tmp_path / "insight"
    env = {key: value for key, value in os.environ.items() if key == "PYTEST_ADDOPTS" or not key.startswith("PYTEST_")}
    result = subprocess.run(
        [sys.executable, "go.py"],
        cwd=tmp_path,
        env=env | {"PYTEST_INSIGHT_HOME": str(home)},
        capture_output=True,
        text=True,
        timeout=300,
    )
    assert result.returncode == 0, result.stderr
    lines = (home / "default.jsonl").read_text().splitlines()
    assert sum('"type":"session.started"' in line for line in lines) == 3
    assert sum('"type":"session.finished"' in line for line in lines) == 3


def test_workers_write_no_trace_of_their_own(suite, run):
    """A conftest.py that breaks only in workers: one session, that of the controller."""
    suite(conftest="import os\nif 'PYTEST_XDIST_WORKER' in os.environ: raise RuntimeError('in workers')\n", test_a=PASS)
    recorded = run(sys.executable, "-n2")
    assert len({event["stream"] for event in recorded.events}) == 1


PROPERTIES = """
def test_a(record_testsuite_property): record_testsuite_property("arch", "ppc")
def test_b(record_testsuite_property): record_testsuite_property("count", 3)
"""


@pytest.mark.parametrize("args", [(), ("-n2",), ("--junitxml=x.xml",)], ids=["serial", "xdist", "junit"])
def test_properties_of_the_session_are_recorded(python, suite, run, args):
    """With and without a JUnit file, and from workers, where pytest itself drops them."""
    project = suite(test_p=PROPERTIES)
    recorded = run(python, *args)
    assert recorded.exit_code == 0
    found = [tuple(pair) for event in recorded.of_type("session.described") for pair in event.get("properties", ())]
    assert sorted(found) == [("arch", "ppc"), ("count", 3)]
    if args == ("--junitxml=x.xml",):
        assert '<property name="arch" value="ppc"' in (project / "x.xml").read_text()


def test_a_memory_profile_keeps_the_session_in_memory(suite, tmp_path, private_home):
    """Made by conftest.py, read by `get_storage_instance`, and no file is written."""
    suite(
        conftest="from pytest_insight.core.storage import create_profile\ncreate_profile('volatile', 'memory')\n",
        test_a=PASS,
        go="import pytest\n"
        "words = ['-p', 'no:cacheprovider', '--insight', '--insight-profile=volatile']\n"
        "assert pytest.main(words) == 0\n"
        "from pytest_insight.core.storage import get_storage_instance\n"
        "(session,) = get_storage_instance('volatile').load_sessions()\n"
        "print(session.status, session.exit_status, [result.nodeid for result in session.test_results])\n",
    )
    home = tmp_path / "insight"
    env = {key: value for key, value in os.environ.items() if key == "PYTEST_ADDOPTS" or not key.startswith("PYTEST_")}
    result = subprocess.run(
        [sys.executable, "go.py"],
        cwd=tmp_path,
        env=env | {"PYTEST_INSIGHT_HOME": str(home)},
        capture_output=True,
        text=True,
        timeout=300,
    )
    assert "complete 0 ['test_a.py::test_a']" in result.stdout, result.stdout + result.stderr
    assert not home.exists()
