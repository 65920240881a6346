"""The page of a report: templates, style and script in one file, or in three."""

import base64
import re
from functools import cache
from hashlib import sha256
from pathlib import Path
from typing import TYPE_CHECKING, Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup

from . import charts, marks, texts
from .grid import TestNames, data_block
from .known import PageFacts
from .limits import Limits
from .links import FragmentLinks
from .style import color_rules

if TYPE_CHECKING:
    from .answers import Answers
    from .budget import Extent

SCRIPTS = ("dom.js", "data.js", "pages.js", "tests.js", "test.js", "session.js", "main.js")
"""Parts of the script, in order."""
STYLE_FILE, SCRIPT_FILE = "report.css", "report.js"
STATIC_BYTES, STATIC_ELEMENTS = 150_000, 3_000
"""Limits of the page without its data, whatever the history."""
_ELEMENT = re.compile("<[a-z]")
_OPTIONAL_END = re.compile(r"</(?:td|th|li)>(?=\s*<(?:td|th|li|/tr|/ul)\b)")
"""Ends of cells and items that HTML does not need, as the next one begins there."""


_TEXT = r"'(?:[^'\\]|\\.)*'|`(?:[^`\\$]|\\.|\$(?!\{)|\$\{[^`{}]*\})*`"
_QUOTED = re.compile(f"({_TEXT})")
_PLAIN_SCRIPT = re.compile(rf"(?:[^'\"`/]|{_TEXT})*")
_SIGNS = re.compile(r" ?([=!<>?:&|,;{}()*%]+) ?")

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
    lines = ["/* pytest-insight report */", "'use strict';", "(() => {", *map(_tight, kept), "})();", ""]
    return "\n".join(lines)


def _tight(line: str) -> str:
    """Return a line of the script without blanks around signs, up to a pattern or a template in a template."""
    found = _PLAIN_SCRIPT.match(line)
    end = found.end() if found else 0
    parts = _QUOTED.split(line[:end])
    parts[::2] = [_SIGNS.sub(r"\1", part) for part in parts[::2]]
    return "".join(parts) + line[end:]


@cache
def environment() -> Environment:
    """Return the templates; everything that they show is escaped, and hidden characters become visible."""
    made = Environment(
        loader=FileSystemLoader(_FOLDER / "templates"),
        autoescape=True,
        undefined=StrictUndefined,
        finalize=_show_value,
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


def _show_value(value: Any) -> Any:
    """Return what a template shows for a value: numbers with groups of digits, texts without hidden characters."""
    if isinstance(value, Markup):
        return value
    if isinstance(value, str):
        return texts.visible(value)
    return f"{value:,}" if isinstance(value, int) else value


def moment(at: str) -> Markup:
    """Return a time in UTC, which the script may add to."""
    return Markup('<time datetime="{}Z">{} {}</time>').format(at[:19], at[:10], at[11:16])


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
        alone: everything in one file; else style and script are files of their own.
    """

    def __init__(self, answers: "Answers", *, alone: bool = True) -> None:
        self._answers, self._alone = answers, alone
        self._names = TestNames.of(answers)
        self._limits = self._find_limits()

    def _find_limits(self) -> Limits:
        """Return how many rows the part without data may have, so that it is small enough."""
        limits = Limits()
        others = 0 if self._alone else len(style_text()) + len(script_text())
        while limits.can_shrink:
            text = self._render_static(limits, [])
            size = len(text.encode()) + others
            if size <= STATIC_BYTES and len(_ELEMENT.findall(text)) <= STATIC_ELEMENTS:
                break
            limits = limits.shrunk()
        return limits

    def render(self, extent: "Extent", told: list[str]) -> bytes:
        """Return the page.

        Args:
            extent: how much its data holds.
            told: sentences on what was left out.
        """
        before, after = self._render_static(self._limits, told).split(_DATA_PLACE)
        return f"{before}{data_block(self._answers, self._names, extent)}{after}".encode()

    def _render_static(self, limits: Limits, told: list[str]) -> str:
        """Return the page without its data."""
        answers = self._answers
        known = PageFacts(answers, limits)
        text = (
            environment()
            .get_template("page.html.jinja")
            .render(
                answers=answers,
                overview=answers.overview,
                known=known,
                sessions=known.sessions,
                clusters=known.clusters,
                to=FragmentLinks(known, self._names.numbers),
                live=False,
                counts=known.counts,
                limits=limits,
                left_out=told,
                alone=self._alone,
                policy=policy(alone=self._alone),
                style=Markup(style_text()),  # noqa: S704 - a file of the package
                script=Markup(script_text()),  # noqa: S704 - a file of the package
                data=Markup(_DATA_PLACE),  # noqa: S704 - a word of its own
                files=(STYLE_FILE, SCRIPT_FILE),
            )
        )
        return _OPTIONAL_END.sub("", text)


_DATA_PLACE = "\x00"
"""Place of the data; no other text of a page has this character."""
