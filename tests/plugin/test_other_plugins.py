"""Runs beside other plugins: the events count as pytest's last line does, on both pytests, serial and on workers."""

import functools
import subprocess
from xml.etree import ElementTree

import pytest

SUITE = """
import unittest
import pytest

tries = {}

def test_pass(): pass
def test_fail(): assert 0
def test_skip(): pytest.skip("later")
@pytest.mark.xfail
def test_xfail(): assert 0
@pytest.mark.xfail
def test_xpass(): pass
@pytest.fixture
def broken(): raise RuntimeError
def test_error(broken): pass
@pytest.fixture
def untidy():
    yield
    raise RuntimeError
def test_teardown_error(untidy): pass
def test_recovers():
    tries["n"] = tries.get("n", 0) + 1
    assert tries["n"] > 1
"""
SUBTESTS = """
def test_sub(subtests):
    for i in range(3):
        with subtests.test(i=i):
            assert i != 1
"""
XDIST = "xdist"
SCENARIOS = {
    "rerunfailures": (["pytest_rerunfailures"], ["--reruns=1"], SUITE),
    "flaky": (["flaky.flaky_pytest_plugin"], ["--force-flaky"], SUITE),
    "retry": (["pytest_retry.retry_plugin"], ["--retries=1"], SUITE),
    "subtests": (["pytest_subtests.plugin"], ["-v"], SUITE + SUBTESTS),
    "subtests-rerun": (["pytest_subtests.plugin", "pytest_rerunfailures"], ["--reruns=1"], SUITE + SUBTESTS),
    "timeout": (["pytest_timeout"], ["--timeout=300"], SUITE),
    "asyncio": (["pytest_asyncio.plugin"], ["--asyncio-mode=auto"], SUITE + "async def test_async(): assert 0\n"),
    "sugar": (["pytest_sugar"], [], SUITE),
    "bdd": (["pytest_bdd.plugin"], [], SUITE),
    "forked": (["pytest_forked"], ["--forked"], SUITE),
}
DISTRIBUTIONS = ("load", "loadscope", "loadfile", "loadgroup", "worksteal", "each")


def agrees(recorded, folder, fold):
    """Compare the events with the last line, the exit status and the names in pytest's XML report."""
    assert recorded.counts, recorded.stdout.decode() + recorded.stderr.decode()
    assert fold(recorded.events) == recorded.counts
    (seal,) = recorded.of_type("session.finished")
    assert seal["exit_status"] == recorded.exit_code
    assert not recorded.of_type("recorder.degraded")
    cases = ElementTree.parse(folder / "report.xml").getroot().iter("testcase")
    names = {event["nodeid"].rpartition("::")[2] for event in recorded.of_type("test.finished")}
    assert names == {case.get("name") for case in cases}


@functools.cache
def has_subtests_plugin(python):
    """Return whether subtests are a plugin of their own there; pytest 9 has them itself."""
    return subprocess.run([python, "-c", "import pytest_subtests"], capture_output=True).returncode == 0


@pytest.mark.parametrize("workers", [[], ["-n2"]], ids=["serial", "xdist"])
@pytest.mark.parametrize("name", SCENARIOS)
def test_beside_another_plugin_the_events_say_what_pytest_says(python, tmp_path, run, fold, name, workers):
    """Every kind of outcome in one run, with each plugin that changes how tests are run or reported."""
    plugins, arguments, suite = SCENARIOS[name]
    if not has_subtests_plugin(python):
        plugins = [plugin for plugin in plugins if plugin != "pytest_subtests.plugin"]
    (tmp_path / "test_a.py").write_text(suite)
    plugins += [XDIST] if workers else []
    recorded = run(python, "--junitxml=report.xml", *arguments, *workers, plugins=plugins)
    agrees(recorded, tmp_path, fold)
    if name in ("rerunfailures", "flaky", "retry"):
        attempts = [e["outcome"] for e in recorded.of_type("test.finished") if e["nodeid"].endswith("::test_recovers")]
        assert attempts == ["rerun", "passed"]


@pytest.mark.parametrize("dist", DISTRIBUTIONS)
def test_every_way_of_distribution(python, tmp_path, run, fold, dist):
    """The counts are those of the last line, however xdist gives tests to workers."""
    (tmp_path / "test_a.py").write_text(SUITE)
    arguments = [f"--dist={dist}", *(["--tx=2*popen"] if dist == "each" else ["-n2"])]
    agrees(run(python, "--junitxml=report.xml", *arguments, plugins=[XDIST]), tmp_path, fold)
