"""What it costs to take secrets out of a megabyte of text, beside reading its words once."""

import re
import time
from collections.abc import Callable

from pytest_insight.plugin.redaction.redactor import Redactor

from .measure import Figure

TARGET_S = 0.3
_WORDS = re.compile(r"\w+")

SHAPES: dict[str, str] = {
    "one letter behind a name": "key a" + "a" * 95,
    "key blocks that never end": "-----BEGIN PRIVATE KEY-----\n",
    "beginnings of URLs": "a://b:",
    "names without values": "password",
    "dashes": "-",
    "names with lines behind them": "key=\n",
    "names of names": "key:",
    "names with harmless values": "token=None ",
    "secrets": "password='Canary1x' ",
    "options": "--key a1b2c3 ",
    "backslashes": "password\\\\\\",
    "explanations": "E  + where 'x' = secret\n",
    "user and password": "a:b1c2d3@",
}
"""Texts that make the patterns work hardest, as often as they fit."""

ORDINARY = "tests/unit/test_orders.py::test_total[3-EUR] PASSED in 0.01s, 17 rows read from orders\n"


def measure(*, quick: bool = False) -> list[Figure]:
    """Return the cost of the worst text, and of an ordinary one."""
    size = 100_000 if quick else 1_000_000
    costs = {name: _cost(Redactor(), _filled(part, size)) * 1_000_000 / size for name, part in SHAPES.items()}
    worst = max(costs, key=lambda name: costs[name])
    ordinary = _filled(ORDINARY, size)
    ratio = _cost(Redactor(), ordinary) / _cost(_WORDS.findall, ordinary)
    return [
        Figure(
            "redaction of 1 MB of the worst text",
            f"{costs[worst]:.2f} s",
            f"<= {TARGET_S} s",
            costs[worst] <= TARGET_S,
            worst,
        ),
        Figure("redaction of ordinary text against `re.findall` of its words", f"{ratio:.2f}x", "<= 3x", ratio <= 3),
    ]


def _filled(part: str, size: int) -> str:
    return part * (size // len(part))


def _cost(work: Callable[[str], object], text: str) -> float:
    """Return the processor time of the fastest of three, in seconds; the patterns are compiled before."""
    work(text[:2000])
    found: list[float] = []
    for number in range(3):
        fresh = text + str(number)  # a text that was redacted before costs nothing
        began = time.process_time()
        work(fresh)
        found.append(time.process_time() - began)
    return min(found)
