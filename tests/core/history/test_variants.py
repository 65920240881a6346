"""Variants: what a session was run under, how it is written, and what tells it from others."""

import pytest
from pytest_insight.core.history.variants import (
    differing_text,
    is_of_variant,
    parse_variant,
    system_name,
    variant_of,
    variant_text,
)


@pytest.mark.parametrize(
    ("header", "variant"),
    [
        ({}, ()),
        ({"python": "3.11.7"}, (("python", "3.11"),)),
        ({"python": "3"}, (("python", "3"),)),
        ({"testing_system": {"platform": "linux"}}, (("os", "Linux"),)),
        ({"testing_system": {"platform": "win32"}, "python": "3.13.0rc1"}, (("os", "Windows"), ("python", "3.13"))),
        ({"testing_system": "laptop", "python": None}, ()),
        ({"variant": {}, "python": "3.11.7"}, (("python", "3.11"),)),
        ({"variant": {"tox": "py311", "db": 5}, "python": "3.11.7"}, (("db", "5"), ("tox", "py311"))),
        ({"variant": ["tox"], "python": "3.11.7"}, (("python", "3.11"),)),
    ],
)
def test_a_variant_is_what_was_recorded_else_python_and_system(header, variant):
    """In order of the names, as text; what is no mapping was not recorded as a variant."""
    assert variant_of(header) == variant


@pytest.mark.parametrize(
    ("platform", "name"),
    [
        ("linux", "Linux"),
        ("linux2", "Linux"),
        ("Linux-6.1-x86_64", "Linux"),
        ("darwin", "Darwin"),
        ("win32", "Windows"),
        ("Windows-11", "Windows"),
        ("cygwin", "Cygwin"),
        ("freebsd14", "freebsd14"),
        ("", ""),
    ],
)
def test_operating_systems_have_one_name_however_they_are_written(platform, name):
    """One that is not in the table keeps its first word."""
    assert system_name(platform) == name


def test_of_variants_only_what_differs_is_told():
    """All of it if nothing tells it from the others."""
    old, new = (("os", "Linux"), ("python", "3.11")), (("os", "Linux"), ("python", "3.13"))
    assert variant_text(old) == "os=Linux python=3.11"
    assert differing_text(old, [old, new]) == "python=3.11"
    assert differing_text(old, [old, (("python", "3.11"),)]) == "os=Linux"
    assert differing_text(old, [old]) == variant_text(old)
    assert variant_text(()) == differing_text((), [()]) == ""


@pytest.mark.parametrize(
    ("wanted", "fits"), [((), True), ((("a", "1"),), True), ((("a", "1"), ("b", "2")), True), ((("a", "2"),), False)]
)
def test_a_variant_fits_if_it_has_all_that_is_wanted(wanted, fits):
    """More than what is wanted is no obstacle; one other value is."""
    assert is_of_variant((("a", "1"), ("b", "2"), ("c", "3")), wanted) is fits


@pytest.mark.parametrize(("text", "pair"), [("python=3.13", ("python", "3.13")), (" a = b=c ", ("a", "b=c"))])
def test_a_variant_is_written_as_name_and_value(text, pair):
    """The first equals sign divides them."""
    assert parse_variant(text) == pair


@pytest.mark.parametrize("text", ["python", "=3.13", "python=", " = ", ""])
def test_another_text_is_refused_as_a_variant(text):
    """The message shows how it is written."""
    with pytest.raises(ValueError, match="KEY=VALUE"):
        parse_variant(text)
