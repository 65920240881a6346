"""What a test had written when it was cut: the run was interrupted in it, or a timeout ended the process.

pytest makes no report of such a test. What it captured is still there: with the test itself once the capture of its
phase has ended, and in what pytest-timeout shows right before it ends the process.
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
    """Return the event of a test that was cut; None if it had written nothing.

    Args:
        attempt: what was running.
        sections: name and text of what was captured, as reports have them.
        stacks: where the threads were, if that is known.
        policy: what is recorded.
    """
    wanted = sections if policy.output != "none" else ()
    texts = output_texts(stacks, wanted, policy)
    if not (texts.longreprtext or texts.capstdout or texts.capstderr or texts.caplog):
        return None
    fields = texts._asdict()
    del fields["reason"]
    return TestCut(nodeid=attempt.nodeid, attempt=attempt.number, worker=attempt.worker, **fields)


def sections_of_item(items: Iterable[Any], nodeid: str) -> list[tuple[str, str]]:
    """Return what was captured of a test so far, as its report would have it: name and text of each section.

    Args:
        items: of the session.
        nodeid: of the test; of several tests with the same one, what the last has that wrote something.
    """
    found: list[tuple[str, str]] = []
    for item in items:
        if item.nodeid == nodeid:
            captured: Any = getattr(item, "_report_sections", ())  # where pytest itself takes it from for a report
            found = [(f"Captured {key} {when}", text_of(text)[0]) for when, key, text in captured] or found
    return found


class TimeoutDump:
    """Recognises what pytest-timeout shows before it ends the process from its thread.

    Args:
        record: gets the sections that were captured, and the stacks of all threads.
    """

    def __init__(self, record: Callable[[list[tuple[str, str]], str], None]) -> None:
        self._record = record
        self._sections: dict[str, list[str]] | None = None
        self._title = ""
        self._left = _DUMP_CHARS_MAX

    def add(self, text: str) -> None:
        """Take what another thread than the main one wrote to the terminal."""
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
