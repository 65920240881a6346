"""Sections of pytest's terminal output as with `-rRA`, without a change of what the terminal shows.

The head of the output is copied while it is written. The rest is rendered a second time, from the same reports, by a
copy of the terminal reporter that writes into memory. Long lists of passed tests are written here instead: pytest
looks up the teardown of each among all others, which takes minutes for a large suite.
"""

import copy
import io
from collections.abc import Callable, Iterator
from threading import get_ident
from typing import Any

import pytest
from _pytest._io import TerminalWriter  # the class behind terminalreporter.write; it has no public name

HEAD_CHARS_MAX = 64 * 1024
_REPORT_CHARS = "wsxXEfRP"
_PASSED_REPORTS_MAX = 2000


def find_reporter(config: pytest.Config) -> pytest.TerminalReporter | None:
    """Return the terminal reporter of pytest, or of a plugin that derives from it, as pytest-sugar does; None for any
    other.

    Other plugins may replace it by an object that counts and writes in its own way.
    """
    reporter = config.pluginmanager.getplugin("terminalreporter")
    return reporter if isinstance(reporter, pytest.TerminalReporter) else None


class HeadCopy:
    """Copy of the terminal's output until the summary begins, up to a limit.

    Args:
        reporter: terminal reporter of pytest.
        take_other: called with the texts that other threads write.
    """

    def __init__(self, reporter: Any, take_other: Callable[[str], None]) -> None:
        self._thread = get_ident()
        self._take_other: Callable[[str], None] | None = take_other
        self._parts: list[str] = []
        self._left = HEAD_CHARS_MAX
        writer = reporter._tw  # noqa: SLF001 - pytest's own pastebin plugin copies the output in the same way
        self._write: Callable[..., Any] = writer.write
        writer.write = self._copying_write

    def _copying_write(self, msg: str, **markup: Any) -> None:
        if self._left > 0:
            self._parts.append(msg)
            self._left -= len(msg)
        self._write(msg, **markup)
        if self._take_other is not None and get_ident() != self._thread:
            self._take_other(msg)

    def stop(self) -> str:
        """Stop copying and return the text."""
        self._left, self._take_other = 0, None
        text = "".join(self._parts)
        self._parts.clear()
        return text


def summary_sections(reporter: Any, *, output: str) -> Iterator[tuple[str, str]]:
    """Yield name and text of each section that is not empty.

    Args:
        reporter: pytest's terminal reporter, after the end of the session.
        output: tests whose captured output may be recorded: `all`, `failed` or `none`.
    """
    options = reporter.config.option
    shown = getattr(options, "showcapture", "all")
    for name, render in _renderers(output_of_passed=output == "all"):
        if output == "none":
            options.showcapture = "no"
        try:
            text = _render(reporter, render)
        finally:
            options.showcapture = shown
        if text.strip():
            yield name, text


def _renderers(*, output_of_passed: bool) -> list[tuple[str, Callable[[Any], None]]]:
    sections: list[tuple[str, Callable[[Any], None]]] = [
        ("errors", lambda reporter: reporter.summary_errors()),
        ("failures", lambda reporter: reporter.summary_failures()),
        ("warnings_summary", lambda reporter: reporter.summary_warnings()),
        ("rerun_test_summary", _rerun_summary),
        ("short_test_summary", _short_summary),
        ("lastline", lambda reporter: reporter.summary_stats()),
    ]
    if output_of_passed:
        sections.insert(2, ("passes", _passes))
    return sections


def _render(reporter: Any, render: Callable[[Any], None]) -> str:
    stream = io.StringIO()
    double = copy.copy(reporter)
    double._tw = TerminalWriter(stream)  # noqa: SLF001
    double._tw.hasmarkup = False  # noqa: SLF001
    double._tw.fullwidth = reporter._tw.fullwidth  # noqa: SLF001
    double._already_displayed_warnings = None  # noqa: SLF001
    double.reportchars = _REPORT_CHARS
    try:
        render(double)
    except Exception:  # noqa: BLE001 - a second rendering of foreign reports; without it only this section is missing
        return ""
    return stream.getvalue()


def _passes(reporter: Any) -> None:
    reports = [report for report in reporter.stats.get("passed", ()) if report.sections][:_PASSED_REPORTS_MAX]
    if reports:
        reporter.write_sep("=", "PASSES")
    for report in reports:
        reporter.write_sep("_", report.head_line or "test session")
        for title, content in report.sections:
            reporter.write_sep("-", title)
            reporter._tw.write(content if content.endswith("\n") else content + "\n")  # noqa: SLF001


def _short_summary(reporter: Any) -> None:
    reporter.short_test_summary()
    passed = reporter.stats.get("passed", ())
    if passed:
        reporter._tw.write("".join(f"PASSED {report.nodeid}\n" for report in passed))  # noqa: SLF001


def _rerun_summary(reporter: Any) -> None:
    reports = reporter.stats.get("rerun", ())
    if reports:
        reporter.write_sep("=", "rerun test summary info")
        reporter._tw.write("".join(f"RERUN {report.nodeid}\n" for report in reports))  # noqa: SLF001
