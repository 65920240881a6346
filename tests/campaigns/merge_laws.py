"""The laws of merging, by the hundred thousand: `python tests/campaigns/merge_laws.py --cases 100000 [--seed N]`.

Each case is random logs with conflicts, skewed clocks, damage, partial copies and tombstones, merged in several orders and
groupings and by an independent slow union. A failing case prints its seed; `--seed` runs it again.
"""

import argparse
import random
import sys
import tempfile
import time
from importlib import util
from pathlib import Path

from pytest_insight.eventlog.merging.conflicts import Strategy


def load_cases():
    """The generators and oracles of the tests."""
    path = Path(__file__).parent.parent / "eventlog" / "test_merge.py"
    spec = util.spec_from_file_location("merge_cases", path)
    module = util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def holds(cases, seed: int) -> bool:
    """Whether all laws hold for one case."""
    rng = random.Random(seed)
    strategy = rng.choice(list(Strategy))
    pool = cases.make_pool(rng, purges=strategy is Strategy.SKIP_EXISTING)
    a, b, c = (cases.make_log(rng, pool) for _ in range(3))
    with tempfile.TemporaryDirectory() as folder:

        def merged(*logs: bytes) -> bytes:
            return cases.merged(Path(folder), *logs, strategy=strategy)

        whole = merged(a, b, c)
        ways = [
            merged(c, a, b),
            merged(a, merged(b, c)),
            merged(merged(a, b), c),
            merged(whole),
            merged(a, whole, b, b),
        ]
        if strategy is Strategy.SKIP_EXISTING:
            ways.append(cases.slow_union(a, b, c))
        return set(ways) == {whole}


def main() -> int:
    """Run the cases and print what was found."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--cases", type=int, default=100_000)
    parser.add_argument("--seed", type=int, default=0)
    options = parser.parse_args()
    cases = load_cases()
    began = time.monotonic()
    failed = [seed for seed in range(options.seed, options.seed + options.cases) if not holds(cases, seed)]
    print(
        f"{options.cases} cases from seed {options.seed}, {time.monotonic() - began:.0f} s: {len(failed)} broken {failed[:20]}"
    )
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
