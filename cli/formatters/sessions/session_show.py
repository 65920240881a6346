"""Output of `insight session show`: the head of a session, its failures by message, the tests that were cut."""

from typing import TYPE_CHECKING, Any

from ...terminal.safe import safe_line
from ...terminal.screen import console
from ...terminal.words import Line
from ..outcomes import styled
from ..values import duration_text, local_text
from .failure_groups import failure_groups, print_group, print_result
from .session_list import counts_line, state_word
from .session_notes import print_notes

if TYPE_CHECKING:
    from ....api import TestSession
    from ....api.internal.history import History, SessionRow
    from ....api.internal.logs import RunState
    from ...terminal.screen import Output

_NAMES_SHOWN = 20


def print_session(model: "History", row: "SessionRow", view: "TestSession", *, results: bool, output: bool) -> None:
    """Print a session.

    Args:
        model: where it is.
        row: the session.
        view: its results.
        results: list every test, in the order of their results.
        output: print the captured output of tests that went wrong.
    """
    out = console()
    state = model.state_of(row)
    _print_head(out, row, view, state)
    if results:
        for result in view.test_results:
            print_result(out, result)
        out.print()
    for group in failure_groups(model, row, view.test_results):
        print_group(out, group, output=output)
    print_notes(out, model, row)
    title = "Running now:" if state == "running" else "Running when the session ended:"
    print_names(out, title, view.running, "crashed")
    print_names(out, "Announced, but never run:", view.not_run, "not_run")


def _print_head(out: "Output", row: "SessionRow", view: "TestSession", state: "RunState") -> None:
    from ....api.internal.history import variant_of, variant_text

    header = row.part.header or {}
    out.print("session", safe_line(row.session_id), style="bold", end="  ")
    out.print(state_word(row, state))
    lines: dict[str, str | Line] = {
        "sut": row.sut,
        "run": str(header.get("test_run", "")),
        "started": f"{local_text(row.started_us)}, took {duration_text(row.duration_us)}",
        "commit": _commit_text(view.vcs),
        "on": ", ".join(
            [
                str(view.testing_system.get("name", "?")),
                f"pytest {header.get('pytest') or '?'}",
                f"Python {header.get('python') or '?'}",
            ]
        ),
        "ran": "pytest " + " ".join(str(arg) for arg in header.get("args") or ()),
        "variant": variant_text(variant_of(header)),
        "tags": ", ".join(f"{name}={value}" for name, value in view.session_tags.items()),
        "ci": ", ".join(f"{name} {value}" for name, value in view.ci.items()),
        "exit": "" if row.exit_status is None else str(row.exit_status),
        "ended by": row.part.interrupted or row.part.internal_error.partition("\n")[0],
        "counts": counts_line(row, state),
        "property": ", ".join(f"{name}={value}" for name, value in row.part.properties),
        "lost": f"{row.part.dropped} events could not be recorded" if row.part.dropped else "",
    }
    for name, text in lines.items():
        if text:
            out.print(name.rjust(8), style="dim", end="  ")
            out.print(text if isinstance(text, Line) else safe_line(text), soft_wrap=True)
    out.print()


def _commit_text(vcs: dict[str, Any]) -> str:
    if not vcs.get("commit"):
        return ""
    parts = [str(vcs["commit"])[:12]]
    if vcs.get("branch"):
        parts.append(f"on {vcs['branch']}")
    if vcs.get("dirty") is not False:
        parts.append("with changes" if vcs.get("dirty") else "(whether with changes is not known)")
    return " ".join(parts)


def print_names(out: "Output", title: str, names: list[str], style: str) -> None:
    """Print a title and the first of some tests in a colour; nothing if there is no test."""
    if not names:
        return
    out.print(title, style="bold")
    for name in names[:_NAMES_SHOWN]:
        out.print(
            styled(style, style.upper().replace("CRASHED", "RUNNING").replace("_", " ")),
            safe_line(name),
            soft_wrap=True,
        )
    if len(names) > _NAMES_SHOWN:
        out.print(f"... and {len(names) - _NAMES_SHOWN} more")
