"""Outcomes, verdicts and states: their colours, their order and their counts."""

from ...api.internal.logs import RESULTS, TERMINAL_ORDER
from ..terminal.safe import safe_line
from ..terminal.words import Word

OUTCOME_STYLES = {
    **{result.name: result.style for result in RESULTS if result.style},
    "deselected": "yellow",
    "warnings": "yellow",
    "errors in collection": "red",
    "usage error": "red",
    "internal error": "red",
    "no tests": "yellow",
    "killed": "bold red",
    "complete": "green",
    "incomplete": "magenta",
    "interrupted": "bold red",
    "running": "cyan",
}
"""Colours by outcome, verdict and status; the words are shown too, so nothing is said by colour alone."""


def styled(word: str, shown: str | None = None) -> Word:
    """Return an outcome, verdict or status in its colour.

    Args:
        word: it.
        shown: what to print instead of it.
    """
    return Word(safe_line(word if shown is None else shown), OUTCOME_STYLES.get(word, ""))


COUNT_ORDER = (*TERMINAL_ORDER, "crashed", "cut", "running")


def counts_text(counts: dict[str, int]) -> str:
    """Return counts in the order and words of pytest's last line: categories of other plugins follow its own."""
    others = (name for name in counts if name and name not in COUNT_ORDER)
    parts = [f"{counts[name]} {plural(counts[name], name)}" for name in (*COUNT_ORDER, *others) if counts.get(name)]
    return ", ".join(parts) or "no tests ran"


def plural(count: int, name: str) -> str:
    """Return the word as pytest writes it: `1 error`, `2 errors`, `1 warning`."""
    if name == "error" and count != 1:
        return "errors"
    return "warning" if name == "warnings" and count == 1 else name
