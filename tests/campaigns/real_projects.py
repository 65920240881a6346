"""Record the complete suites of real projects and compare every count; then kill one of them at random moments.

python tests/campaigns/real_projects.py [--projects click,pluggy] [--kills 10] [--seed 1] [--join]

Suites come from the sdists on PyPI. Each runs bare, recorded, and recorded with two workers. Compared are exit codes, the
counts in pytest's last line, and those folded from the events by a few lines of their own. With `--join` the JUnit XML of
a run is imported beside its log instead, and its tests have to be the same. Exits with 1 on any difference.
"""

import argparse
import json
import os
import random
import re
import shutil
import signal
import subprocess
import sys
import tarfile
import time
from collections import Counter
from pathlib import Path

ROOT = Path(__file__).parent.parent.parent
WORK = ROOT / ".bench" / "projects"

PROJECTS = {
    "attrs": ["hypothesis", "cloudpickle", "pympler"],
    "click": [],
    "pluggy": [],
    "packaging": ["pretend", "hypothesis", "tomli_w"],
    "iniconfig": [],
    "itsdangerous": ["freezegun"],
    "markupsafe": [],
    "jinja2": ["trio"],
}
"""Name on PyPI, and what its tests need besides pytest."""

JOINED_SHARE = 0.995
"""Tests of an imported report that have to be those of the recorded run."""

WORDS = r"(\d+) (passed|failed|errors?|skipped|deselected|xfailed|xpassed|warnings?|rerun|subtests passed)"
ORACLE = """
import os, pytest
fd = os.open(os.environ["ORACLE"], os.O_WRONLY | os.O_APPEND | os.O_CREAT)
@pytest.hookimpl(trylast=True)
def pytest_runtest_logfinish(nodeid): os.write(fd, ("finished " + nodeid + "\\n").encode("utf-8", "replace"))
@pytest.hookimpl(tryfirst=True)
def pytest_runtest_call(item): os.write(fd, ("running " + item.nodeid + "\\n").encode("utf-8", "replace"))
"""


def sh(*command: object, **options: object) -> subprocess.CompletedProcess:
    """Run a command, silently."""
    return subprocess.run([*map(str, command)], capture_output=True, text=True, **options)


def prepare(name: str) -> tuple[Path, Path]:
    """Fetch a project and its environment; return its folder and its Python."""
    home = WORK / name
    python = home / "venv" / "bin" / "python"
    if not (home / ".ready").exists():
        home.mkdir(parents=True, exist_ok=True)
        pip = [sys.executable, "-m", "pip", "--disable-pip-version-check"]
        sh(*pip, "download", "-q", "--no-binary", ":all:", "--no-deps", "-d", home, name)
        [archive] = home.glob("*.tar.gz")
        with tarfile.open(archive) as tar:
            tar.extractall(home / "source", filter="data")
        sh(sys.executable, "-m", "venv", home / "venv", check=True)
        [folder] = (home / "source").iterdir()
        sh(python, "-m", "pip", "install", "-q", "pytest", "pytest-xdist", *PROJECTS[name], folder, check=True)
        (home / ".ready").touch()
    sh(python, "-m", "pip", "install", "-q", "--force-reinstall", "--no-deps", ROOT, check=True)
    sh(python, "-m", "pip", "install", "-q", "msgspec", "rich", "typer", "watchfiles", check=True)
    [folder] = (home / "source").iterdir()
    return folder, python


def environment(**more: str) -> dict[str, str]:
    """An environment without traces of an outer pytest."""
    return {name: value for name, value in os.environ.items() if not name.startswith("PYTEST_")} | more


def run(folder: Path, python: Path, *args: str) -> tuple[int, dict[str, int], float]:
    """Run a suite; exit code, the counts of its last line, seconds."""
    began = time.monotonic()
    command = [python, "-m", "pytest", "-q", "-p", "no:cacheprovider", *args]
    result = sh(*command, cwd=folder, env=environment(), timeout=900)
    lines = [line for line in result.stdout.splitlines() if re.search(WORDS, line) and re.search(r" in \d", line)]
    counts: Counter[str] = Counter()
    for number, word in re.findall(WORDS, lines[-1]) if lines else ():
        counts[{"errors": "error", "warning": "warnings"}.get(word, word)] += int(number)
    counts.pop("subtests passed", None)
    return result.returncode, dict(counts), time.monotonic() - began


def folded(log: Path) -> dict[str, int]:
    """The same counts from the events, without any code of the project."""
    counts: Counter[str] = Counter()
    for line in log.read_bytes().split(b"\n")[:-1]:
        event = json.loads(line)
        match event["type"]:
            case "test.finished":
                special = event.get("phase_outcomes", {})
                counts.update(special.values())
                counts["passed"] += "call" in event["phases"] and "call" not in special
            case "subtest.finished":
                counts["failed"] += event["outcome"] == "failed"
            case "collection.failed":
                counts["error"] += 1
            case "collection.skipped":
                counts["skipped"] += 1
            case "warning.recorded":
                counts["warnings"] += 1
            case "tests.announced":
                counts["deselected"] += event.get("deselected", 0)
    return {name: count for name, count in counts.items() if count}


def degraded(log: Path) -> list[str]:
    """Reasons that the recorder itself gave for an incomplete record, such as counts that differ from pytest's."""
    events = map(json.loads, log.read_bytes().split(b"\n")[:-1])
    return [event["reason"] for event in events if event["type"] == "recorder.degraded"]


def compare(name: str) -> bool:
    """Run a suite in all ways and print how they compare."""
    folder, python = prepare(name)
    log = WORK / f"{name}.jsonl"
    fine = True
    for workers in ((), ("-n", "2")):
        bare = run(folder, python, "-p", "no:insight", *workers)
        log.unlink(missing_ok=True)
        recorded = run(folder, python, f"--insight-log={log}", *workers)
        events = folded(log)
        reasons = degraded(log)
        same = bare[:2] == recorded[:2] and events == recorded[1] and not reasons
        fine = fine and same
        how = "xdist " if workers else "serial"
        print(
            f"{'ok  ' if same else 'DIFF'} {name:13} {how} exit {recorded[0]} {recorded[1]} in {recorded[2]:.1f} s",
            flush=True,
        )
        if not same:
            print(f"     bare {bare[:2]}\n     log  {events}\n     degraded {reasons}")
    return fine


def join(name: str) -> bool:
    """Import the JUnit XML of a recorded run beside its log, and print how many tests are the same ones.

    They are found by their names in the log, then by the files of the project alone.
    """
    folder, python = prepare(name)
    home, log = WORK / f"{name}-joined", WORK / f"{name}-joined.jsonl"
    fine = True
    for family in ("xunit1", "xunit2"):
        shutil.rmtree(home, ignore_errors=True)
        log.unlink(missing_ok=True)
        (home / "empty").mkdir(parents=True)
        report = home / "report.xml"
        run(folder, python, f"--insight-log={log}", f"--junitxml={report}", "-o", f"junit_family={family}")
        command = [python, "-m", "pytest_insight.cli", "import"]
        env = environment(PYTEST_INSIGHT_HOME=str(home), HOME=str(home))
        [(_, recorded)] = tests_of(log)
        sh(*command, log, "-p", "log", env=env, check=True)
        sut = next(json.loads(line)["sut"] for line in log.read_text().splitlines())
        for profile, root in (("log", home / "empty"), ("files", folder)):
            sh(*command, report, "--sut", sut, "--root", root, "-p", profile, env=env)
            imported = next(found for source, found in tests_of(home / f"{profile}.jsonl") if source)
            share = len(imported & recorded) / len(recorded)
            fine = fine and share >= JOINED_SHARE
            print(
                f"{'ok  ' if share >= JOINED_SHARE else 'DIFF'} {name:13} {family} by {profile}: {share:.2%}",
                flush=True,
            )
            for nodeid in sorted(imported - recorded):
                print(f"     {nodeid}")
    return fine


def tests_of(log: Path) -> list[tuple[str, set[str]]]:
    """Return the tests of each session of a log, with the format that it was imported from."""
    sources: dict[str, str] = {}
    found: dict[str, set[str]] = {}
    for event in map(json.loads, log.read_bytes().split(b"\n")[:-1]):
        if event["type"] == "session.started":
            sources[event["stream"]] = event.get("writer", {}).get("source", "")
            found[event["stream"]] = set()
        elif event["type"] in ("test.finished", "collection.failed", "collection.skipped"):
            found[event["stream"]].add(event["nodeid"])
    return [(sources[stream], tests) for stream, tests in found.items()]


def kill(name: str, kills: int, rng: random.Random) -> bool:
    """Kill a suite at random moments; every finished test must be in the log, and the running one named."""
    folder, python = prepare(name)
    (WORK / "kill_oracle.py").write_text(ORACLE)
    _, _, seconds = run(folder, python, "-p", "no:insight")
    wrong = finished_total = 0
    for number in range(kills):
        log, oracle = WORK / "killed.jsonl", WORK / "killed.oracle"
        for path in (log, oracle):
            path.unlink(missing_ok=True)
        command = [
            str(python),
            "-m",
            "pytest",
            "-q",
            "-p",
            "no:cacheprovider",
            "-p",
            "kill_oracle",
            f"--insight-log={log}",
        ]
        env = environment(ORACLE=str(oracle), PYTHONPATH=str(WORK))
        process = subprocess.Popen(command, cwd=folder, env=env, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        while process.poll() is None and not (oracle.exists() and oracle.stat().st_size):
            time.sleep(0.005)
        time.sleep(rng.uniform(0, max(seconds - 0.6, 0.2)))
        process.send_signal(signal.SIGKILL)
        process.wait()
        lines = oracle.read_text(errors="replace").splitlines()
        events = [
            json.loads(line) for line in log.read_bytes().split(b"\n") if re.search(rb'"digest":"[0-9a-f]{32}"}$', line)
        ]
        recorded = {event["nodeid"] for event in events if event["type"] == "test.finished"}
        started = {event["nodeid"] for event in events if event["type"] == "test.started"}
        finished = {line.partition(" ")[2] for line in lines if line.startswith("finished ")}
        running = {line.partition(" ")[2] for line in lines if line.startswith("running ")} - finished
        finished_total += len(finished)
        if not (finished <= recorded and running <= started):
            wrong += 1
            print(
                f"DIFF kill {number}: lost {sorted(finished - recorded)[:3]}, not named {sorted(running - started)[:3]}"
            )
    print(
        f"{'DIFF' if wrong else 'ok  '} {name}: {kills} kills, {finished_total} finished tests, {wrong} wrong",
        flush=True,
    )
    return not wrong


def main() -> int:
    """Run the campaign."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--projects", default=",".join(PROJECTS), help="names, separated by commas")
    parser.add_argument("--kills", type=int, default=10)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--join", action="store_true", help="only import their JUnit XML beside their logs")
    options = parser.parse_args()
    names = options.projects.split(",")
    if options.join:
        joined = [join(name) for name in names]  # each of them, also after one that differs
        return 0 if all(joined) else 1
    print(f"seed {options.seed}")
    results = [compare(name) for name in names]  # each of them, also after one that differs
    return 0 if kill(names[0], options.kills, random.Random(options.seed)) and all(results) else 1


if __name__ == "__main__":
    sys.exit(main())
