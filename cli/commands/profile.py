"""`insight profile`: named logs."""

import os
from typing import TYPE_CHECKING, Annotated, Any

import typer

from ..arguments.completion import complete_profile
from ..arguments.logs import profile_path
from ..formatters.data import print_json
from ..formatters.values import counted, local_text, size_text, utc_text
from ..options import JsonOption, StrategyOption
from ..terminal.messages import confirm, say
from ..terminal.safe import safe_line
from ..terminal.screen import Listing, console
from .import_ import print_report, report_data

if TYPE_CHECKING:
    from ...api import ProfileManager, StorageProfile
    from ...api.internal.exchange import ProfileInfo, SessionStore

app = typer.Typer(no_args_is_help=True)

TypeFilter = Annotated[
    str | None, typer.Option("--type", "-t", metavar="json|memory|remote", help="Only of this type.")
]
PatternOption = Annotated[str | None, typer.Option("--pattern", metavar="GLOB", help="Only whose name fits this glob.")]
NameArgument = Annotated[str, typer.Argument(metavar="NAME", help="Name of the profile.")]
KnownArgument = Annotated[
    str, typer.Argument(metavar="NAME", help="Name of the profile.", autocompletion=complete_profile)
]
ForceOption = Annotated[bool, typer.Option("--force", help="Do not ask.")]
NewType = Annotated[
    str,
    typer.Option("--type", "-t", metavar="json|memory", help="A log in a file, or one that is gone with the process."),
]


CreatedType = Annotated[
    str,
    typer.Option(
        "--type",
        "-t",
        metavar="json|memory|remote|bucket",
        help="A log in a file, one that is gone with the process, or one that is filled from a collector, or from a"
        " bucket or a shared folder, before each question.",
    ),
]
UrlOption = Annotated[
    str | None,
    typer.Option("--url", metavar="URL", help="Collector, or s3://bucket/prefix, gs://, az:// or file:///folder."),
]
KeyFileOption = Annotated[
    str | None,
    typer.Option(
        "--api-key-file",
        metavar="FILE",
        help="File with the key to it, which only you may read (default: INSIGHT_API_KEY, or INSIGHT_API_KEY_FILE).",
    ),
]
SinceOption = Annotated[
    str | None, typer.Option("--since", metavar="AGE", help="Fetch only sessions that are not older: 90d, 24h, 2w.")
]


@app.command("list")
def list_command(storage_type: TypeFilter = None, pattern: PatternOption = None, as_json: JsonOption = False) -> None:
    """List profiles with the number of their sessions, their last activity and their size.

    Example: insight profile list --type json --pattern "prod*"
    """
    from ...api.internal.exchange import describe

    manager = _manager()
    active = manager.active_profile_name
    infos = [describe(profile, active) for profile in manager.list_profiles(storage_type, pattern).values()]
    if as_json:
        print_json([_info_data(info) for info in infos])
        return
    if not infos:
        console(err=True).print("No profiles fit.")
        return
    _print_infos(infos)


@app.command("show")
def show_command(
    name: Annotated[str | None, typer.Argument(metavar="[NAME]", help="Name (default: the active profile).")] = None,
    as_json: JsonOption = False,
) -> None:
    """Show one profile: where its log is, who made it and when, what is in it.

    Example: insight profile show
    """
    from ...api.internal.exchange import describe

    manager = _manager()
    info = describe(manager.get_profile(name), manager.active_profile_name)
    data = _info_data(info)
    if as_json:
        print_json(data)
        return
    out = console()
    for key, value in data.items():
        text = size_text(value) if key == "size_bytes" else str(value)
        if value not in (None, ""):
            out.print(key.rjust(18), style="dim", end="  ")
            out.print(safe_line(text), soft_wrap=True)


@app.command("create")
def create_command(
    name: NameArgument,
    storage_type: CreatedType = "json",
    path: Annotated[
        str | None, typer.Option("--path", metavar="FILE", help="Where its log is (default: <home>/NAME.jsonl).")
    ] = None,
    url: UrlOption = None,
    api_key_file: KeyFileOption = None,
    since: SinceOption = None,
    as_json: JsonOption = False,
) -> None:
    """Create a profile.

    One of the type `remote` or `bucket` has a log that mirrors a collector or a bucket: each question fetches what is
    new, and then asks the log. Without a network it answers from what was fetched before.

    Example: insight profile create my-profile --type json
    """
    from ...api import create_profile

    profile = create_profile(name, storage_type, path, url=url, api_key_file=api_key_file, since=since)
    if as_json:
        print_json(profile.to_dict())
    elif profile.storage_type == "memory":
        console().print(f"created {profile.name} in memory")
        say("a memory profile lives as long as its process; it is of use in Python, not from one command to the next")
    else:
        mirrored = f", filled from {safe_line(profile.url)}" if profile.url else ""
        console().print(f"created {profile.name}: {safe_line(profile.file_path or '')}{mirrored}", soft_wrap=True)


@app.command("switch")
def switch_command(name: KnownArgument, as_json: JsonOption = False) -> None:
    """Make a profile the active one.

    Example: insight profile switch my-profile
    """
    from ...api.internal.logs import PROFILE_VARIABLE

    profile = _manager().switch_profile(name)
    given = os.environ.get(PROFILE_VARIABLE)
    if as_json:
        print_json({"active": profile.name, "overridden_by": given or None})
    else:
        console().print(f"the active profile is {profile.name}")
    if given and given != name:
        say(f"in this shell {PROFILE_VARIABLE}={safe_line(given)} goes before it")


@app.command("delete")
def delete_command(name: KnownArgument, force: ForceOption = False, as_json: JsonOption = False) -> None:
    """Forget a profile; its log stays where it is.

    Example: insight profile delete old-profile
    """
    manager = _manager()
    profile = _deletable(manager, name)
    confirm(f"forget the profile {name}? its log stays", force=force)
    manager.delete_profile(name)
    if as_json:
        print_json({"deleted": [name], "logs": [profile.file_path]})
    else:
        _print_deleted(profile)


@app.command("clean")
def clean_command(
    storage_type: Annotated[
        str, typer.Option("--type", "-t", metavar="json|memory|remote|bucket", help="Profiles of this type.")
    ] = "memory",
    pattern: PatternOption = None,
    dry_run: Annotated[bool, typer.Option("--dry-run", "-n", help="Only list what would be forgotten.")] = False,
    force: ForceOption = False,
    as_json: JsonOption = False,
) -> None:
    """Forget several profiles, those in memory unless another type is given; never the default or the active one.

    Logs stay where they are.

    Example: insight profile clean --type json --pattern "temp-*" --dry-run
    """
    from ...api.internal.logs import DEFAULT_PROFILE

    manager = _manager()
    spared = {DEFAULT_PROFILE, manager.active_profile_name}
    profiles = [p for name, p in manager.list_profiles(storage_type, pattern).items() if name not in spared]
    if profiles and not dry_run:
        if not as_json:
            for profile in profiles:
                console().print(safe_line(profile.name))
        confirm(f"forget {counted(len(profiles), 'profile')}? their logs stay", force=force)
        for profile in profiles:
            manager.delete_profile(profile.name)
    if as_json:
        print_json({"deleted": [profile.name for profile in profiles], "dry_run": dry_run})
        return
    for profile in profiles:
        if dry_run:
            console().print(f"would forget {profile.name}")
        else:
            _print_deleted(profile)
    if not profiles:
        console(err=True).print("No profiles to forget.")


@app.command("merge")
def merge_command(
    sources: Annotated[str, typer.Argument(metavar="SOURCE,SOURCE", help="Profiles to take from.")],
    target: Annotated[str, typer.Argument(metavar="TARGET", help="Profile to add to.")],
    create: Annotated[bool, typer.Option("--create", "-c", help="Create the target if it does not exist.")] = False,
    storage_type: NewType = "json",
    strategy: StrategyOption = "skip_existing",
    pattern: Annotated[
        str | None,
        typer.Option(
            "--filter",
            "-f",
            metavar="GLOB",
            help="Only sessions whose id, or one of whose tests, fits; a session is merged whole.",
        ),
    ] = None,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", "-n", help="Only say what would become of each session, and why.")
    ] = False,
    as_json: JsonOption = False,
) -> None:
    """Add the sessions of profiles to another one. Nothing is changed but by adding; doing it again changes nothing.

    Example: insight profile merge laptop,ci all --create --strategy keep_both
    """
    from ...api.internal.exchange import merge_store, parse_strategy

    chosen = parse_strategy(strategy)
    manager = _manager()
    names = [name.strip() for name in sources.split(",") if name.strip()]
    if not names:
        raise ValueError("no source profiles; name them like this: laptop,ci")
    stores = {name: _store(manager, manager.get_profile(name)) for name in names}
    goal = _target_store(manager, target, storage_type, create=create, dry_run=dry_run)
    documents: list[dict[str, Any]] = []
    errors = 0
    for name, store in stores.items():
        report = merge_store(goal, store, chosen, pattern=pattern, dry_run=dry_run)
        errors += len(report.errors)
        documents.append(report_data(report, name))
        if not as_json:
            print_report(report, name, dry_run=dry_run)
    if as_json:
        print_json(documents)
    raise typer.Exit(1 if errors else 0)


def _manager() -> "ProfileManager":
    from ...api import get_profile_manager

    return get_profile_manager()


def _store(manager: "ProfileManager", profile: "StorageProfile") -> "SessionStore":
    from ...api import get_storage_instance

    store = get_storage_instance(profile.name, manager=manager).store
    if store.catch_up is not None:
        profile_path(profile.name)
        store.catch_up = None  # it was filled just now
    return store


def _target_store(
    manager: "ProfileManager", name: str, storage_type: str, *, create: bool, dry_run: bool
) -> "SessionStore":
    if name in manager.profiles:
        return _store(manager, manager.get_profile(name))
    if not create:
        manager.get_profile(name)  # raises if it does not exist
    if dry_run or storage_type == "memory":
        from ...api.internal.exchange import SessionStore

        if not dry_run:
            say("a memory profile is gone with this command; nothing is kept")
        return SessionStore(None)
    from ...api import create_profile

    return _store(manager, create_profile(name, storage_type))


def _deletable(manager: "ProfileManager", name: str) -> "StorageProfile":
    """Return the profile to delete.

    Raises:
        ProfileError: it is the default profile, or the active one.
    """
    from ...api.internal.logs import DEFAULT_PROFILE, ProfileError

    if name == DEFAULT_PROFILE:
        raise ProfileError("Cannot delete the default profile")
    profile = manager.get_profile(name)
    if name == manager.active_profile_name:
        raise ProfileError("Cannot delete the active profile; switch to another one first")
    return profile


def _print_deleted(profile: "StorageProfile") -> None:
    where = f"; its log stays: {safe_line(profile.file_path)}" if profile.file_path else ""
    console().print(f"forgot {safe_line(profile.name)}{where}", soft_wrap=True)


def _info_data(info: "ProfileInfo") -> dict[str, Any]:
    profile = info.profile
    return {
        "name": profile.name,
        "active": info.active,
        "type": profile.storage_type,
        "path": profile.file_path,
        "sessions": info.sessions,
        "last_activity": None if info.last_us is None else utc_text(info.last_us),
        "size_bytes": info.size_bytes,
        "created": profile.to_dict()["created"],
        "created_by": profile.created_by,
        "last_modified": profile.to_dict()["last_modified"],
        "last_modified_by": profile.last_modified_by,
        "problem": info.problem,
        **({"url": profile.url, "api_key_file": profile.api_key_file, "since": profile.since} if profile.url else {}),
    }


def _place_of(profile: "StorageProfile") -> str:
    if not profile.file_path:
        return "in memory"
    return f"{profile.file_path} from {profile.url}" if profile.url else profile.file_path


def _print_infos(infos: "list[ProfileInfo]") -> None:
    table = Listing("|", "|profile", "|type", ">sessions", "|last activity", ">size", "log")
    for info in infos:
        table.add_row(
            "*" if info.active else "",
            safe_line(info.profile.name),
            info.profile.storage_type,
            "?" if info.sessions is None else str(info.sessions),
            "-" if info.last_us is None else local_text(info.last_us),
            size_text(info.size_bytes),
            safe_line(info.problem or _place_of(info.profile)),
        )
    console().print(table)
