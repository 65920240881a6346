"""Facts in the paths of files: dates, commits and names of runs, and which files are parts of one test run."""

import re
from dataclasses import dataclass, replace
from datetime import tzinfo

from ..importers.values import parse_moment

_FIELDS = {
    "date": r"(?P<date>\d{4}-?\d\d-?\d\d(?:[T_ -]?\d\d[-:]?\d\d(?:[-:]?\d\d)?(?:Z|[+-]\d\d:?\d\d)?)?)",
    "commit": r"(?P<commit>[0-9a-fA-F]{4,64})",
    "branch": r"(?P<branch>[^/]+)",
    "sut": r"(?P<sut>[^/]+)",
    "run": r"(?P<run>[^/]+)",
    "any": r"[^/]*",
}
_TOKEN = re.compile(r"\{(\w+)\}|\*\*/|\*\*|\*|\?")
_DIGITS = re.compile(r"(\d{4})-?(\d\d)-?(\d\d)(?:[T_ -]?(\d\d)[-:]?(\d\d)(?:[-:]?(\d\d))?)?(Z|[+-]\d\d:?\d\d)?")
_PART = re.compile(r"(?i)(?:^|[-_./])(?:shards?|parts?|nodes?|chunks?)?[-_]?(\d+)[-_]of[-_](\d+)(?=$|[-_./])")
_SHARD = re.compile(r"(?i)(?:^|[-_./])(?:shard|chunk|split)[-_]?\d+(?=$|[-_./])")
_SUITE_FILE = re.compile(r"(?:^|/)TEST-[^/]*\.xml(?:\.gz)?$")


@dataclass(frozen=True)
class PathFacts:
    """Facts that a path tells."""

    started_us: int | None = None
    zone_known: bool = False
    commit: str = ""
    branch: str = ""
    sut: str = ""
    run: str = ""


class PathPattern:
    """A pattern of paths such as `{date}/{commit}/*.xml`.

    Args:
        text: the pattern; `{date}`, `{commit}`, `{branch}`, `{sut}`, `{run}` and `{any}` are parts of a path, `*` is
            anything within one part, `**` anything.
        zone: of dates without an offset.

    Raises:
        ValueError: it names something else.
    """

    def __init__(self, text: str, zone: tzinfo | None = None) -> None:
        self.text, self._zone = text, zone
        seen: set[str] = set()
        pattern, place = "", 0
        for token in _TOKEN.finditer(text):
            pattern += re.escape(text[place : token.start()]) + _expression(token, seen)
            place = token.end()
        rest = text[place:]
        if set(rest) & set("{}"):
            raise ValueError(f"--path-pattern {text}: a brace is open; write {{date}}, {{commit}} or another field")
        self._pattern = re.compile(f"(?:.*/)?{pattern}{re.escape(rest)}")

    def facts_of(self, path: str) -> PathFacts | None:
        """Return the facts in a path; None if it does not fit."""
        match = self._pattern.fullmatch(path.replace("\\", "/"))
        if match is None:
            return None
        found = {name: value or "" for name, value in match.groupdict().items()}
        commit, branch, sut, run = (found.get(name, "") for name in ("commit", "branch", "sut", "run"))
        facts = PathFacts(commit=commit, branch=branch, sut=sut, run=run)
        digits = _DIGITS.fullmatch(found.get("date", ""))
        if digits is None:
            return facts if "date" not in found else None
        year, month, day, hour, minute, second, offset = digits.groups()
        text = f"{year}-{month}-{day}T{hour or '00'}:{minute or '00'}:{second or '00'}{offset or ''}"
        moment = parse_moment(text, self._zone)
        return None if moment is None else replace(facts, started_us=moment.us, zone_known=moment.zone_known)


def _expression(token: re.Match[str], seen: set[str]) -> str:
    name = token[1]
    if name is None:
        return {"**/": "(?:.*/)?", "**": ".*", "*": "[^/]*", "?": "[^/]"}[token[0]]
    if name not in _FIELDS:
        names = ", ".join(f"{{{field}}}" for field in _FIELDS)
        raise ValueError(f"--path-pattern: {{{name}}} is no field; use {names}")
    if name in seen:
        raise ValueError(f"--path-pattern: {{{name}}} is there twice; use {{any}} for the other")
    if name != "any":
        seen.add(name)
    return _FIELDS[name]


def group_of(relative: str, own: str = "") -> str:
    """Return the name of the group of files that are one test run; empty for a file that is a run of its own.

    | the file | its group |
    |---|---|
    | has a name of the run in it | its folder and that name |
    | is called `TEST-*.xml`, one for each class or suite | its folder |
    | is shard `i` of `n`, by its name or that of a folder | its path without that part |

    Args:
        relative: path below the folder or archive that was named.
        own: the name of the run in the file.
    """
    folder, _, _ = relative.rpartition("/")
    if own:
        return f"{folder}/{own}"
    if _SUITE_FILE.search(relative):
        return f"{folder}/TEST-*.xml"
    for pattern in (_PART, _SHARD):
        if pattern.search(relative):
            return pattern.sub("/*", relative)
    return ""
