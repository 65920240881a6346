"""Reports as other plugins make them: foreign outcomes, other names, no start or finish, values that cannot be used."""

import os
import signal
import sys

import pytest

QUARANTINE = """
import pytest
from _pytest.runner import runtestprotocol

def pytest_configure(config):
    config.addinivalue_line("markers", "quarantined: failing is known")

@pytest.hookimpl(tryfirst=True)
def pytest_runtest_protocol(item, nextitem):
    item.ihook.pytest_runtest_logstart(nodeid=item.nodeid, location=item.location)
    reports = runtestprotocol(item, nextitem=nextitem, log=False)
    for report in reports:
        if report.when == "call" and report.failed:
            report.outcome = "quarantined" if item.get_closest_marker("quarantined") else "gave_up"
        item.ihook.pytest_runtest_logreport(report=report)
    item.ihook.pytest_runtest_logfinish(nodeid=item.nodeid, location=item.location)
    return True

def pytest_report_teststatus(report):
    if report.outcome == "gave_up":
        return "failed", "F", "FAILED AFTER ALL ATTEMPTS"
    if report.outcome == "quarantined":
        return "quarantined", "q", "QUARANTINED"
    if report.outcome == "failed" and "only_named" in report.nodeid and report.when == "call":
        return "tolerated", "t", "TOLERATED"
"""
QUARANTINED = """
import pytest
def test_ok(): pass
def test_bad(): assert 0
@pytest.mark.quarantined
def test_known(): assert 0
"""
RENAMED = """
import pytest
@pytest.hookimpl(hookwrapper=True)
def pytest_runtest_makereport(item, call):
    report = (yield).get_result()
    report.nodeid = f"{item.nodeid} ({item.function.__doc__})"
"""
NO_START = """
from _pytest.runner import runtestprotocol
def pytest_runtest_protocol(item, nextitem):
    for report in runtestprotocol(item, nextitem=nextitem, log=False):
        item.ihook.pytest_runtest_logreport(report=report)
    return True
"""
ODD_VALUES = """
import pytest
@pytest.hookimpl(hookwrapper=True, tryfirst=True)
def pytest_runtest_makereport(item, call):
    report = (yield).get_result()
    kind = item.name.removeprefix("test_")
    if report.when == "call":
        if kind == "properties": report.user_properties = [("a", 1), {"b": 2}, "text", ("x", 1, 2)]
        if kind == "dict": report.user_properties = {"alpha": 1}
        if kind == "duration": report.duration = None
        if kind == "nan": report.duration = float("nan")
        if kind == "negative": report.duration = -5.0
        if kind == "longrepr": report.outcome, report.longrepr = "failed", {"a": "dict"}
        if kind == "wasxfail": report.outcome, report.wasxfail = "skipped", None
    if kind == "sections": report.sections = [("Captured stdout call", b"bytes"), ("only one",)]
@pytest.hookimpl(tryfirst=True)
def pytest_runtest_logreport(report):  # pytest itself needs the phase until here
    if report.when == "call" and report.nodeid.endswith("test_when"): report.when = None
"""
ODD_TESTS = """
class Bad(str):
    def __str__(self): raise RuntimeError
    __repr__ = __str__
def test_properties(): pass
def test_dict(): pass
def test_duration(): pass
def test_nan(): pass
def test_negative(): pass
def test_when(): pass
def test_longrepr(): pass
def test_wasxfail(): pass
def test_sections(): pass
def test_bad_value(record_property): record_property("x", Bad("v"))
def test_bad_name(record_property): record_property(Bad("k"), 1)
"""
MAILS = """
import pytest
class Mail(pytest.Item):
    def runtest(self): assert not self.name.startswith("bad"), self.name
    def reportinfo(self): return self.path, 0, self.name
class MailFile(pytest.File):
    def collect(self):
        for line in self.path.read_text().split():
            yield Mail.from_parent(self, name=line)
def pytest_collect_file(file_path, parent):
    if file_path.suffix == ".mails":
        return MailFile.from_parent(parent, path=file_path)
"""
GROUPS = """
import pytest
@pytest.mark.xdist_group("db.main")
def test_dots(): pass
@pytest.mark.xdist_group(name="a/b")
def test_slash(): pass
@pytest.mark.xdist_group("plain")
@pytest.mark.parametrize("name", ["x@plain", "y@z"])
def test_plain(name): pass
"""


@pytest.mark.parametrize("workers", [(), ("-n2",)], ids=["serial", "xdist"])
def test_a_foreign_outcome_keeps_its_name(python, suite, run, fold, workers):
    """Its category is what the terminal counts; it is `failed` where the plugin says so, and never a pass."""
    suite(conftest=QUARANTINE, test_a=QUARANTINED)
    recorded = run(python, *workers)
    assert recorded.counts == fold(recorded.events) == {"failed": 1, "passed": 1, "quarantined": 1}
    assert recorded.outcomes() == {"test_ok": "passed", "test_bad": "failed", "test_known": "other"}
    assert {event.get("category") for event in recorded.of_type("test.finished")} == {None, "quarantined"}


def test_a_failure_under_another_name_is_a_failure(python, suite, run, fold):
    """A report that failed is `failed`, whatever a plugin counts it as."""
    hook = QUARANTINE[QUARANTINE.index("def pytest_report_teststatus") :]
    suite(conftest=hook, test_a="def test_only_named(): assert 0\ndef test_ok(): pass\n")
    recorded = run(python)
    assert recorded.counts == fold(recorded.events) == {"tolerated": 1, "passed": 1}
    assert recorded.outcomes() == {"test_only_named": "failed", "test_ok": "passed"}


def test_reports_with_another_name_belong_to_the_test_that_was_started(python, suite, run):
    """So no test is missing, and each is finished at once."""
    suite(conftest=RENAMED, test_a='def test_one():\n    "Pays"\ndef test_two():\n    "Pays too"\n')
    recorded = run(python, "--insight-strict")
    assert recorded.exit_code == 0
    assert recorded.outcomes() == {"test_one": "passed", "test_two": "passed"}
    kinds = [event["type"] for event in recorded.events if event["type"].startswith("test.")]
    assert kinds == ["test.started", "test.finished"] * 2


def test_results_without_start_and_finish_are_in_the_log_before_the_process_dies(python, suite, run):
    """A plugin that runs tests by a protocol of its own sends reports only; a teardown report ends an attempt."""
    suite(
        conftest=NO_START,
        test_a="import pytest\ndef test_one(): pass\ndef test_two(): assert 0\n@pytest.mark.skip\ndef test_three(): pass\n",
        test_z="import os, signal\ndef test_zzz(): os.kill(os.getpid(), signal.SIGKILL)\n",
    )
    recorded = run(python)
    assert recorded.exit_code == -signal.SIGKILL
    assert recorded.outcomes() == {"test_one": "passed", "test_two": "failed", "test_three": "skipped"}


@pytest.mark.parametrize("workers", [(), ("-n2",)], ids=["serial", "xdist"])
def test_a_value_that_cannot_be_used_costs_only_itself(python, suite, run, fold, workers):
    """The verdict is recorded and the session sealed, whatever a plugin put into a report."""
    odd = ODD_VALUES.replace('"nan": report', '"none of xdist": report') if workers else ODD_VALUES
    suite(conftest=odd, test_a=ODD_TESTS)
    recorded = run(python, *workers)
    bad = {"test_longrepr": "failed", "test_wasxfail": "xfailed"}
    names = [line[4:].partition("(")[0] for line in ODD_TESTS.splitlines() if line.startswith("def ")]
    assert recorded.outcomes() == {name: bad.get(name, "passed") for name in names}
    assert recorded.counts == fold(recorded.events)
    assert recorded.of_type("session.finished")[0]["exit_status"] == recorded.exit_code
    assert not recorded.of_type("recorder.degraded")
    lossy = {event["nodeid"].rpartition("::")[2] for event in recorded.of_type("test.finished") if event.get("lossy")}
    assert lossy >= {"test_duration", "test_negative"}


@pytest.mark.parametrize("arguments", [(), ("-n2", "--dist=load"), ("-n2", "--dist=loadgroup")])
def test_groups_of_xdist_are_stripped_exactly(python, suite, run, arguments):
    """Names with an at sign stay whole, groups with dots and slashes go; all ways of running give the same names."""
    project = suite(conftest=MAILS, test_g=GROUPS)
    (project / "a.mails").write_text("login@admin\nlogin@user\nbad@user\nbad@admin\n")
    recorded = run(python, *arguments)
    mails = {
        f"{name}@{of}": "passed" if name == "login" else "failed"
        for name in ("login", "bad")
        for of in ("admin", "user")
    }
    tests = dict.fromkeys(("test_dots", "test_slash", "test_plain[x@plain]", "test_plain[y@z]"), "passed")
    assert recorded.outcomes() == mails | tests
    announced = [nodeid for event in recorded.of_type("tests.announced") for nodeid in event["nodeids"]]
    assert sorted(announced) == sorted(event["nodeid"] for event in recorded.of_type("test.finished"))


def test_what_the_user_interrupts_is_no_crash(suite, run):
    """Ctrl-C in a test: the session is sealed and says that it was interrupted."""
    suite(test_a="import os, signal\ndef test_ok(): pass\ndef test_slow(): os.kill(os.getpid(), signal.SIGINT)\n")
    recorded = run(sys.executable)
    assert recorded.exit_code == pytest.ExitCode.INTERRUPTED
    (seal,) = recorded.of_type("session.finished")
    assert seal["interrupted"].startswith("KeyboardInterrupt")
    assert recorded.outcomes() == {"test_ok": "passed"}
    assert os.path.exists(recorded.log)
