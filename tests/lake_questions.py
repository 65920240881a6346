"""The questions of docs/lake.md, as they are on the page, and a history that they fit."""

import re
from datetime import UTC, datetime, timedelta
from pathlib import Path

from histories import write_session

PAGE = Path(__file__).parent.parent / "docs" / "lake.md"
MONDAY = datetime(2024, 11, 4, 8, tzinfo=UTC)
NAMES = [f"test_{module}.py::test_{name}" for module in ("cart", "pay") for name in ("rate", "sum", "tax", "ship")]


def read_questions():
    """Return the SQL of each question by its name."""
    found = re.findall(r"<!-- question: ([^>]*) -->\n```sql\n(.*?)```", PAGE.read_text(), re.DOTALL)
    assert len(found) == 5
    return dict(found)


def november():
    """A log of November 2024: breakage, a repair, retries, one commit good and bad, an outage, a test that goes and one that comes."""
    sessions = []
    for number in range(28):
        start = MONDAY + timedelta(hours=12 * number)
        verdicts = dict.fromkeys(NAMES, "passed")
        verdicts["test_pay.py::test_rate"] = "failed" if number in (3, 8, 9, 20) else "passed"
        verdicts["test_pay.py::test_tax"] = "failed" if number < 14 else "passed"
        verdicts["test_cart.py::test_sum"] = "failed" if number > 16 else "passed"
        verdicts["test_cart.py::test_ship"] = (
            "failed" if number > 25 or number < 3 else "skipped" if number == 9 else "passed"
        )
        if number >= 10:
            del verdicts["test_cart.py::test_tax"]
        if number >= 15:
            verdicts["test_new.py::test_it"] = "passed"
        if number == 6:
            verdicts = dict.fromkeys(verdicts, "failed")
        results = list(verdicts.items())
        if number % 5 == 2:
            results += [("test_flaky.py::test_it", "rerun"), ("test_flaky.py::test_it", "passed")]
        else:
            results.append(("test_flaky.py::test_it", "passed"))
        more = {"commit": f"{number // 2 % 10}", "python": "3.12.1", "start": start, "branch": "main"}
        sessions.append(write_session(f"s{number}", 0, results, **more))
        if number % 9 == 0:
            topic = [(node, "failed") for node in NAMES[:2]] + [(node, "passed") for node in NAMES[2:]]
            more |= {"sut": "bill", "start": start + timedelta(hours=1)}
            sessions.append(write_session(f"b{number}", 0, topic, **more))
    return b"".join(sessions)
