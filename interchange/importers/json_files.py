"""Common parts of the import formats that are JSON."""

from collections import Counter
from collections.abc import Iterable, Iterator
from typing import Any, cast

from ...eventlog.documents.fields import DocumentError, parse_json
from ...eventlog.outcome import attempt_outcome
from .attempts import ForeignAttempt, discard, finished
from .protocol import ForeignReport, Member, RefusedFileError, TimedEvent
from .values import text_at

Fields = dict[str, Any]


def read_json(member: Member) -> Any:
    """Return the value in a file.

    Raises:
        RefusedFileError: it is not JSON.
    """
    try:
        return parse_json(member.path.read_bytes())
    except (DocumentError, UnicodeDecodeError) as error:
        raise RefusedFileError(f"cannot be read: {error}", "check that the file is complete") from error


def objects(value: Any) -> list[Fields]:
    """Return the objects of a list; an empty list for anything else."""
    if not isinstance(value, list):
        return []
    return [cast("Fields", item) for item in cast("list[Any]", value) if isinstance(item, dict)]


def object_in(fields: Any, name: str) -> Fields:
    """Return an object within an object; an empty one if it is something else."""
    value: Any = cast("Fields", fields).get(name) if isinstance(fields, dict) else None
    return cast("Fields", value) if isinstance(value, dict) else {}


def count_lost(report: ForeignReport, value: Any, what: str) -> None:
    """Note items of a list that are no objects, and so nothing that can be read."""
    count = len(cast("list[Any]", value)) if isinstance(value, list) else 0
    lost = count - len(objects(value))
    if lost:
        report.repairs.append(f"{lost} of {count} {what} are no objects; the others were imported")


def emit_attempts(attempts: Iterable[ForeignAttempt], report: ForeignReport) -> Iterator[TimedEvent]:
    """Yield attempts as events: of several of one test the last counts, and bad ones before it are reruns."""
    ordered = list(attempts)
    left = Counter(attempt.nodeid for attempt in ordered)
    numbers: Counter[str] = Counter()
    for attempt in ordered:
        left[attempt.nodeid] -= 1
        numbers[attempt.nodeid] += 1
        attempt.number = numbers[attempt.nodeid]
        if left[attempt.nodeid]:
            discard(attempt)
        else:
            report.outcomes[attempt.outcome] += 1
            report.unplaced += not attempt.placed
        yield finished(attempt)


def compare_totals(report: ForeignReport, claimed: dict[str, Any], found: dict[str, int]) -> None:
    """Note totals of a summary that differ from what is in the file."""
    differs = {
        name: number for name, number in found.items() if isinstance(claimed.get(name), int) and claimed[name] != number
    }
    if differs:
        says = ", ".join(f"{name} {claimed[name]}" for name in differs)
        there = ", ".join(f"{name} {number}" for name, number in differs.items())
        report.notes.append(f"the summary claims {says}, the file has {there}; the file counts")


def phase_category(phase: str, outcome: str, *, expected_failure: bool) -> str:
    """Return how pytest counts the report of a phase; empty for one that simply passed."""
    if outcome == "passed":
        return "xpassed" if expected_failure and phase == "call" else ""
    if outcome == "failed":
        return "failed" if phase == "call" else "error"
    if outcome == "skipped":
        return "xfailed" if expected_failure else "skipped"
    return outcome or "other"


def outcome_of(phases: dict[str, int], categories: dict[str, str]) -> str:
    """Return the outcome of an attempt by its phases; `other` if they decide none."""
    return attempt_outcome(phases, categories) or "other"


def text_or_lines(fields: Fields, name: str) -> str:
    """Return a text, or a list of lines as one."""
    value = fields.get(name)
    if isinstance(value, list):
        return "\n".join(str(line) for line in cast("list[Any]", value))
    return text_at(fields, name)
