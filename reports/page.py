"""The page of a report: templates, style and script in one file, or in three."""

import base64
from collections.abc import Callable
from functools import cache
from hashlib import sha256
from pathlib import Path
from typing import TYPE_CHECKING, Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup

from . import charts, marks, texts
from .grid import Names, data_block
from .style import color_rules

if TYPE_CHECKING:
    from ..core.overview.data import BrokenRow
    from .answers import Answers
    from .budget import Extent

SCRIPTS = ("dom.js", "data.js", "pages.js", "tests.js", "test.js", "session.js", "main.js")
"""Parts of the script, in order."""
STYLE_FILE, SCRIPT_FILE = "report.css", "report.js"
BROKEN_ROWS, SECTION_ROWS, FLAKY_ROWS, CLUSTERS, SESSION_ROWS, SLOW_ROWS = 50, 8, 40, 30, 40, 10
"""Rows of the part of the page that needs no script; the script shows all."""
STATIC_TEXT_CHARS = 50_000
"""Characters of tracebacks in that part."""


_FOLDER = Path(__file__).parent


@cache
def read_asset(name: str) -> str:
    """Return a file of the folder `assets`."""
    return (_FOLDER / "assets" / name).read_text(encoding="utf-8")


@cache
def style_text() -> str:
    """Return the style sheet."""
    return f"/* pytest-insight report */\n{color_rules()}{read_asset(STYLE_FILE)}"


@cache
def script_text() -> str:
    """Return the script without its indentation and comments; no text in it goes over a line."""
    lines = [line.strip() for name in SCRIPTS for line in read_asset(name).splitlines()]
    kept = [line for line in lines if line and not line.startswith("//")]
    return "\n".join(["/* pytest-insight report */", "'use strict';", "(() => {", *kept, "})();", ""])


@cache
def environment() -> Environment:
    """Return the templates; everything that they show is escaped, and hidden characters become visible."""
    made = Environment(
        loader=FileSystemLoader(_FOLDER / "templates"),
        autoescape=True,
        undefined=StrictUndefined,
        finalize=_shown,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    filters: dict[str, Any] = {
        "counted": texts.counted,
        "hash": texts.short_hash,
        "seconds": texts.seconds,
        "percent": texts.percent,
        "short": texts.shorten,
        "moment": moment,
    }
    names: dict[str, Any] = {
        "strip": marks.strip_svg,
        "mark": marks.mark_svg,
        "rate_chart": charts.rate_chart,
        "bar": charts.bar_svg,
        "split_id": texts.split_id,
        "rate_text": texts.rate_text,
    }
    made.filters.update(filters)  # pyright: ignore[reportUnknownMemberType] - of the library
    made.globals.update(names)  # pyright: ignore[reportUnknownMemberType] - of the library
    return made


def _shown(value: Any) -> Any:
    """Return what a template shows for a value: numbers with groups of digits, texts without hidden characters."""
    if isinstance(value, Markup):
        return value
    if isinstance(value, str):
        return texts.visible(value)
    return f"{value:,}" if isinstance(value, int) else value


def moment(at: str) -> Markup:
    """Return a time in UTC, which the script may add to."""
    return Markup('<time datetime="{}">{} {}</time>').format(at, at[:10], at[11:16])


def digest_of(text: str) -> str:
    """Return a hash as a content security policy names it."""
    return f"'sha256-{base64.b64encode(sha256(text.encode()).digest()).decode()}'"


def policy(*, alone: bool) -> str:
    """Return the content security policy: nothing but the style and the script of the report itself."""
    style, script = (digest_of(style_text()), digest_of(script_text())) if alone else ("'self'", "'self'")
    own = f"script-src {script}; style-src {style}"
    return f"default-src 'none'; {own}; img-src data:; base-uri 'none'; form-action 'none'"


class Renderer:
    """Makes the page of one report, as often as its budget needs.

    Args:
        answers: what it shows.
        alone: everything in one file; else style and script are files beside it.
    """

    def __init__(self, answers: "Answers", *, alone: bool = True) -> None:
        self._answers, self._alone = answers, alone
        self._names = Names.of(answers)
        self._sessions = list(reversed(answers.sessions))[:SESSION_ROWS]
        self._session_ids = {line.session_id for line in self._sessions}
        self._clusters = _with_texts(answers)

    def render(self, extent: "Extent", told: list[str]) -> bytes:
        """Return the page.

        Args:
            extent: how much its data holds.
            told: sentences on what was left out.
        """
        answers = self._answers
        page = environment().get_template("page.html.jinja")
        text = page.render(
            answers=answers,
            overview=answers.overview,
            sessions=self._sessions,
            clusters=self._clusters,
            cluster_of=_newest_clusters(answers, {cluster.key for cluster, _ in self._clusters}).get,
            broken_rows=_broken_rows(answers),
            note_of=note_finder(answers),
            number=self._names.numbers.get,
            has_session=self._session_ids.__contains__,
            counts=_counts(answers),
            limits=LIMITS,
            left_out=told,
            total_s=sum(run.duration_us for run in answers.runs) / 1e6,
            cost_s=_total_cost(answers),
            legend=_legend(answers),
            alone=self._alone,
            policy=policy(alone=self._alone),
            style=Markup(style_text()),  # noqa: S704 - a file of the package
            script=Markup(script_text()),  # noqa: S704 - a file of the package
            data=Markup(data_block(answers, self._names, extent)),  # noqa: S704 - base64
            files=(STYLE_FILE, SCRIPT_FILE),
        )
        return text.encode("utf-8")


LIMITS = {
    "broken": BROKEN_ROWS,
    "section": SECTION_ROWS,
    "flaky": FLAKY_ROWS,
    "clusters": CLUSTERS,
    "slow": SLOW_ROWS,
    "sessions": SESSION_ROWS,
}


def _with_texts(answers: "Answers") -> list[tuple[Any, str]]:
    """Return the clusters of the part without script with their texts, as far as there is room."""
    room = STATIC_TEXT_CHARS
    found: list[tuple[Any, str]] = []
    for cluster in answers.clusters[:CLUSTERS]:
        text = cluster.text if len(cluster.text) <= room else texts.cut_text(cluster.text, 20, 2000) if room else ""
        room = max(room - len(text), 0)
        found.append((cluster, text))
    return found


def _newest_clusters(answers: "Answers", shown: set[str]) -> dict[str, str]:
    """Return the key of the cluster of each test's newest failure, as far as the page shows it."""
    newest = {nodeid: key for _, nodeid, key in answers.failures}
    return {nodeid: key for nodeid, key in newest.items() if key in shown}


def _broken_rows(answers: "Answers") -> frozenset[str]:
    """Return the first node ids of the rows of broken tests that the page shows."""
    rows = [row.nodeids[0] for group in answers.overview.groups for row in group.rows]
    return frozenset(rows[:BROKEN_ROWS])


def note_finder(answers: "Answers") -> Callable[["BrokenRow"], str]:
    """Return a function that tells what is known of a broken test, and whether it was ever flaky."""
    rules: dict[str, str] = {}
    for line in answers.flaky:
        one = line.flaky
        rules.setdefault(one.nodeid, f"rule {one.rule}, {one.count} of {one.considered}")

    def note_of(row: "BrokenRow") -> str:
        known = next((rules[nodeid] for nodeid in row.nodeids if nodeid in rules), "")
        if known:
            before = "was flaky before" if row.note == "was flaky" else f"{row.note}, was flaky"
            return f"{before} ({known})"
        return f"{row.note}, never flaky" if row.note in ("new", "never good") or row.note[:1].isdigit() else row.note

    return note_of


def _counts(answers: "Answers") -> dict[str, int]:
    """Return the numbers that headings tell."""
    states = [line.state for line in answers.sessions]
    flaky = {line.flaky.nodeid for line in answers.flaky if not line.flaky.recovered}
    return {
        "flaky": len(flaky),
        "recovered": len({line.flaky.nodeid for line in answers.flaky if line.flaky.recovered} - flaky),
        "passed": states.count("passed"),
        "short": sum(line.is_short for line in answers.sessions),
        "confirmed": sum(row.confirmed for row in answers.overview.slower),
    }


def _total_cost(answers: "Answers") -> float:
    """Return how long all tests of all sessions took, in seconds."""
    each: Callable[[Any], float] = lambda run: sum(run.durations().values()) / 1e6  # noqa: E731 - one use
    return sum(map(each, answers.runs))


def _legend(answers: "Answers") -> list[tuple[str, str]]:
    """Return the words and meanings of all marks, as every strip has them."""
    from ..core.overview.marks import MARKS  # noqa: PLC0415

    return [(word, found.meaning) for word, found in MARKS.items()] if answers.sessions else []
