"""Decisions about processes, locks and cleanups. Pure.

| question | rule |
|---|---|
| Does a process still live? | `verdict_of` |
| Is a lock granted? | `decide_lock` |
| In which order are resources cleaned? | `cleanup_order` |
| When is a failed cleanup tried again? | `pause_s`, `next_due_us` |
"""

import heapq
from collections.abc import Callable, Iterable, Mapping
from typing import Literal, NamedTuple

from .records import Hold, Lock, Resource

__all__ = [
    "ABANDON_ATTEMPTS",
    "Facts",
    "LockDecision",
    "Verdict",
    "cleanup_order",
    "decide_lock",
    "next_due_us",
    "pause_s",
    "verdict_of",
]

Verdict = Literal["alive", "dead", "unknown"]
Mode = Literal["exclusive", "shared"]

ABANDON_ATTEMPTS = 10
"""Number of failures, over all sessions, after which no reaper tries again."""

_START_TOLERANCE_MS = 1000
_PAUSE_FIRST_S = 0.05
_PAUSE_MAX_S = 2.0
_DUE_FIRST_S = 5.0
_DUE_MAX_S = 3600.0


class Facts(NamedTuple):
    """Observed facts about a process, compared with its recorded identity."""

    same_host: bool
    same_boot: bool | None
    """None if the system has no boot id."""
    same_pid_space: bool
    pid_exists: bool
    """True if a process with that PID exists and is not a zombie."""
    started_ms: int
    """Start of the process with that PID, in milliseconds after the boot; -1 if unknown."""
    claimed_started_ms: int
    """Recorded start of the process; -1 if unknown."""


def verdict_of(facts: Facts) -> Verdict:
    """Return whether a process lives; `unknown` if it cannot be observed from here.

    The PID alone is not sufficient, since it is reused. `dead` requires a proof.

    """
    if not facts.same_host:
        return "unknown"
    if facts.same_boot is False:
        return "dead"  # the machine was rebooted
    if not facts.same_pid_space:
        return "unknown"
    if not facts.pid_exists:
        return "dead"
    if min(facts.started_ms, facts.claimed_started_ms) < 0:
        return "unknown"
    return "alive" if abs(facts.started_ms - facts.claimed_started_ms) <= _START_TOLERANCE_MS else "dead"


class LockDecision(NamedTuple):
    """Decision on a request for a lock."""

    outcome: Literal["ours", "granted", "busy"]
    hold: Hold | None = None
    """Hold of the requester with the same mode."""
    expired: tuple[Hold, ...] = ()
    """Holds that expire with the grant."""
    exchanged: Hold | None = None
    """Hold of the requester in the other mode, which is released with the grant."""


def decide_lock(
    lock: Lock | None, lock_id: str, session: str, mode: Mode, is_gone: Callable[[Hold], bool]
) -> LockDecision:
    """Return the decision on a request for a lock.

    Args:
        lock: the lock; None if it was never granted.
        lock_id: name of the requester, unique within its process.
        session: process of the requester.
        mode: `exclusive` or `shared`.
        is_gone: returns whether the holder is dead or its lease has ended.
    """
    holds = list(lock.holds.values()) if lock else []
    mine = next((hold for hold in holds if (hold.lock_id, hold.session) == (lock_id, session)), None)
    if mine is not None and mine.mode == mode:
        return LockDecision("ours", mine)
    others = [hold for hold in holds if hold is not mine]
    gone = tuple(hold for hold in others if hold.session != session and is_gone(hold))
    left = [hold for hold in others if hold not in gone]
    if all(hold.mode == "shared" for hold in left) if mode == "shared" else not left:
        return LockDecision("granted", None, gone, mine)
    return LockDecision("busy")


def cleanup_order(resources: Iterable[Resource], dependants: Mapping[str, set[str]]) -> list[Resource]:
    """Return resources of one namespace in cleanup order: dependants first, then newest first.

    Args:
        resources: live resources.
        dependants: id to the live ids that depend on it. A cycle is cleaned newest first.
    """
    waiting = {resource.resource_id: resource for resource in resources}
    blocked = {key: len(dependants.get(key, set()) & waiting.keys()) for key in waiting}
    ready = [(-resource.position, key) for key, resource in waiting.items() if not blocked[key]]
    heapq.heapify(ready)
    order: list[Resource] = []
    while ready:
        resource = waiting.pop(heapq.heappop(ready)[1])
        order.append(resource)
        for other in set(resource.life.depends_on) & waiting.keys():
            blocked[other] -= 1
            if not blocked[other]:
                heapq.heappush(ready, (-waiting[other].position, other))
    return order + sorted(waiting.values(), key=lambda resource: -resource.position)


def pause_s(attempt: int, jitter: float) -> float:
    """Return the seconds to wait after a failed attempt within one run.

    Args:
        attempt: 1 for the first.
        jitter: random number from 0 to 1 that spreads the retries of many processes.
    """
    return min(_PAUSE_FIRST_S * 2 ** min(attempt - 1, 20), _PAUSE_MAX_S) * (0.5 + jitter)


def next_due_us(now_us: int, attempts: int, jitter: float) -> int:
    """Return the time at which a reaper may retry a cleanup that failed `attempts` times, in microseconds since the
    epoch.
    """
    wait_s = min(_DUE_FIRST_S * 2 ** min(max(attempts - 3, 0), 20), _DUE_MAX_S)
    return now_us + int(wait_s * (0.5 + jitter) * 1_000_000)
