"""Shapes of `--json` that follow from classes: the same fields, under the names and types that are printed."""

import json
from dataclasses import dataclass
from typing import NamedTuple

import msgspec
import pytest
from pytest_insight.cli.formatters.data import data_of, json_text
from pytest_insight.cli.shapes.base import Shape, Utc, UtcOrEmpty, derived, schema_of
from pytest_insight.cli.shapes.table import OUTPUTS


class Seen(NamedTuple):
    """A run of a test."""

    session: str
    started_us: int


@dataclass(frozen=True)
class Answer:
    """An answer as a question of the analysis gives it.

    More about it, which is not for the schema.
    """

    nodeid: str
    first_us: int
    last_at: str
    runs: tuple[Seen, ...]
    before: Seen | None
    counts: dict[str, int]
    hidden: str = ""


class Packed(msgspec.Struct):
    """A Struct is an answer as well."""

    at_us: int
    answers: list[Answer]


SEEN = Seen("s1", 1_700_000_000_000_000)
ANSWER = Answer("t.py::a", 1_700_000_000_000_000, "2026-11-28T12:00:00Z", (SEEN, SEEN), None, {"passed": 3})


def test_a_derived_shape_has_the_fields_that_are_printed():
    """Times in microseconds become times in UTC, and what a command leaves out is not in it."""
    shape = derived(Answer, "hidden")
    assert shape.__struct_fields__ == ("nodeid", "first_at", "last_at", "runs", "before", "counts")
    types = {field.name: field.type for field in msgspec.structs.fields(shape)}
    assert (types["first_at"], types["last_at"], types["nodeid"]) == (Utc, UtcOrEmpty, str)
    assert types["runs"] == tuple[derived(Seen), ...]
    assert types["before"] == derived(Seen) | None


def test_the_shape_of_one_answer_is_one_class():
    """However often it is asked for: a schema names each class once."""
    assert derived(Answer) is derived(Answer)
    assert derived(Answer) is not derived(Answer, "hidden")


@pytest.mark.parametrize("answer", [ANSWER, SEEN, Answer("", 0, "", (), SEEN, {})])
def test_what_is_printed_fits_the_shape(answer):
    """Read back strictly, no field is missing and none is unknown."""
    text = json_text(data_of(answer))
    read = msgspec.json.decode(text, type=derived(type(answer)))
    assert json.loads(msgspec.json.encode(read)) == json.loads(text)


@pytest.mark.parametrize(
    "change",
    [
        lambda data: data | {"more": 1},
        lambda data: {name: value for name, value in data.items() if name != "nodeid"},
        lambda data: data | {"first_at": "2026-11-28 12:00:00"},
        lambda data: data | {"first_at": 1_700_000_000_000_000},
        lambda data: data | {"last_at": "yesterday"},
        lambda data: data | {"runs": [{"session": "s1"}]},
        lambda data: data | {"counts": {"passed": "3"}},
    ],
)
def test_what_is_not_printed_does_not_fit(change):
    """An unknown field, a missing one, a local time, a number for a time, an empty run, a text for a count."""
    text = json.dumps(change(data_of(ANSWER)))
    with pytest.raises(msgspec.ValidationError):
        msgspec.json.decode(text, type=derived(Answer))


def test_a_schema_says_what_it_is_the_output_of_and_closes_its_objects():
    """Each object that is named is defined, with the summary of its class and no further fields."""
    schema = schema_of(list[derived(Answer)], "insight x")
    assert (schema["title"], schema["type"]) == ("insight x", "array")
    assert set(schema["$defs"]) == {"Answer", "Seen"}
    for definition in schema["$defs"].values():
        assert definition["additionalProperties"] is False
    assert schema["$defs"]["Answer"]["description"] == "An answer as a question of the analysis gives it."
    text = json.dumps(schema)
    assert all(f'"#/$defs/{name}"' in text for name in schema["$defs"])


def test_structs_and_what_they_are_made_of_are_derived_as_well():
    """Down to the last list."""
    shape = derived(Packed)
    assert shape.__struct_fields__ == ("at_at", "answers")
    assert issubclass(shape, Shape)


@pytest.mark.parametrize("name", sorted(OUTPUTS.keys() - {"tail"}))
def test_the_schema_of_each_command_describes_every_object(name):
    """No object is open, and no reference leads nowhere; events, which `tail` prints, may have fields of later releases."""
    schema = schema_of(OUTPUTS[name].shape, f"insight {name}")
    for part in [schema, *schema.get("$defs", {}).values()]:
        if part.get("type") == "object" and "properties" in part:
            assert part["additionalProperties"] is False
    named = {part.partition('"')[0] for part in json.dumps(schema).split('"#/$defs/')[1:]}
    assert named == set(schema.get("$defs", {})) - (
        {schema["$ref"].rpartition("/")[2]} - named if "$ref" in schema else set()
    )


@pytest.mark.parametrize(
    "value", ["caf\u00e9", "\U0001f600", "\x9b2J", "\u202e", "\ud800", "a\nb", '"', None, 1.5, [], {}]
)
def test_json_is_ascii_whatever_it_holds(value):
    """It is the same bytes in every encoding of the output, and no terminal obeys any of it."""
    text = json_text({"value": value})
    assert text.isascii()
    assert text.isprintable()
    assert json.loads(text) == {"value": value}
