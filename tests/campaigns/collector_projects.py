"""Real projects' logs in a collector: every question has the answer of the command line, and the export is the log.

`python tests/campaigns/collector_projects.py [NAME,NAME ...]`; each project's suite runs twice serial and once with two
workers, into one log that is pushed in pieces.
"""

import os
import sys
import tempfile
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent.parent))

from collector_three_homes import compare_answers, nodeids_of
from collectors import Collector, make_key, start_collector
from pytest_insight.collector.database.connections import open_engine
from pytest_insight.collector.database.private_server import PrivateServer
from real_projects import WORK, prepare, run

PROJECTS = ("itsdangerous", "iniconfig", "pluggy", "markupsafe", "jinja2", "click", "attrs")
PIECE = 700
"""Lines that are pushed at once."""
TESTS = 3


def record(name: str) -> Path:
    """Log of some runs of a project's suite."""
    folder, python = prepare(name)
    log = WORK / f"{name}-collector.jsonl"
    log.unlink(missing_ok=True)
    for workers in ((), ("-n", "2"), ()):
        run(folder, python, f"--insight-log={log}", *workers)
    return log


def check_project(collector: Collector, name: str) -> str:
    """Push the log of a project into its own team, and compare all answers."""
    log = record(name)
    lines = log.read_bytes().splitlines(keepends=True)
    for first in range(0, len(lines), PIECE):
        collector.push(b"".join(lines[first : first + PIECE]))
    exported = sorted(collector.get("/api/v1/log", timeout_s=300).body.splitlines())
    assert exported == sorted(log.read_bytes().splitlines()), f"{name}: the export has not the lines of the log"
    nodeids = nodeids_of(log)
    step = max(len(nodeids) // TESTS, 1)
    count = compare_answers(collector, log, nodeids[::step][:TESTS])
    return f"{name}: {len(lines)} events, {len(nodeids)} tests, {count} answers equal"


def main() -> None:
    """Run the campaign."""
    names = sys.argv[1].split(",") if len(sys.argv) > 1 else PROJECTS
    folder = Path(tempfile.mkdtemp(prefix="insight-campaign-"))
    folder.chmod(0o755)
    os.environ["PYTEST_INSIGHT_HOME"] = str(folder / "asking")
    collector = start_collector(folder)
    private = PrivateServer(folder)
    engine = open_engine(private.url)
    for name in names:
        team = Collector(collector.url, make_key(engine, team=name), collector.process)
        print(check_project(team, name), flush=True)
    engine.dispose()
    private.stop()
    collector.stop()


if __name__ == "__main__":
    main()
