"""How a comparison is shown."""

from typing import TYPE_CHECKING, Any

from .asking import data_of, name, seconds, table, when
from .common import console, counted, print_json, styled

if TYPE_CHECKING:
    from ..core.comparison import ComparisonResult
    from ..core.sides import Side, Sides
    from .screen import Output

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


def show_comparison(result: "ComparisonResult", sides: "Sides | None" = None, *, as_json: bool) -> None:
    """Print what differs between two sets of sessions.

    Args:
        result: it.
        sides: what was compared, and why.
        as_json: print JSON.
    """
    if as_json:
        meant = {} if sides is None else _meant_data(sides)
        print_json(data_of(result) | {"has_changes": result.has_changes()} | meant)
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
            out.print("   ", before, "->", after, name(change.nodeid), soft_wrap=True)
        if len(changes) > _SHOWN:
            out.print(f"    ... and {len(changes) - _SHOWN} more; --json shows all")
    _print_durations(out, result)
    if not result.has_changes():
        out.print("nothing differs")


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


def _meant_data(sides: "Sides") -> dict[str, Any]:
    """Return what was compared, and why, as `--json` prints it."""
    return {"base_mode": sides.base.mode, "target_mode": sides.target.mode, "notes": list(sides.notes)}


def _print_sides(out: "Output", sides: "Sides") -> None:
    """Print what each side was taken for, its sessions, and why these."""
    suts = {row.sut for side in (sides.base, sides.target) for row in side.rows}
    for title, side in (("base", sides.base), ("target", sides.target)):
        out.print(f"{title:<7}", end=" ", style="dim")
        out.print(_side_text(side, with_sut=len(suts) > 1), soft_wrap=True)
    for note in sides.notes:
        out.print(f"note    {name(note)}", style="yellow", soft_wrap=True)
    if len(suts) == 1:
        out.print(f"sut     {name(suts.pop())}", style="dim", soft_wrap=True)


def _side_text(side: "Side", *, with_sut: bool) -> str:
    from ..core.series import variant_of, variant_text  # noqa: PLC0415 - commands import what they use
    from ..core.sides import branch_of  # noqa: PLC0415

    rows = side.rows
    newest = rows[-1]
    what = f"{side.mode} {side.name}" if side.mode != "session" else "session"
    sessions = newest.session_id if len(rows) == 1 else f"{counted(len(rows), 'session')}, last {newest.session_id}"
    place = f"{newest.commit[:9]} {branch_of(newest)}".strip()
    variant = variant_text(variant_of(newest.part.header or {}))
    parts = [what, sessions, newest.sut if with_sut else "", place, variant, when(newest.started_us)]
    return "  ".join(name(part) for part in parts if part)
