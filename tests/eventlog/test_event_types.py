"""A new event type is one class in `SESSION_EVENTS`; each test names the place that is missing."""

import inspect
import re
from pathlib import Path

import pytest
from pytest_insight.cli.formatters.sessions.session_notes import SHOWN
from pytest_insight.eventlog import events
from pytest_insight.eventlog.events import SESSION_EVENTS, Event

ROOT = Path(__file__).parent.parent.parent
TAGS = [cls.__struct_config__.tag for cls in SESSION_EVENTS]

IGNORED_BY_THE_FOLD: set[str] = set()
"""Types that no view needs; they are carried and counted."""

NOT_RENDERED = {"tests.announced", "test.started", "output.recorded"}
"""Types of which `insight tail` prints no line of their own; the first two are printed while a test runs too long."""


def test_every_class_is_registered():
    """Each event class of the module is in `SESSION_EVENTS`, once, with a tag of its own."""
    classes = [
        cls for _, cls in inspect.getmembers(events, inspect.isclass) if issubclass(cls, Event) and cls is not Event
    ]
    assert set(classes) == set(SESSION_EVENTS)
    assert len(set(TAGS)) == len(TAGS) == len(classes)


@pytest.mark.parametrize("tag", TAGS)
def test_every_type_is_folded_or_listed_as_ignored(tag):
    """The fold names the type, so that no event is lost to the views by omission."""
    folded = any(f'{tag}"' in path.read_text() for path in (ROOT / "projections").rglob("*.py"))
    assert folded != (tag in IGNORED_BY_THE_FOLD)


@pytest.mark.parametrize("tag", TAGS)
def test_every_type_is_described_for_both_views(tag):
    """`insight session show` and `insight tail` say how they show it."""
    assert all(SHOWN[tag])


@pytest.mark.parametrize("cls", SESSION_EVENTS, ids=TAGS)
def test_every_type_is_rendered_or_listed_as_silent(cls):
    """`insight tail` has a case for the type."""
    source = (ROOT / "cli" / "formatters" / "event_lines.py").read_text()
    rendered = re.search(rf"case [^\n]*\b{cls.__name__}\(", source) is not None
    assert rendered or cls.__struct_config__.tag in NOT_RENDERED


@pytest.mark.parametrize("tag", TAGS)
def test_every_type_is_documented(tag):
    """The pages on the format and on the commands have it."""
    assert f"#### `{tag}`" in (ROOT / "docs" / "format.md").read_text()
    assert f"| `{tag}` |" in (ROOT / "docs" / "cli.md").read_text()
