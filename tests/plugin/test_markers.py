"""Names of markers and tags of a test, as pytest's own items give them."""

from types import SimpleNamespace

import pytest
from pytest_insight.plugin.attempts.markers import MarkerReader


def item_with(*marks):
    """A test with these markers, the closest first, as `iter_markers` has them."""
    return SimpleNamespace(iter_markers=lambda: iter([mark.mark for mark in marks]))


def tag(*args, **kwargs):
    """The marker that gives a tag."""
    return getattr(pytest.mark, "insight_tag")(*args, **kwargs)  # noqa: B009 - not registered in this project


slow, db = (SimpleNamespace(mark=pytest.Mark(name, (), {}, _ispytest=True)) for name in ("slow", "db"))
SILENT = (pytest.mark.parametrize("x", [1]), pytest.mark.usefixtures("x"), pytest.mark.filterwarnings("error"))


@pytest.fixture(autouse=True)
def known_marker(pytestconfig):
    """The marker is registered by the plugin, in every run that has it installed."""
    pytestconfig.addinivalue_line("markers", "insight_tag(name, value): record a tag")


@pytest.mark.parametrize(
    ("marks", "expected"),
    [
        ((), None),
        (SILENT, None),
        ((slow, db), (["slow", "db"], {})),
        ((slow, *SILENT, slow), (["slow"], {})),
        ((tag("team", "a"),), ([], {"team": "a"})),
        ((tag("team", value="a"), slow), (["slow"], {"team": "a"})),
        ((tag(name="team", value="a"),), ([], {"team": "a"})),
        ((tag("team"),), ([], {"team": ""})),
        ((tag(),), ([], {"": ""})),
        ((tag("level", 3),), ([], {"level": "3"})),
        ((tag("team", "a", "more"),), ([], {"team": "a"})),
    ],
)
def test_names_in_their_order_and_tags_by_name(marks, expected):
    """Each name once; markers that only say how a test runs are left out; a test with neither has None."""
    assert MarkerReader().read(item_with(*marks)) == expected


def test_the_tag_that_is_closest_to_the_test_counts():
    """A module may set a team for all its tests, and one test another."""
    marks = (tag("team", "of the test"), tag("team", "of the module"), tag("area", "of the module"))
    assert MarkerReader().read(item_with(*marks)) == ([], {"team": "of the test", "area": "of the module"})
