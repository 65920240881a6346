"""Words for the phases of a test that takes long."""

from typing import TYPE_CHECKING

from .values import duration_text

if TYPE_CHECKING:
    from ...api.internal.answers import SlowPhases

FIRST_USER = "perhaps first user of a shared fixture"
"""As the log has no names of fixtures, this is inferred from the tests behind it."""


def phases_text(phases: "SlowPhases") -> str:
    """Return how long a typical run of a test took by phase: `set-up 480 ms, call 1.0 ms`."""
    now = phases.after
    told = ", ".join(
        f"{title} {duration_text(round(seconds * 1e6))}"
        for title, seconds in (("set-up", now.setup_s), ("call", now.call_s))
    )
    return f"{told}; {FIRST_USER}" if phases.first_user else told
