"""Templates: what `${name}` becomes, what is refused, and that nothing is lost or changed on the way."""

import itertools
import json
import uuid

import pytest
from examples import examples
from hypothesis import example, given, settings
from hypothesis import strategies as st
from pytest_insight.testdata.generation import (
    DatabaseTestDataGenerator,
    DataTemplate,
    TemplateSyntaxError,
    TemplateVariableError,
    UnknownTemplateError,
    escape,
)
from pytest_insight.testdata.generation.templates.template import render, variables_of

TEXT = st.text(st.characters(exclude_categories=["Cs"]), max_size=30)
SCALARS = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(-(2**63), 2**64 - 1),
    st.floats(allow_nan=False, allow_infinity=False),
    TEXT,
)
JSON = st.recursive(
    SCALARS, lambda inner: st.lists(inner, max_size=4) | st.dictionaries(TEXT, inner, max_size=4), max_leaves=12
)
NAMES = st.from_regex(r"[A-Za-z_][A-Za-z0-9_]{0,8}", fullmatch=True).filter(lambda name: name not in ARGUMENTS)
ARGUMENTS = ("template_id", "count", "self")


def same(one, other):
    """Equal in value and in type, all the way down; `1 == True == 1.0` does not count."""
    return json.dumps(one) == json.dumps(other) and type(one) is type(other)


@pytest.fixture(scope="module")
def generator():
    """A generator with nothing special."""
    return DatabaseTestDataGenerator(seed=1)


def made(generator, data, count=1, /, entity="thing", **context):
    """What a template gives."""
    return generator.generate_from_template(generator.create_data_template("t", data, entity), count, **context)


@given(JSON)
def test_a_lone_variable_keeps_the_type_of_its_value(generator, value):
    """A string that is only `${x}` becomes the value itself, whatever JSON it is."""
    [record] = made(generator, {"field": "${x}"}, x=lambda _: value)
    assert same(record["field"], value)


@given(JSON)
def test_escaped_text_comes_out_as_it_was(generator, value):
    """`escape` protects every string, so a template made of any data renders to that data."""

    def protected(data):
        if isinstance(data, str):
            return escape(data)
        if isinstance(data, list):
            return [protected(item) for item in data]
        if isinstance(data, dict):
            return {escape(key): protected(item) for key, item in data.items()}
        return data

    [record] = made(generator, protected(value))
    assert same(record, value)


@given(st.lists(st.tuples(TEXT, NAMES), max_size=5), TEXT, st.data())
@example([("$", "x")], "$", None)
def test_text_and_values_take_turns(pieces, tail, data):
    """A string of texts and variables becomes the texts with the values between them, as plain joining says."""
    values = {name: (data.draw(TEXT) if data else "v") for _, name in pieces}
    source = "".join(escape(text) + "${" + name + "}" for text, name in pieces if not text.endswith("$")) + escape(tail)
    kept = [(text, name) for text, name in pieces if not text.endswith("$")]
    expected = "".join(text + values[name] for text, name in kept) + tail
    assert list(variables_of(source)) == [name for _, name in kept]
    assert render(source, values) == expected


@given(TEXT)
def test_a_string_without_a_variable_is_left_alone_or_refused(text):
    """Other dollar signs mean nothing; what begins like a variable and is none is an error, never left in the data."""
    try:
        template = DataTemplate.define("t", text, "thing")
    except TemplateSyntaxError:
        assert "${" in text
        return
    if not template.variables:
        assert template.render({}) == text.replace("$${", "${")


@given(JSON, TEXT.filter(bool), TEXT.filter(bool))
def test_the_id_follows_from_the_definition(data, name, entity):
    """The same definition has the same id in any process; another name, entity or content has another."""
    content = json.loads(json.dumps(data).replace("${", "$ {"))
    template = DataTemplate.define(name, content, entity)
    assert DataTemplate.define(name, json.loads(json.dumps(content)), entity).id == template.id
    others = [
        DataTemplate.define(name + "x", content, entity),
        DataTemplate.define(name, [content], entity),
        DataTemplate.define(name, content, entity + "x"),
    ]
    assert template.id not in {other.id for other in others}


@pytest.mark.parametrize(
    ("value", "text"), [(True, "true"), (None, "null"), (1.5, "1.5"), (7, "7"), ([1, "a"], '[1,"a"]'), ("s", "s")]
)
def test_within_text_a_value_is_written_as_json(generator, value, text):
    """Only a lone variable keeps its type; within a longer string a value that is no string is JSON."""
    assert made(generator, "<${x}>", x=lambda _: value) == [f"<{text}>"]


def test_variables_stand_in_keys_and_at_any_depth(generator):
    """Nothing that looks like a variable is left unreplaced, wherever it stands."""
    data = {"a": [{"b-${x}": ["${x}", {"c": "${x}!"}]}], "n": 1, "t": True, "f": 0.5, "z": None}
    assert made(generator, data, x="v") == [
        {"a": [{"b-v": ["v", {"c": "v!"}]}], "n": 1, "t": True, "f": 0.5, "z": None}
    ]


def test_keys_that_become_the_same_are_refused(generator):
    """Two fields must not quietly become one."""
    with pytest.raises(TemplateSyntaxError, match="two keys became 'same'"):
        made(generator, {"${a}": 1, "${b}": 2}, a="same", b="same")


@pytest.mark.parametrize("text", ["${", "a ${b", "${}", "${1x}", "${a b}", "${a.b}", "$$${x} ${"])
def test_a_variable_that_cannot_be_read_is_refused_when_it_is_defined(generator, text):
    """The error comes with the definition, and says where."""
    with pytest.raises(TemplateSyntaxError, match=r"template_data\.a\[1\]"):
        generator.create_data_template("t", {"a": [1, text]}, "thing")


def test_names_of_arguments_are_refused(generator):
    """No value could ever be given for `${count}`."""
    with pytest.raises(TemplateSyntaxError, match="argument of generate_from_template"):
        generator.create_data_template("t", "${count}", "thing")


@pytest.mark.parametrize(
    ("value", "where"),
    [
        ({"a": [1, object()]}, r"template_data\.a\[1\]: object"),
        ({"a": {2: 3}}, r"template_data\.a: the key 2"),
        ({"a": float("nan")}, r"template_data\.a: nan"),
        ({"a": 2**64}, r"template_data\.a: .* 64 bits"),
        ({"a": "\ud800"}, r"template_data\.a: a lone surrogate"),
        ({"a": b"x"}, r"template_data\.a: bytes"),
    ],
)
def test_what_json_has_no_words_for_is_refused_by_its_place(generator, value, where):
    """What would be lost or changed in the log is an error that names the path."""
    with pytest.raises(TypeError, match=where):
        generator.create_data_template("t", value, "thing")
    with pytest.raises(TypeError, match=where.replace("template_data", "x")):
        made(generator, "${x}", x=value)


def test_data_that_holds_itself_is_refused(generator):
    """A cycle is an error, not an endless loop."""
    loop = []
    loop.append(loop)
    with pytest.raises(TypeError, match="holding itself"):
        generator.create_data_template("t", loop, "thing")


def test_a_template_longer_than_a_line_is_refused(generator):
    """It says so when it is defined, with or without a log to keep it in."""
    with pytest.raises(TemplateSyntaxError, match="split the template"):
        generator.create_data_template("t", "x" * 200_000, "thing")


def test_scalars_are_for_all_lists_and_iterators_give_one_each_functions_get_the_index(generator):
    """The four ways to give values, in one call."""
    data = {"s": "${s}", "l": "${l}", "i": "${i}", "f": "${f}", "d": "${d}"}
    records = made(generator, data, 3, s="same", l=[1, 2, 3, 4], i=itertools.count(10), f=lambda i: i * i, d={"k": 1})
    assert records == [
        {"s": "same", "l": index + 1, "i": index + 10, "f": index**2, "d": {"k": 1}} for index in range(3)
    ]
    records[0]["d"]["k"] = 2
    assert records[1]["d"] == {"k": 1}


def test_an_iterator_gives_no_more_than_is_needed(generator):
    """What is left of it is for the next call."""
    numbers = iter(range(5))
    assert made(generator, "${n}", 2, n=numbers) == [0, 1]
    assert made(generator, "${n}", 3, n=numbers) == [2, 3, 4]


def test_too_few_values_are_an_error_that_names_all(generator):
    """Nobody gets a shorter list, or a value twice."""
    with pytest.raises(TemplateVariableError, match=r"fewer values than the 3 records: a \(2\), b \(0\)") as caught:
        made(generator, "${a}${b}${c}", 3, a=[1, 2], b=[], c="c")
    assert caught.value.names == ("a", "b")


def test_a_set_is_refused(generator):
    """Its order differs from process to process."""
    with pytest.raises(TypeError, match="a set has no order"):
        made(generator, "${a}", 2, a={"x", "y"})


def test_missing_names_are_all_listed(generator):
    """One error says everything that is missing, and how to give it."""
    with pytest.raises(TemplateVariableError, match="no value for alpha, beta") as caught:
        made(generator, {"a": "${alpha}", "b": "${beta}", "c": "${gamma}"}, gamma=1)
    assert caught.value.names == ("alpha", "beta")


def test_values_without_a_name_are_refused(generator):
    """A misspelt name must not be replaced by something made up."""
    with pytest.raises(TemplateVariableError, match=r"no \$\{usrname\} in the template; its names: username"):
        made(generator, {"username": "${username}"}, entity="user", usrname="john")


def test_missing_names_of_an_entity_are_of_one_person(generator):
    """The names that get no value are fields of one consistent record."""
    data = {"first": "${first_name}", "user": "${username}", "mail": "<${email}>", "age": "${age}"}
    for record in made(generator, data, 20, entity="user"):
        assert record["user"].startswith("".join(filter(str.isascii, record["first"].lower().replace(" ", ""))))
        local, _, domain = record["mail"].strip("<>").partition("@")
        assert local == record["user"]
        assert domain in {"example.com", "example.org", "example.net"}
        assert 18 <= record["age"] <= 90


def test_a_value_for_a_field_shapes_those_made_of_it(generator):
    """A mail address follows the username that was given, or the names, even if they are not in the template."""
    assert made(generator, "${email}", entity="user", username="ann.lee")[0].startswith("ann.lee@example.")
    assert made(generator, "${username}", entity="user", first_name="Zoë", last_name="O'Hara")[0].startswith(
        "zoe.ohara."
    )


def test_kinds_stand_in_where_there_is_no_field(generator):
    """An entity that nobody described still has cities and prices."""
    [record] = made(generator, {"city": "${city}", "price": "${price_cents}", "who": "${company}"})
    assert isinstance(record["price"], int)
    assert record["city"]
    assert record["who"]


def test_index_begins_anew_and_seq_goes_on():
    """`${index}` counts within a call from 0, `${seq}` through all calls of the same test or scope from 1."""
    generator = DatabaseTestDataGenerator()
    with generator.scope("s"):
        assert made(generator, ["${index}", "${seq}"], 2) == [[0, 1], [1, 2]]
        assert made(generator, ["${index}", "${seq}"], 2) == [[0, 3], [1, 4]]
    with generator.scope("s"):
        assert made(generator, ["${index}", "${seq}"]) == [[0, 1]]


def test_uuids_differ_and_are_uuids(generator):
    """Each record of each call has its own."""
    found = [item for _ in range(3) for item in made(generator, "${uuid}", 50)]
    assert len(set(found)) == 150
    assert {uuid.UUID(item).version for item in found} == {4}


def test_the_worker_is_named(generator, monkeypatch):
    """`${worker}` is the xdist worker, or main."""
    monkeypatch.delenv("PYTEST_XDIST_WORKER", raising=False)
    assert made(generator, "db_${worker}") == ["db_main"]
    monkeypatch.setenv("PYTEST_XDIST_WORKER", "gw3")
    assert made(generator, "db_${worker}") == ["db_gw3"]


def test_a_value_of_ones_own_takes_the_place_of_a_built_in(generator):
    """Whoever gives an index gets that one."""
    assert made(generator, ["${index}", "${uuid}"], 2, index=[7, 8], uuid="mine") == [[7, "mine"], [8, "mine"]]


def test_templates_are_found_by_id_and_by_name():
    """A name means what was last defined under it; every version stays under its id."""
    generator = DatabaseTestDataGenerator()
    first = generator.create_data_template("greeting", "hi ${x}", "thing")
    second = generator.create_data_template("greeting", "hello ${x}", "thing")
    assert first == generator.create_data_template("greeting", "hi ${x}", "thing")
    assert generator.template_versions("greeting") == [first, second]
    assert generator.generate_from_template("greeting", x=1) == ["hi 1"]
    assert generator.generate_from_template(second, x=1) == ["hello 1"]
    assert generator.get_template(second).name == "greeting"
    with pytest.raises(UnknownTemplateError, match=r"no template 'other'.*greeting"):
        generator.generate_from_template("other")


def test_the_result_is_a_list_whatever_the_count(generator):
    """None for 0, one in a list for 1."""
    assert made(generator, "x", 0) == []
    assert made(generator, "x") == ["x"]
    for wrong in (-1, 1.0, True, "2", None):
        with pytest.raises(ValueError, match="is not an integer from 0"):
            made(generator, "x", wrong)


@settings(max_examples=examples(30))
@given(st.lists(NAMES, min_size=1, max_size=5, unique=True), st.integers(0, 5), st.data())
def test_every_variable_gets_its_own_value_for_every_record(generator, names, count, data):
    """Whatever the names and values, record i holds value i of each."""
    columns = {name: data.draw(st.lists(JSON, min_size=count, max_size=count)) for name in names}
    records = made(generator, {"fields": [f"${{{name}}}" for name in names]}, count, **columns)
    assert same(records, [{"fields": [columns[name][index] for name in names]} for index in range(count)])
