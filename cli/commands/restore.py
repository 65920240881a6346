"""`insight restore`: sessions that were cleared."""

from typing import Annotated

import typer

from ..arguments.logs import profile_path
from ..formatters.data import print_json
from ..formatters.values import counted, local_text
from ..options import JsonOption, ProfileOption
from ..terminal.safe import safe_line
from ..terminal.screen import console


def command(
    sessions: Annotated[
        list[str] | None, typer.Argument(metavar="[ID]...", help="Sessions by the beginning of their ids or streams.")
    ] = None,
    profile: ProfileOption = None,
    as_json: JsonOption = False,
) -> None:
    """Show sessions again that were cleared or gave way to others; without an id, list those that are hidden.

    Example: insight restore 5f0c2a91
    """
    from ...api.internal.exchange import any_streams_of, hidden_sessions, restore, store_of

    profile_path(profile)  # one that mirrors a collector is filled
    store = store_of(profile, must_exist=True)
    hidden = hidden_sessions(store)
    if not sessions:
        if as_json:
            print_json([{"session_id": row.session_id, "stream": row.stream, "sut": row.sut} for row in hidden])
            return
        for row in hidden:
            line = f"{safe_line(row.session_id)}  {row.stream}  {local_text(row.started_us)}  {safe_line(row.sut)}"
            console().print(line, soft_wrap=True)
        console(err=True).print(f"{counted(len(hidden), 'session')} are hidden.")
        return
    count = restore(store, any_streams_of(store, sessions))
    if as_json:
        print_json({"restored": count})
    else:
        console().print(f"{counted(count, 'session')} restored")
