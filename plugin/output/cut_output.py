"""Output of a test that was cut: the run was interrupted in it, or a timeout ended the process.

pytest makes no report of such a test. Its captured output is still available: in the item once the capture of a phase
has ended, and in the text that pytest-timeout shows right before it ends the process.
"""

import re
from collections.abc import Callable, Iterable
from typing import Any, cast

from ...eventlog.events import TestCut
from ..attempts.attempt import Attempt
from ..attempts.texts import Policy, output_texts
from ..attempts.values import text_of

_TITLE = re.compile(r"([+~])\1* (.{1,200}?) \1*")
_BEGIN_AND_END = "Timeout"
_DUMP_CHARS_MAX = 1024 * 1024


def cut_event(attempt: Attempt, sections: Iterable[tuple[str, str]], stacks: str, policy: Policy) -> TestCut | None:
    """Return the event of a test that was cut; None if it had no output.

    Args:
        attempt: the running attempt.
        sections: name and text of the captured sections, as in reports.
        stacks: stacks of the threads; empty if they are not known.
        policy: which texts are recorded.
    """
    wanted = sections if policy.output != "none" else ()
    texts = output_texts(stacks, wanted, policy)
    if not (texts.longreprtext or texts.capstdout or texts.capstderr or texts.caplog):
        return None
    fields = texts._asdict()
    del fields["reason"]
    return TestCut(nodeid=attempt.nodeid, attempt=attempt.number, worker=attempt.worker, **fields)


def sections_of_item(items: Iterable[Any], nodeid: str) -> list[tuple[str, str]]:
    """Return the output captured from a test so far, in the form of a report: name and text of each section.

    Args:
        items: items of the session.
        nodeid: the test. If several items have it, the last one with output counts.
    """
    found: list[tuple[str, str]] = []
    for item in items:
        if item.nodeid == nodeid:
            captured: Any = getattr(item, "_report_sections", ())  # where pytest itself takes it from for a report
            found = [(f"Captured {key} {when}", text_of(text)[0]) for when, key, text in captured] or found
    return found


class TimeoutDump:
    """Parser of the text that pytest-timeout shows before it ends the process from its own thread.

    Args:
        record: called with the captured sections, and the stacks of all threads.
    """

    def __init__(self, record: Callable[[list[tuple[str, str]], str], None]) -> None:
        self._record = record
        self._sections: dict[str, list[str]] | None = None
        self._title = ""
        self._left = _DUMP_CHARS_MAX

    def add(self, text: str) -> None:
        """Add a text that a thread other than the main one wrote to the terminal."""
        match = _TITLE.fullmatch(text.strip("\n"))
        title = cast("str", match[2]) if match else ""
        if title == _BEGIN_AND_END:
            sections, self._sections, self._left = self._sections, {}, _DUMP_CHARS_MAX
            if sections:
                self._sections = None
                self._end(sections)
        elif self._sections is not None and title:
            self._title = title
            self._sections[title] = []
        elif self._sections is not None and self._left > 0 and self._title in self._sections:
            self._left -= len(text)
            self._sections[self._title].append(text)

    def _end(self, sections: dict[str, list[str]]) -> None:
        texts = {title: "".join(parts).lstrip("\n") for title, parts in sections.items()}
        captured = [(title, text) for title, text in texts.items() if title.startswith("Captured ")]
        stacks = [f"{title}\n{text}" for title, text in texts.items() if not title.startswith("Captured ")]
        self._record(captured, "\n".join(stacks))
