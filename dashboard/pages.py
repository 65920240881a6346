"""Pages from answers and from the log, by the templates of the report and a few more."""

import shlex
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from jinja2 import ChoiceLoader, Environment, FileSystemLoader

from ..reports.known import PageFacts
from ..reports.limits import Limits
from ..reports.marks import words_of_strip
from ..reports.page import environment
from ..reports.texts import split_id, visible
from .addresses import PAGES, PageLinks
from .views.comparison import SHOWN, Compared
from .views.drawings import duration_chart, timeline
from .views.one_session import NAMES_SHOWN, SessionPage
from .views.one_test import RUNS_SHOWN, show_test
from .views.test_list import KINDS, list_tests

if TYPE_CHECKING:
    from .live import LiveState
    from .subject import Presentation
    from .survey import SurveyAnswers

ROOM = Limits(broken=200, flaky=200, clusters=100, sessions=200, slow=15, text_chars=400_000)
"""Rows of each page: more than in a report, as each page has only its own."""
_CLUSTERS_SHOWN = 40
_FOLDER = Path(__file__).parent


@cache
def templates() -> Environment:
    """Return the templates: those of the dashboard, and those of the report that they are made of."""
    return with_templates(environment(), _FOLDER / "templates")


def with_templates(others: Environment, folder: Path) -> Environment:
    """Return some templates together with those of a folder, which come first."""
    loaders = [FileSystemLoader(folder), *([others.loader] if others.loader else [])]
    return others.overlay(loader=ChoiceLoader(loaders))


@cache
def read_live_asset(name: str) -> str:
    """Return a file of the folder `assets`."""
    return (_FOLDER / "assets" / name).read_text(encoding="utf-8")


class PageMaker:
    """Makes the pages of one request.

    Args:
        snapshot: the answers.
        state: of the log.
        shown: how pages name what they come from.
        sut: the system that the address names.
        problem: why there are no newer answers.
    """

    def __init__(
        self,
        snapshot: "SurveyAnswers",
        state: "LiveState",
        shown: "Presentation",
        *,
        sut: str = "",
        problem: str = "",
    ) -> None:
        self.snapshot = snapshot
        self.links = PageLinks(sut, shown.options)
        answers = snapshot.answers
        known = PageFacts(answers, ROOM)
        self._shared: dict[str, Any] = {
            "answers": answers,
            "overview": answers.overview,
            "snapshot": snapshot,
            "known": known,
            "sessions": known.sessions,
            "clusters": known.clusters,
            "counts": known.counts,
            "limits": ROOM,
            "left_out": [],
            "live": True,
            "to": self.links,
            "state": state,
            "problem": problem,
            "pages": PAGES,
            "shown": shown,
            "words_of_strip": words_of_strip,
        }

    @property
    def sut(self) -> str | None:
        """The system that the pages are about; None without any session."""
        return self.snapshot.answers.sut or None

    def _render(self, content: str, current: str, title: str, **more: Any) -> str:
        names = {**self._shared, "content": f"{content}.html.jinja", "current": current, "title": title, **more}
        return templates().get_template("live.html.jinja").render(names)

    def report_page(self, name: str) -> str:
        """Return a page that the report has too."""
        answers = self.snapshot.answers
        return self._render(name, name, answers.overview.headline if name == "overview" else name.capitalize())

    def tests_page(self, asked: Mapping[str, str]) -> str:
        """Return a part of the list of tests."""
        text, kind = asked.get("q", ""), asked.get("show", "all")
        first = asked.get("first", "")
        found = list_tests(self.snapshot, text, kind, int(first) if first.isdecimal() and len(first) < 9 else 0)  # noqa: PLR2004 - no list is longer
        return self._render("tests", "tests", "Tests", found=found, kinds=KINDS, asked={"q": text, "show": kind})

    def test_page(self, nodeid: str) -> str:
        """Return the page of a test."""
        found = show_test(self.snapshot, nodeid)
        name = shlex.quote(visible(nodeid))
        return self._render(
            "test",
            "",
            split_id(nodeid)[0],
            found=found,
            chart=duration_chart([line.duration_s for line in reversed(found.lines)], found.level),
            words=[line.word for line in reversed(found.lines)],
            runs_shown=RUNS_SHOWN,
            commands=[f"insight test show {name}", f"pytest {name}"],
        )

    def session_page(self, found: SessionPage) -> str:
        """Return the page of a session."""
        name = shlex.quote(visible(found.line.session_id))
        return self._render(
            "session",
            "",
            f"Session {found.line.session_id}",
            found=found,
            chart=timeline(found.bars, found.line.duration_s),
            clusters_shown=_CLUSTERS_SHOWN,
            names_shown=NAMES_SHOWN,
            commands=[f"insight session show {name}", f"insight session rerun {name}"],
        )

    def compare_page(self, found: Compared | None, reason: str, asked: Mapping[str, str]) -> str:
        """Return the comparison of two sessions; without one, the reason."""
        sides = {name: asked.get(name, "") for name in ("base", "target")}
        return self._render("compare", "compare", "Compare", found=found, reason=reason, asked=sides, rows=SHOWN)

    def missing_page(self, title: str, reason: str) -> str:
        """Return a page that says that something is not there."""
        return self._render("missing", "", title, reason=reason)


def waiting_page(state: "LiveState", shown: "Presentation", title: str, lines: list[str]) -> str:
    """Return a page for as long as there is no answer."""
    return templates().get_template("waiting.html.jinja").render(state=state, shown=shown, title=title, lines=lines)
