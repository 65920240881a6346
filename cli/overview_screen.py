"""The screen of `insight` without a command: sections of few rows, in columns that fit the terminal."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import TYPE_CHECKING, NamedTuple

from ..core.sentence import HASH_DIGITS
from ..eventlog.times import parse_time
from .common import COUNT_ORDER, OUTCOME_STYLES, counted, duration_text, plural
from .layout import age_text, elided, screen_width, shortened, spread, wrapped
from .safe import safe_line
from .screen import Line
from .strips import strip_line

if TYPE_CHECKING:
    from ..core.overview_data import BrokenGroup, CutRow, FlakyRow, LostRow, NewestSession, Overview, SlowerRow
    from .screen import Output



class Rows(NamedTuple):
    """How many rows the screen has room for."""

    groups: tuple[int, ...]
    """Of the newest group of broken tests, of the one before it, and so on; further groups are told in one line."""
    section: int
    """Of each section below."""


ROOMS = (Rows((5, 3, 2, 1), 3), Rows((5, 2, 1), 1), Rows((4, 1), 0))
"""From a high screen to a low one; the first that fits is taken, the last if none does."""

_STRIP, _STRIP_WIDE, _WIDE = 12, 24, 110
_INDENT, _GAP = "  ", "  "
_LABEL = 8
_NAME_MIN, _NAME_SHARE = 24, 0.58
_GOOD_STYLE, _BAD_STYLE, _QUIET = "green", "bold red", "dim"
_VARIANT_MAX = 24


class Cells(NamedTuple):
    """A row of a section."""

    name: str
    strip: Sequence[str]
    note: str = ""
    text: str = ""


def print_overview(out: "Output", found: "Overview", now_us: int) -> None:
    """Print the answer."""
    width = screen_width()
    for line in lines_of(found, now_us, width):
        out.print(line, soft_wrap=True)


def lines_of(found: "Overview", now_us: int, width: int) -> Iterator[Line]:
    """Yield the lines of the screen.

    Args:
        found: the answer.
        now_us: the time that ages are counted to.
        width: columns that a line may take; 0 for any number.
    """
    yield _first_line(found, now_us, width)
    for number, sentence in enumerate(found.sentences):
        for text in wrapped(safe_line(sentence), width, _INDENT):
            is_good = number == len(found.sentences) - 1 and not found.broken
            yield _line((text, "bold green" if is_good and sentence == "nothing is broken" else "bold"))
    yield Line()
    sections = list(_sections(found, now_us))
    shown = [cells for section in sections for cells in section.rows]
    columns = _columns(shown, width)
    for section in sections:
        yield from section.lines(columns, width)
    yield from _closing(found, width)


class _Section(NamedTuple):
    """A head, and rows below it."""

    head: Callable[[int], Iterable[Line]]
    rows: list[Cells]
    foot: Callable[[int], Iterable[Line]]

    def lines(self, columns: "_Columns", width: int) -> Iterator[Line]:
        """Yield its lines."""
        yield from self.head(width)
        for cells in self.rows:
            yield columns.line(cells)
        yield from self.foot(width)


class _Columns(NamedTuple):
    """Widths of the columns that all sections share; 0 for any width."""

    name: int
    strip: int
    note: int
    text: int

    def line(self, cells: Cells) -> Line:
        """Return a row as a line."""
        line = _line((_INDENT, ""), (elided(cells.name, self.name).ljust(self.name), ""))
        if self.strip:
            line.append(_GAP)
            line.words.extend(strip_line(cells.strip, width=self.strip).words)
        if self.note:
            line.append(_GAP)
            line.append(
                shortened(cells.note, self.note).ljust(self.note) if cells.text else cells.note, _note_style(cells.note)
            )
        if cells.text:
            line.append(_GAP)
            line.append(shortened(cells.text, self.text), _QUIET)
        return line


def _note_style(note: str) -> str:
    return {"cut": "magenta", "was flaky": "yellow", "uncollected": "red", "new": ""}.get(note, _QUIET)


def _columns(rows: Sequence[Cells], width: int) -> _Columns:
    """Return the widths of the columns for some rows."""
    longest = max((len(cells.name) for cells in rows), default=0)
    note = max((len(cells.note) for cells in rows if cells.text), default=0)
    text = max((len(cells.text) for cells in rows), default=0)
    strip = (_STRIP if width and width < _WIDE else _STRIP_WIDE) if any(cells.strip for cells in rows) else 0
    strip = min(strip, max((len(cells.strip) for cells in rows), default=0))
    if not width:
        return _Columns(longest, strip, note, 0)
    left = width - len(_INDENT) - sum(part + len(_GAP) for part in (strip, note) if part) - len(_GAP)
    name = min(longest, max(_NAME_MIN, left - text, round(left * _NAME_SHARE)))
    return _Columns(name, strip, note, max(left - name, 1))


def _line(*parts: tuple[str, str]) -> Line:
    line = Line()
    for text, style in parts:
        line.append(text, style)
    return line


def _first_line(found: "Overview", now_us: int, width: int) -> Line:
    """Return what the answer is about, and what its newest session came to."""
    newest = found.newest
    if newest is None:
        return Line()
    counts = _counts(newest)
    room = width - len(str(counts)) - len(_GAP) if width else 0
    age = age_text(parse_time(newest.started_at), now_us) if newest.started_at else ""
    commit = newest.commit[:HASH_DIGITS]
    names = [safe_line(", ".join(part)) for part in (found.about.suts, found.about.branches)]
    fixed = sum(len(part) + len(_GAP) for part in (commit, age) if part)
    if room:
        share = max(room - fixed, 2 * _LABEL)
        names[1] = elided(names[1], max(share - len(names[0]) - len(_GAP), _LABEL))
        names[0] = elided(names[0], max(share - len(names[1]) - len(_GAP), _LABEL))
    parts = ((names[0], "bold"), (names[1], "cyan"), (commit, ""), (age, _QUIET))
    left = Line()
    for text, style in parts:
        if text:
            left.append(_GAP if left.words else "")
            left.append(text, style)
    return spread(left, counts, width)


def _counts(newest: "NewestSession") -> Line:
    """Return the counts of a session in the order and colours of pytest's last line."""
    line = Line()
    for name in COUNT_ORDER:
        count = newest.counts.get(name, 0)
        if not count or name in ("warnings", "deselected"):
            continue
        style = {"passed": _GOOD_STYLE, "failed": _BAD_STYLE, "error": _BAD_STYLE}.get(
            name, OUTCOME_STYLES.get(name, "")
        )
        line.append(_GAP if line.words else "")
        line.append(f"{count:,} {plural(count, name)}", style)
    if not line.words:
        line.append("no tests ran", "yellow")
    return line


def _sections(found: "Overview", now_us: int) -> Iterator[_Section]:
    """Yield the sections that have something to tell."""
    for group, rows in zip(found.groups, GROUP_ROWS, strict=False):
        yield _group_section(group, rows)
    if len(found.groups) > len(GROUP_ROWS):
        rest = found.groups[len(GROUP_ROWS) :]
        text = f"... {counted(sum(group.tests for group in rest), 'test')} since {counted(len(rest), 'earlier commit')}"
        yield _Section(_nothing, [], lambda width: [_more(text, width)])
    if found.groups:
        yield _Section(lambda _: [Line()], [], _nothing)
    yield from _lower_sections(found, now_us)


def _lower_sections(found: "Overview", now_us: int) -> Iterator[_Section]:
    if found.cut:
        cut = [Cells(safe_line(one.nodeid), (), "", _cut_note(one, now_us)) for one in found.cut[:SECTION_ROWS]]
        yield _labelled("cut", counted(len(found.cut), "test"), cut, len(found.cut))
    if found.flaky_tests or found.recovered:
        new = f", {found.flaky_new} new this week" if found.flaky_new else ""
        over = f", {found.recovered} recovered" if found.recovered else ""
        flaky = [Cells(safe_line(one.nodeid), one.strip, "", _flaky_note(one)) for one in found.flaky[:SECTION_ROWS]]
        yield _labelled("flaky", f"{counted(found.flaky_tests, 'test')}{new}{over}", flaky, len(found.flaky))
    if found.slower:
        sure = sum(one.confirmed for one in found.slower)
        open_ones = len(found.slower) - sure
        text = " and ".join([f"{sure} confirmed"] * bool(sure) + [f"{open_ones} unconfirmed"] * bool(open_ones))
        slower = [Cells(safe_line(one.nodeid), (), "", _slower_note(one)) for one in found.slower[:SECTION_ROWS]]
        yield _labelled("slower", text, slower, len(found.slower))
    if found.lost:
        since = found.lost[0].gone_commit[:HASH_DIGITS] or found.lost[0].gone_session
        lost = [Cells(safe_line(one.nodeid), (), "", _lost_note(one, now_us)) for one in found.lost[:SECTION_ROWS]]
        text = f"{counted(len(found.lost), 'test')}, last gone since {safe_line(since)}"
        yield _labelled("lost", text, lost, len(found.lost))


def _nothing(_: int) -> list[Line]:
    return []


def _labelled(label: str, text: str, rows: list[Cells], total: int) -> _Section:
    """Return a section with a label and a line of figures above its rows."""
    metric = {"slower": "shifts"}.get(label, label)
    more = f"... {total - len(rows)} more"

    def head(_: int) -> list[Line]:
        return [_line((label.ljust(_LABEL), "bold"), (text, ""))]

    def foot(width: int) -> list[Line]:
        return [_more(more, width, f"insight analytics analyze --metric {metric}")] if total > len(rows) else []

    return _Section(head, rows, foot)


def _more(text: str, width: int, command: str = "insight analytics summary") -> Line:
    """Return the line that tells how much is left out, and which command shows it."""
    return spread(_line((_INDENT + text, _QUIET)), _line((command, _QUIET)), width)


def _group_section(group: "BrokenGroup", most: int) -> _Section:
    rows = [
        Cells(
            _row_name(one.nodeid, len(one.nodeids)),
            one.strip,
            _with_variants(one.note, one.variants),
            _text(one.message),
        )
        for one in group.rows[:most]
    ]
    left = group.tests - sum(len(one.nodeids) for one in group.rows[:most])

    def head(width: int) -> list[Line]:
        since = safe_line(group.commit[:HASH_DIGITS] or group.session)
        good = safe_line(group.good_commit[:HASH_DIGITS] or group.good_session)
        ago = "the latest session" if group.sessions <= 1 else counted(group.sessions, "session")
        told = f", {ago}, last good {good}" if good else f", {ago}, never good in this span"
        return [
            spread(_line((f"since {since}", "bold"), (told, "")), _line((counted(group.tests, "test"), "bold")), width)
        ]

    def foot(width: int) -> list[Line]:
        return [_more(f"... {left} more", width, "insight analytics failures")] if left > 0 else []

    return _Section(head, rows, foot)


def _row_name(nodeid: str, cases: int) -> str:
    return f"{safe_line(nodeid)}[{cases} cases]" if cases > 1 else safe_line(nodeid)


def _with_variants(note: str, variants: Sequence[str]) -> str:
    shown = shortened(safe_line(" and ".join(variants)), _VARIANT_MAX)
    return f"{note}, {shown}" if shown else note


def _text(message: str) -> str:
    return " ".join(safe_line(message).split())


def _cut_note(one: "CutRow", now_us: int) -> str:
    ran = f"for {duration_text(round(one.ran_s * 1e6))} " if one.ran_s else ""
    where = f"{safe_line(one.host)}, " if one.host else ""
    times = f", {one.times} times" if one.times > 1 else ""
    age = age_text(parse_time(one.started_at), now_us)
    return f"ran {ran}when killed ({where}{age}{times})"


def _flaky_note(one: "FlakyRow") -> str:
    cases = f"{len(one.nodeids)} of {one.cases} cases, " if one.cases > 1 else ""
    new = ", new" if one.is_new else ""
    return f"{cases}{' and '.join(one.rules)} {one.count} of {one.considered}{new}"


def _slower_note(one: "SlowerRow") -> str:
    before, after = (duration_text(round(value * 1e6)) for value in (one.before_s, one.after_s))
    told = "" if one.confirmed else f", unconfirmed ({one.samples[0]} and {one.samples[1]} runs)"
    return f"{before} -> {after}{told}"


def _lost_note(one: "LostRow", now_us: int) -> str:
    age = age_text(parse_time(one.last_at), now_us)
    renamed = f", now perhaps {safe_line(one.renamed[0])}" if one.renamed else ""
    return f"last ran {age}{renamed}"


def _closing(found: "Overview", width: int) -> Iterator[Line]:
    """Yield what the answer leaves out, how much it looked at, and what to do next."""
    branches = [one for one in found.other_branches if one.broken] + [
        one for one in found.other_branches if not one.broken
    ]
    if branches:
        told = "; ".join(
            f"{safe_line(one.branch or 'no branch')} "
            + (f"{len(one.broken)} broken" if one.broken else "nothing broken")
            for one in branches
        )
        room = width - _LABEL if width else 0
        yield _line(("others".ljust(_LABEL), "bold"), (shortened(told, room), _QUIET))
    about = found.about
    variants = f", {about.variants[0] if len(about.variants) == 1 else counted(len(about.variants), 'variant')}"
    span = f"{counted(about.sessions, 'session')} since {_day(about.first_at)}{variants if about.variants else ''}"
    yield _line(("span".ljust(_LABEL), "bold"), (shortened(safe_line(span), width - _LABEL if width else 0), _QUIET))
    yield from _next_lines(found.commands, width)


def _day(at: str) -> str:
    from .common import local_text  # noqa: PLC0415

    return local_text(parse_time(at))[:10] if at else "?"


def _next_lines(commands: Sequence[str], width: int) -> Iterator[Line]:
    """Yield the commands that lead on, as many on a line as fit."""
    label, line = "next", ""
    for command in map(safe_line, commands):
        joined = f"{line}    {command}" if line else command
        if line and width and _LABEL + len(joined) > width:
            yield _line((label.ljust(_LABEL), "bold"), (line, "cyan"))
            label, joined = "", command
        line = joined
    if line:
        yield _line((label.ljust(_LABEL), "bold"), (line, "cyan"))
