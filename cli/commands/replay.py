"""`insight replay`: rebuild the views."""

from typing import TYPE_CHECKING, Annotated, Any

import typer

from ..arguments.logs import named_logs, sources_meant
from ..formatters.data import print_json
from ..options import JsonOption, LogArgument, LogOption, ProfileOption
from ..terminal.messages import progress_bar
from ..terminal.safe import safe_line
from ..terminal.screen import console

if TYPE_CHECKING:
    from ...api.internal.history import ReadModel, StoredVerdicts
    from ...api.internal.logs import LogSource


def command(
    logs: LogArgument = None,
    log: LogOption = None,
    profile: ProfileOption = None,
    check: Annotated[
        bool,
        typer.Option("--check", help="Compare the views as they are with rebuilt ones; exit with 1 if they differ."),
    ] = False,
    explain: Annotated[
        bool, typer.Option("--explain", help="Say which sessions have other verdicts than before, and by which rules.")
    ] = False,
    as_json: JsonOption = False,
) -> None:
    """Rebuild the views of a log from its first event, and report what was read and how fast.

    Example: insight replay --check
    """
    sources = sources_meant(profile, named_logs(logs, log))
    documents = [_check(source) if check else _replay(source, explain=explain) for source in sources]
    if as_json:
        print_json(documents)
    else:
        for document in documents:
            _print(document)
    raise typer.Exit(1 if any(document.get("differences") for document in documents) else 0)


def _replay(source: "LogSource", *, explain: bool) -> dict[str, Any]:
    from ...api.internal.history import ReadModel, model_file_of
    from ...api.internal.logs import readable

    source = readable(source)
    with ReadModel.open(source, model_file_of(source)) as model, progress_bar(source.path.name) as progress:
        before = model.stored_verdicts() if explain else None
        result = model.replay(progress)
        seconds = max(result.seconds, 1e-9)
        return _explanation(model, before) | {
            "log": source.name,
            "events": result.events,
            "bytes": result.bytes,
            "seconds": round(result.seconds, 6),
            "events_per_s": round(result.events / seconds),
            "mb_per_s": round(result.bytes / seconds / 1e6, 1),
            **model.counts(),
            "findings": [finding._asdict() for finding in model.findings()],
        }


def _explanation(model: "ReadModel", before: "StoredVerdicts | None") -> dict[str, Any]:
    if before is None:
        return {}
    after = model.stored_verdicts()
    changed = [
        {
            "session_id": new.label,
            "stream": stream,
            "before": old.what,
            "after": new.what,
            "tests": _other_tests(old.tests, new.tests),
        }
        for stream, new in sorted(after.sessions.items())
        if (old := before.sessions.get(stream)) is not None and old != new
    ]
    return {"rules_before": before.rules, "rules_after": after.rules, "changed": changed}


def _other_tests(before: dict[str, tuple[str, ...]], after: dict[str, tuple[str, ...]]) -> list[dict[str, Any]]:
    """Tests of a session of which something else is true than before."""
    return [
        {"nodeid": nodeid, "before": list(before.get(nodeid, ())), "after": list(after.get(nodeid, ()))}
        for nodeid in sorted(before.keys() | after.keys())
        if before.get(nodeid) != after.get(nodeid)
    ]


def _check(source: "LogSource") -> dict[str, Any]:
    from ...api.internal.history import ReadModel, model_file_of

    with ReadModel.open(source, model_file_of(source)) as model:
        return {"log": source.name, "differences": model.check()}


def _print(document: dict[str, Any]) -> None:
    out = console()
    name = safe_line(document["log"])
    if "differences" in document:
        out.print(
            f"{name}: {'the views differ' if document['differences'] else 'the views are as rebuilt'}", soft_wrap=True
        )
        for difference in document["differences"]:
            out.print(f"    {safe_line(difference)}", soft_wrap=True)
        return
    out.print(f"{name}: {document['events']} events in {document['sessions']} streams,", end=" ", soft_wrap=True)
    out.print(f"{document['attempts']} results of {document['nodes']} tests, {len(document['findings'])} findings")
    if "changed" in document:
        out.print(f"  rules {document['rules_before'] or '-'} before, {document['rules_after']} now:", end=" ")
        out.print(f"{len(document['changed'])} sessions have other verdicts")
        for change in document["changed"]:
            before, after = change["before"], change["after"]
            words = sorted(name for name in before.keys() | after.keys() if before.get(name) != after.get(name))
            told = ", ".join(f"{safe_line(name)} {before.get(name, 0)} -> {after.get(name, 0)}" for name in words)
            out.print(f"    {safe_line(change['session_id'])}: {told}", soft_wrap=True)
            for test in change["tests"]:
                was, now = (" and ".join(test[side]) or "plain" for side in ("before", "after"))
                out.print(f"        {safe_line(test['nodeid'])}: {was} -> {now}", soft_wrap=True)
    out.print(f"  {document['seconds']:.2f} s, {document['events_per_s']} events/s, {document['mb_per_s']} MB/s")
