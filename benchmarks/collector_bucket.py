"""Pushes with the bodies of segments in an object store (SeaweedFS) against pushes with the bodies in the database.

Both in turns in one run: `python -m benchmarks.collector_bucket [results]`.
"""

import sys
import tempfile
from pathlib import Path
from statistics import median

from .collector import Bench, Load, bench, load_of
from .measure import ROOT, WORK

sys.path.insert(0, str(ROOT / "tests"))

from bucket.seaweed import SeaweedServer

_URL = "s3://logs/bench"
_ROUNDS = 3
_PUSHERS = (1, 8, 50)


def measure_round(running: Bench, load: Load, pushers: int) -> tuple[float, float, float]:
    """Return results a second, and microseconds of the server and of PostgreSQL a result."""
    running.clear()
    taken = running.timed(lambda: running.push(load.bodies, pushers))
    return load.results / taken.wall_s, taken.api_s / load.results * 1e6, taken.postgres_s / load.results * 1e6


def main() -> None:
    """Print a line for each number of pushers."""
    WORK.mkdir(exist_ok=True)
    load = load_of(int(sys.argv[1]) if len(sys.argv) > 1 else 20_000)
    seaweed = SeaweedServer(Path(tempfile.mkdtemp(prefix="insight-s3-")))
    seaweed.start()
    try:
        with bench() as plain, bench("--segments", _URL, environ=seaweed.environ) as placed:
            for running in (plain, placed):
                running.projector("suspend")
            for pushers in _PUSHERS:
                rounds = [
                    [measure_round(running, load, pushers) for running in (plain, placed)] for _ in range(_ROUNDS)
                ]
                one, two = ([median(each[n][i] for each in rounds) for i in range(3)] for n in (0, 1))
                print(
                    f"{len(load.bodies)} sessions, {load.results} results, {pushers} pushers: results/s"
                    f" {one[0]:,.0f} in the database, {two[0]:,.0f} in the bucket ({two[0] / one[0]:.2f}x);"
                    f" server {one[1]:.0f} and {two[1]:.0f} us a result, PostgreSQL {one[2]:.0f} and {two[2]:.0f}",
                    flush=True,
                )
    finally:
        seaweed.remove()


if __name__ == "__main__":
    main()
