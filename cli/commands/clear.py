"""`insight clear`: retention, and what is not wanted any more."""

from typing import Annotated

import typer

from ..arguments.logs import profile_path
from ..arguments.selection import selection
from ..formatters.data import print_json
from ..formatters.values import counted, local_text
from ..options import (
    FilteredDaysOption,
    FilteredSutOption,
    FilterOption,
    JsonOption,
    KeepOption,
    OlderOption,
    ProfileOption,
)
from ..terminal.messages import confirm
from ..terminal.safe import safe_line
from ..terminal.screen import console

_SHOWN = 50


def command(
    sessions: Annotated[
        list[str] | None, typer.Argument(metavar="[ID]...", help="Sessions by the beginning of their ids.")
    ] = None,
    profile: ProfileOption = None,
    sut: FilteredSutOption = None,
    days: FilteredDaysOption = None,
    older_than: OlderOption = None,
    pattern: FilterOption = None,
    keep_last: KeepOption = None,
    everything: Annotated[bool, typer.Option("--all", help="All sessions of the profile.")] = False,
    dry_run: Annotated[bool, typer.Option("--dry-run", "-n", help="Only list what would be cleared.")] = False,
    force: Annotated[bool, typer.Option("--force", help="Do not ask.")] = False,
    as_json: JsonOption = False,
) -> None:
    """Clear sessions: they are not shown any more. Their events stay in the log; `insight restore` shows them again.

    Filters are combined with AND; what must really go is the business of `insight log purge`.

    Example: insight clear --older-than 90d --keep-last 50 --dry-run
    """
    from ...api.internal.exchange import candidates_of, clear, store_of, streams_of

    picked = selection(sut, days, older_than, pattern, keep_last)
    if not sessions and picked.is_everything and not everything:
        raise ValueError("clear what? name sessions, give a filter, or say --all")
    profile_path(profile)  # one that mirrors a collector is filled
    store = store_of(profile, must_exist=True)
    candidates = candidates_of(store)
    if sessions:
        wanted = set(streams_of(store, sessions))
        candidates = [candidate for candidate in candidates if candidate.stream in wanted]
    chosen = picked.pick(candidates)
    if not as_json:
        out = console()
        for candidate in chosen[:_SHOWN]:
            line = f"{safe_line(candidate.name)}  {local_text(candidate.started_us)}  {safe_line(candidate.sut)}"
            out.print(line, soft_wrap=True)
        if len(chosen) > _SHOWN:
            out.print(f"... and {len(chosen) - _SHOWN} more; --json shows all")
    cleared = 0
    if chosen and not dry_run:
        confirm(f"clear {counted(len(chosen), 'session')}?", force=force)
        cleared = clear(store, [candidate.stream for candidate in chosen], reason="insight clear")
    if as_json:
        print_json(
            {"cleared": cleared, "dry_run": dry_run, "sessions": [candidate.name for candidate in chosen]},
        )
    else:
        console().print(
            f"{counted(len(chosen), 'session')} would be cleared"
            if dry_run
            else f"{counted(cleared, 'session')} cleared"
        )
