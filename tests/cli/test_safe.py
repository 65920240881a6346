"""Text of logs on a terminal: no character of it is obeyed, and none is lost."""

import json
import sys
import unicodedata
from functools import cache

import pytest
from pytest_insight.cli.terminal.safe import safe, safe_json, safe_line

TURNING = {"LRE", "RLE", "LRO", "RLO", "PDF", "LRI", "RLI", "FSI", "PDI"}
"""Bidirectional classes of characters that turn the direction of writing of what follows."""


@cache
def every_character():
    """Return all of Unicode."""
    return [chr(code) for code in range(sys.maxunicode + 1)]


def is_obeyed(character):
    """Return whether a terminal or an editor does something else with a character than show it."""
    return (
        unicodedata.category(character) in ("Cc", "Cs", "Zl", "Zp")
        or unicodedata.bidirectional(character) in TURNING
        or character in "\u061c\u200e\u200f"
    )


@cache
def find_obeyed():
    """Return the characters of all of Unicode that are obeyed; when a test asks, as they take a second to find."""
    return frozenset(filter(is_obeyed, every_character()))


def test_exactly_the_characters_that_are_obeyed_are_escaped():
    """Of all of Unicode; tab and newline are for the caller to place."""
    changed = {character for character in every_character() if safe(character) != character}
    assert changed == find_obeyed() - {"\n", "\t"}


def test_no_line_holds_a_character_that_is_obeyed():
    """Of the whole of Unicode in one text, nothing that is left is a control."""
    shown = safe_line("".join(every_character()))
    assert not find_obeyed() & set(shown)
    assert len(shown.splitlines()) == 1


def test_each_escape_names_its_character():
    """What was replaced can be read back, so that a hidden character is found and not only disarmed."""
    for character in find_obeyed():
        shown = safe_line(character)
        assert shown in ("\\n", "\\t") or chr(int(shown[2:], base=16)) == character  # noqa: FURB166 - `\\x`, not `0x`


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("", ""),
        ("plain", "plain"),
        ("caf\u00e9 \u6d4b\u8bd5 \U0001f600", "caf\u00e9 \u6d4b\u8bd5 \U0001f600"),
        ("\x1b]0;title\x07", "\\x1b]0;title\\x07"),
        ("\x9b2J", "\\x9b2J"),
        ("a\r\nb", "a\\x0d\\nb"),
        ("\ud800", "\\ud800"),
        ("\u202eevil", "\\u202eevil"),
    ],
)
def test_what_a_terminal_would_obey_is_shown_instead(text, shown):
    """Sequences that retitle, clear or turn are text; letters of any script stay as they are."""
    assert safe_line(text) == shown


def test_safe_json_has_the_same_value():
    """Escapes of JSON stand for the same characters, and none that a terminal obeys is left."""
    text = "".join(character for character in every_character() if not "\ud800" <= character <= "\udfff")
    shown = safe_json(json.dumps(text, ensure_ascii=False))
    assert json.loads(shown) == text
    assert not find_obeyed() & set(shown)
