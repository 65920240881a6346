"""Removal of secrets from text before it is written.

Shapes of secrets are in `shapes`, names in `names`; further patterns come from the setting `insight_redact`. If a
pattern has a group `secret`, only that group is replaced, so the name of a variable stays readable.

A value that followed a strong name is kept for the session and replaced wherever it occurs again: a failed comparison
shows the value on another line than the name, and the summary repeats it without a name.
"""

import re
from collections.abc import Callable, Iterable
from functools import cache
from itertools import islice

import pytest

from .names import (
    COARSE,
    HINTS,
    OPTION,
    PATTERN,
    REST_OF_BARE,
    VALUE_MIN,
    XML_ATTRIBUTE,
    XML_ELEMENT,
    candidate_pattern,
    is_value,
    kind_at,
    looks_secret,
    name_kind,
)
from .shapes import SHAPES

REPLACEMENT = "[redacted]"
KNOWN_MAX = 64
"""Maximum number of kept values; each one costs time in every text."""

CANDIDATES_MAX = 5_000
"""Maximum number of positions in one text that are checked one by one; after these, everything that begins like a
secret is replaced."""

_LONG_CHARS = 20_000
"""Length from which collecting the characters of a text is cheaper than searching it for each hint."""

_SHAPES = [(shape, frozenset(shape.hint)) for shape in SHAPES]
_KNOWN_MIN = 8
_KNOWN_CHARS_MAX = 500
_DONE_MAX = 64
_CALL = re.compile(r"[A-Za-z_][\w.]{0,100}[(\[]")
_ATTRIBUTE = re.compile(r"(?:self|cls|os|settings|config|args|request|options?)\.[A-Za-z_][\w.]{0,100}[,)]?")
_CLOSING = ")]},.:!?"
_NOT_LETTERS = "\"'`\\"

Replace = Callable[[str], str]
compiled = cache(re.compile)
"""Compile a pattern when its hint occurs for the first time: most runs need only a few patterns."""


def _replacement(_secret: str) -> str:
    return REPLACEMENT


class Redactor:
    """Callable that replaces secrets in text.

    Args:
        patterns: further regular expressions.

    Raises:
        pytest.UsageError: one of them is not a regular expression.
    """

    def __init__(self, patterns: Iterable[str] = ()) -> None:
        self.known: dict[str, str] = {}
        """Known secrets and their replacements."""
        self.remembered = 0
        """Number of values kept so far; when it changes, a text that was clean before may contain a secret."""
        self._done: set[str] = set()
        self._own: list[re.Pattern[str]] = []
        for pattern in patterns:
            try:
                self._own.append(re.compile(pattern))
            except re.error as error:
                raise pytest.UsageError(f"insight_redact: {pattern!r} is not a regular expression: {error}") from error

    def __call__(self, text: str) -> str:
        """Return `text` without secrets."""
        if not text or text in self._done:
            return text
        result = self.replace_known(self.replace(self.replace_known(text), _replacement))
        if len(self._done) >= _DONE_MAX:
            self._done.clear()
        self._done.add(result)
        return result

    def replace_known(self, text: str) -> str:
        """Return `text` without the known secrets."""
        for value, replacement in self.known.items():
            if value in text:
                text = text.replace(value, replacement)
        return text

    def value_of(self, name: str, text: str) -> str:
        """Return `text`, which is the value of `name`, without secrets."""
        kind = name_kind(name)
        if kind and is_value(kind, text, plural=name[-1:] in "sS"):
            if kind == "strong":
                self.remember(text)
            return REPLACEMENT
        return self(text)

    def remember(self, value: str, replacement: str = REPLACEMENT) -> None:
        """Replace a value wherever it occurs from now on, unless it is too short or an everyday word."""
        value = value.strip(_NOT_LETTERS)
        if not _KNOWN_MIN <= len(value) <= _KNOWN_CHARS_MAX or not looks_secret(value):
            return
        if self.known.get(value, "") in ("", REPLACEMENT) and self.known.get(value) != replacement:
            if len(self.known) >= KNOWN_MAX:
                del self.known[next(iter(self.known))]
            self.known[value] = replacement
            self.remembered += 1
            self._done.clear()

    def are_clean(self, texts: Iterable[str]) -> bool:
        """Return whether none of many short texts of one line contains a secret.

        False may be wrong: then each text must be checked by itself.
        """
        lines = list(texts)
        if any(pattern.search(line) for pattern in self._own for line in lines):
            return False
        joined = "\n".join(lines)
        return self.replace(joined, _replacement) == joined

    def replace(self, text: str, mark: Replace) -> str:
        """Return `text` with each secret replaced by the result of `mark`.

        Args:
            text: any text.
            mark: returns the replacement of a secret.
        """
        lower = text.replace("\u0130", "i").lower()  # the one character whose lower case is longer
        chars = set(lower) if len(lower) > _LONG_CHARS else None
        for shape, needed in _SHAPES:
            if (chars is None or needed <= chars) and shape.hint in lower:
                text = _substitute(shape.pattern, _replace_match, mark, text)
        for pattern in self._own:
            text = pattern.sub(lambda match: _replace_match(match, mark), text)
        if not any(hint in lower for hint in HINTS):
            return _substitute(OPTION, _option_replaced, mark, text) if " -u" in lower or "-user" in lower else text
        if "assert" in lower or "where" in lower:
            text = self._replace_compared(text, mark)
        if "</" in text:
            text = _substitute(XML_ELEMENT, _element_replaced, mark, text)
        if "value" in lower:
            text = _substitute(XML_ATTRIBUTE, _element_replaced, mark, text)
        if "-" in text:
            text = _substitute(OPTION, _option_replaced, mark, text)
        return self._replace_named(text, mark)

    def _replace_named(self, text: str, mark: Replace) -> str:
        """Replace the values that follow a name. A value that is not a secret is searched for another name."""
        lower = text.replace("\u0130", "i").lower()
        match_name = compiled(PATTERN).match
        parts: list[str] = []
        done = 0
        candidates = candidate_pattern(lower)
        if not candidates:
            return text
        for number, candidate in enumerate(compiled(candidates).finditer(lower)):
            position = candidate.start()
            if position < done:
                continue
            if number >= CANDIDATES_MAX:
                parts.append(_replace_coarsely(text[done:]))
                return "".join(parts)
            match = match_name(text, position)
            kind = match and kind_at(text, position, match["name"], match["suffix"])
            found = _span_of_secret(match, kind) if match and kind else None
            if found is None:
                continue
            start, end = found
            value = text[start:end]
            if kind == "strong":
                self.remember(value)
            parts += text[done:start], mark(value)
            done = end
        parts.append(text[done:])
        return "".join(parts)

    def _replace_compared(self, text: str, mark: Replace) -> str:
        """Replace the compared values of an assertion whose source line or explanation has the name of a secret."""
        for explained in islice(compiled(_EXPLAINED).finditer(text), _EXPLAINED_MAX):
            if _has_strong_name(explained[0]):
                for quoted in _QUOTED.findall(explained[0])[:_EXPLAINED_MAX]:
                    self.remember(quoted)
                    text = text.replace(quoted, _literal_replaced(quoted, mark))
        text = compiled(_REVERSED).sub(lambda match: _reversed_replaced(match, mark), text, count=CANDIDATES_MAX)
        if not text.startswith(">") and "\n>" not in text:
            return text
        return compiled(_ASSERTED).sub(lambda match: self._without_literals(match, mark), text, count=_ASSERTED_MAX)

    def _without_literals(self, match: re.Match[str], mark: Replace) -> str:
        if not _has_strong_name(match["source"]):
            return match[0]
        block = match["block"]
        for quoted in islice(_QUOTED.finditer(block), _EXPLAINED_MAX):
            self.remember(quoted[0])
        clean = _QUOTED.sub(lambda found: _literal_replaced(found[0], mark), block)
        clean = _DIFF_LINE.sub(lambda found: f"{found[1]}{mark(found[2])}", clean)
        return match[0][: match.start("block") - match.start()] + clean


_QUOTED = re.compile(r""""(?:[^"\\\n]|\\.){1,8000}+"|'(?:[^'\\\n]|\\.){1,8000}+'""")
_DIFF_LINE = re.compile(r"(?m)^(E[ \t]{1,10}[-+] )(?!where|and | where| and )(\S.*)$")
_ASSERTED = (
    r"(?m)^>[ \t]{1,40}+(?P<source>(?:self\.)?assert[^\n]{1,1000}+)[^\n]*+\n"
    r"(?P<block>(?:E[ \t][^\n]*+\n?){1,2000}+)"
)
_EXPLAINED = r"(?m)^E[ \t]{1,20}\+[ \t]{1,20}(?:where|and)[^\n]{1,1000}+"
_REVERSED = r"""(?P<literal>"[^"\n]{3,200}"|'[^'\n]{3,200}') ?[=!]= ?(?P<name>[\w.]{2,80}+)"""
_EXPLAINED_MAX = 16
_ASSERTED_MAX = 100


def _reversed_replaced(match: re.Match[str], mark: Replace) -> str:
    if name_kind(match["name"]) != "strong":
        return match[0]
    return _literal_replaced(match["literal"], mark) + match[0][len(match["literal"]) :]


def _has_strong_name(line: str) -> bool:
    return any(name_kind(word) == "strong" for word in _WORD.findall(line)[:100])


_WORD = re.compile(r"[\w-]{2,100}")


def _substitute(pattern: str, show: Callable[[re.Match[str], Replace], str], mark: Replace, text: str) -> str:
    """Replace the matches of a pattern; if there are too many to check each, all remaining ones."""
    found = compiled(pattern)
    result, count = found.subn(lambda match: show(match, mark), text, count=CANDIDATES_MAX)
    return found.sub(REPLACEMENT, result) if count == CANDIDATES_MAX else result


def _replace_coarsely(text: str) -> str:
    """Replace each value after anything that begins like a name."""
    pieces = compiled(COARSE).split(text)
    pieces[2::3] = [REPLACEMENT] * len(pieces[2::3])
    return "".join(pieces)


def _element_replaced(match: re.Match[str], mark: Replace) -> str:
    words = _WORD.findall(match["head"])[:10]
    kinds = {name_kind(word) for word in words}
    kind = "strong" if "strong" in kinds else "weak" if "weak" in kinds else ""
    if not kind or not is_value(kind, match["value"]) or match["value"].startswith(REPLACEMENT):
        return match[0]
    start, end = match.span("value")
    return match[0][: start - match.start()] + mark(match["value"]) + match[0][end - match.start() :]


def _literal_replaced(literal: str, mark: Replace) -> str:
    inner = literal[1:-1]
    if len(inner) < VALUE_MIN or inner == REPLACEMENT:
        return literal
    return f"{literal[0]}{mark(inner)}{literal[0]}"


def _replace_match(match: re.Match[str], mark: Replace) -> str:
    groups = match.re.groupindex
    if "secret" not in groups or match["secret"] is None:
        return mark(match[0])
    secret = match["secret"]
    if "user" in groups and not match["user"] and not looks_secret(secret):
        return match[0]
    start, end = match.span("secret")
    if not secret.strip() or REPLACEMENT in secret[: len(REPLACEMENT) + 1]:
        return match[0]
    whole = match[0]
    quote = secret[0] if secret[:1] in "\"'" and len(secret) > 1 else ""
    offset = match.start()
    inner = secret[1:-1] if quote else secret
    return f"{whole[: start - offset]}{quote}{mark(inner)}{quote}{whole[end - offset :]}"


def _option_replaced(match: re.Match[str], mark: Replace) -> str:
    option, value = match["option"], match["value"]
    whole = match[0]
    before = whole[: len(whole) - len(value)]
    if option in ("-u", "--user", "--proxy-user", "-U"):
        user, colon, secret = value.partition(":")
        return f"{before}{user}:{mark(secret)}" if colon and len(secret) >= VALUE_MIN else whole
    kind = name_kind(option)
    if not kind or not is_value(kind, value) or REPLACEMENT in value:
        return whole
    return f"{before}{mark(value)}"


def _span_of_secret(match: re.Match[str], kind: str) -> tuple[int, int] | None:
    """Return start and end of the secret in a named value; None if the value is not a secret."""
    suffix = match["suffix"]
    plural = suffix[-1:] in ("s", "S")
    loose = any(match[group] is not None for group in ("loose", "nl", "prose"))
    if match["literal"] is not None:
        start, end = match.span("literal")
        text = match.string[start:end]
        inner = text.strip(_NOT_LETTERS)
        if not is_value(kind, inner, plural=plural, loose=loose):
            return None
        lead = len(text) - len(text.lstrip(_NOT_LETTERS))
        trail = len(text) - len(text.rstrip(_NOT_LETTERS))
        return start + lead, end - trail
    start, end = match.span("bare")
    text = match.string
    value = text[start:end].rstrip(_CLOSING)
    if match["prose"] is not None and (kind != "strong" or suffix or value.isdigit() or "(" in value):
        return None
    if not is_value(kind, value, plural=plural, loose=loose) or _CALL.match(value) or _ATTRIBUTE.fullmatch(value):
        return None
    return start, max(_end_of_bare(text, end), start + len(value))


def _end_of_bare(text: str, end: int) -> int:
    rest = REST_OF_BARE.match(text, end)
    end = rest.end() if rest is not None else end
    while text[end - 1] in _CLOSING:
        end -= 1
    return end
