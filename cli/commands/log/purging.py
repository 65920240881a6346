"""Parts of `insight log purge`: the pattern, the sessions, the report."""

from pathlib import Path
from typing import TYPE_CHECKING, Any

from ...formatters.values import counted
from ...terminal.messages import say
from ...terminal.safe import safe_line
from ...terminal.screen import console

if TYPE_CHECKING:
    import re

    from ....eventlog.maintenance.purge import PurgeReport
    from ....eventlog.scan import Finding


def finding_data(finding: "Finding") -> dict[str, Any]:
    """Return a damaged place as `--json` prints it."""
    return dict(finding._asdict())


def purge_pattern(match_file: str | None, regex: str | None) -> "re.Pattern[str] | None":
    """Return the pattern of the text to remove; None if neither a file nor a pattern is given.

    Raises:
        ValueError: both are given, the pattern is invalid, or it matches the empty text.
    """
    import re
    import sys

    if regex is not None and match_file is not None:
        raise ValueError("give either --match-file or --regex")
    if regex is not None:
        try:
            pattern = re.compile(regex)
        except re.error as error:
            raise ValueError(f"--regex: {error}") from error
    elif match_file is not None:
        content = sys.stdin.read() if match_file == "-" else Path(match_file).read_text(encoding="utf-8")
        secrets = [line for line in content.split("\n") if line.strip()]
        if not secrets:
            raise ValueError("--match-file holds no text")
        pattern = re.compile("|".join(map(re.escape, sorted(secrets, key=len, reverse=True))))
    else:
        return None
    if pattern.match(""):
        raise ValueError("the pattern fits the empty text, and so everything")
    return pattern


def streams_of(log: Path, prefixes: list[str]) -> list[str]:
    """Return the streams of sessions whose ids begin so."""
    from ....api.internal.exchange import SessionStore, any_streams_of

    return any_streams_of(SessionStore(log), prefixes) if prefixes else []


def forget_model(log: Path) -> None:
    """Rebuild the read model at once: its pages may still hold names of what was purged."""
    from ....api.internal.history import ReadModel, remove_model
    from ....eventlog.home.paths import model_path

    if not remove_model(model_path(log)):
        say(f"{safe_line(str(model_path(log)))} cannot be removed and may hold a copy")
    with ReadModel.open(log, model_path(log)) as model:
        model.catch_up()


def profiles_holding(log: Path, streams: frozenset[str], text: "re.Pattern[str] | None") -> list[str]:
    """Return the names of other profiles where the same would be found."""
    from ....api.internal.exchange import profiles_with

    return profiles_with(streams, text, log)


def purge_text(report: "PurgeReport") -> str:
    """Return how much was found, in words."""
    sessions = f"{counted(len(report.streams), 'session')} ({counted(report.removed, 'event')})"
    return f"{sessions} and a text in {counted(len(report.changed), 'event')}"


def print_purge(report: "PurgeReport", elsewhere: list[str], *, dry_run: bool) -> None:
    """Print the report of a purge for people."""
    out = console()
    if report.found:
        done = "would remove" if dry_run else "removed"
        out.print(f"{done} {purge_text(report)}: {safe_line(report.log)}", soft_wrap=True)
    else:
        out.print(f"{safe_line(report.log)}: nothing of that is in it", soft_wrap=True)
    if report.found and report.damaged:
        would = "would be" if dry_run else "were"
        out.print(f"{len(report.damaged)} damaged places {would} dropped, as their content cannot be read")
    for name in report.remains:
        done = "would be removed" if dry_run else "removed"
        out.print(f"temporary file of a command that was killed, {done}: {safe_line(name)}", soft_wrap=True)
    for name in report.left:
        out.print(f"not touched, may hold a copy: {safe_line(name)}", soft_wrap=True)
    for name in elsewhere:
        out.print(f"profile {name} holds it too: run `insight log purge -p {name}`", soft_wrap=True)
    if report.found:
        copies = "exports, CI artifacts, merged logs, backups, terminals"
        out.print(f"Copies elsewhere - {copies} - are not reached from here.", soft_wrap=True)
