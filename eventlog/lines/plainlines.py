"""Recognise lines that are as our writer has them most of the time: what fits needs no other check.

A line that does not fit is not wrong; `validity.line_fault` decides. Texts are printable ASCII without escapes here,
whole numbers have at most twelve digits, and no key can come twice.
"""

import re
from collections.abc import Sequence
from functools import cache, lru_cache

from ..times import is_possible_time

_PIECES = {
    b"H": rb'"[0-9a-f]{32}"',
    b"N": rb"(?:0|[1-9]\d{0,11})",
    b"D": rb'"(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d)\.\d{6}Z"',
    b"S": rb'"[ !#-\[\]-~]*"',
    b"O": rb'"(?:passed|failed|error|skipped)"',
    b"L": rb"\[(?:S(?:,S)*)?\]",
    b"M": rb"(\{S:S(?:,S:S)*\})",
    b"V": rb'\{"commit":S(?:,"branch":S)?(?:,"dirty":(?:true|false))?(?:,"remote":S)?\}',
    b"P": rb'\{"setup":N(?:,"call":N)?(?:,"teardown":N)?\}',
}

_LETTER = re.compile(rb"(?<=[:,{])[%b]" % b"".join(_PIECES))


_FIELDS = {
    b"session.started": b"session_id:S sut:S testing_system:M? pytest:S? python:S? plugins:M? args:L? rootdir:S? vcs:V?"
    b" ci:M? tags:M? env:M? workers:N? writer:M? test_run:S? variant:M?",
    b"test.started": b"nodeid:S attempt:N? worker:S?",
    b"test.finished": b"nodeid:S outcome:O attempt:N? worker:S? started_at:D? duration_us:N? phases:P? file:S?"
    b" lineno:N?",
    b"warning.recorded": b"category:S message:S nodeid:S? filename:S? lineno:N? when:S? worker:S?",
    b"session.finished": b"exit_status:N duration_us:N? count:N root:S",
    b"tests.announced": b"nodeids:S deselected:N? worker:S?",  # with a text in place of its list
}
"""Fields of the types that come often, in the order of our writer: the letter of what each holds, `?` if it may be
missing.
"""


@cache
def _pattern(kind: bytes) -> re.Pattern[bytes]:
    text = rb'\{"v":1,"type":"%b","stream":H,"seq":N,"at":D' % re.escape(kind)
    for field in _FIELDS[kind].split():
        name, letter = field.rstrip(b"?").split(b":")
        text += (rb'(?:,"%b":%b)?' if field.endswith(b"?") else rb',"%b":%b') % (name, letter)
    text += rb',"digest":H\}'
    for _ in range(2):  # lists, maps and phases hold texts and numbers
        text = _LETTER.sub(lambda match: _PIECES[match[0]], text)
    return re.compile(text)


_TYPE_AT = len(b'{"v":1,"type":"')

_BRACE = ord("{")
_NAMES_KEY, _NAMES_END = b',"nodeids":["', b'"]'
_PRINTABLE = bytes(value for value in range(0x20, 0x7F) if value != ord("\\"))


def is_plain(line: bytes) -> bool:
    """Return whether a line with a right digest surely is an event; False leaves it open."""
    kind = line[_TYPE_AT : line.find(b'"', _TYPE_AT)]
    if kind == b"tests.announced":
        return _is_plain_announcement(line)
    match = _pattern(kind).fullmatch(line) if kind in _FIELDS else None
    return match is not None and _are_possible(match.groups())


def _is_plain_announcement(line: bytes) -> bool:
    """Look at the list of names as a whole: it is printable, and each quote in it belongs to what parts two names."""
    start, end = line.find(_NAMES_KEY) + len(_NAMES_KEY), line.rfind(_NAMES_END)
    if not len(_NAMES_KEY) <= start <= end:
        return False
    names = line[start:end]
    if names.translate(None, _PRINTABLE) or names.count(b'"') != 2 * names.count(b'","'):
        return False
    match = _pattern(b"tests.announced").fullmatch(line[: start - 2] + b'""' + line[end + len(_NAMES_END) :])
    return match is not None and _are_possible(match.groups())


def _are_possible(groups: Sequence[bytes | None]) -> bool:
    """Return whether times can be and maps have no key twice."""
    for group in groups:
        if group is None:
            continue
        if not (_has_each_key_once(group) if group[0] == _BRACE else _is_possible(group)):
            return False
    return True


def _has_each_key_once(flat: bytes) -> bool:
    keys = flat.split(b'"')[1::4]
    return len(set(keys)) == len(keys)


@lru_cache(maxsize=4096)
def _is_possible(second: bytes) -> bool:
    return is_possible_time(second.decode())
