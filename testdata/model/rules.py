"""What is decided, and by what facts: pure, each rule in one place.

| question | rule |
|---|---|
| does a process still live? | `verdict_of` |
| may somebody have a lock? | `decide_lock` |
| in which order is cleaned? | `cleanup_order` |
| when is what failed tried again? | `pause_s`, `next_due_us` |
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
"""So many failures, over all sessions, and no reaper tries again."""

_START_TOLERANCE_MS = 1000
_PAUSE_FIRST_S = 0.05
_PAUSE_MAX_S = 2.0
_DUE_FIRST_S = 5.0
_DUE_MAX_S = 3600.0


class Facts(NamedTuple):
    """What can be observed here about a process that was described there."""

    same_host: bool
    same_boot: bool | None
    """None: the system does not say which boot this is."""
    same_pid_space: bool
    pid_exists: bool
    """A process of that PID is there, and is not just waiting to be collected (a zombie)."""
    started_ms: int
    """Start of the process that has the PID now, in milliseconds after the boot; -1 if unknown."""
    claimed_started_ms: int
    """Start of the process that is meant; -1 if unknown."""


def verdict_of(facts: Facts) -> Verdict:
    """Tell whether a process lives; `unknown` where it cannot be seen from here.

    A PID proves nothing by itself: it is used again. Dead is only what provably is.
    """
    if not facts.same_host:
        return "unknown"
    if facts.same_boot is False:
        return "dead"  # the machine was started anew since
    if not facts.same_pid_space:
        return "unknown"
    if not facts.pid_exists:
        return "dead"
    if min(facts.started_ms, facts.claimed_started_ms) < 0:
        return "unknown"
    return "alive" if abs(facts.started_ms - facts.claimed_started_ms) <= _START_TOLERANCE_MS else "dead"


class LockDecision(NamedTuple):
    """What becomes of a wish for a lock."""

    outcome: Literal["ours", "granted", "busy"]
    hold: Hold | None = None
    """The hold that is ours already."""
    expired: tuple[Hold, ...] = ()
    """Holds that end with the grant."""
    exchanged: Hold | None = None
    """A hold of ours in the other mode, given back with the grant."""


def decide_lock(
    lock: Lock | None, lock_id: str, session: str, mode: Mode, is_gone: Callable[[Hold], bool]
) -> LockDecision:
    """Tell whether a wish for a lock is granted.

    Args:
        lock: what is known of it; None if nobody ever held it.
        lock_id: name of the wisher, unique within its process.
        session: the process of the wisher.
        mode: `exclusive` or `shared`.
        is_gone: tells of a holder that it is dead or its lease has ended.
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
    """Return resources of one namespace in the order in which they are cleaned: dependants first, then newest first.

    Args:
        resources: live ones.
        dependants: id to the live ids that depend on it. A circle of them is cleaned newest first.
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
        jitter: a random number from 0 to 1, so that many who failed together do not come again together.
    """
    return min(_PAUSE_FIRST_S * 2 ** min(attempt - 1, 20), _PAUSE_MAX_S) * (0.5 + jitter)


def next_due_us(now_us: int, attempts: int, jitter: float) -> int:
    """Return when a reaper may try again what failed `attempts` times."""
    wait_s = min(_DUE_FIRST_S * 2 ** min(max(attempts - 3, 0), 20), _DUE_MAX_S)
    return now_us + int(wait_s * (0.5 + jitter) * 1_000_000)
