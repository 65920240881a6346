"""Completion of the values of options in the shell."""

from collections.abc import Callable
from typing import TYPE_CHECKING

import typer

from .logs import ReadingState, named_logs, open_model

if TYPE_CHECKING:
    from ...api.internal.history import History


def complete_profile(incomplete: str) -> list[str]:
    """Complete the name of a profile; completion never fails."""
    from ...api import list_profiles
    from ...api.internal.logs import EventLogError

    try:
        return [name for name in list_profiles() if name.startswith(incomplete)]
    except (EventLogError, OSError):
        return []


def complete_sut(ctx: typer.Context, incomplete: str) -> list[str]:
    """Complete the name of a system under test."""
    return _completions(ctx, lambda model: [name for name, *_ in model.suts()], incomplete)


def complete_session(ctx: typer.Context, incomplete: str) -> list[str]:
    """Complete the id of a session."""
    return _completions(ctx, lambda model: ["last", *(row.session_id for row in model.sessions(limit=200))], incomplete)


def complete_test(ctx: typer.Context, incomplete: str) -> list[str]:
    """Complete a node id."""
    return _completions(ctx, lambda model: model.nodeids(incomplete), incomplete)


def _completions(ctx: typer.Context, ask: "Callable[[History], list[str]]", incomplete: str) -> list[str]:
    """Return the answers that begin with a text; none if the log cannot be read, since completion never fails."""
    from ...api.internal.logs import EventLogError

    ReadingState.remote, ReadingState.offline = ctx.params.get("remote"), True
    try:
        with open_model(ctx.params.get("profile"), named_logs(ctx.params.get("logs"), ctx.params.get("log"))) as model:
            return [name for name in ask(model) if name.startswith(incomplete)]
    except (EventLogError, OSError, LookupError, ValueError):
        return []
