r"""Names that make the value after them a secret, and the notations in which a value follows a name.

A strong name (`password`, `api_key`) makes any value after it a secret. A weak name (`key`, `pin`, `auth`) is also an
everyday word: its value is a secret only if it looks like one, as in `key: 4fGh1Jk9` but not in `key = name`.
"""

import re
from typing import Literal

from .shapes import ANSI, BOUND

STRONG = "passw(?:or)?d|passwort|pass[ _-]?phrase|passcode|pwd|secret|token|credential"
WEAK = "key|auth|signature|sig|pin|pass|sid|session[_-]?id|otp|pw"
_KEYS = (
    *(
        "api",
        "access",
        "private",
        "secret",
        "account",
        "encryption",
        "encrypt",
        "signing",
        "master",
        "storage",
        "deploy",
    ),
    *("license", "subscription", "auth", "consumer", "hmac", "jwt", "ssh"),
)
"""Words that make `key` a strong name when they precede it."""

_WORDS = (
    *(
        "passw",
        "passphrase",
        "pass phrase",
        "pass_phrase",
        "pass-phrase",
        "passcode",
        "pwd",
        "secret",
        "token",
        "credential",
        "key",
    ),
    *("auth", "sig", "pin", "pass", "sid", "sessionid", "session_id", "session-id", "otp", "pw"),
)
HINTS = _WORDS
"""Beginnings of all names, in lower case."""

INNOCENT_SUFFIX = re.compile(
    r"(?i)(?:ize[rd]?s?|iz|less|ary|ed|ing)?[_-]?(?:counts?|types?|names?|len|length|size|urls?|uri|fields?|files?|paths?|"
    r"dir|folder|expiry|expires?(?:_?(?:in|at|on))?|ttl|limits?|min|max|policy|index|version|class|errors?|exception|valid|"
    r"invalid|required|enabled|disabled|tests?|status|usage|used|pattern|prefix|regex|format|header|kind|list|lifetime|age|"
    r"endpoint|manager|provider|validator|factory|store|helper|service|model|form|view|input|strength|hint|reset|prompt)"
    r"(?:[_-]?\d{0,3})?"
)
"""Suffixes of a strong name that make it the name of something about a secret, not of the secret itself
(`token_count`, `password_field`)."""

_VALUE_WORDS = (
    "none null nil true false yes no undefined str int bool bytes string text any optional self expected required"
    " missing invalid valid redacted unknown empty set unset not is was must should for and or with the this that has"
)
INNOCENT_VALUES = frozenset(_VALUE_WORDS.split())
"""Words that are never a secret, in lower case."""

PLACEHOLDER = re.compile(
    r"%[sdrif]|%\(\w{1,60}\)[sdr]|\$?\{[^{}]{0,60}\}|\$[A-Z_]{1,60}|\*{2,}|[xX]{3,}|\.{2,}|\[?redacted\]?.*|<redacted:.*|\[\.\.\..*"
)

_GAP = rf"(?:[ \t]|{ANSI}|\\x1b\[[0-9;]{{0,20}}m){{0,60}}+"
_QUOTE = r"""(?:\\{0,7}["'`]|&quot;|&#3[49];|%2[27])"""
_LITERAL = (
    r"\"{3}[^\"]{1,4000}+\"{0,3}|'{3}[^']{1,4000}+'{0,3}|"
    r"\"(?:[^\"\\\n]|\\.){1,8000}+\"?|'(?:[^'\\\n]|\\.){1,8000}+'?|`[^`\n]{1,8000}+`?|"
    r"(?P<esc>\\{1,7}[\"'])(?:[^\\\n]|\\(?!\\{0,6}[\"'])){1,8000}+(?:\\{1,7}[\"'])?"
)
_MORE = r"""(?:\s{0,20}\+?\s{0,20}[bruf]?(?:"(?:[^"\\\n]|\\.){0,8000}+"|'(?:[^'\\\n]|\\.){0,8000}+'))*+"""
_BARE = r"""[^\s"'`,;&<>()\[\]{}=:|][^\s"'`;&<>]{0,80}+"""

_ANNOTATION = r"(?::\s?(?:str|bytes|int|SecretStr|Any|Optional\[str\]|str \| None|bytes \| None)\s{0,3}(?==))?"
_NEXT_LINE = r"(?:[|>][+-]?)?[ \t]{0,20}\r?\n(?:E[ \t])?[ \t]{0,60}+(?:-[ \t])?(?![^\s=:]{0,40}[=:]\s)"
_OPERATOR = rf"{_ANNOTATION}(?:=>|:=|[=!]=|=|:(?!:|//)|%3[AaDd]|(?<![ \t])>(?=[^\s<>]))"

PATTERN = (
    rf"(?P<name>(?i:{STRONG}|{WEAK}))(?P<suffix>[\w-]{{0,40}}+)(?:{_GAP}{_QUOTE})?\]?{_GAP}"
    rf"(?:{_OPERATOR}{_GAP}(?:&quot;|&#3[49];|%2[27])?(?P<nl>{_NEXT_LINE})?"
    rf"|(?P<loose>(?<=[ \t])(?:is|was):?[ ]|\?:[ ]|(?<=\t)|,\s?(?=b?{_QUOTE})|\(b?(?={_QUOTE}))"
    rf"|(?P<prose>(?<=[ ])(?=[A-Za-z0-9_+/.-]{{6}})))"
    rf"(?P<value>[bBrRuUfF]{{0,2}}(?P<literal>(?:{_LITERAL}){_MORE})|(?P<bare>{_BARE}))"
)
"""Name, notation and beginning of a value; tried at the positions that `candidate_pattern` finds."""

_FILL = r"(?:\x1b\[[0-9;]{0,20}[a-z]|\\x1b\[[0-9;]{0,20}m|[ \\\"'`\]\t])"
_FOLLOWED = (
    rf"(?=[\w-]{{0,40}}+(?:{_FILL}{{0,120}}+(?:[=:!>%&,(?]|is |was |is:)|[ \\\"'`]{{0,40}}+\t|[ ][^\s=:]{{0,60}}?\d))"
)


def candidate_pattern(lower: str) -> str:
    """Return a pattern for the positions in a text where a name with a value may begin; empty if the text has no name.

    This pattern looks at every character, so it contains only the names that occur in the text.

    Args:
        lower: the text in lower case.
    """
    present = [word for word in HINTS if word in lower]
    return f"(?:{'|'.join(present)}){_FOLLOWED}" if present else ""


COARSE = (
    rf"((?i:{STRONG}|{WEAK})[\w-]{{0,40}}+{_FILL}{{0,120}}+(?:[=:!>%&,(?]{{1,2}}|is:? |was )"
    rf"{_FILL}{{0,120}}+\s{{0,80}}+)"
    rf"([^\s\"'`]{{1,4000}}+)"
)
"""Name and value without further checks, for texts with too many names to check each."""

REST_OF_BARE = re.compile(r"""[^\s"'`;&<>]*+""")

OPTION = (
    r"""(?<![\w-])(?P<option>--?[A-Za-z][\w-]{0,60}+)"""
    r"""(?:[ \t]{1,5}["']?|\\{0,7}["'],?\s{1,3}b?\\{0,7}["']|\n\s{0,20}["']?)"""
    r"""(?P<value>[^\s"'\\\-][^\s"'\\]{0,4000}+)"""
)
"""An option and its value as two words."""

XML_ELEMENT = r"""<(?P<head>[^<>]{1,200}+)>(?:<!\[CDATA\[)?(?P<value>[^\s<>][^<>]{0,4000}+)(?=</|>?</)"""
XML_ATTRIBUTE = r"""(?P<head>["'][\w.-]{1,60}["'])\s{1,3}value ?= ?["'](?P<value>[^"'<>]{1,4000}+)"""

_STRONG_NAME = re.compile(rf"(?i)(?:{STRONG}|(?:{'|'.join(_KEYS)})[ _-]?key)(?P<suffix>[\w-]{{0,40}})$")
_WEAK_NAME = re.compile(rf"(?i)(?:^|[^A-Za-z0-9])(?:{WEAK})s?$")
_WEAK_CAMEL = re.compile(r"[a-z](?:Key|Auth|Sig|Signature|Pin|Pass|Sid|Otp)s?$")
_KEY_BEFORE = re.compile(rf"(?i)(?:{'|'.join(_KEYS)})[ _-]?$")
_BOUND = re.compile(BOUND)
_SIMPLE = re.compile(r"(?=[^A-Za-z]{0,80}[A-Za-z])(?=[^0-9]{0,80}[0-9]).{6}")
_CLASS_NAME = re.compile(r"(?:[A-Z][a-z]+)+")
_MIXED = re.compile(r".{0,80}?(?:[a-z][A-Z]|[A-Z]{2}[a-z])")


def name_kind(name: str) -> Literal["strong", "weak", ""]:
    """Return the kind of a name: `strong` if its value is always a secret, `weak` if it may be one, empty otherwise."""
    text = name[-100:]
    match = _STRONG_NAME.search(text)
    if match is not None:
        return "" if is_about(match["suffix"]) else "strong"
    return "weak" if _WEAK_NAME.search(text) or _WEAK_CAMEL.search(text) else ""


def kind_at(text: str, position: int, name: str, suffix: str) -> Literal["strong", "weak", ""]:
    """Return the kind of a name that was found within a text.

    Args:
        text: the text.
        position: index of the name in the text.
        name: the name itself.
        suffix: the rest of the same word after the name.
    """
    lower = name.lower()
    if lower not in _WEAK_WORDS:
        return "" if is_about(suffix) else "strong"
    if lower == "key" and _KEY_BEFORE.search(text, max(position - _KEY_BEFORE_CHARS, 0), position):
        return "" if is_about(suffix) else "strong"
    if suffix not in ("", "s", "S"):
        return ""
    camel = name[0].isupper() and text[position - 1 : position].islower()
    return "weak" if camel or _BOUND.match(text, position) else ""


def is_about(suffix: str) -> bool:
    """Return whether a suffix makes a strong name the name of something else (`tokenizer`, `password_field`)."""
    if not suffix or suffix in ("s", "S"):
        return False
    if suffix[0].islower() and suffix[0] != "s":
        return True
    return INNOCENT_SUFFIX.fullmatch(suffix.removeprefix("s")) is not None


def looks_secret(value: str) -> bool:
    """Return whether a value by itself looks like a secret: letters and digits, or upper and lower case mixed."""
    plain = value.strip("\"'`\\bru")
    if _SIMPLE.match(plain) or (plain.isdigit() and len(plain) >= _DIGITS_MIN):
        return True
    if _CLASS_NAME.fullmatch(plain):
        return False
    return len(plain) >= _MIXED_MIN and _MIXED.match(plain) is not None


_WEAK_LIST = "key auth signature sig pin pass sid sessionid session_id session-id otp pw"
_WEAK_WORDS = frozenset(_WEAK_LIST.split())
_KEY_BEFORE_CHARS = 16
_DIGITS_MIN = 4
_MIXED_MIN = 8
VALUE_MIN = 3


def is_value(kind: str, value: str, *, plural: bool = False, loose: bool = False) -> bool:
    """Return whether `value` after a name of this kind is a secret.

    Args:
        kind: `strong` or `weak`.
        value: without quotes.
        plural: the name is a plural (`tokens`), so that a number after it is a count.
        loose: the notation also occurs in prose.
    """
    if len(value) < VALUE_MIN or value.lower().rstrip(".:,;!?)") in INNOCENT_VALUES or PLACEHOLDER.fullmatch(value):
        return False
    if plural and value.isdigit():
        return False
    return looks_secret(value) if kind == "weak" or loose else True
