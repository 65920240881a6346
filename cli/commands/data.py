"""`insight data`: test data, its locks, conflicts and snapshots, and what was left behind."""

from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from ..formatters.data import print_json
from ..formatters.values import counted, local_text
from ..options import JsonOption
from ..terminal.safe import safe_line
from ..terminal.screen import Listing, console

if TYPE_CHECKING:
    from ...testdata.manager import TestDataManager

app = typer.Typer(no_args_is_help=True)

FolderOption = Annotated[
    Path | None,
    typer.Option(
        "--test-data",
        metavar="PATH",
        help="Folder of the test data (default: $PYTEST_INSIGHT_TEST_DATA, else ./test_data).",
    ),
]
NamespaceOption = Annotated[
    str | None, typer.Option("--namespace", metavar="NAME", help="Only what is in this namespace.")
]
_SECOND_US = 1_000_000
_NOT_CLEANED = ("failed", "waiting", "abandoned", "blocked", "orphaned")
"""Parts of the report of a reaper that name what is still there."""
_NOTHING = "there is no test data here; name its folder with --test-data"


@app.command("list")
def list_data(namespace: NamespaceOption = None, folder: FolderOption = None, as_json: JsonOption = False) -> None:
    """List the test data that is live, with what is still to be cleaned of it.

    Example: insight data list --namespace shop
    """
    rows = _manager(folder).list_test_data(namespace)
    if as_json:
        print_json(rows)
        return
    made = Listing("id", "namespace", "version", "created", "test", "cleanups")
    for row in rows:
        cleanups = ", ".join(f"{each['target'] or 'callback'} {each['status']}" for each in row["cleanups"])
        created = _local(row["created_at"])
        _add(made, row["resource_id"], row["namespace"], row["version"], created, row["test"] or "-", cleanups or "-")
    _show(made, len(rows), "live piece of test data", "live pieces of test data")


@app.command("show")
def show(
    resource_id: Annotated[str, typer.Argument(metavar="ID", help="Id of the test data.")],
    namespace: NamespaceOption = None,
    at: Annotated[
        int | None,
        typer.Option("--at", metavar="POSITION", help="As it was before this position, also if cleaned since."),
    ] = None,
    folder: FolderOption = None,
    as_json: JsonOption = False,
) -> None:
    """Show one piece of test data: its content and its versions.

    Example: insight data show user_1a2b3c4d --namespace shop
    """
    import json

    found = _manager(folder).describe(resource_id, namespace, at=at)
    if as_json:
        print_json(found)
        return
    out = console()
    out.print(safe_line(f"{found['resource_id']} in {found['namespace']}"), style="bold", soft_wrap=True)
    for name in ("data_type", "version", "created_at", "test", "process", "depends_on", "metadata"):
        if found[name]:
            out.print(f"  {name.replace('_', ' ')}: {safe_line(str(found[name]))}", soft_wrap=True)
    for each in found["cleanups"]:
        error = f": {each['error']}" if each["error"] else ""
        text = f"  cleanup: {each['target'] or 'callback of its process'} {each['status']}{error}"
        out.print(safe_line(text), soft_wrap=True)
    for each in found["versions"]:
        out.print(safe_line(f"  {each['version']} {each['origin']} {each['at']} at {each['position']}"), soft_wrap=True)
    for line in json.dumps(found["data"], indent=2, ensure_ascii=False).split("\n"):
        out.print(safe_line(line), soft_wrap=True)


@app.command("history")
def history(
    resource_id: Annotated[
        str | None, typer.Argument(metavar="[ID]", help="Only events about this id, lock or snapshot.")
    ] = None,
    namespace: NamespaceOption = None,
    folder: FolderOption = None,
    as_json: JsonOption = False,
) -> None:
    """Show what happened, oldest first: who wrote what, under which token, in which test, and how its cleanup went.

    Example: insight data history user_1a2b3c4d
    """
    from ...testdata.history import history_of

    rows = history_of(_manager(folder).store.path, resource_id, namespace)
    if as_json:
        print_json(rows)
        return
    made = Listing("position", "when", "what", "namespace", "about", "who", "detail")
    for row in rows:
        about = row["resource_id"] or row["key"]
        _add(made, row["position"], _local(row["at"]), row["type"], row["namespace"], about, row["who"], row["detail"])
    _show(made, len(rows), "event", "events")


@app.command("locks")
def locks(namespace: NamespaceOption = None, folder: FolderOption = None, as_json: JsonOption = False) -> None:
    """List who holds which lock, by which token, and whether the holder still lives.

    Example: insight data locks
    """
    rows = _manager(folder).isolation_manager.locks(namespace)
    if as_json:
        print_json(rows)
        return
    made = Listing("namespace", "key", "mode", "token", "holder", "until", "")
    for row in rows:
        until = _local(row["expires_at"])
        _add(made, row["namespace"], row["key"], row["mode"], row["token"], row["owner"], until, row["gone"])
    _show(made, len(rows), "lock held", "locks held")


@app.command("conflicts")
def conflicts(namespace: NamespaceOption = None, folder: FolderOption = None, as_json: JsonOption = False) -> None:
    """List writes that were refused and are not decided yet.

    Example: insight data conflicts --json
    """
    rows = _manager(folder).isolation_manager.get_conflicts(namespace)
    if as_json:
        print_json(rows)
        return
    made = Listing("conflict", "when", "kind", "namespace", "about", "there", "refused")
    for row in rows:
        values = (str(row["current_value"])[:60], str(row["new_value"])[:60])
        when = _local(row["detected_at"])
        _add(made, row["conflict_id"], when, row["kind"], row["namespace"], row["key"], *values)
    _show(made, len(rows), "open conflict", "open conflicts")


@app.command("snapshots")
def snapshots(namespace: NamespaceOption = None, folder: FolderOption = None, as_json: JsonOption = False) -> None:
    """List snapshots, also those that a failed test left (`failed:<node id>`).

    Example: insight data snapshots
    """
    rows = [row for row in _manager(folder).list_snapshots() if namespace in (None, row["namespace"])]
    if as_json:
        print_json(rows)
        return
    made = Listing("snapshot", "name", "namespace", "taken", "pieces", "position")
    for row in rows:
        taken = _local(row["taken_at"])
        _add(made, row["snapshot_id"], row["name"], row["namespace"], taken, row["resources"], row["position"])
    _show(made, len(rows), "snapshot", "snapshots")


@app.command("reap")
def reap(
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Only say what would be cleaned.")] = False,
    wait: Annotated[
        float,
        typer.Option(
            "--wait", metavar="SECONDS", help="How long to watch processes that cannot be looked at from here."
        ),
    ] = 0,
    by_hand: Annotated[
        list[str] | None,
        typer.Option("--by-hand", metavar="ID", help="I have cleaned this one by hand; may be repeated."),
    ] = None,
    namespace: NamespaceOption = None,
    folder: FolderOption = None,
    as_json: JsonOption = False,
) -> None:
    """Clean up after processes that are gone; exit with 1 if something is left that is not cleaned.

    What only a person can clean is listed with its data: a callback that only the dead process could call. Say with
    `--by-hand ID` (in `--namespace`, if several have the id) that it is done.

    Example: insight data reap --dry-run
    """
    registry = _manager(folder).cleanup_registry
    for resource_id in by_hand or []:
        if not registry.unregister_resource(resource_id, namespace=namespace):
            raise LookupError(f"no test data {resource_id!r}; see `insight data list`")
    report = registry.reap(dry_run=dry_run, wait_s=wait)
    left = [each for name in _NOT_CLEANED for each in report[name]]
    if as_json:
        print_json(report)
    else:
        _print_reap(report)
    raise typer.Exit(1 if not dry_run and (left or report["busy"] or report["lost"]) else 0)


@app.command("health")
def health(folder: FolderOption = None, as_json: JsonOption = False) -> None:
    """Check the test data: log, locks, conflicts, failing and overdue cleanups; exit with 1 if something is not well.

    Example: insight data health
    """
    manager = _manager(folder)
    checks = manager.health_details()
    if as_json:
        print_json({name: check._asdict() for name, check in checks.items()} | {"status": manager.get_status_report()})
    else:
        for name, check in checks.items():
            style = "green" if check.ok else "bold red"
            console().print(f"{'ok' if check.ok else 'NOT OK'}  {name}: {safe_line(check.detail)}", style=style)
    raise typer.Exit(0 if all(check.ok for check in checks.values()) else 1)


def _manager(folder: Path | None) -> "TestDataManager":
    """Return a manager of a folder that has test data."""
    try:
        import_module("psutil")  # so that the message on what is missing comes first
        from ...testdata.manager import TestDataManager
    except ModuleNotFoundError as error:
        raise OSError(f"{error.name} is not installed; run `pip install 'pytest-insight[testdata]'`") from error
    manager = TestDataManager(folder)
    if not manager.store.path.exists():
        raise FileNotFoundError(2, _NOTHING, str(manager.store.path))
    return manager


def _print_reap(report: dict[str, Any]) -> None:
    out = console()
    if report["busy"]:
        out.print("another process is cleaning up just now")
    for session, why in report["gone"].items():
        out.print(f"gone ({why}): {session}")
    for session in report["unknown"]:
        out.print(f"cannot be looked at from here, so left alone: {session}")
    words = {
        "runnable": "would clean",
        "cleaned": "cleaned",
        "failed": "failed",
        "waiting": "failed before, not due yet",
        "abandoned": "given up",
        "blocked": "in use, so left",
    }
    for name, word in words.items():
        if report[name]:
            out.print(f"{word}: {safe_line(', '.join(report[name]))}", soft_wrap=True)
    for reason in report["reasons"]:
        out.print(f"why ({counted(reason['count'], 'time')}): {safe_line(reason['error'])}", soft_wrap=True)
    for each in report["orphaned"]:
        out.print(
            f"to be cleaned by hand: {safe_line(each['resource_id'])} in {safe_line(each['namespace'])}:"
            f" {safe_line(str(each['data']))} {safe_line(str(each['metadata'] or ''))}",
            soft_wrap=True,
        )
    if report["lost"]:
        out.print(safe_line(report["lost"]), soft_wrap=True)
    if not any(report[name] for name in ("gone", "unknown", "cleaned", "runnable", "busy", *_NOT_CLEANED)):
        out.print("nothing is left over")


def _local(at: str) -> str:
    from ...api.internal.logs import parse_time

    return local_text(parse_time(at))


def _add(made: Listing, *cells: object) -> None:
    made.add_row(*(safe_line(str(cell)) for cell in cells))


def _show(made: Listing, count: int, one: str, many: str) -> None:
    out = console()
    if count:
        out.print(made)
    out.print(counted(count, one) if count == 1 else f"{count} {many}")
