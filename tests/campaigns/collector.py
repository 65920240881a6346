"""100,000 events through a faulty network to a collector that is killed: all arrive, each once; the export is the merge.

`python tests/campaigns/collector.py [events]`; figures are printed.
"""

import random
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent.parent))

import psutil
from collector_lines import session_lines
from collector_proxy import FaultProxy
from collector_pushing import StubbornClient
from collectors import start_collector

CLIENTS = 6
KILL_EVERY_S = 4.0


def make_logs(events: int) -> list[list[bytes]]:
    """Logs of several homes; each has some sessions that another one has, too."""
    dice = random.Random(events)
    sessions, count = [], 0
    while count < events:
        sessions.append(session_lines(len(sessions) + 1, dice.randint(1, 120)))
        count += len(sessions[-1])
    logs: list[list[bytes]] = [[] for _ in range(CLIENTS)]
    for lines in sessions:
        first = dice.randrange(CLIENTS)
        logs[first] += lines
        if dice.random() < 0.1:
            logs[(first + 1) % CLIENTS] += lines[: dice.randint(1, len(lines))]
    return logs


def kill_in_turns(place: dict, folder: Path, ended: threading.Event) -> list[str]:
    """Kill the server and PostgreSQL in turns until the clients are done; return the victims."""
    victims = []
    port = int(place["collector"].url.rpartition(":")[2])
    while not ended.wait(KILL_EVERY_S):
        if len(victims) % 2:
            pid = int((folder / "postgres" / "postmaster.pid").read_text().split()[0])
            psutil.Process(pid).kill()
            victims.append("postgres")
        else:
            place["collector"].kill()
            place["collector"] = start_collector(folder, port=port, key=place["collector"].key)
            victims.append("server")
    return victims


def merge(folder: Path, logs: list[list[bytes]]) -> bytes:
    """Bytes that `insight merge` makes of the logs."""
    paths = []
    for number, lines in enumerate(logs):
        paths.append(folder / f"{number}.jsonl")
        paths[-1].write_bytes(b"".join(lines))
    command = [sys.executable, "-m", "pytest_insight.cli", "merge", "-o", folder / "merged.jsonl", *paths]
    subprocess.run(command, check=True, capture_output=True)
    return (folder / "merged.jsonl").read_bytes()


def push_all(place: dict, logs: list[list[bytes]], kill: Callable[[threading.Event], list[str]]) -> tuple[bytes, str]:
    """Push logs through a faulty network while processes are killed; return the export, and what happened.

    Args:
        place: the collector, replaced when it is started again; it is stopped at the end.
        logs: lines of each client.
        kill: kills processes until the event is set, and returns the victims.
    """
    proxy = FaultProxy(lambda: int(place["collector"].url.rpartition(":")[2]))
    ended, victims = threading.Event(), []
    killer = threading.Thread(target=lambda: victims.extend(kill(ended)))
    began = time.monotonic()
    clients = [StubbornClient(proxy.url, place["collector"].key, lines, seed) for seed, lines in enumerate(logs)]
    for thread in (killer, *clients):
        thread.start()
    for client in clients:
        client.join()
    ended.set()
    killer.join()
    took_s = time.monotonic() - began
    proxy.close()
    exported = place["collector"].get("/api/v1/log", timeout_s=600).body
    place["collector"].stop()
    wrong = [item for client in clients for item in (*client.conflicts, *client.findings)]
    assert wrong == [], wrong[:5]
    told = (
        f"{sum(map(len, logs))} lines pushed in {took_s:.0f} s, {exported.count(bytes([10]))} stored once\n"
        f"faults: {dict(proxy.faults)}; repeats: {sum(client.repeats for client in clients)}; kills: {victims}"
    )
    return exported, told


def main() -> None:
    """Run the campaign."""
    events = int(sys.argv[1]) if len(sys.argv) > 1 else 100_000
    folder = Path(tempfile.mkdtemp(prefix="insight-campaign-"))
    folder.chmod(0o755)
    logs = make_logs(events)
    place = {"collector": start_collector(folder)}
    exported, told = push_all(place, logs, lambda ended: kill_in_turns(place, folder, ended))
    assert exported == merge(folder, logs), "the export is not what `insight merge` makes of the logs"
    print(told)


if __name__ == "__main__":
    main()
