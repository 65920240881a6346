"""Port and time limits that the service, its clients and the command line share."""

from typing import NamedTuple

__all__ = ["DEFAULT_PORT", "KEEP_ALIVE_INTERVAL_S", "SilenceLimits"]

DEFAULT_PORT = 49152
KEEP_ALIVE_INTERVAL_S = 30.0
"""Time between two keep-alives of a client, in seconds."""


class SilenceLimits(NamedTuple):
    """Time limits of the service, in seconds."""

    lease_s: float = 3 * KEEP_ALIVE_INTERVAL_S + 5
    """Silence that ends the lease of a worker that sends keep-alives."""
    silent_lease_s: float = 900.0
    """Silence that ends the lease of a worker that never sent a keep-alive, and that completes a test run which only
    has results."""
    quiet_s: float = 2.0
    """Time for which all workers must be completed or offline before a test run is completed: statuses may change
    back and forth."""
    idle_exit_s: float = 900.0
    """Time without live workers, waiting clients and requests after which the service ends; 0 for never."""
    request_s: float = 10.0
    """Time limit for a client to send the head of a request, and its body."""
