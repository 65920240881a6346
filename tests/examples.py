"""How many examples a property gets."""

import os

PERCENT = int(os.environ.get("INSIGHT_EXAMPLES", "100"))
"""Of the usual number: a quick check takes fewer, a campaign more."""


def examples(usual: int) -> int:
    """Return how many examples a property takes that usually takes so many; some are always tried."""
    return max(5, usual * PERCENT // 100)
