"""Kill four writers on one log, thousands of times: no acknowledged event may be lost, none may be false.

python tests/campaigns/crash.py [--kills 10000] [--seed 1]
"""

import argparse
import importlib.util
import sys
import tempfile
import time
from pathlib import Path

SHORT = Path(__file__).parent.parent / "eventlog" / "test_crash.py"


def main() -> int:
    """Run the campaign; the same one that runs with every change, only longer."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--kills", type=int, default=10_000)
    parser.add_argument("--seed", type=int, default=1)
    options = parser.parse_args()
    spec = importlib.util.spec_from_file_location("crash", SHORT)
    if spec is None or spec.loader is None:
        raise FileNotFoundError(SHORT)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    kills = acknowledged = 0
    wrong: list[str] = []
    began = time.monotonic()
    while kills < options.kills:
        batch = min(500, options.kills - kills)
        with tempfile.TemporaryDirectory() as folder:
            found, bad = module.kill_campaign(Path(folder), batch, options.seed + kills)
        kills, acknowledged, wrong = kills + batch, acknowledged + found, wrong + bad
        print(
            f"{kills} kills, {acknowledged} acknowledged, {len(wrong)} wrong, {time.monotonic() - began:.0f} s",
            flush=True,
        )
    for item in wrong[:20]:
        print(item)
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
