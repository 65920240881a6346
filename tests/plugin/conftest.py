"""Runs of real pytest processes, with and without the recorder, on each supported pytest."""

import json
import os
import re
import sys
from collections import Counter
from dataclasses import dataclass
from hashlib import blake2b
from pathlib import Path

import pytest
import warm

OLD_PYTHON = os.environ.get("INSIGHT_PYTEST84")
LAST_LINE = re.compile(r"(\d+) ([a-z][a-z ]*[a-z])(?=,| in )")
OUR_LINES = re.compile(rb"^(insight|plugins): .*\n", re.MULTILINE)
TIMES = re.compile(rb"in \d+\.\d+s( \(\d+:\d\d:\d\d\))?")


@dataclass
class Run:
    """One pytest process that has ended."""

    exit_code: int
    stdout: bytes
    stderr: bytes
    log: Path

    @property
    def events(self):
        """Events of the log, checked by the slowest possible reader."""
        return read_events(self.log)

    @property
    def counts(self):
        """Counts in pytest's own last line."""
        return terminal_counts(self.stdout.decode("utf-8", "replace"))

    def of_type(self, kind):
        """Events of one type."""
        return [event for event in self.events if event["type"] == kind]

    def outcomes(self):
        """Outcome of the last attempt of each test."""
        return {event["nodeid"].rpartition("::")[2]: event["outcome"] for event in self.of_type("test.finished")}

    def visible(self):
        """What the terminal showed, without our own lines and without times."""
        text = OUR_LINES.sub(b"", self.stdout)
        text = TIMES.sub(b"in TIME", text)
        return re.sub(rb"=+( .*? )=+\n", rb"=\1=\n", text)


def read_events(path):
    """Events of a log by json and hashlib alone; damage is an error here."""
    events = []
    for line in path.read_bytes().split(b"\n")[:-1]:
        body, _, digest = line.rpartition(b',"digest":"')
        assert blake2b(body, digest_size=16).hexdigest().encode() + b'"}' == digest
        events.append(json.loads(line))
    return events


def assert_record_agrees(path):
    """The recorder compares its counts with those of pytest itself; no run may find a difference."""
    lines = path.read_bytes().split(b"\n") if path.exists() else ()
    notes = [line for line in lines if b'"type":"recorder.degraded"' in line]
    assert [line for line in notes if b" recorded, pytest counts " in line] == []


def terminal_counts(text):
    """The counts that pytest's last line names."""
    last = [line for line in text.splitlines() if LAST_LINE.search(line) and " in " in line]
    counts = Counter()
    for number, word in LAST_LINE.findall(last[-1]) if last else ():
        counts[{"errors": "error", "warning": "warnings"}.get(word, word)] += int(number)
    return dict(counts)


def folded_counts(events):
    """The same counts from the events: each phase by its category, without any code of the project."""
    counts = Counter()
    for event in events:
        if event["type"] == "test.finished":
            special = event.get("phase_outcomes", {})
            counts.update(special.values())
            if "call" in event.get("phases", {}) and "call" not in special:
                counts["passed"] += 1
            counts.subtract(event.get("discarded_subtests", {}))
        elif event["type"] == "subtest.finished":
            counts[event.get("category") or ("failed" if event["outcome"] == "failed" else "")] += 1
        elif event["type"] == "collection.failed":
            counts["error"] += 1
        elif event["type"] == "collection.skipped":
            counts["skipped"] += 1
        elif event["type"] == "warning.recorded":
            counts["warnings"] += 1
        elif event["type"] == "tests.announced":
            counts["deselected"] += event.get("deselected", 0)
    return {name: count for name, count in counts.items() if name and count}


def base_environment(home):
    """An environment in which nothing but the test decides."""
    environment = {
        name: value for name, value in os.environ.items() if not name.startswith(("PYTEST_", "CI", "GITHUB_"))
    }
    return (
        environment
        | {"HOME": str(home), "PYTEST_INSIGHT_HOME": str(home / "insight"), "COLUMNS": "100"}
        | {"PYTEST_ADDOPTS": os.environ["PYTEST_ADDOPTS"]}
    )


@pytest.fixture(params=["pytest-new", "pytest-8.4"])
def python(request):
    """Python with the newest pytest, and one with the oldest that is supported."""
    if request.param == "pytest-new":
        return sys.executable
    if not OLD_PYTHON:
        pytest.skip("INSIGHT_PYTEST84 does not name a python with pytest 8.4")
    return OLD_PYTHON


@pytest.fixture
def suite(tmp_path):
    """Write test files into an empty project: `suite(test_a='...')`."""

    def write(**files):
        for name, text in files.items():
            (tmp_path / f"{name}.py").write_text(text)
        return tmp_path

    return write


@pytest.fixture
def run(tmp_path, private_home):
    """Run pytest in the project: `run(python, '-n2', insight=True)`."""

    def start(python, *args, insight=True, env=None, timeout=300, plugins=None, differs=False):
        log = tmp_path / "log.jsonl"
        log.unlink(missing_ok=True)
        command = [python, "-m", "pytest", "-p", "no:cacheprovider", "-p", "no:randomly"]
        if plugins is not None:  # these and ours only
            command += ["--disable-plugin-autoload", "-p", "pytest_insight.plugin"]
            command += [part for plugin in plugins for part in ("-p", plugin)]
            env = {"PYTEST_ADDOPTS": ""} | (env or {})
        elif python == OLD_PYTHON:
            command += ["-p", "no:subtests"]  # there it is a plugin of its own
        if "--insight-log" not in args:
            command += ["--insight-log", str(log)] if insight else ["-p", "no:insight"]
        result = warm.run(
            [*command, *args],
            cwd=tmp_path,
            capture_output=True,
            timeout=timeout,
            env=base_environment(private_home) | (env or {}),
        )
        if not differs:
            assert_record_agrees(log)
        return Run(result.returncode, result.stdout, result.stderr, log)

    return start


@pytest.fixture
def fold():
    """The slow fold of counts, the oracle of these tests."""
    return folded_counts
