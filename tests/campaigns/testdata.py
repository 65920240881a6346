"""Test data at length: `python tests/campaigns/testdata.py [--cases 10000] [--resources 50000]`.

Eight processes contend for one lock so often, each holder proving that it is alone; and every step on so many resources is
counted in calls beside a tenth of them.
"""

import argparse
import itertools
import subprocess
import sys
import tempfile
import textwrap
import time
from importlib import util
from pathlib import Path

TESTS = Path(__file__).parent.parent / "testdata"
LINEAR = {"report", "restore", "clean all"}
"""Steps that touch everything; all others must not cost more among more."""


def load(name: str):
    """The code of a test module."""
    spec = util.spec_from_file_location(f"campaign_{name}", TESTS / f"{name}.py")
    module = util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def contend(cases: int) -> bool:
    """Whether no two processes held the lock together, and tokens only rose."""
    locks = load("test_locks")
    head = "import os, sys\nfrom pytest_insight.testdata import *\nmanager = TestDataManager(sys.argv[1])\nargs = sys.argv[2:]\n"
    program = head + "def say(*words): print(*words, flush=True)\n" + textwrap.dedent(locks.CONTENDER)
    with tempfile.TemporaryDirectory() as folder:
        log = Path(folder, "tokens.txt")
        command = [sys.executable, "-c", program, folder, f"{folder}/held", str(log), str(cases // locks.PROCESSES)]
        pipe = subprocess.PIPE
        processes = [subprocess.Popen(command, stdin=pipe, stdout=pipe, text=True) for _ in range(locks.PROCESSES)]
        outputs = [process.communicate("\n")[0] for process in processes]
        tokens = [int(line) for line in log.read_text().split()]
    rising = all(a < b for a, b in itertools.pairwise(tokens))
    print(f"{len(tokens)} grants to {locks.PROCESSES} processes, tokens {'rise' if rising else 'DO NOT RISE'}")
    return rising and set(outputs) == {"ready\ndone\n"} and len(tokens) == cases // locks.PROCESSES * locks.PROCESSES


def scale(count: int) -> bool:
    """Whether what touches one costs the same among many, and what touches all is linear."""
    cases = load("test_scale")
    with tempfile.TemporaryDirectory() as few, tempfile.TemporaryDirectory() as many:
        small, large = cases.costs_of(Path(few), count // 10), cases.costs_of(Path(many), count)
    wrong = [name for name in large if large[name] > (11 * small[name] if name in LINEAR else small[name] + 5)]
    for name in large:
        print(f"{name:>10}: {small[name]:>10,} calls among {count // 10:,}, {large[name]:>10,} among {count:,}")
    return not wrong


def main() -> int:
    """Run both, and say how long each took."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--cases", type=int, default=10_000)
    parser.add_argument("--resources", type=int, default=50_000)
    options = parser.parse_args()
    good = True
    for work, size in ((contend, options.cases), (scale, options.resources)):
        began = time.monotonic()
        held = work(size)
        print(f"{work.__name__}: {'holds' if held else 'BROKEN'}, {time.monotonic() - began:.0f} s", flush=True)
        good = good and held
    return 0 if good else 1


if __name__ == "__main__":
    sys.exit(main())
