"""The screen of `insight` without a command: sections of few rows, in columns that fit."""

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, NamedTuple

from ...api.internal.answers import HASH_DIGITS
from ...api.internal.logs import parse_time
from ..terminal.cells import columns_of
from ..terminal.layout import elided, screen_height, screen_width, shortened, spread, wrapped
from ..terminal.safe import safe_line
from ..terminal.words import Line
from .columns import GAP, INDENT, QUIET, Cells, row_line, widths_of
from .outcomes import COUNT_ORDER, OUTCOME_STYLES, plural
from .values import age_text, counted, duration_text, local_text

if TYPE_CHECKING:
    from ...api.internal.answers import (
        AboutAnswer,
        BranchRow,
        BrokenGroup,
        BrokenRow,
        CutRow,
        FlakyRow,
        LostRow,
        NewestSession,
        Overview,
        SlowerRow,
    )
    from ..terminal.screen import Output


class ScreenRows(NamedTuple):
    """How many rows a screen has room for."""

    groups: tuple[int, ...]
    """Of the newest group of broken tests, of the one before it, and so on; further groups are told in one line."""
    section: int
    """Of each section below."""


ROOMS = (ScreenRows((5, 3, 2, 1), 3), ScreenRows((5, 2, 1), 2), ScreenRows((5, 2), 1), ScreenRows((4, 1), 0))
"""From a high screen to a low one; the first that fits is taken, the last if none does."""

_LABEL = 8
_GOOD_STYLE, _BAD_STYLE = "green", "bold red"
_VARIANT_MAX = 24
_NEVER = "never good in this span"


class Section(NamedTuple):
    """ScreenRows with a line above them, and one below that names what is left out."""

    head: Line
    rows: Sequence[Cells] = ()
    right: str = ""
    """At the right edge of the line above."""
    left_out: int = 0
    """Tests that are not shown."""
    command: str = ""
    """Shows those."""

    def lines(self, width: int) -> Iterator[Line]:
        """Yield its lines."""
        yield spread(self.head, _line((self.right, "bold")) if self.right else Line(), width)
        widths = widths_of(self.rows, width)
        yield from (row_line(cells, widths) for cells in self.rows)
        if self.left_out:
            yield _more(f"... {self.left_out:,} more", self.command, width)


def print_overview(out: "Output", found: "Overview", now_us: int) -> None:
    """Print the answer."""
    width, height = screen_width(), screen_height()
    screens = (list(lines_of(found, now_us, width, rows)) for rows in ROOMS)
    fits = next((lines for lines in screens if not height or len(lines) < height), None)
    for line in fits or lines_of(found, now_us, width, ROOMS[-1]):
        out.print(line, soft_wrap=True)


def lines_of(found: "Overview", now_us: int, width: int, rows: ScreenRows = ROOMS[0]) -> Iterator[Line]:
    """Yield the lines of the screen.

    Args:
        found: the answer.
        now_us: the time that ages are counted to.
        width: columns that a line may take; 0 for any number.
        rows: how many rows the sections have.
    """
    yield _first_line(found, now_us, width)
    good = "bold green" if found.sentences == ["nothing is broken"] else "bold"
    for sentence in found.sentences:
        yield from (_line((text, good)) for text in wrapped(safe_line(sentence), width, INDENT))
    yield Line()
    if found.groups:
        yield from _broken_lines(found.groups, width, rows)
        yield Line()
    for section in _sections(found, now_us, rows.section):
        yield from section.lines(width)
    yield from _closing(found, width)


def _line(*parts: tuple[str, str]) -> Line:
    line = Line()
    for text, style in parts:
        line.append(text, style)
    return line


def _first_line(found: "Overview", now_us: int, width: int) -> Line:
    """Return the subject of the answer, and the result of its newest session that ran tests."""
    newest = found.tested or found.newest
    if newest is None:
        return Line()
    counts = _counts(newest)
    age = age_text(parse_time(newest.started_at), now_us) if newest.started_at else ""
    sut, branch = (safe_line(", ".join(names)) for names in (found.about.suts, found.about.branches))
    told = (newest.commit[:HASH_DIGITS], age)
    if width:
        room = width - counts.columns - sum(len(text) + len(GAP) for text in told) - 2 * len(GAP)
        branch = elided(branch, max(room - columns_of(sut), _LABEL))
        sut = elided(sut, max(room - columns_of(branch), _LABEL))
    left = Line()
    for text, style in ((sut, "bold"), (branch, "cyan"), (told[0], ""), (told[1], QUIET)):
        if text:
            left.append(GAP if left.words else "")
            left.append(text, style)
    return spread(left, counts, width)


def _counts(newest: "NewestSession") -> Line:
    """Return the counts of a session in the order and colours of pytest's last line."""
    line = Line()
    for name in COUNT_ORDER:
        count = newest.counts.get(name, 0)
        if count and name not in ("warnings", "deselected"):
            style = _BAD_STYLE if name in ("failed", "error") else OUTCOME_STYLES.get(name, "")
            line.append(GAP if line.words else "")
            line.append(f"{count:,} {plural(count, name)}", style)
    if not line.words:
        line.append("no tests ran", "yellow")
    return line


def _broken_lines(groups: "Sequence[BrokenGroup]", width: int, rows: ScreenRows) -> Iterator[Line]:
    """Yield the groups of broken tests, in columns that all of them share."""
    shown = list(zip(groups, rows.groups, strict=False))
    widths = widths_of([_broken_cells(one) for group, most in shown for one in group.rows[:most]], width)
    for group, most in shown:
        yield spread(_group_head(group), _line((counted(group.tests, "test"), "bold")), width)
        told = group.rows[:most]
        yield from (row_line(_broken_cells(one), widths) for one in told)
        left = group.tests - sum(len(one.nodeids) for one in told)
        if left:
            yield _more(f"... {left:,} more", "insight analytics failures", width)
    rest = groups[len(shown) :]
    if rest:
        text = (
            f"... {counted(sum(group.tests for group in rest), 'test')} since {counted(len(rest), 'earlier session')}"
        )
        yield _more(text, "insight analytics summary", width)


def _more(text: str, command: str, width: int) -> Line:
    """Return the line that tells what is left out, and, if there is room, which command shows it."""
    has_room = not width or len(command) + len(INDENT + text + GAP) <= width
    return spread(_line((INDENT + text, QUIET)), _line((command, QUIET)) if has_room else Line(), width)


def _group_head(group: "BrokenGroup") -> Line:
    since = safe_line(group.commit[:HASH_DIGITS] or f"session {group.session}")
    good = safe_line(group.good_commit[:HASH_DIGITS] or group.good_session)
    ago = "the latest session" if group.sessions <= 1 else counted(group.sessions, "session")
    told = _NEVER if not good else "good on the same commit before" if good == since else f"last good {good}"
    return _line((f"since {since}", "bold"), (f", {ago}, {told}", ""))


def _broken_cells(one: "BrokenRow") -> Cells:
    name = f"{one.nodeid} ({len(one.nodeids)} cases)" if len(one.nodeids) > 1 else one.nodeid
    variants = shortened(safe_line(" and ".join(one.variants)), _VARIANT_MAX)
    note = ", ".join(part for part in (one.note, variants) if part)
    return Cells(name, one.strip, note, " ".join(safe_line(one.message).split()))


def _sections(found: "Overview", now_us: int, most: int) -> Iterator[Section]:
    """Yield the sections below the broken tests, without the empty ones."""
    if found.cut:
        yield _section(
            "cut",
            counted(len(found.cut), "test"),
            [_cut_cells(one, now_us) for one in found.cut[:most]],
            len(found.cut),
        )
    if found.flaky_tests or found.recovered:
        new = f", {found.flaky_new} new this week" if found.flaky_new else ""
        over = f", {found.recovered} recovered" if found.recovered else ""
        text = f"{counted(found.flaky_tests, 'test')}{new}{over}"
        yield _section("flaky", text, [_flaky_cells(one) for one in found.flaky[:most]], len(found.flaky))
    if found.slower:
        sure = sum(one.confirmed for one in found.slower)
        parts = ((sure, "confirmed"), (len(found.slower) - sure, "unconfirmed"))
        text = " and ".join(f"{count} {word}" for count, word in parts if count)
        yield _section(
            "slower", text, [_slower_cells(one, is_mixed=sure > 0) for one in found.slower[:most]], len(found.slower)
        )
    if found.lost:
        since = safe_line(found.lost[0].gone_commit[:HASH_DIGITS] or found.lost[0].gone_session)
        text = f"{counted(len(found.lost), 'test')}, the last since {since}"
        yield _section("lost", text, [_lost_cells(one, now_us) for one in found.lost[:most]], len(found.lost))
    if found.moved:
        files = {(one.nodeid.partition("::")[0], one.moved_to.partition("::")[0]): one.commit for one in found.moved}
        (old, new), commit = next(iter(files.items()))
        more = f" and {len(files) - 1} more" if len(files) > 1 else ""
        text = f"{counted(len(found.moved), 'test')} renamed with {safe_line(old)} -> {safe_line(new)}{more}"
        yield Section(_line(("moved".ljust(_LABEL), "bold"), (f"{text} since {safe_line(commit[:HASH_DIGITS])}", "")))
    if found.outages:
        one, more = found.outages[0], len(found.outages) - 1
        age = age_text(parse_time(one.started_at), now_us)
        text = f"{one.bad} of {one.considered} failed in session {one.session} {age}"
        text += f", and nearly all in {more} more" if more else ""
        yield Section(_line(("outage".ljust(_LABEL), "bold"), (safe_line(text), "")))


def _section(label: str, text: str, cells: Sequence[Cells], count: int) -> Section:
    """Return a section with a label and a line of figures above its rows.

    Args:
        label: its name.
        text: its figures.
        cells: rows that are shown.
        count: how many rows there are.
    """
    head = _line((label.ljust(_LABEL), "bold"), (text, ""))
    command = f"insight analytics analyze --metric {label}"
    return Section(head, cells, "", count - len(cells) if cells else 0, command)


def _cut_cells(one: "CutRow", now_us: int) -> Cells:
    ran = f" after at least {duration_text(round(one.ran_s * 1e6))}" if one.ran_s else ""
    unknown = "" if one.ran_s else ", ran unknown how long"
    where = f" on {safe_line(one.host)}" if one.host else ""
    times = f", {one.times} times" if one.times > 1 else ""
    return Cells(one.nodeid, text=f"killed{ran} {age_text(parse_time(one.started_at), now_us)}{where}{times}{unknown}")


def _flaky_cells(one: "FlakyRow") -> Cells:
    new = "new, " if one.is_new else ""
    cases = f"{len(one.nodeids)} of {one.cases} cases, " if one.cases > 1 else ""
    what = "retried in" if one.rule == "retry" else "both on"
    of = "runs" if one.rule == "retry" else "commits"
    return Cells(one.nodeid, one.strip, text=f"{new}{cases}{what} {one.count} of {one.considered} {of}")


def _slower_cells(one: "SlowerRow", *, is_mixed: bool) -> Cells:
    """Return a row; without the word `unconfirmed` where it is in the line above and true of all rows."""
    before, after = (duration_text(round(value * 1e6)) for value in (one.before_s, one.after_s))
    told = "" if one.confirmed else f" ({one.samples[0]} and {one.samples[1]} runs{', unconfirmed' * is_mixed})"
    if one.phases is not None and one.phases.in_setup:
        from .phase_words import phases_text

        told += f": {phases_text(one.phases)}"
    return Cells(one.nodeid, text=f"{before} -> {after}{told}")


def _lost_cells(one: "LostRow", now_us: int) -> Cells:
    renamed = f", now perhaps {safe_line(one.renamed[0])}" if one.renamed else ""
    return Cells(one.nodeid, text=f"last ran {age_text(parse_time(one.last_at), now_us)}{renamed}")


def _closing(found: "Overview", width: int) -> Iterator[Line]:
    """Yield what the answer leaves out, how much it looked at, and what to do next."""
    branches = sorted(found.other_branches, key=lambda one: -len(one.broken))
    parts = [f"{_branch_name(one)} {len(one.broken)} broken" for one in branches if one.broken]
    good = [_branch_name(one) for one in branches if not one.broken]
    parts += [f"nothing broken on {', '.join(good)}"] if good else []
    room = width - _LABEL if width else 0
    if parts:
        yield _line(("others".ljust(_LABEL), "bold"), (shortened("; ".join(parts), room), QUIET))
    yield _line(("span".ljust(_LABEL), "bold"), (shortened(_span_text(found.about), room), QUIET))
    yield from _next_lines(found.commands, width)


def _branch_name(one: "BranchRow") -> str:
    return safe_line(one.branch or "no branch")


def _span_text(about: "AboutAnswer") -> str:
    """Return how much an answer looked at."""
    variants = about.variants[0] if len(about.variants) == 1 else counted(len(about.variants), "variant")
    since = local_text(parse_time(about.first_at))[:10]
    return safe_line(f"{counted(about.sessions, 'session')} since {since}{f', {variants}' if about.variants else ''}")


def _next_lines(commands: Sequence[str], width: int) -> Iterator[Line]:
    """Yield the commands that lead on, as many on a line as fit."""
    label, line = "next", ""
    for command in map(safe_line, commands):
        if width and _LABEL + columns_of(command) > width:
            continue  # half a command helps no one; --json has it
        joined = f"{line}    {command}" if line else command
        if line and width and _LABEL + columns_of(joined) > width:
            yield _line((label.ljust(_LABEL), "bold"), (line, "cyan"))
            label, joined = "", command
        line = joined
    if line:
        yield _line((label.ljust(_LABEL), "bold"), (line, "cyan"))
