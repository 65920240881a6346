"""Text and JSON of a comparison."""

from typing import TYPE_CHECKING, Any

from ...terminal.screen import Listing, console
from ..data import data_of, print_json
from ..outcomes import styled
from ..values import name, seconds, table
from .session_list import HASH_LENGTH, age_text, counts_line

if TYPE_CHECKING:
    from collections.abc import Sequence

    from ....api import ComparisonResult
    from ....api.internal.answers import DurationChange
    from ....api.internal.history import Side, Sides
    from ...terminal.screen import Cell, Output

_SHOWN = 20
_LEAST = (
    {"taken as": 12, "session": 12, "branch": 12, "counts": 24, "sut": 10, "variant": 12},
    {"taken as": 8, "branch": 6, "sut": 6, "variant": 8},
    {"session": 8, "counts": 12},
)
"""Characters that are left of columns, step by step, where the terminal is narrow."""
_TITLES = {
    "new_failures": "new failures",
    "new_passes": "fixed",
    "still_failing": "still failing",
    "missing_tests": "missing: ran before, and do not any more",
    "new_tests": "new tests",
    "newly_skipped": "newly skipped",
    "not_selected": "on one side only, as the other was not told to run them or ended before",
}


def show_comparison(result: "ComparisonResult", sides: "Sides | None" = None, *, as_json: bool) -> None:
    """Print what differs between two sets of sessions.

    Args:
        result: it.
        sides: what was compared, and why.
        as_json: print JSON.
    """
    if as_json:
        print_json(data_of(result) | {"has_changes": result.has_changes()} | _meant_data(sides))
        return
    out = console()
    out.print(f"{name(result.base)} -> {name(result.target)}", style="bold", soft_wrap=True)
    if sides is None:
        out.print(f"{len(result.base_sessions)} and {len(result.target_sessions)} sessions", style="dim")
    else:
        _print_sides(out, sides)
    for field, title in _TITLES.items():
        changes = getattr(result, field)
        if not changes:
            continue
        out.print(f"{title}: {len(changes)}", style="bold")
        for change in changes[:_SHOWN]:
            before, after = styled(change.before or "-"), styled(change.after or "-")
            where = f" on {name(change.variant)}" if change.variant else ""
            out.print("   ", before, "->", after, f"{name(change.nodeid)}{where}", soft_wrap=True)
        if len(changes) > _SHOWN:
            out.print(f"    ... and {len(changes) - _SHOWN} more; --json shows all")
    _print_durations(out, result)
    if not result.has_changes():
        out.print("nothing else differs" if result.still_failing else "nothing differs")


def _print_durations(out: "Output", result: "ComparisonResult") -> None:
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
            _print_phases(out, changes[:_SHOWN])


def _print_phases(out: "Output", changes: "Sequence[DurationChange]") -> None:
    """Print what of the slower tests is set-up."""
    told = [one for one in changes if one.phases is not None and one.phases.in_setup]
    if told:
        from ..phase_words import phases_text

        for one in told:
            if one.phases is not None:
                out.print(f"    {name(one.nodeid)}: {phases_text(one.phases)}", soft_wrap=True)


def _meant_data(sides: "Sides | None") -> dict[str, Any]:
    """Return what was compared, and why, as `--json` prints it; without sides, two profiles were."""
    if sides is None:
        return {"base_mode": "profile", "target_mode": "profile", "notes": []}
    return {"base_mode": sides.base.mode, "target_mode": sides.target.mode, "notes": list(sides.notes)}


def _print_sides(out: "Output", sides: "Sides") -> None:
    """Print what each side was taken for, its newest session, and why these."""
    from ....api.internal.history import variant_of, variant_text

    both = (sides.base, sides.target)
    found = [{variant_of(row.part.header or {}) for row in side.rows} for side in both]
    variants = [variant_text(*each) if len(each) == 1 else f"{len(each)} variants" for each in found]
    hidden = {"sut"} if len({row.sut for side in both for row in side.rows}) == 1 else set[str]()
    hidden |= {"variant"} if found[0] == found[1] else set()
    columns = ("side", "taken as", "session", "commit", "branch", "counts", ">age", "sut", "variant")
    listing = Listing(*(column for column in columns if column not in hidden), least=_LEAST)
    for title, side, variant in zip(("base", "target"), both, variants, strict=True):
        cells = _side_cells(side) | {"side": title, "variant": name(variant)}
        listing.add_row(*(cells[column] for column in listing.columns))
    out.print(listing)
    what = "  ".join(name(part) for part in (both[1].rows[-1].sut, variants[1]) if part)
    if hidden:
        out.print(what, style="dim", soft_wrap=True)
    for note in sides.notes:
        out.print(f"note: {name(note)}", style="yellow", soft_wrap=True)


def _side_cells(side: "Side") -> "dict[str, Cell]":
    from ....api.internal.history import branch_of

    newest, more = side.rows[-1], len(side.rows) - 1
    return {
        "taken as": side.mode if side.mode == "session" else f"{side.mode} {name(side.name)}",
        "session": name(newest.session_id) + (f" and {more} more" if more else ""),
        "commit": name(newest.commit[:HASH_LENGTH]),
        "branch": name(branch_of(newest)),
        "counts": counts_line(newest),
        "age": age_text(newest.started_us),
        "sut": name(newest.sut),
    }
