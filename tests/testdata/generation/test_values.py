"""Values of generated data: what JSON carries unchanged, whose value a name gets, and the number of a call."""

import json
import math
from types import SimpleNamespace

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pytest_insight.eventlog.journal import Entry
from pytest_insight.testdata.generation.core import checked_count
from pytest_insight.testdata.generation.errors import GenerationError, TemplateVariableError
from pytest_insight.testdata.generation.jsonvalues import DEPTH_MAX, INT_MAX, INT_MIN, decode, encode, json_copy
from pytest_insight.testdata.generation.log import recorder as recorder_module
from pytest_insight.testdata.generation.log.events import DataGenerated, DataPart
from pytest_insight.testdata.generation.log.known_ids import KnownIds
from pytest_insight.testdata.generation.log.recorder import _events
from pytest_insight.testdata.generation.log.state import GenerationState, UsedKey
from pytest_insight.testdata.generation.scopes import Scopes, current_worker, fixture_scope
from pytest_insight.testdata.generation.templates.variables import call_values, given_values, sort_names


class Text(str):
    __slots__ = ()


class Number(int):
    pass


JSON = st.recursive(
    st.one_of(
        st.none(), st.booleans(), st.integers(INT_MIN, INT_MAX), st.floats(allow_nan=False, allow_infinity=False),
        st.text(st.characters(codec="utf-8")),
    ),
    lambda inner: st.one_of(st.lists(inner, max_size=3), st.dictionaries(st.text(st.characters(codec="utf-8")), inner, max_size=3)),
    max_leaves=8,
)  # fmt: skip


@given(JSON)
def test_a_copy_is_equal_and_comes_back_from_json(value):
    """As the standard library reads it, with the same types; a change of the copy changes nothing else."""
    copy = json_copy(value)
    assert copy == value
    assert json.loads(encode(copy)) == decode(encode(copy)) == value
    if isinstance(value, (list, dict)):
        assert copy is not value


@pytest.mark.parametrize(
    ("value", "plain"), [((1, (2,)), [1, [2]]), (Text("a"), "a"), (Number(3), 3), ({Text("k"): Number(1)}, {"k": 1})]
)
def test_subclasses_become_their_base(value, plain):
    """Exactly, since encoders look at types."""
    copy = json_copy(value)
    assert (copy, type(copy)) == (plain, type(plain))
    assert encode(copy) == encode(plain)


def nested(depth):
    """Lists within each other."""
    value = []
    for _ in range(depth - 1):
        value = [value]
    return value


@pytest.mark.parametrize(
    ("value", "where"),
    [
        ({"a": [{1}]}, r"\$\.a\[0\]: set is not JSON"),
        ({"a": b"x"}, r"\$\.a: bytes is not JSON"),
        ({1: 2}, r"\$: the key 1 is of type int"),
        ([math.nan], r"\$\[0\]: nan is not JSON"),
        ([math.inf], r"\$\[0\]: inf is not JSON"),
        ([INT_MAX + 1], "does not fit into 64 bits"),
        ([INT_MIN - 1], "does not fit into 64 bits"),
        (["a\ud800"], "a lone surrogate at character 1"),
        ({"\ud800": 1}, "a lone surrogate at character 0"),
        (nested(DEPTH_MAX + 1), f"nested deeper than {DEPTH_MAX} levels"),
    ],
)
def test_what_json_would_change_is_refused_with_its_path(value, where):
    """Recorded data must be read back equal."""
    with pytest.raises(TypeError, match=where):
        json_copy(value)


def test_values_at_the_limits_are_accepted():
    """The deepest list and the longest numbers."""
    assert json_copy(nested(DEPTH_MAX)) == nested(DEPTH_MAX)
    assert json_copy([INT_MIN, INT_MAX]) == [INT_MIN, INT_MAX]


@pytest.mark.parametrize("count", [-1, 1.0, "1", None, True])
def test_a_number_of_records_is_a_whole_number_from_0(count):
    """True is a number to Python, and here a mistake."""
    with pytest.raises(GenerationError, match="is not an integer from 0"):
        checked_count(count)
    assert checked_count(0) == 0


NAMES = [  # wanted, given, fields, makes: given, from the call, made
    ((), {}, (), "", ({}, (), ())),
    (("a", "index"), {"a": 1}, (), "", ({"a": 1}, ("index",), ())),
    (("a", "index", "b"), {"index": 5}, (), "ab", ({"index": 5}, (), ("a", "b"))),
    (("a",), {"first": 1}, ("first",), "a", ({"first": 1}, (), ("a",))),
    (("seq", "worker", "a"), {}, (), "a", ({}, ("seq", "worker"), ("a",))),
]


@pytest.mark.parametrize(("wanted", "context", "fields", "makes", "expected"), NAMES)
def test_a_name_gets_its_value_from_the_caller_the_call_or_the_entity(wanted, context, fields, makes, expected):
    """In this order; a given field of the entity shapes the others."""
    assert tuple(sort_names(wanted, context, fields, lambda name: name in makes)) == expected


@pytest.mark.parametrize(
    ("wanted", "context", "names"),
    [(("a",), {"b": 1, "c": 2}, ("b", "c")), (("a", "b"), {}, ("a", "b")), ((), {"a": 1}, ("a",))],
)
def test_names_without_a_value_and_values_without_a_name_are_all_listed(wanted, context, names):
    """A typing error is found at once."""
    with pytest.raises(TemplateVariableError) as error:
        sort_names(wanted, context, (), lambda name: False)
    assert error.value.names == names


@pytest.mark.parametrize(
    ("value", "columns"),
    [
        (7, [7, 7]), ("ab", ["ab", "ab"]), ({"x": 1}, [{"x": 1}] * 2), ([1, 2, 3], [1, 2]), (iter("xyz"), ["x", "y"]),
        (lambda index: index * 10, [0, 10]), ((1, 2), [1, 2]), (None, [None, None]), (range(5), [0, 1]),
    ],
)  # fmt: skip
def test_a_given_value_is_for_all_or_one_for_each(value, columns):
    """Lists and iterators give one to each record, a function gets its number, anything else is the same for all."""
    assert given_values({"a": value}, 2) == [{"a": column} for column in columns]


def test_too_few_values_are_named_with_their_number():
    """Before a record is made; bytes and sets are no JSON, whatever their number."""
    with pytest.raises(TemplateVariableError, match=r"fewer values than the 3 records: a \(2\), c \(0\)"):
        given_values({"a": [1, 2], "b": 1, "c": []}, 3)
    with pytest.raises(TypeError, match="a set has no order"):
        given_values({"a": {1}}, 1)
    with pytest.raises(TypeError, match="bytes"):
        given_values({"a": b"x"}, 1)


def test_values_of_a_call_count_from_0_in_it_and_from_1_in_the_test(monkeypatch):
    """The worker is that of xdist."""
    monkeypatch.setenv("PYTEST_XDIST_WORKER", "gw2")
    assert call_values(("index", "seq", "worker"), 3, 10) == {"index": 3, "seq": 14, "worker": "gw2"}
    monkeypatch.delenv("PYTEST_XDIST_WORKER")
    assert current_worker() == "main"


def test_each_scope_counts_for_itself(monkeypatch):
    """Tests, named blocks and shared fixtures, and each generator; an earlier phase is another attempt of the test."""
    scopes, other = Scopes(), Scopes()
    run = lambda phase, test="t::a": monkeypatch.setenv("PYTEST_CURRENT_TEST", f"{test} ({phase})")
    run("setup")
    assert [scopes.take("user"), scopes.take("user", 2), scopes.take("order")] == [
        ("test:t::a", 0),
        ("test:t::a", 1),
        ("test:t::a", 0),
    ]
    run("call")
    assert scopes.take("user") == ("test:t::a", 3)
    assert other.take("user") == ("test:t::a", 0)
    run("setup")
    assert scopes.take("user") == ("test:t::a", 0)
    run("setup", "t::b")
    assert scopes.take("user") == ("test:t::b", 0)
    with scopes.named("one"), scopes.named("two"):
        assert scopes.take("user") == ("scope:one\x1ftwo", 0)
        assert scopes.take("user") == ("scope:one\x1ftwo", 1)
    assert scopes.take("user") == ("test:t::b", 1)


@pytest.mark.parametrize(("scope", "expected"), [("function", "test:t::a"), ("module", "scope:fixture:t:team[1]")])
def test_a_shared_fixture_has_a_scope_of_its_own(monkeypatch, scope, expected):
    """Whichever test asks for it first, and within whatever block; one of a single test counts for the test."""
    monkeypatch.setenv("PYTEST_CURRENT_TEST", "t::a (setup)")
    definition = SimpleNamespace(scope=scope, argname="team")
    request = SimpleNamespace(node=SimpleNamespace(nodeid="t"), param_index=1)
    scopes = Scopes()
    with fixture_scope(definition, request):
        assert scopes.take("user")[0] == expected


def fold(events):
    """The state of generated data after these events."""
    state = GenerationState()
    for position, event in enumerate(events):
        state.apply(Entry(position, "", position, 0, event))
    return state


@given(
    st.lists(st.text("ab\U0001f600", max_size=30), max_size=6), st.integers(8, 40), st.integers(1, 9), st.integers(0, 3)
)
def test_values_of_any_size_come_back_from_their_events(texts, limit, piece, first):
    """Many in one event, a long one in parts; numbered from the first."""
    values = [encode(text) for text in texts]
    earlier = [encode("x")] * first
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(recorder_module, "_VALUES_BYTES_MAX", limit)
        patch.setattr(recorder_module, "_PIECE_CHARS", piece)
        head = DataGenerated(record="r", entity_type="user", key="k")
        events = [
            *_events(head, earlier),
            *_events(DataGenerated(record="r", entity_type="user", key="k", first=first), values),
        ]
    for event in events:
        if isinstance(event, DataPart):
            assert len(event.text) <= piece
        else:
            assert sum(len(bytes(value)) for value in event.values) <= limit or len(event.values) == 1
    state = fold(events)
    assert (state.records["r"].values if events else []) == earlier + values
    assert dict(state.keys) == ({UsedKey("user", "k"): first + len(values)} if events else {})


@pytest.mark.parametrize("missing", range(3))
def test_a_long_value_with_a_missing_part_does_not_count(missing):
    """And what comes after it does not take its place."""
    parts = [DataPart(record="r", index=0, part=part, text="x", last=part == 2) for part in range(3)]
    del parts[missing]
    later = DataGenerated(record="r", entity_type="user", first=1, values=[encode(1)])
    assert fold([DataGenerated(record="r", entity_type="user"), *parts, later]).records["r"].values == []


class Recorder:
    """A recorder whose state is given."""

    def __init__(self, *events):
        self.events = events

    def state(self):
        """Return the state."""
        return fold(self.events)


def test_an_id_is_known_by_its_value_and_not_by_its_text():
    """1 and "1" are two ids; those of this process come before those of the log, which is read when it is needed."""
    values = [encode({"id": 1}), encode({"id": "2"}), encode([3]), encode({"no": "id"})]
    ids = KnownIds(Recorder(DataGenerated(record="r", entity_type="order", values=values)))
    assert [ids.type_of(own_id) for own_id in (1, "1", "2", 3)] == ["order", None, "order", None]
    ids.remember("user", [{"id": 1}, {"name": "x"}, "text", {"id": None}])
    assert ids.type_of(1) == "user"
    exists = ids.parent_check([{"id": 9}, {}])
    assert [exists("user", 1), exists("order", 1), exists("shop", 9), exists("user", 8)] == [True, False, True, False]
