"""Options of `insight import`, as the facts and limits of an import."""

import re
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from ...api.internal.exchange import ForeignOptions, ImportLimits

SutNameOption = Annotated[
    str | None,
    typer.Option(
        "--sut",
        metavar="NAME",
        help="System under test of files that name none (default: this project); of our own files, only its sessions.",
    ),
]
FormatOption = Annotated[
    str | None,
    typer.Option(
        "--as",
        metavar="junit|reportlog|json-report|ctrf|allure|buildkite",
        help="Format of the files (default: found out from their content).",
    ),
]
RunOption = Annotated[
    str | None, typer.Option("--run", metavar="ID", help="Test run that all sessions of this import are a part of.")
]
ZoneOption = Annotated[
    str | None,
    typer.Option(
        "--tz", metavar="ZONE", help="Zone of times without an offset: Europe/Berlin, +02:00, local. Default: UTC."
    ),
]
AtOption = Annotated[
    str | None,
    typer.Option("--at", metavar="WHEN", help="Start of sessions whose file has no date, as 2026-11-20T10:00."),
]
MtimeOption = Annotated[bool, typer.Option("--mtime", help="Take the time of a file as the start if it has no date.")]
PatternOption = Annotated[
    str | None,
    typer.Option(
        "--path-pattern",
        metavar="PATTERN",
        help="Facts in the paths, as '{date}/{commit}/*.xml'; also {branch}, {sut}, {run}, {any}.",
    ),
]
RootOption = Annotated[
    Path | None,
    typer.Option(
        "--root",
        metavar="FOLDER",
        help="Checkout in which the files of tests are looked for (default: this one, without --sut).",
    ),
]
LimitOption = Annotated[
    list[str] | None,
    typer.Option(
        "--limit",
        metavar="NAME=VALUE",
        help="Raise or lower a limit: member=512MB and ratio=200 of unpacked files, members=100000 in an archive,"
        " depth=64 and attribute=1MB of XML; may be given several times.",
    ),
]


def limits_of(given: list[str] | None) -> "ImportLimits":
    """Return the limits of an import.

    Raises:
        ValueError: there is no such limit, or its value is no size.
    """
    from ...api.internal.exchange import ImportLimits, XmlLimits, parse_size

    limits, xml = ImportLimits(), XmlLimits()
    values = {"member": limits.member_bytes, "ratio": limits.ratio, "members": limits.members, "depth": xml.depth,
              "attribute": xml.attribute_bytes}  # fmt: skip
    for text in given or ():
        name, _, value = text.partition("=")
        if name not in values:
            raise ValueError(f"--limit {text}: no such limit; use one of {', '.join(values)}")
        values[name] = parse_size(value)
    return ImportLimits(
        values["member"], values["ratio"], values["members"], XmlLimits(values["depth"], values["attribute"])
    )


def foreign_options(
    *,
    form: str | None,
    sut: str,
    run: str | None,
    zone: str | None,
    at: str | None,
    mtime: bool,
    pattern: str | None,
    root: Path | None,
    limits: "ImportLimits",
) -> "ForeignOptions":
    """Return the facts that the user says about files of other tools.

    Raises:
        ValueError: one of them is not what it should be.
    """
    from ...api.internal.exchange import ForeignOptions, PathPattern, parse_moment, parse_zone

    time_zone = parse_zone(zone) if zone else None
    moment = parse_moment(at, time_zone) if at else None
    if at and moment is None:
        raise ValueError(f"--at {at}: is no time; write it as 2026-11-20 or 2026-11-20T10:00")
    if root is not None and not root.is_dir():
        raise ValueError(f"--root {root}: is no folder; name the checkout that the tests are in")
    return ForeignOptions(
        form=form or "",
        sut=sut,
        test_run=run or "",
        zone=time_zone,
        at_us=moment.us if moment else None,
        use_mtime=mtime,
        pattern=PathPattern(pattern, time_zone) if pattern else None,
        root=root,
        limits=limits,
    )


def default_root(folder: Path) -> Path | None:
    """Return the checkout of a folder, in which the files of tests are looked for; None if it is no project."""
    around = (folder, *folder.parents)
    return next((path for path in around if (path / ".git").exists() or (path / "pyproject.toml").is_file()), None)


def project_sut(folder: Path) -> str:
    """Return the name of this project, as `pytest --insight` finds it: its own, else that of its remote."""
    from ...api.internal.logs import project_name

    checkout = next((path for path in (folder, *folder.parents) if (path / ".git").exists()), folder)
    for path in dict.fromkeys((folder, checkout)):
        if name := project_name(path):
            return name
    return _remote_name(checkout / ".git" / "config")


def _remote_name(config: Path) -> str:
    try:
        text = config.read_text(encoding="utf-8", errors="replace")
    except OSError:
        return ""
    remote = re.search(r'\[remote "origin"\][^\[]*?\burl\s*=\s*(\S+)', text)
    if remote is None:
        return ""
    path = re.sub(r"^[a-z][a-z0-9+.-]*://[^/]*/?|^[^/:]+:", "", remote[1], flags=re.IGNORECASE)
    return "/".join([part for part in path.removesuffix(".git").strip("/").split("/") if part][-2:])
