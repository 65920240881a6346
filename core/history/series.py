"""Series: the runs of a system under test on one branch in one variant, in order of time.

A variant is what the same tests are run under on purpose: the version of Python, the operating system, the environment
of tox or nox, and what the user names. A test that fails in one variant and passes in another is no flaky test, and a
branch that is not merged breaks nothing on the others; so the rules look at one series after the other.
"""

from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, NamedTuple, cast

if TYPE_CHECKING:
    from ...projections.apply import SessionRow
    from .session_verdicts import Run

RULES_VERSION = 1
"""Rises when the same sessions would be divided in another way."""

Variant = tuple[tuple[str, str], ...]
"""Names and values, in order of the names."""

DEFAULT_BRANCHES = ("main", "master", "trunk", "default", "develop")
"""Names of the branch that a project calls its own; the first that has sessions is taken."""

FRESH_US = 7 * 86_400_000_000
"""How much older than the newest session the last one of the project's branch may be, to be asked about first."""

_SYSTEMS = {"linux": "Linux", "darwin": "Darwin", "win32": "Windows", "cygwin": "Cygwin", "windows": "Windows"}
"""Names of operating systems by how `sys.platform` begins."""


class Series(NamedTuple):
    """What tells one series from another."""

    sut: str
    branch: str
    variant: Variant


def branch_of(row: "SessionRow") -> str:
    """Return the branch that a session ran on; empty if it does not know."""
    return str(((row.part.header or {}).get("vcs") or {}).get("branch") or "")


def variant_of(header: Mapping[str, Any]) -> Variant:
    """Return the variant that a session is of: what it recorded, else its Python version and its operating system.

    Args:
        header: fields of its `session.started`.
    """
    recorded = header.get("variant")
    if isinstance(recorded, dict) and recorded:
        return tuple(sorted((str(name), str(value)) for name, value in cast("dict[str, Any]", recorded).items()))
    system = header.get("testing_system")
    platform = str(cast("dict[str, Any]", system).get("platform") or "") if isinstance(system, dict) else ""
    python = ".".join(str(header.get("python") or "").split(".")[:2])
    return tuple((name, value) for name, value in (("os", system_name(platform)), ("python", python)) if value)


def system_name(platform: str) -> str:
    """Return the name of the operating system that a platform begins with: `Linux` of `linux` or `Linux-6.1-x86_64`."""
    word = platform.split("-", maxsplit=1)[0]
    return next((name for start, name in _SYSTEMS.items() if word.lower().startswith(start)), word)


def variant_text(variant: Variant) -> str:
    """Return a variant as people write it: `os=Linux python=3.13`."""
    return " ".join(f"{name}={value}" for name, value in variant)


def differing_text(variant: Variant, others: Iterable[Variant]) -> str:
    """Return only what tells a variant from others; all of it if nothing does."""
    sets = [set(other) for other in others]
    telling = tuple(item for item in variant if not all(item in other for other in sets))
    return variant_text(telling or variant)


def parse_variant(text: str) -> tuple[str, str]:
    """Return a name and a value written as `python=3.13`.

    Raises:
        ValueError: it is not written so.
    """
    name, equals, value = text.partition("=")
    if not equals or not name.strip() or not value.strip():
        raise ValueError(f"--variant: {text!r} is not KEY=VALUE; write for instance python=3.13")
    return name.strip(), value.strip()


def is_of_variant(variant: Variant, wanted: Iterable[tuple[str, str]]) -> bool:
    """Return whether a variant has all of some names with their values."""
    return set(wanted) <= set(variant)


def project_branch(runs: Iterable["Run"]) -> str:
    """Return the branch that a project calls its own; empty if no session is of one.

    Sessions that do not know their branch are taken as sessions of this one.
    """
    known = {run.branch for run in runs}
    return next((name for name in DEFAULT_BRANCHES if name in known), "")


def branch_asked(runs: Sequence["Run"]) -> str:
    """Return the branch that a question is about if none is named.

    | sessions | branch |
    |---|---|
    | one of the project's branch in the week before the newest session | the project's |
    | none | that of the newest session |

    Args:
        runs: sessions of one system under test, in order of time.
    """
    own = project_branch(runs)
    of_own = [run.started_us for run in runs if (run.branch or own) == own]
    if not runs or (of_own and of_own[-1] >= runs[-1].started_us - FRESH_US):
        return own
    return runs[-1].branch


def runs_by_sut(runs: Iterable["Run"]) -> dict[str, list["Run"]]:
    """Return sessions by their system under test, each in order of time."""
    found: dict[str, list[Run]] = {}
    for run in runs:
        found.setdefault(run.sut, []).append(run)
    return found


def series_of(runs: Sequence["Run"]) -> dict[Series, list["Run"]]:
    """Return sessions by their series, each in order of time."""
    found: dict[Series, list[Run]] = {}
    for sut, own in runs_by_sut(runs).items():
        default = project_branch(own)
        for run in own:
            found.setdefault(Series(sut, run.branch or default, run.variant), []).append(run)
    return found


def asked_runs(runs: Sequence["Run"]) -> list["Run"]:
    """Return the sessions of the branches that a question is about if none is named; of each system its own."""
    kept: set[str] = set()
    for own in runs_by_sut(runs).values():
        default, asked = project_branch(own), branch_asked(own)
        kept.update(run.stream or run.name for run in own if (run.branch or default) == asked)
    return [run for run in runs if (run.stream or run.name) in kept]
