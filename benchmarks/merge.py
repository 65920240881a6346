"""Merging beside `cat` and beside a Python loop with `json`; what memory it takes as logs grow."""

import shutil
import statistics
import time
from pathlib import Path

from .generate import cached_log
from .measure import WORK, Figure, peak_memory_mb, run

MERGE = """
import sys
from pathlib import Path
from pytest_insight.eventlog.merging.merger import merge_logs
from pytest_insight.eventlog.merging.staging import staging
with staging() as stage, open(sys.argv[1], "wb") as out:
    merge_logs([Path(path) for path in sys.argv[2:]], out, stage)
"""
LOOP = """
import json, sys
lines = {}
for path in sys.argv[2:]:
    with open(path, "rb") as stream:
        for line in stream:
            event = json.loads(line)
            lines[event["stream"], event["seq"], event["digest"]] = line
with open(sys.argv[1], "wb") as out:
    out.writelines(lines[key] for key in sorted(lines))
"""


def measure(*, quick: bool = False) -> list[Figure]:
    """Return the speed of a merge of two logs of many sessions, and its memory for one log and for all."""
    events = 50_000 if quick else 500_000
    logs = [cached_log(events, seed).resolve() for seed in (1, 2)]
    out = WORK / "merged.jsonl"
    size = sum(log.stat().st_size for log in logs)
    cat_s, merge_s, loop_s, memory, loop_mb = [], [], [], [], 0.0
    for number in range(2 if quick else 5):
        cat_s.append(_timed_cat(logs, out))
        began = time.perf_counter()
        used, _ = peak_memory_mb(MERGE, str(out), *map(str, logs))
        merge_s.append(time.perf_counter() - began)
        memory.append(used)
        if not number:
            began = time.perf_counter()
            loop_mb, _ = peak_memory_mb(LOOP, str(out), *map(str, logs))
            loop_s.append(time.perf_counter() - began)
    small, _ = peak_memory_mb(MERGE, str(out), str(cached_log(events // 5, 1).resolve()))
    cat, merge, loop = (statistics.median(found) for found in (cat_s, merge_s, loop_s))
    rate = size / merge / 1e6
    note = f"{merge:.2f} s for {size / 1e6:.0f} MB; cat {cat:.2f} s, a loop with json {loop:.1f} s and {loop_mb:.0f} MB"
    growth = max(memory) / small
    return [
        Figure("merge of two logs", f"{rate:.0f} MB/s", ">= 150 MB/s", rate >= 150, note),
        Figure(
            "memory of a merge, logs ten times as large",
            f"{growth:.2f}x",
            "~ 1x",
            growth < 1.35,
            f"{small:.0f} MB, {max(memory):.0f} MB",
        ),
        Figure("merge against a Python loop with json", f"{merge / loop:.2f}x the time", "< 1x", merge < loop),
    ]


def _timed_cat(logs: list[Path], out: Path) -> float:
    """Seconds for the system's own concatenation, which checks and sorts nothing."""
    out.unlink(missing_ok=True)
    shell = shutil.which("sh") or "sh"
    return run([shell, "-c", f"cat {' '.join(map(str, logs))} > {out}"]).wall_s
