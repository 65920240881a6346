"""Take secrets out of text before it is written.

The built-in patterns are those that secret scanners agree on; more come from the setting `insight_redact`. Where a
pattern has a group `secret`, only that is replaced, so that the name of a variable stays readable.
"""

import re
from collections.abc import Iterable

import pytest

REPLACEMENT = "[redacted]"

BUILT_IN = (
    r"\b(?:AKIA|ASIA|AGPA|AROA|AIPA)[A-Z0-9]{16}\b",
    r"\bgh[pousr]_[A-Za-z0-9]{30,255}\b",
    r"\bgithub_pat_[A-Za-z0-9_]{22,255}\b",
    r"\bglpat-[A-Za-z0-9_-]{20,}",
    r"\bxox[abposr]-[A-Za-z0-9-]{10,}",
    r"\bsk-[A-Za-z0-9_-]{20,}",
    r"\bpypi-[A-Za-z0-9_-]{40,}",
    r"\bnpm_[A-Za-z0-9]{36}\b",
    r"\beyJ[A-Za-z0-9_-]{10,}\.[A-Za-z0-9_-]{10,}\.[A-Za-z0-9_-]{5,}",
    r"-----BEGIN [A-Z ]{0,30}PRIVATE KEY-----[\s\S]{0,20000}?-----END [A-Z ]{0,30}PRIVATE KEY-----",
    r"(?i)\b(?:bearer|basic)\s+(?P<secret>[A-Za-z0-9+/=_.~-]{8,})",
    r"(?i)[a-z][a-z0-9+.-]{1,20}://[^\s/:@]{0,100}:(?P<secret>[^\s/@]{1,200})@",
    r"""(?ix)[a-z0-9_-]{0,40}(?:password|passwd|pwd|secret|token|api[_-]?key|access[_-]?key|private[_-]?key|credential)s?
        [a-z0-9_-]{0,20} ["']? \s{0,3} (?:=>|=|:) \s{0,3}
        (?P<secret>"[^"\n]{3,500}"|'[^'\n]{3,500}'|[^\s"',;&)}\]]{3,500})""",
)
"""Patterns of secrets; each may have a group `secret`."""

_HINTS = (
    *("akia", "asia", "agpa", "aroa", "aipa", "ghp_", "gho_", "ghu_", "ghs_", "ghr_", "github_pat_", "glpat-", "xox"),
    *("sk-", "pypi-", "npm_", "eyj", "private", "bearer", "basic", "://"),
    *("passw", "pwd", "secret", "token", "key", "credential"),
)
"""Every built-in pattern needs one of these in the text, in lower case; looking for them is far cheaper."""


class Redactor:
    """Replaces secrets in text.

    Args:
        patterns: further regular expressions.

    Raises:
        pytest.UsageError: one of them is not a regular expression.
    """

    def __init__(self, patterns: Iterable[str] = ()) -> None:
        self._built_in = [re.compile(pattern) for pattern in BUILT_IN]
        self._own: list[re.Pattern[str]] = []
        for pattern in patterns:
            try:
                self._own.append(re.compile(pattern))
            except re.error as error:
                raise pytest.UsageError(f"insight_redact: {pattern!r} is not a regular expression: {error}") from error

    def __call__(self, text: str) -> str:
        """Return `text` without secrets."""
        if not text:
            return text
        lower = text.lower()
        if any(hint in lower for hint in _HINTS):
            for pattern in self._built_in:
                text = pattern.sub(_replacement, text)
        for pattern in self._own:
            text = pattern.sub(_replacement, text)
        return text


def _replacement(match: re.Match[str]) -> str:
    if "secret" not in match.re.groupindex or match["secret"] is None:
        return REPLACEMENT
    start, end = match.span("secret")
    whole = match[0]
    secret = match["secret"]
    quote = secret[0] if secret[:1] in "\"'" and len(secret) > 1 else ""
    offset = match.start()
    return f"{whole[: start - offset]}{quote}{REPLACEMENT}{quote}{whole[end - offset :]}"
