"""`insight session rerun` with a log from a stranger: pytest gets tests of this project and nothing else."""

import os
import sys

import pytest
import warm
from pytest_insight.cli.commands.session.node_ids import check_node_ids
from pytest_insight.eventlog.events import CollectionFailed, SessionFinished, SessionStarted, TestFinished, TestStarted
from pytest_insight.eventlog.writer import LogWriter


@pytest.fixture
def project(tmp_path, private_home):
    """A project with one failing test, beside a folder with code of others and files of the user."""
    root = tmp_path / "project"
    (root / "sub").mkdir(parents=True)
    (root / "test_a.py").write_text("def test_a(): assert 0\n")
    (root / "evilplug.py").write_text(f"open({str(tmp_path / 'pwned-plugin')!r}, 'w').close()\n")
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    (elsewhere / "test_x.py").write_text(f"open({str(tmp_path / 'pwned-path')!r}, 'w').close()\ndef test_x(): pass\n")
    (root / "link").symlink_to(elsewhere)
    (tmp_path / "precious").mkdir()
    (tmp_path / "precious" / "keep.txt").write_text("keep")
    (tmp_path / "mine.txt").write_text("mine")
    (tmp_path / "list").write_text("-pevilplug\n")
    return root


def failed_log(path, nodeids, collect_failed=(), exit_status=1):
    """A log of one session in which all of some node ids failed."""
    writer = LogWriter(path)
    writer.append(SessionStarted(session_id="stranger", sut="shop\n-pevilplug"))
    for nodeid in collect_failed:
        writer.append(CollectionFailed(nodeid=nodeid, longreprtext="ImportError"))
    for nodeid in nodeids:
        writer.append(TestStarted(nodeid=nodeid))
        writer.append(
            TestFinished(nodeid=nodeid, outcome="failed", phases={"call": 1}, phase_outcomes={"call": "failed"})
        )
    writer.seal(lambda count, root: SessionFinished(exit_status=exit_status, count=count, root=root))
    writer.close()
    return path


def rerun(project, log, *options):
    """`insight session rerun` in the project, by a process of its own."""
    command = [sys.executable, "-m", "pytest_insight.cli", "session", "rerun", "--log", str(log), *options]
    environment = {name: value for name, value in os.environ.items() if not name.startswith("PYTEST_CURRENT")}
    return warm.run(command, cwd=project, capture_output=True, text=True, env=environment)


HOSTILE = [
    "--basetemp={tmp}/precious",
    "-pevilplug",
    "--junitxml={tmp}/mine.txt",
    "-c{tmp}/list",
    "--rootdir={tmp}/precious",
    "@{tmp}/list",
    "{tmp}/elsewhere/test_x.py::test_x",
    "../elsewhere/test_x.py::test_x",
    "sub/../../elsewhere/test_x.py::test_x",
    "link/test_x.py::test_x",
    "test_a.py::x\n-pevilplug",
    "test_a.py::x\r-pevilplug",
    "test_a.py::x\x85-pevilplug",
    "test_a.py::x\u2028-pevilplug",
    "test_a.py::x\x1c-pevilplug",
    "test_a.py::\x1b[31m",
    " -pevilplug",
    "",
    "::test_a",
    "C:\\windows\\test.py::x",
]


def test_hostile_node_ids_are_refused_and_the_others_run(project, tmp_path):
    """Options, argument files, paths elsewhere and second lines are named and left out; the real test runs."""
    nodeids = ["test_a.py::test_a", *(text.format(tmp=tmp_path) for text in HOSTILE)]
    result = rerun(project, failed_log(tmp_path / "evil.jsonl", nodeids))
    assert result.returncode == 1
    assert "1 failed" in result.stdout
    assert result.stderr.count("refused") == 6, result.stderr
    assert f"refused {len(HOSTILE) - 5} more node ids" in result.stderr
    assert not (tmp_path / "pwned-plugin").exists()
    assert not (tmp_path / "pwned-path").exists()
    assert (tmp_path / "precious" / "keep.txt").read_text() == "keep"
    assert (tmp_path / "mine.txt").read_text() == "mine"


@pytest.mark.parametrize("text", HOSTILE)
def test_each_hostile_node_id_has_a_reason(project, tmp_path, text):
    """Every one of them is refused on its own."""
    nodeid = text.format(tmp=tmp_path)
    checked = check_node_ids([nodeid], project)
    assert checked.accepted == []
    assert list(checked.refused) == [nodeid]
    assert checked.refused[nodeid]


@pytest.mark.parametrize(
    "name",
    [
        "test_a.py::test_a",
        "test_a.py::test[a/../../b::-x]",
        "test_a.py::test[@g -p]",
        "sub",
        "test_a.py",
        "gone.py::test_x",
    ],
)
def test_odd_but_harmless_node_ids_are_accepted(project, name):
    """The text behind the path is a name of a test, whatever it looks like."""
    assert check_node_ids([name], project) == ([name], {})


def test_a_log_with_nothing_that_can_run_ends_with_exit_code_1(project, tmp_path):
    """All refused: nothing runs, the reasons are told, also with --dry-run."""
    log = failed_log(tmp_path / "evil.jsonl", ["-pevilplug"])
    for options in ([], ["--dry-run"]):
        result = rerun(project, log, *options)
        assert result.returncode == 1
        assert "begins with '-'" in result.stderr
        assert result.stdout == ""


def test_modules_that_could_not_be_collected_are_run_again(project, tmp_path):
    """A collection error leaves its module to run; an unsuccessful session that leaves nothing is exit code 1."""
    log = failed_log(tmp_path / "broken.jsonl", [], collect_failed=["test_a.py"], exit_status=2)
    assert rerun(project, log, "--dry-run").stdout == "test_a.py\n"
    assert rerun(project, failed_log(tmp_path / "empty.jsonl", [], exit_status=3)).returncode == 1
    assert rerun(project, failed_log(tmp_path / "good.jsonl", [], exit_status=0)).returncode == 0
