"""10,000 guesses of keys at a collector: all are refused, the audit stays small, and right keys are answered meanwhile.

`python tests/campaigns/collector_guesses.py [guesses]`; it also compares the time that an unknown id takes with that of
a known id with a wrong secret.
"""

import http.client
import json
import os
import secrets
import sys
import tempfile
import threading
import time
from collections import Counter
from pathlib import Path
from statistics import median

sys.path.insert(0, str(Path(__file__).parent.parent))

from collectors import Collector, start_collector
from pytest_insight.collector.access.keys import create_key
from pytest_insight.collector.access.lookup import RECORDED_MAX, KeyLookup
from pytest_insight.collector.access.teams import ensure_team
from pytest_insight.collector.database.connections import open_engine
from pytest_insight.collector.database.private_server import PrivateServer
from pytest_insight.collector.problems import ProblemError
from sqlalchemy import text

GUESSERS = 8
TIMED = 1500
SLACK = 0.05
"""Share of the median by which the two times may differ in any case."""


def guess(number: int, right: str) -> str:
    """A key of an unknown id, or of a known one: with much, little or nothing of its secret."""
    wrong = secrets.token_urlsafe(32)
    if number % 2:
        return f"ik_{secrets.token_hex(4)}_{wrong}"
    keep = number % 43
    guessed = right[: 12 + keep] + wrong[keep:]
    return guessed if guessed != right else right[:-1] + ("A" if right[-1] != "A" else "E")


def send_guesses(collector: Collector, count: int, answers: Counter, slow_s: list[float]) -> None:
    """Send guesses over one connection."""
    connection = http.client.HTTPConnection(collector.url.removeprefix("http://"), timeout=60)
    for number in range(count):
        began = time.perf_counter()
        connection.request("GET", "/api/v1/suts", headers={"Authorization": f"Bearer {guess(number, collector.key)}"})
        answer = connection.getresponse()
        answer.read()
        answers[answer.status] += 1
        slow_s.append(time.perf_counter() - began)
        assert answer.status == 401 or int(answer.headers["Retry-After"]) > 0
    connection.close()


def ask_meanwhile(collector: Collector, ended: threading.Event, took_s: list[float], wrong: list[int]) -> None:
    """Ask with the right key until the guesses are over."""
    while not ended.wait(0.05):
        began = time.perf_counter()
        status = collector.get("/api/v1/suts").status
        took_s.append(time.perf_counter() - began)
        wrong += [status] if status != 200 else []


def guess_all(collector: Collector, guesses: int) -> str:
    """Send guesses from several connections; return what happened."""
    answers: Counter = Counter()
    guessed_s: list[float] = []
    right_s: list[float] = []
    wrong: list[int] = []
    ended = threading.Event()
    asking = threading.Thread(target=ask_meanwhile, args=(collector, ended, right_s, wrong))
    each = guesses // GUESSERS
    guessing = [
        threading.Thread(target=send_guesses, args=(collector, each, answers, guessed_s)) for _ in range(GUESSERS)
    ]
    began = time.monotonic()
    for thread in (asking, *guessing):
        thread.start()
    for thread in guessing:
        thread.join()
    ended.set()
    asking.join()
    took_s = time.monotonic() - began
    assert set(answers) <= {401, 429}, answers
    assert sum(answers.values()) == each * GUESSERS
    assert answers[429] > answers[401], answers
    assert wrong == [], f"right keys were refused: {wrong[:5]}"
    assert right_s, "no right key was asked meanwhile"
    return (
        f"{each * GUESSERS} guesses in {took_s:.0f} s: {dict(answers)}; {len(right_s)} questions with the right key,"
        f" median {median(right_s) * 1000:.1f} ms, slowest {max(right_s) * 1000:.0f} ms"
    )


def check_audit(engine, took_s: float) -> str:
    """Check that wrong keys are recorded up to a number a minute, and that no secret is."""
    with engine.connect() as connection:
        query = text("select count(*) from audit where what->>'reason' = 'bad-key'")
        count = connection.execute(query).scalar_one()
    most = RECORDED_MAX * (2 + took_s // 60)
    assert 0 < count <= most, (count, most)
    return f"{count} rows in the audit, at most {most:.0f}"


def compare_times(engine) -> str:
    """Compare the time of an unknown id with that of a known one with a wrong secret, one after the other."""
    with engine.begin() as connection:
        known = create_key(connection, ensure_team(connection, "default").id, ("read",))[0]
    lookup = KeyLookup(engine, cache_s=0, guesses=1 << 40)
    took: dict[str, list[float]] = {"unknown": [], "known": []}
    for _ in range(TIMED):
        for kind, times in took.items():
            key = f"Bearer ik_{known if kind == 'known' else secrets.token_hex(4)}_{secrets.token_urlsafe(32)}"
            began = time.perf_counter()
            try:
                lookup.find(key)
            except ProblemError:
                times.append(time.perf_counter() - began)
    medians = {kind: median(times) for kind, times in took.items()}
    noise = max(abs(median(times[::2]) - median(times[1::2])) for times in took.values())
    apart = abs(medians["known"] - medians["unknown"])
    told = ", ".join(f"{kind} id {value * 1e6:.0f} us" for kind, value in medians.items())
    told = f"{told}; {apart * 1e6:.0f} us apart, {noise * 1e6:.0f} us between halves of the same kind"
    assert apart <= max(3 * noise, SLACK * medians["unknown"]), told
    return told


def main() -> None:
    """Run the campaign."""
    guesses = int(sys.argv[1]) if len(sys.argv) > 1 else 10_000
    folder = Path(tempfile.mkdtemp(prefix="insight-campaign-"))
    folder.chmod(0o755)
    os.environ["PYTEST_INSIGHT_HOME"] = str(folder / "home")
    collector = start_collector(folder)
    began = time.monotonic()
    print(guess_all(collector, guesses))
    private = PrivateServer(folder)
    engine = open_engine(private.url)
    print(check_audit(engine, time.monotonic() - began))
    print(compare_times(engine))
    assert json.loads(collector.get("/api/v1/suts").body) == []
    engine.dispose()
    private.stop()
    collector.stop()


if __name__ == "__main__":
    main()
