"""Plain values of reports that other plugins may have changed."""

import json
import math
from fractions import Fraction

import pytest
from builders import Raises, make_report
from hypothesis import given
from hypothesis import strategies as st
from pytest_insight.plugin.attempts.values import duration_us, plain_properties, properties_of, sections_of, text_of


class Loud(str):
    """A text that raises when it is written out as one."""

    __slots__ = ()

    def encode(self, *args):
        """Raise."""
        raise RuntimeError


ANYTHING = st.one_of(
    st.none(), st.booleans(), st.integers(), st.floats(), st.text(st.characters(exclude_categories=())), st.binary(),
    st.sampled_from([Raises(), Loud("x"), object(), {1: 2}, [Raises()], (1, 2, 3)]),
)  # fmt: skip


@pytest.mark.parametrize(
    ("duration", "expected"),
    [
        (0.0, (0, False)),
        (1.5, (1_500_000, False)),
        (2, (2_000_000, False)),
        (0.0000004, (0, False)),
        (0.0000006, (1, False)),
        (-0.1, (0, True)),
        (Fraction(2**53 - 1, 10**6), (2**53 - 1, False)),
        (Fraction(2**53, 10**6), (0, True)),
        (1e300, (0, True)),
        (math.nan, (0, True)),
        (math.inf, (0, True)),
        ("1", (0, True)),
        (None, (0, True)),
        (Raises(), (0, True)),
    ],
)
def test_a_duration_is_a_whole_number_of_microseconds_or_lost(duration, expected):
    """What is no finite, non-negative number is 0, and said to be lost."""
    assert duration_us(make_report(duration=duration)) == expected


@pytest.mark.parametrize(
    ("value", "text", "lossy"),
    [
        ("a\u2028b", "a\u2028b", False),
        ("\ud800", "\\ud800", True),
        (b"\xffa", "\\xffa", True),
        (b"a", "a", True),
        (7, "7", False),
        (None, "None", False),
    ],
)
def test_a_text_is_that_of_the_value(value, text, lossy):
    """Bytes are decoded, and said to have been bytes; a lone surrogate is escaped."""
    assert text_of(value) == (text, lossy)


@pytest.mark.parametrize("cls", [Loud, Raises])
def test_a_value_without_a_text_is_named_by_its_type(cls):
    """In angle brackets, with the module, since only that tells which plugin it is of."""
    assert text_of(cls()) == (f"<{cls.__module__}.{cls.__qualname__}>", True)


@given(ANYTHING)
def test_every_text_can_be_written(value):
    """Whatever a plugin gives: the text is valid Unicode, and no error comes out."""
    text, _ = text_of(value)
    assert text.encode().decode() == text
    assert type(text) is str


@given(st.one_of(ANYTHING, st.lists(st.one_of(ANYTHING, st.tuples(ANYTHING, ANYTHING)))))
def test_sections_and_properties_are_pairs_that_can_be_written(given_value):
    """Each of both is a list of pairs with a text as the name, and its values are plain JSON data."""
    report = make_report(sections=given_value, user_properties=given_value)
    for found, lossy in (sections_of(report), properties_of(report)):
        assert all(type(name) is str for name, _ in found)
        assert type(lossy) is bool
        assert json.dumps(found, allow_nan=False).isascii()


@pytest.mark.parametrize(
    ("sections", "found", "lossy"),
    [
        ([("Captured stdout call", "x"), ["a", "b"]], [("Captured stdout call", "x"), ("a", "b")], False),
        ([("only one",), ("a", "b", "c"), "ab", ("k", "v")], [("k", "v")], True),
        ([(1, 2)], [("1", "2")], False),
        (None, [], False),
        ("text", [], True),
        ([("a", b"x")], [("a", "x")], True),
    ],
)
def test_what_is_no_pair_is_no_section(sections, found, lossy):
    """It is left out and said to be lost; the other sections are kept."""
    assert sections_of(make_report(sections=sections)) == (found, lossy)


@pytest.mark.parametrize(
    ("properties", "found", "lossy"),
    [
        ([("a", 1), ["b", [2]]], [("a", 1), ("b", [2])], False),
        ({"a": 1}, [("a", 1)], True),
        ([("a", 1, 2)], [("", ["a", 1, 2])], True),
        ("text", [("", "text")], True),
        (None, [], False),
        (7, [("", 7)], True),
        ([(1, "x")], [("1", "x")], False),
        ([("a", math.nan)], [("a", {"$float": "nan"})], False),
    ],
)
def test_what_is_no_pair_is_a_property_without_a_name(properties, found, lossy):
    """The value is kept, since the user recorded it on purpose."""
    assert plain_properties(properties) == (found, lossy)


def test_a_container_that_raises_is_named_by_its_type():
    """Only this property has no value; the next is whole."""

    class Broken(dict):
        def items(self):
            raise RuntimeError

    (first, second), lossy = plain_properties([("a", Broken(x=1)), ("b", 2)])
    assert first[0] == "a"
    assert first[1]["type"].endswith("Broken")
    assert second == ("b", 2)
    assert lossy
