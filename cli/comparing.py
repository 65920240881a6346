"""How a comparison is shown."""

from typing import TYPE_CHECKING

from .asking import data_of, name, seconds, table
from .common import console, print_json, styled

if TYPE_CHECKING:
    from ..core.comparison import ComparisonResult

_SHOWN = 20
_TITLES = {
    "new_failures": "new failures",
    "new_passes": "fixed",
    "still_failing": "still failing",
    "missing_tests": "missing: ran before, and do not any more",
    "new_tests": "new tests",
    "newly_skipped": "newly skipped",
    "not_selected": "on one side only, as the other was not told to run them or ended before",
}


def show_comparison(result: "ComparisonResult", *, as_json: bool) -> None:
    """Print what differs between two sets of sessions."""
    if as_json:
        print_json(data_of(result) | {"has_changes": result.has_changes()})
        return
    out = console()
    out.print(f"{name(result.base)} -> {name(result.target)}", style="bold", soft_wrap=True)
    out.print(f"{len(result.base_sessions)} and {len(result.target_sessions)} sessions", style="dim")
    for field, title in _TITLES.items():
        changes = getattr(result, field)
        if not changes:
            continue
        out.print(f"{title}: {len(changes)}", style="bold")
        for change in changes[:_SHOWN]:
            before, after = styled(change.before or "-"), styled(change.after or "-")
            out.print("   ", before, "->", after, name(change.nodeid), soft_wrap=True)
        if len(changes) > _SHOWN:
            out.print(f"    ... and {len(changes) - _SHOWN} more; --json shows all")
    for field, title in (("slower_tests", "slower"), ("faster_tests", "faster")):
        changes = getattr(result, field)
        if changes:
            out.print(f"{title}: {len(changes)}", style="bold")
            listing = table("test", ">before", ">after", ">ratio", ">runs", ">q")
            for change in changes[:_SHOWN]:
                chance = f"{change.q:.2g}" if change.confirmed and change.q is not None else "unconfirmed"
                runs = f"{change.samples[0]}, {change.samples[1]}"
                figures = (seconds(change.before_s), seconds(change.after_s), f"{change.ratio:.2f}x", runs, chance)
                listing.add_row(name(change.nodeid), *figures)
            out.print(listing)
    if not result.has_changes():
        out.print("nothing differs")
