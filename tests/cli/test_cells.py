"""Columns of single characters, against rich, which counts by tables of its own."""

import unicodedata

import pytest
from pytest_insight.cli.terminal.cells import columns_of
from rich.cells import cell_len

ASSIGNED_LATER = ("Cn", "Co")
"""Categories of characters that have no meaning, or none that all agree on."""


@pytest.mark.parametrize("character", ["\u0378", "\u0e5c", "\u05ff", "\U000e1000"])
def test_a_character_without_a_meaning_takes_one_column(character):
    """Python 3.11 calls each of them full width, which would cut texts that fit."""
    assert unicodedata.category(character) in ASSIGNED_LATER
    assert columns_of(character) == cell_len(character) == 1


@pytest.mark.parametrize("character", ["在", "東", "\uff21", "\U0001f600", "\uac00"])
def test_wide_characters_take_two_columns(character):
    """Of Chinese, Japanese and Korean, the full width forms and emoji."""
    assert columns_of(character) == cell_len(character) == 2


def test_letters_of_alphabets_are_counted_as_rich_counts_them():
    """Every letter, digit and sign below the ideographs that stands for itself: no table of ours is behind the other."""
    kinds = {"Lu", "Ll", "Lt", "Nd", "Sc", "Sm", "Pd", "Ps", "Pe"}
    characters = [chr(code) for code in range(0xA0, 0x1100) if unicodedata.category(chr(code)) in kinds]
    assert len(characters) > 1000
    assert [ascii(one) for one in characters if columns_of(one) != cell_len(one)] == []
