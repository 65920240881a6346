"""Texts of a report: node ids, hashes, durations and texts of failures as they are shown."""

import re
from collections.abc import Iterator

from ..core.questions.stats import Interval

HASH_DIGITS = 9
ID_MAX = 300
"""Characters of a node id or message that are shown; more are cut out of the middle."""
TEXT_LINES_MAX = 200
TEXT_CHARS_MAX = 16_000
_HIDDEN = re.compile(
    r"[\x00-\x08\x0b-\x1f\x7f-\x9f\u061c\u200b-\u200f\u2028\u2029\u202a-\u202e\u2060-\u2069\ufeff\ufffe\uffff\ud800-\udfff]"
)
"""C0 but tab and newline, DEL, C1, what turns the direction of writing, what has no width, and lone surrogates."""


def visible(text: str) -> str:
    r"""Return a text whose control characters are visible escapes, as `\x1b` and `\u202e`."""
    return _HIDDEN.sub(_escape, text)


def _escape(match: re.Match[str]) -> str:
    code = ord(match[0])
    return f"\\x{code:02x}" if code <= 0xFF else f"\\u{code:04x}"  # noqa: PLR2004 - what one byte holds


def shorten(text: str, limit: int = ID_MAX) -> str:
    """Return a text with its middle left out if it is longer than a limit."""
    if len(text) <= limit:
        return text
    half = limit // 2
    return f"{text[:half]} ... {len(text) - 2 * half:,} characters left out ... {text[-half:]}"


def split_id(nodeid: str) -> tuple[str, str]:
    """Return the name of a test and the path of its file; a module is a name without a path."""
    path, colons, name = nodeid.partition("::")
    return (name, path) if colons else (path, "")


def cut_text(text: str, lines_max: int = TEXT_LINES_MAX, chars_max: int = TEXT_CHARS_MAX) -> str:
    """Return a text without its middle if it is too long, with how many lines were left out there."""
    lines = text.expandtabs(4).rstrip().split("\n")
    if len(lines) > lines_max:
        half = lines_max // 2
        left_out = len(lines) - 2 * half
        lines = [*lines[:half], f"... {left_out:,} lines left out ...", *lines[-half:]]
    return "\n".join(_within(lines, chars_max))


def _within(lines: list[str], chars_max: int) -> Iterator[str]:
    """Yield lines, of which the longest are cut so that all fit."""
    most = chars_max if len(lines) == 1 else max(chars_max // len(lines), 80)
    total = sum(map(len, lines))
    for line in lines:
        yield line if total <= chars_max else shorten(line, most)


def counted(count: int, noun: str) -> str:
    """Return a number with its noun: `1 test`, `2 tests`."""
    return f"{count:,} {noun}" if count == 1 else f"{count:,} {noun}s"


def seconds(value: float) -> str:
    """Return a duration in the unit that fits: `4.3 s`, `12 min 5 s`, `120 ms`."""
    if value >= 60:  # noqa: PLR2004 - a minute
        minutes, rest = divmod(round(value), 60)
        hours, minutes = divmod(minutes, 60)
        return f"{hours} h {minutes} min" if hours else f"{minutes} min {rest} s"
    if not value:
        return "0 ms"
    if value >= 1:
        return f"{value:.3g} s"
    return f"{value * 1e3:.3g} ms" if value >= 1e-3 else f"{value * 1e3:.1f} ms"  # noqa: PLR2004 - a millisecond


def percent(share: float) -> str:
    """Return a share in percent; it is never rounded to nothing or to all."""
    text = f"{share * 100:.1f}"
    if text == "100.0" and share < 1:
        return "99.9+ %"
    if text == "0.0" and share > 0:
        return "< 0.1 %"
    return f"{text.removesuffix('.0')} %"


def rate_text(good: int, total: int, interval: Interval, least: int = 5) -> str:
    """Return a rate with its limits; of fewer runs than `least` only the counts."""
    if total < least:
        return f"{good} of {total}"
    return f"{percent(interval.estimate)} ({percent(interval.low)} to {percent(interval.high)})"


def short_hash(commit: str) -> str:
    """Return the beginning of the hash of a commit."""
    return commit[:HASH_DIGITS]
