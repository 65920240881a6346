"""Partial sessions: those that were told to run only some of the tests, and say nothing about the others."""

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

RULES_VERSION = 2
"""Rises when the same command line would select otherwise."""

SELECTING = ("-k", "-m", "--lf", "--last-failed", "--sw", "--stepwise", "--stepwise-skip", "--deselect", "--ignore")
"""Options after which a run has only some of the tests, or stops before the others."""
SELECTING_MORE = (
    "--ignore-glob",
    "-x",
    "--exitfirst",
    "--maxfail",
    "--shard-id",
    "--num-shards",
    "--splits",
    "--group",
)
STEADY = frozenset({"-k", "-m", "--deselect", "--ignore", "--ignore-glob"})
"""Those that select the same tests each time they are given, whatever happened before."""
WITH_VALUE = (
    *("-k", "-m", "-n", "-p", "-c", "-o", "-W", "-r", "--deselect", "--ignore", "--ignore-glob", "--maxfail", "--tb"),
    *("--rootdir", "--confcutdir", "--basetemp", "--junitxml", "--durations", "--cov", "--dist", "--override-ini"),
)
"""Options whose value may be the next word, which is then no path."""

FLAGS = frozenset(
    {
        *("--lf", "--last-failed", "--ff", "--failed-first", "--nf", "--new-first", "--sw", "--stepwise"),
        *("--exitfirst", "--stepwise-skip", "--stepwise-reset", "--pdb", "--trace", "--verbose", "--quiet"),
        *("--no-header", "--version", "--no-summary", "--no-fold-skipped", "--showlocals", "--no-showlocals"),
        *("--full-trace", "--cache-clear", "--disable-warnings", "--disable-pytest-warnings"),
        *("--strict", "--strict-config", "--strict-markers", "--help", "--force-short-summary"),
        *("--xfail-tb", "--runxfail", "--pyargs", "--noconftest", "--keep-duplicates", "--setup-only"),
        *("--setup-show", "--setup-plan", "--co", "--collect-only", "--doctest-modules", "--debug"),
        *("--doctest-ignore-import-errors", "--doctest-continue-on-failure", "--collect-in-virtualenv"),
        *("--continue-on-collection-errors", "--insight", "--no-insight", "--forked", "--no-cov", "--looponfail"),
    }
)
"""Long options of pytest and of well-known plugins that take no value, so that a word behind them is a place."""

WHOLE_PLACES = frozenset({"", "tests", "test"})
"""Places that are named to run everything."""


class Selected(NamedTuple):
    """Options and paths that chose the tests of a session."""

    options: tuple[str, ...] = ()
    """Options that select, as they were given."""
    paths: tuple[str, ...] = ()
    """Files, folders and node ids that were named; empty for all of them."""
    deselected: int = 0
    cut_short: bool = False
    """It ended before all announced tests had a result, so that what is absent may have been announced."""

    @property
    def is_whole(self) -> bool:
        """Whether everything was to run, and ran."""
        return not (self.options or self.deselected or self.cut_short or self.paths)

    def covers(self, nodeid: str) -> bool:
        """Return whether the absence of a test says something: it would have run if it were there."""
        if self.options or self.deselected or self.cut_short:
            return False
        return not self.paths or any(_is_under(nodeid, path) for path in self.paths)

    def is_like(self, other: "Selected") -> bool:
        """Return whether both were told the same, so that what only one of them has is a difference of the tests."""
        same = (self.options, self.paths) == (other.options, other.paths)
        same = same and bool(self.deselected) == bool(other.deselected)  # also by what no command line shows
        steady = all(option.split()[0] in STEADY for option in self.options)
        return same and steady and not self.cut_short and not other.cut_short


WHOLE = Selected()


CUT_SHORT = frozenset({None, 2, 3, 4})
"""Exit statuses of pytest after which a test that is absent may only not have been reached: none, interrupted, internal
error, usage error."""


def selected_of(header: Mapping[str, Any], deselected: int, missing: int, *, ended: bool) -> Selected:
    """Return what a session was told to run.

    Args:
        header: fields of its `session.started`.
        deselected: number of tests that were deselected.
        missing: number of announced tests without a result.
        ended: it was not cut short; see `CUT_SHORT`.
    """
    args = header.get("args")
    words = [str(word) for word in args] if isinstance(args, list) else []  # type: ignore[misc]
    options, paths = _read_arguments(words)
    places = header.get("places")
    if isinstance(places, list):
        paths = [str(place) for place in places]  # type: ignore[misc]
    root = f"{header.get('rootdir') or ''}/"
    inner = (path.removeprefix(root) for path in paths if path.strip("./") not in WHOLE_PLACES)
    return Selected(options, tuple(inner), deselected, not ended or missing > 0)


def _read_arguments(words: Sequence[str]) -> tuple[tuple[str, ...], list[str]]:
    """Return the options that select, and the places that are named.

    A word behind an option that is not known, as of another plugin, is taken for its value unless it is written as a
    path: `--reruns 1`. Sessions have a list of their places, which only those of earlier releases lack.
    """
    options: list[str] = []
    paths: list[str] = []
    remaining = iter(words)
    is_doubtful = False
    for word in remaining:
        name, equals, value = word.partition("=")
        if not word.startswith("-"):
            if not is_doubtful or _is_path(word):
                paths.append(word)
            is_doubtful = False
            continue
        is_doubtful = word.startswith("--") and not equals and name not in FLAGS
        short = name
        if len(word) > 2 and not word.startswith("--") and word[1] in "kmnpcoWr":  # noqa: PLR2004 - its value is joined
            short, value = word[:2], word[2:].removeprefix("=")
        elif short in WITH_VALUE and not equals:
            value, is_doubtful = next(remaining, ""), False
        if short in SELECTING or short in SELECTING_MORE or _has_exit_first(word):
            options.append(f"{short} {value}".strip())
    return tuple(options), paths


def _is_path(word: str) -> bool:
    """Return whether a word is written as a file, a folder or a node id."""
    return "/" in word or "::" in word or word.endswith(".py")


def _has_exit_first(word: str) -> bool:
    """Return whether joined short options contain `-x`: `-vx`, `-xq`."""
    return word[:1] == "-" and word[1:2] != "-" and set(word[1:]) <= set("xvqsl") and "x" in word


def _is_under(nodeid: str, path: str) -> bool:
    """Return whether a test is in a folder, file or class that is named, or is it itself."""
    place = path.removeprefix("./").rstrip("/")
    return nodeid == place or nodeid.startswith((f"{place}/", f"{place}::", f"{place}["))
