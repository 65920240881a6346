"""`insight sync`: bring the log of a profile and a collector to the same events."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from ...arguments.remotes import profile_mirror, require_client
from ...formatters.data import print_json
from ...formatters.values import counted
from ...options import JsonOption, ProfileOption, StrategyOption
from ...terminal.messages import progress_bar, say
from ...terminal.safe import safe_line
from ...terminal.screen import console

if TYPE_CHECKING:
    from ....api.internal.logs import RemoteEntry
    from ....collector.client.requests import Clash, KeptConflict
    from ....collector.client.stores import Remote
    from ....collector.client.syncing import SyncOptions, SyncReport

_SHOWN = 20
_LISTED = 1000

UrlArgument = Annotated[
    str | None,
    typer.Argument(
        metavar="[URL]",
        help="Collector, or s3://bucket/prefix, gs://, az:// or file:///folder (default: that of the profile, else"
        " INSIGHT_REMOTE_URL).",
    ),
]
UrlOption = Annotated[str | None, typer.Option("--remote-url", metavar="URL", help="As URL.")]
KeyOption = Annotated[
    str | None,
    typer.Option(
        "--api-key",
        metavar="KEY",
        help="Key of the collector. Other users of this machine see it while the command runs; prefer INSIGHT_API_KEY,"
        " or INSIGHT_API_KEY_FILE with a file that only you may read.",
    ),
]
SinceOption = Annotated[
    str | None, typer.Option("--since", metavar="AGE", help="Only sessions that are not older: 90d, 24h, 2w.")
]
LogPathOption = Annotated[
    Path | None, typer.Option("--log", metavar="FILE", help="Log of --insight-log, in place of that of a profile.")
]
KeepOption = Annotated[
    str | None,
    typer.Option(
        "--keep",
        metavar="AGE",
        help="Remove sessions that are older from the bucket, now and at every later sync: 365d, 52w; 0 for never.",
    ),
]
PurgeOption = Annotated[bool, typer.Option("--purge", help="Remove from this log what was purged on another machine.")]
ConflictsOption = Annotated[
    bool, typer.Option("--conflicts", help="Only list events whose identity another event has, with both.")
]
PatienceOption = Annotated[
    float, typer.Option("--wait", metavar="SECONDS", min=0, help="How long to wait for a collector that is away.")
]


def command(
    remote: UrlArgument = None,
    remote_url: UrlOption = None,
    api_key: KeyOption = None,
    profile: ProfileOption = None,
    log_path: LogPathOption = None,
    push: Annotated[bool, typer.Option("--push", help="Only send.")] = False,
    pull: Annotated[bool, typer.Option("--pull", help="Only fetch.")] = False,
    verify: Annotated[bool, typer.Option("--verify", help="Compare every event afterwards.")] = False,
    dry_run: Annotated[bool, typer.Option("--dry-run", "-n", help="Only say what is missing on each side.")] = False,
    since: SinceOption = None,
    strategy: StrategyOption = "skip_existing",
    conflicts: ConflictsOption = False,
    purge: PurgeOption = False,
    keep: KeepOption = None,
    wait: PatienceOption = 30.0,
    as_json: JsonOption = False,
) -> None:
    """Send to a collector or a bucket what it lacks, then fetch what the log of the profile lacks.

    It may be cut off anywhere and run again. Exit code 1: the sides have different events of one identity, this log has
    what was purged on another machine, or, with --verify, the sides differ.

    Example: insight sync s3://bucket/insight
    """
    from ....api.internal.exchange import parse_strategy
    from ....api.internal.history import parse_age

    require_client()
    from ....collector.client.retries import Retries
    from ....collector.client.syncing import SyncOptions, sync_log

    url = _named_url(remote, remote_url)
    if api_key:
        say("--api-key: other users of this machine see the key; set INSIGHT_API_KEY instead")
    both = push == pull
    options = SyncOptions(
        push=push or both,
        pull=pull or both,
        verify=verify,
        dry_run=dry_run,
        since=parse_age(since) if since else None,
        purge=purge,
        strategy=parse_strategy(strategy),
    )
    log, entry = (log_path, None) if log_path is not None else _log_of_profile(profile)
    collector, options.is_mirror = _remote_meant(url, api_key, log, entry, options)
    try:
        if keep is not None:
            _set_keeping(collector, keep)
        if conflicts:
            raise typer.Exit(_list_conflicts(collector, as_json=as_json))
        with progress_bar("sync") as progress:
            report = sync_log(collector, log, options, Retries(wait), progress)
    finally:
        collector.close()
    _show(report, collector.address.url, options, as_json=as_json)
    raise typer.Exit(1 if _differ(report) else 0)


def _named_url(url: str | None, option: str | None) -> str | None:
    if url and option and url != option:
        raise ValueError("two collectors are named; give URL or --remote-url")
    return url or option


def _show(report: "SyncReport", url: str, options: "SyncOptions", *, as_json: bool) -> None:
    if as_json:
        print_json(_data(report, url, options.dry_run))
    else:
        _print(report, url, options.push, options.pull, dry_run=options.dry_run)


def _log_of_profile(profile: str | None) -> "tuple[Path, RemoteEntry | None]":
    """Return the log of a profile, and what it mirrors."""
    from ....api.internal.logs import profile_log, profile_remote, resolve_profile

    name = resolve_profile(profile)
    return profile_log(name), profile_remote(name)


def _set_keeping(remote: "Remote", keep: str) -> None:
    from ....api.internal.history import parse_age

    remote.keep(0 if keep == "0" else max(parse_age(keep).days, 1))


def _remote_meant(
    url: str | None, key: str | None, log: Path, entry: "RemoteEntry | None", options: "SyncOptions"
) -> "tuple[Remote, bool]":
    """Return the other side: of a URL, else of a remote profile or the environment; and whether the log mirrors it."""
    from ....collector.client.addresses import read_address
    from ....collector.client.stores import open_store
    from ....collector.client.syncing import sync_place

    may_write = options.push and not options.dry_run
    if entry is not None and (url or entry.url).rstrip("/") == entry.url:
        mirror = profile_mirror(entry, log, key)
        return mirror.collector(mirror.address(), may_write=may_write), True
    address = read_address(url, key)
    return open_store(address, log, sync_place(address.url, log, options.since), may_write=may_write), False


def _list_conflicts(collector: "Remote", *, as_json: bool) -> int:
    """Print the conflicts that the collector keeps, and return the exit code."""
    found, total = collector.conflicts(_LISTED)
    if total > len(found):
        say(f"{total} conflicts in all; these are the newest")
    if as_json:
        print_json([_conflict_data(each) for each in found])
        return 1 if total else 0
    out = console()
    for each in found:
        sent = f"sent at {safe_line(each.at)} with the key {safe_line(each.key)}"
        out.print(f"stream {safe_line(each.stream)} seq {each.seq}, {sent}", soft_wrap=True)
        out.print(f"  stored       {safe_line(each.stored or 'not any more')}", soft_wrap=True)
        out.print(f"  quarantined  {safe_line(each.quarantined)}", soft_wrap=True)
    if not total:
        out.print("no conflicts")
    return 1 if total else 0


def _conflict_data(each: "KeptConflict") -> dict[str, Any]:
    return {
        "stream": each.stream,
        "seq": each.seq,
        "sent_at": each.at,
        "key": each.key,
        "stored": each.stored,
        "quarantined": each.quarantined,
    }


def _differ(report: "SyncReport") -> bool:
    differences = report.differences
    parts = (_clashes(report), report.pulled.findings, report.pushed.refused, report.purged_elsewhere)
    return any(parts) or bool(differences and differences.any)


def _clashes(report: "SyncReport") -> "list[Clash]":
    """Return the clashes that either direction found, each once."""
    found = {(clash.stream, clash.seq): clash for clash in (*report.pushed.clashes, *report.pulled.clashes)}
    return [found[key] for key in sorted(found)]


def _data(report: "SyncReport", url: str, dry_run: bool) -> dict[str, Any]:
    pushed, pulled, differences = report.pushed, report.pulled, report.differences
    return {
        "remote": url,
        "dry_run": dry_run,
        "renewed": report.renewed,
        "to_send": report.to_send,
        "sent": pushed.accepted,
        "sent_known": pushed.known,
        "refused": pushed.refused,
        "refused_total": len(pushed.refused) + pushed.refused_untold,
        "dropped_streams": pushed.dropped_streams,
        "fetched": pulled.added,
        "fetched_known": pulled.known,
        "fetched_newer": pulled.newer,
        "fetched_not_purged": pulled.purged,
        "purged_elsewhere": report.purged_elsewhere,
        "findings": pulled.findings,
        "conflicts": [
            {"stream": clash.stream, "seq": clash.seq, "remote": clash.have, "local": clash.got}
            for clash in _clashes(report)
        ],
        "conflicts_total": len(_clashes(report)) + pushed.clashes_untold,
        "verified": None
        if differences is None
        else {
            "same": differences.same,
            "only_local": differences.only_here,
            "only_remote": differences.only_there,
            "conflicts": len(differences.clashes),
        },
    }


def _print(report: "SyncReport", url: str, push: bool, pull: bool, *, dry_run: bool) -> None:
    out = console()
    name = safe_line(url)
    if report.renewed:
        out.print(f"{name}: its database was restored or replaced; everything was compared", soft_wrap=True)
    if dry_run:
        out.print(f"{counted(report.to_send, 'event')} would be sent", soft_wrap=True)
        out.print(f"{counted(report.pulled.added, 'event')} would be fetched; nothing was changed", soft_wrap=True)
    else:
        if push:
            out.print(f"sent {counted(report.pushed.accepted, 'event')} to {name}", soft_wrap=True)
        if pull:
            out.print(f"fetched {counted(report.pulled.added, 'event')}", soft_wrap=True)
    if report.pushed.dropped_streams:
        count = counted(report.pushed.dropped_streams, "stream")
        out.print(f"{count} were dropped there by its retention, and not sent", soft_wrap=True)
    newer = counted(report.pulled.newer, "event")
    left_out = [f"{newer} of a newer format were not fetched; upgrade pytest-insight"] if report.pulled.newer else []
    for text in (*left_out, *report.pushed.refused, *report.pulled.findings)[:_SHOWN]:
        out.print(safe_line(text), soft_wrap=True)
    _print_purged(out, report, name)
    clashes = _clashes(report)
    for clash in clashes[:_SHOWN]:
        out.print(
            f"conflict: stream {clash.stream} seq {clash.seq}: {clash.got} here, {clash.have} there; both are kept",
            soft_wrap=True,
        )
    total = len(clashes) + report.pushed.clashes_untold
    if total > min(len(clashes), _SHOWN):
        out.print(f"{total} conflicts in all; `insight sync --conflicts` lists them with both events", soft_wrap=True)
    if report.differences is not None:
        _print_differences(out, report)


def _print_purged(out: Any, report: "SyncReport", name: str) -> None:
    if report.pulled.purged:
        count = counted(report.pulled.purged, "event")
        out.print(f"{count} that this log has purged are still on {name}, and were not fetched", soft_wrap=True)
    if report.purged_elsewhere:
        count = counted(report.purged_elsewhere, "event")
        hint = safe_line(report.unremoved) or "`insight sync --purge` removes them here"
        out.print(f"{count} of this log were purged on another machine; {hint}", soft_wrap=True)


def _print_differences(out: Any, report: "SyncReport") -> None:
    found = report.differences
    if found is None:
        return
    if not found.any:
        out.print(f"verified: {counted(found.same, 'event')} are the same on both sides")
        return
    out.print(
        f"verified: {found.same} events are the same, {found.only_here} only here, {found.only_there} only there,"
        f" {len(found.clashes)} in conflict",
        soft_wrap=True,
    )
