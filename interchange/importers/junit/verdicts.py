"""The verdict of one `testcase` element of JUnit XML, by one table."""

import re
from typing import NamedTuple

from ....eventlog.outcome import KNOWN

VERDICT_PROPERTY = "insight.outcome"
"""Property of a test case that holds an outcome for which JUnit XML has no element; our own export writes it."""

NODEID_PROPERTY = "insight.nodeid"
"""Property of a test case that holds its node id, if class name and name do not tell it."""

_PASSED = frozenset(
    {"", "run", "pass", "passed", "ok", "success", "successful", "succeeded", "completed", "complete", "executed",
     "true", "finished", "done"}
)  # fmt: skip
_WORDS = {
    **dict.fromkeys(("disabled", "notrun", "not run", "not_run", "skipped", "skip", "ignored", "suppressed", "pending",
                     "filtered"), "skipped"),
    **dict.fromkeys(("fail", "failed", "failure"), "failed"),
    **dict.fromkeys(("error", "errored", "broken", "crashed"), "error"),
}  # fmt: skip
_XFAIL = re.compile("xfail|expectedfailure", re.IGNORECASE)
_IN_TEARDOWN = "failed on teardown"
_IN_SETUP = "failed on setup"


class Child(NamedTuple):
    """An element within a test case that says something about its result."""

    kind: str
    """Name of the element."""
    type: str
    message: str
    text: str
    out: str = ""
    err: str = ""
    took_us: int | None = None
    """Duration of an attempt of its own; None if the file does not say."""


class CaseVerdict(NamedTuple):
    """Result of one test case."""

    outcome: str
    phase: str
    """Phase that decided."""
    category: str = ""
    """Name of an outcome that we do not know."""


PASSED = CaseVerdict("passed", "call")
"""Verdict of a test case that says nothing."""


def judge(children: list[Child], status: str, result: str, own: str = "") -> CaseVerdict:
    """Return the verdict of a test case.

    | rank | there is | verdict |
    |---|---|---|
    | 1 | an `error` | error |
    | 2 | a `failure` | failed |
    | 3 | a `skipped` whose type names an expected failure | xfailed |
    | 4 | any other `skipped`, `ignored` or `disabled` | skipped |
    | 5 | a `status` or `result` that names a skip, a failure or an error | that |
    | 6 | a `status` or `result` that we do not know | other, by that name |
    | 7 | nothing of these | passed |

    Args:
        children: its elements that tell results.
        status: its attribute `status`.
        result: its attribute `result`.
        own: outcome that our own export named; it counts where JUnit has no element for it.
    """
    if not children and not own:
        return PASSED if status in _PASSED and result in _PASSED else _by_words(status, result)
    kinds = {child.kind for child in children}
    if own and (own not in KNOWN or (own == "xpassed" and not kinds & RESULTS)):
        foreign = "failed" if "failure" in kinds else "other"
        return CaseVerdict(own, "call") if own in KNOWN else CaseVerdict(foreign, "call", own)
    if "error" in kinds:
        return CaseVerdict("error", phase_of([child for child in children if child.kind == "error"]))
    if "failure" in kinds:
        return CaseVerdict("failed", "call")
    if kinds & SKIPS:
        types = " ".join(child.type for child in children if child.kind in SKIPS)
        return CaseVerdict("xfailed", "call") if _XFAIL.search(types) else CaseVerdict("skipped", "setup")
    return _by_words(status, result)


SKIPS = frozenset({"skipped", "ignored", "disabled"})
RESULTS = frozenset({"error", "failure"}) | SKIPS
"""Elements that decide about the verdict."""

BEFORE_GOOD = frozenset({"flakyFailure", "flakyError"})
AFTER_BAD = frozenset({"rerunFailure", "rerunError"})


def phase_of(errors: list[Child]) -> str:
    """Return the phase in which a test had its error, as pytest says it in the message; else the call."""
    messages = [error.message for error in errors]
    if any(message.startswith(_IN_TEARDOWN) for message in messages):
        return "teardown"
    return "setup" if any(message.startswith(_IN_SETUP) for message in messages) else "call"


def is_teardown_error(children: list[Child]) -> bool:
    """Return whether a test case is only the error of the teardown of the one before, as pytest writes it."""
    told = [child for child in children if child.kind in RESULTS]
    return bool(told) and all(child.kind == "error" and child.message.startswith(_IN_TEARDOWN) for child in told)


def _by_words(status: str, result: str) -> CaseVerdict:
    for word in (status.strip().lower(), result.strip().lower()):
        if word in _PASSED:
            continue
        known = _WORDS.get(word)
        if known is None:
            return CaseVerdict("other", "call", word[:100])
        return CaseVerdict(known, "setup" if known == "skipped" else "call")
    return PASSED
