"""The forms of secrets: one entry has the pattern, its hint and an example, which fit together."""

import re

import pytest
from pytest_insight.plugin.redaction import redactor
from pytest_insight.plugin.redaction.redactor import REPLACEMENT, Redactor
from pytest_insight.plugin.redaction.shapes import SHAPES

IDS = [f"{number}-{shape.hint}" for number, shape in enumerate(SHAPES)]


@pytest.mark.parametrize("shape", SHAPES, ids=IDS)
def test_a_match_contains_the_hint(shape):
    """Without its hint in lower case, the pattern would never be tried."""
    match = re.search(shape.pattern, shape.example)
    assert match is not None
    around = shape.example[max(match.start() - 40, 0) : match.end()]
    assert shape.hint == shape.hint.lower()
    assert shape.hint in around.lower()


@pytest.mark.parametrize("shape", SHAPES, ids=IDS)
def test_the_example_is_replaced_in_a_text(shape):
    """The whole redactor, not only the pattern, finds the example between other words."""
    text = f"before {shape.example} after"
    assert REPLACEMENT in Redactor()(text)


def test_the_redactor_knows_no_form_outside_the_table():
    """There is no second list of hints: the redactor pairs each entry with the characters of its own hint."""
    assert [shape for shape, _ in redactor._SHAPES] == list(SHAPES)
    assert all(needed == frozenset(shape.hint) for shape, needed in redactor._SHAPES)
