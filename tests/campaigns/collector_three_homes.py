"""Three homes sync while the server and its database are killed; one is offline for a while, one is an older copy.

`python tests/campaigns/collector_three_homes.py [seconds]`; at the end all three and the server answer every question alike,
the export is what `insight merge` makes of the logs, and another team sees nothing.
"""

import io
import json
import os
import random
import shutil
import subprocess
import sys
import tempfile
import threading
import time
from contextlib import redirect_stderr, redirect_stdout
from pathlib import Path
from types import SimpleNamespace

sys.path.insert(0, str(Path(__file__).parent.parent))

from collector_asking import asked, difference, questions_about
from collector_gate import Gate
from collector_homes import Home, merged
from collectors import Collector, make_key, start_collector
from pytest_insight.collector.database.connections import open_engine
from pytest_insight.collector.database.private_server import PrivateServer

from collector import kill_in_turns

EXIT_REMOTE = 3
"""The collector is away: the next run sends it."""


class SyncingHome(threading.Thread):
    """A home that records and syncs again and again.

    Args:
        folder: of the home.
        url: of the collector, through a gate of its own.
        key: of the team.
        seconds: how long.
        what: `offline`, `older` or neither.
    """

    def __init__(self, folder: Path, port: int, key: str, seconds: float, what: str) -> None:
        super().__init__()
        self.home = Home(folder)
        self.gate = Gate(f"http://127.0.0.1:{port}")
        self.counts = {"recorded": 0, "synced": 0, "failed": 0}
        self.wrong: list[str] = []
        self._key, self._seconds, self._what = key, seconds, what
        self._dice = random.Random(what)

    def run(self) -> None:
        """Record and sync until the time is over."""
        began, copy, is_restored = time.monotonic(), self.home.folder.with_name(f"{self.home.folder.name}.copy"), False
        while (part := (time.monotonic() - began) / self._seconds) < 1:
            self._be_offline(away=self._what == "offline" and 0.25 < part < 0.6)
            if self._what == "older" and part > 0.25 and not copy.exists():
                shutil.copytree(self.home.folder, copy)
            if self._what == "older" and part > 0.7 and not is_restored:
                shutil.rmtree(self.home.folder)
                copy.rename(self.home.folder)
                is_restored = True
            for _ in range(self._dice.randint(0, 3)):
                name = f"{self._what}-{self._dice.randrange(1 << 30)}"
                self.home.record(name, self._dice.randint(1, 40), collect=self._dice.random() > 0.1)
                self.counts["recorded"] += 1
            self.sync()
        self._be_offline(away=False)

    def _be_offline(self, *, away: bool) -> None:
        if away == self.gate.is_open:
            (self.gate.shut if away else self.gate.open)()

    def sync(self) -> bool:
        """Sync once, and return whether the collector was there all the time."""
        command = [sys.executable, "-m", "pytest_insight.cli", "sync", self.gate.url, "--wait", "1", "--json"]
        environ = {"PYTEST_INSIGHT_HOME": str(self.home.folder), "INSIGHT_API_KEY": self._key}
        done = subprocess.run(command, capture_output=True, text=True, env=os.environ | environ, check=False)
        if done.returncode not in (0, EXIT_REMOTE):
            self.wrong.append(f"exit code {done.returncode}: {done.stdout[-500:]} {done.stderr[-500:]}")
        self.counts["failed" if done.returncode else "synced"] += 1
        return not done.returncode


class Captured:
    """Captures what commands in this process print."""

    def __init__(self) -> None:
        self._out, self._err = io.StringIO(), io.StringIO()

    def run(self, arguments: list[str], log: Path) -> tuple[int, str, str]:
        """Return exit code, output and errors of a command about a log."""
        with redirect_stdout(self._out), redirect_stderr(self._err):
            return asked(self._take, arguments, log)

    def _take(self) -> SimpleNamespace:
        taken = SimpleNamespace(out=self._out.getvalue(), err=self._err.getvalue())
        for stream in (self._out, self._err):
            stream.seek(0)
            stream.truncate()
        return taken


def compare_answers(collector: Collector, log: Path, nodeids: list[str]) -> int:
    """Compare every question about some tests with the answer about a log; return the number of questions."""
    captured = Captured()
    questions = [one for nodeid in nodeids for one in questions_about(nodeid)]
    wrong = []
    for path, arguments in questions:
        found = difference(collector.get(f"/api/v1{path}", timeout_s=300), *captured.run(arguments, log))
        if found is not None:
            wrong.append(f"{path} about {log}: {found}")
    assert wrong == [], f"{len(wrong)} of {len(questions)} answers differ: {wrong[0]}"
    return len(questions)


def nodeids_of(log: Path) -> list[str]:
    """Node ids of the tests of a log."""
    found = Captured().run(["test", "list", "--all", "--time", "10w"], log)[1]
    return [one["nodeid"] for one in json.loads(found)["tests"]]


def stranger_key(folder: Path) -> str:
    """Key of another team."""
    private = PrivateServer(folder)
    engine = open_engine(private.url)
    try:
        return make_key(engine, team="strangers")
    finally:
        engine.dispose()
        private.stop()


def check_stranger(collector: Collector, key: str, session: str) -> None:
    """Check that another team sees nothing."""
    assert collector.export(key=key) == b""
    assert collector.get("/api/v1/log", key=key).body == b""
    assert collector.get("/api/v1/suts", key=key).json() == []
    assert collector.get(f"/api/v1/sessions/{session}", key=key).status == 404


def main() -> None:
    """Run the campaign."""
    seconds = float(sys.argv[1]) if len(sys.argv) > 1 else 300.0
    folder = Path(tempfile.mkdtemp(prefix="insight-campaign-"))
    folder.chmod(0o755)
    os.environ["PYTEST_INSIGHT_HOME"] = str(folder / "asking")
    place = {"collector": start_collector(folder)}
    stranger = stranger_key(folder)
    port = int(place["collector"].url.rpartition(":")[2])
    homes = [
        SyncingHome(folder / what, port, place["collector"].key, seconds, what)
        for what in ("steady", "offline", "older")
    ]
    ended, victims = threading.Event(), []
    killer = threading.Thread(target=lambda: victims.extend(kill_in_turns(place, folder, ended)))
    for thread in (killer, *homes):
        thread.start()
    for home in homes:
        home.join()
    ended.set()
    killer.join()
    collector = place["collector"]
    for _ in range(2):  # the second time each has what the others sent
        for home in homes:
            while not home.sync():
                time.sleep(0.5)
    wrong = [item for home in homes for item in home.wrong]
    assert wrong == [], wrong[:3]
    logs = [home.home.log for home in homes]
    export = collector.get("/api/v1/log", timeout_s=600).body
    assert export == merged(folder, *logs), "the export is not what `insight merge` makes of the logs"
    assert all(merged(folder, log) == export for log in logs), "the homes have not the same events"
    nodeids = nodeids_of(logs[0])
    asked_count = sum(compare_answers(collector, log, nodeids[:2] + nodeids[-1:]) for log in logs)
    check_stranger(collector, stranger, "last")
    for home in homes:
        home.gate.shut()
    collector.stop()
    events = export.count(b"\n")
    print(f"{seconds:.0f} s; {events} events, {len(nodeids)} tests; kills: {len(victims)}")
    print("; ".join(f"{home.home.folder.name}: {home.counts}" for home in homes))
    print(f"{asked_count} answers equal; export equal to the merge; another team sees nothing")


if __name__ == "__main__":
    main()
