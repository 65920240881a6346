"""Events of a session as a whole, in `insight session show` and in `insight tail` with the same words."""

from collections import Counter
from typing import TYPE_CHECKING, Any

import msgspec

from ....eventlog.events import SESSION_EVENTS, CollectionFailed, Event, UnknownEvent, WarningRecorded
from ...terminal.safe import safe_line
from ...terminal.words import Word
from ..event_lines import SessionState, render
from ..outcomes import OUTCOME_STYLES
from ..values import counted

if TYPE_CHECKING:
    from ....api.internal.history import History, SessionRow
    from ...terminal.screen import Output

_WARNINGS_SHOWN = 10

SHOWN: dict[str, tuple[str, str]] = {
    "session.started": ("the head: sut, commit, machine, arguments", "a line `=== session ...`"),
    "session.described": ("`commit` and `property` in the head", "a line `NOTE`, one for each property"),
    "tests.announced": ("`Announced, but never run:`, and `deselected` in `counts`", "`not reported` in the last line"),
    "collection.failed": ("a line `ERROR` with its text", "a line `ERROR` with its text"),
    "collection.skipped": ("a line `SKIPPED` with the reason", "a line `SKIPPED` with the reason"),
    "test.started": ("`Running when the session ended:`", "a line `RUNNING`, `STUCK` or `GONE`, if no result comes"),
    "test.finished": ("a line with its outcome (`--results` for all), text and output", "a line with its outcome"),
    "test.cut": ("a line `CUT`, and what the test had written", "a line `CUT`, and what the test had written"),
    "subtest.finished": ("in `counts`", "a line `SUBTEST` with its text, if it failed"),
    "warning.recorded": ("a line `WARNING` each, the first 10; in `counts`", "a line `WARNING`"),
    "worker.lost": ("a line `LOST`", "a line `LOST`"),
    "output.recorded": ("`insight session play`; with `--json` in `output`", "not shown; it repeats the rest"),
    "recorder.degraded": ("a line `NOTE`, and `lost` in the head", "a line `NOTE`"),
    "session.finished": ("`exit`, `ended by` and the duration in the head", "the last line `=== session ...`"),
    "session.cleared": ("the session is not shown", "a line `NOTE`"),
    "session.restored": ("the session is shown again", "a line `NOTE`"),
    "session.superseded": ("the session is not shown", "a line `NOTE`"),
    "events.purged": ("what was purged is not shown", "a line `NOTE`"),
}
"""How `insight session show` and `insight tail` show each type of event."""


def noted_events(model: "History", row: "SessionRow") -> list[Event | UnknownEvent]:
    """Return the events about a session as a whole, in the order of its log."""
    return [model.record_at(position).event() for position in row.part.notes]


def note_data(model: "History", row: "SessionRow") -> list[dict[str, Any]]:
    """Return these events as `--json` prints them."""
    return [msgspec.to_builtins(event) for event in noted_events(model, row)]


def print_notes(out: "Output", model: "History", row: "SessionRow") -> None:
    """Print collection errors and skips, lost workers, losses of the recorder, and the first warnings."""
    shown: Counter[type] = Counter()
    state = SessionState(row.session_id)
    events = noted_events(model, row)
    _print_uncollected(out, [event for event in events if isinstance(event, CollectionFailed)], state)
    for event in events:
        shown[type(event)] += 1
        if isinstance(event, CollectionFailed):
            continue
        if isinstance(event, WarningRecorded) and shown[WarningRecorded] > _WARNINGS_SHOWN:
            continue
        for line in render(event, state, ""):
            out.print(Word(line.text, OUTCOME_STYLES.get(line.style, "")), soft_wrap=True)
    more = row.part.warnings - min(shown[WarningRecorded], _WARNINGS_SHOWN)
    if more > 0:
        out.print(f"... and {counted(more, 'more warning')}")


def _print_uncollected(out: "Output", events: list[CollectionFailed], state: SessionState) -> None:
    """Print collection errors; those that say the same together, with the text of the first."""
    from ....api.internal.answers import message_of

    groups: dict[str, list[CollectionFailed]] = {}
    for event in events:
        groups.setdefault(message_of(event.longreprtext, event.cause), []).append(event)
    for message, found in groups.items():
        if len(found) > 1:
            out.print(Word(f"{counted(len(found), 'time')}: {safe_line(message)}", "bold"), soft_wrap=True)
        lines = [list(render(event, state, "")) for event in found]
        for line in [*(each[0] for each in lines), *lines[0][1:]]:
            out.print(Word(line.text, OUTCOME_STYLES.get(line.style, "")), soft_wrap=True)
        out.print()


def shown_table() -> str:
    """Return the table of event types and how each is shown, as Markdown."""
    tags = [str(cls.__struct_config__.tag) for cls in SESSION_EVENTS]
    rows = [f"| `{tag}` | {' | '.join(SHOWN[tag])} |" for tag in tags]
    return "\n".join(["| event | `insight session show` | `insight tail` |", "|---|---|---|", *rows, ""])
