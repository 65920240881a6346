"""The state of a session in one word, as pytest means it."""

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from ...projections.session_row import SessionRow

RULES_VERSION = 1
"""Rises when the same session would be called otherwise."""

BY_EXIT_STATUS = {
    0: "passed",
    1: "failed",
    2: "interrupted",
    3: "internal error",
    4: "usage error",
    5: "no tests",
}
"""States by pytest's exit status, of sessions that were closed properly."""


def session_state(row: "SessionRow", run_state: str = "killed") -> str:
    """Return the state of a session.

    Args:
        row: the session.
        run_state: of one without its last event: `running`, `killed` or `unknown`, as its writer's lock says.

    | what is known | state |
    |---|---|
    | no last event | running, killed, unknown |
    | modules that could not be collected, exit status 1 or 2 | errors in collection |
    | exit status 2, 3, 4, 5 | interrupted, internal error, usage error, no tests |
    | announced tests without a result | incomplete |
    | exit status 0, 1 | passed, failed |
    | another exit status | exit status N |
    """
    status = row.exit_status
    if status is None:
        return run_state
    if row.part.collect_failed and status in (1, 2):
        return "errors in collection"
    if status in (0, 1) and row.missing:
        return "incomplete"
    return BY_EXIT_STATUS.get(status, f"exit status {status}")
