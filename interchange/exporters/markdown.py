"""A summary in Markdown, for step summaries and comments; text of tests is code, so that nothing of it is live."""

import re
from collections import defaultdict
from collections.abc import Iterator

from ...eventlog.outcome import TERMINAL_ORDER
from .sessions import ExportedSession, ExportedTest

CHARACTERS_MAX = 65_000
"""Longest comment that the common services take."""

_TESTS_SHOWN, _TEXT_LINES, _LINE_MAX = 20, 40, 300
_INVISIBLE = re.compile("[\x00-\x1f\x7f-\x9f\u200b-\u200f\u2028-\u202e\u2060-\u206f\ufeff\ud800-\udfff]")


def write_markdown(sessions: list[ExportedSession]) -> Iterator[str]:
    """Yield the summary of sessions, never longer than a comment may be."""
    left = CHARACTERS_MAX - 200
    for session in sessions:
        for part in _parts(session):
            if len(part) > left:
                yield "\nMore was left out, as a comment may have 65,000 characters.\n"
                return
            left -= len(part)
            yield part


def code(text: str) -> str:
    """Return a text of a test as a code span of one line, in which nothing is a link, a name or markup."""
    line = _INVISIBLE.sub(lambda match: f"\\x{ord(match[0]):02x}", " ".join(text.split(None)) or " ")
    line = line if len(line) <= _LINE_MAX else f"{line[:_LINE_MAX]}..."
    ticks = "`" * (max((len(run) for run in re.findall("`+", line)), default=0) + 1)
    pad = " " if line.startswith("`") or line.endswith("`") or not line.strip() else ""
    return f"{ticks}{pad}{line}{pad}{ticks}"


def _parts(session: ExportedSession) -> Iterator[str]:
    counts = session.verdicts()
    order = [*TERMINAL_ORDER, *sorted(set(counts) - set(TERMINAL_ORDER))]
    words = ", ".join(f"{counts[name]} {name if name.isalpha() else code(name)}" for name in order if counts[name])
    bad = [test for test in session.tests.values() if test.is_bad]
    number = len(bad) + len(session.collection_errors)
    sentence = f"{number} failed" if number else "nothing failed"
    cut = "" if session.is_complete else ", and the session was cut short"
    yield f"### {code(session.row.sut)}: {sentence}{cut}\n\n{words or 'no tests'}"
    commit = session.row.commit
    yield (f" at {code(commit[:12])}" if commit else "") + f", session {code(session.row.session_id)}\n"
    for failed in session.collection_errors:
        yield f"\n- {code(failed.nodeid)} could not be collected\n{_details(failed.longreprtext)}"
    groups: defaultdict[str, list[ExportedTest]] = defaultdict(list)
    for test in bad:
        groups[test.attempts[-1].message if test.attempts else "was running when its session ended"].append(test)
    for message, tests in sorted(groups.items(), key=lambda item: -len(item[1])):
        yield _group(message, tests)
    flaky = [test for test in session.tests.values() if test.is_flaky]
    if flaky:
        names = "\n".join(f"- {code(test.nodeid)}, attempt {len(test.attempts)}" for test in flaky[:_TESTS_SHOWN])
        more = f"\n- and {len(flaky) - _TESTS_SHOWN} more" if len(flaky) > _TESTS_SHOWN else ""
        yield f"\n**Passed only after another attempt: {len(flaky)}**\n\n{names}{more}\n"


def _group(message: str, tests: list[ExportedTest]) -> str:
    names = "\n".join(
        f"- {code(test.nodeid)} {test.verdict if test.verdict.isalpha() else code(test.verdict)}"
        for test in tests[:_TESTS_SHOWN]
    )
    more = f"\n- and {len(tests) - _TESTS_SHOWN} more" if len(tests) > _TESTS_SHOWN else ""
    text = tests[0].attempts[-1].event.longreprtext if tests[0].attempts else ""
    title = f"**{len(tests)}** " if len(tests) > 1 else ""
    return f"\n{title}{code(message or 'without a message')}\n\n{names}{more}\n{_details(text)}"


def _details(text: str) -> str:
    """Return a traceback, folded, as a block of code that no text in it can end."""
    lines = [_INVISIBLE.sub("\ufffd", line)[:_LINE_MAX] for line in text.replace("\t", "    ").splitlines()]
    if not lines:
        return ""
    if len(lines) > _TEXT_LINES:
        half = _TEXT_LINES // 2
        lines = [*lines[:half], f"... {len(lines) - 2 * half} lines ...", *lines[-half:]]
    fence = "`" * max(3, max((len(run) for line in lines for run in re.findall("`+", line)), default=0) + 1)
    body = "\n".join(lines)
    return f"\n<details><summary>Traceback</summary>\n\n{fence}text\n{body}\n{fence}\n\n</details>\n"
