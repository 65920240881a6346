"""A report as files: one page with everything in it, or a folder with its style and its script as files."""

from pathlib import Path
from typing import TYPE_CHECKING

import msgspec

from ..core.exchange.export import replacing
from ..core.own_files import check_output
from .answers import collect_answers
from .budget import fit

if TYPE_CHECKING:
    from ..core.analyzer import Analysis
    from ..core.history.history import History

PAGE_FILE = "index.html"
MARKER = b"pytest-insight report"
"""In the first bytes of each file of a report, so that another file is never replaced by one."""
_SNIFF_BYTES = 2000


class ReportError(Exception):
    """A report cannot be made here."""


class WrittenReport(msgspec.Struct, forbid_unknown_fields=True):
    """A report that was written."""

    path: str
    """Its page."""
    files: list[str]
    """All files of it."""
    bytes: int
    """Size of the page."""
    sut: str
    sessions: int
    tests: int
    results: int
    """Results of tests in these sessions."""
    failures: int
    """Kinds of failures."""
    headline: str
    """The sentence that it begins with."""
    left_out: list[str]
    """Sentences on what was left out because of its size."""


def write_report(
    model: "History", analysis: "Analysis", sut: str, *, path: Path | None, folder: Path | None, limit: int
) -> WrittenReport:
    """Write the report about some sessions.

    Args:
        model: where the sessions are stored.
        analysis: the sessions, of one system under test.
        sut: its name.
        path: the file, if it is one.
        folder: the folder, if style and script are files of their own.
        limit: bytes that the page may have.

    Raises:
        ReportError: the libraries of the extra `report` are not installed.
    """
    try:
        from .page import SCRIPT_FILE, STYLE_FILE, Renderer, script_text, style_text  # noqa: PLC0415
    except ModuleNotFoundError as error:
        if error.name not in ("jinja2", "markupsafe"):
            raise
        raise ReportError(f"a report needs {error.name}; pip install 'pytest-insight[report]'") from None

    answers = collect_answers(model, analysis, sut)
    page, _, left_out = fit(answers, limit, Renderer(answers, alone=folder is None).render)
    target = folder / PAGE_FILE if folder is not None else path or Path("report.html")
    contents = {target: page}
    if folder is not None:
        contents |= {folder / STYLE_FILE: style_text().encode(), folder / SCRIPT_FILE: script_text().encode()}
    for each, content in contents.items():
        write_file(each, content)
    return WrittenReport(
        path=str(target),
        files=[str(each) for each in contents],
        bytes=len(page),
        sut=sut,
        sessions=answers.summary.sessions,
        tests=answers.summary.tests,
        results=answers.summary.runs,
        failures=len(answers.clusters),
        headline=answers.overview.headline,
        left_out=left_out,
    )


def _is_of_report(path: Path) -> bool:
    """Return whether a file was written by an earlier report."""
    with path.open("rb") as stream:
        return MARKER in stream.read(_SNIFF_BYTES)


def write_file(path: Path, content: bytes) -> None:
    """Write a file of a report; one that is there is replaced when the new one is complete.

    Raises:
        FileExistsError: another file is there.
    """
    check_output(path)
    if path.is_file() and path.stat().st_size and not _is_of_report(path):
        raise FileExistsError(17, "is there already and is no report; choose another file", str(path))
    path.parent.mkdir(parents=True, exist_ok=True)
    with replacing(path) as stream:
        stream.write(content)
