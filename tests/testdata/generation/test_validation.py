"""Validation says no to whatever is wrong, and where: nothing slips through, and nothing right is refused."""

import copy
from datetime import UTC, datetime

import pytest
from examples import examples
from hypothesis import given, settings
from hypothesis import strategies as st
from pytest_insight.testdata.generation import DatabaseTestDataGenerator, UnknownEntityError, UnknownEntityWarning

GENERATOR = DatabaseTestDataGenerator(seed=5, provider="mimesis")
USERS = GENERATOR.generate_realistic_user_data(6, cache_key="validation")
ORDERS = GENERATOR.generate_related_data("order", USERS, 2)
DAMAGE = {
    "user": [
        ("schema", lambda user: user.pop("email")),
        ("schema", lambda user: user.update(username="")),
        ("schema", lambda user: user.update(age="old")),
        ("schema", lambda user: user.update(is_active="yes")),
        ("schema", lambda user: user["address"].pop("city")),
        ("schema", lambda user: user.update(created_at="yesterday")),
        ("age_of_birth_date", lambda user: user.update(age=user["age"] + 1)),
        ("age_of_birth_date", lambda user: user.update(birth_date="2001-02-30")),
        ("email_of_username", lambda user: user.update(username="someone.else")),
        ("email_reserved", lambda user: user.update(email=user["username"] + "@gmail.com")),
        ("email_reserved", lambda user: user.update(email=user["username"] + "@example.com.evil.io")),
        ("phone_reserved", lambda user: user.update(phone="+1-212-736-5000")),
        ("full_name_of_names", lambda user: user.update(full_name="Somebody Else")),
        ("created_after_birth", lambda user: user.update(created_at="1890-01-01T00:00:00Z")),
        ("login_after_created", lambda user: user.update(last_login_at="1999-01-01T00:00:00Z")),
    ],
    "order": [
        ("schema", lambda order: order.pop("total_cents")),
        ("schema", lambda order: order.update(status="lost")),
        ("schema", lambda order: order["items"][0].update(quantity=0)),
        ("totals_add_up", lambda order: order.update(total_cents=order["total_cents"] + 1)),
        ("totals_add_up", lambda order: order.update(subtotal_cents=order["subtotal_cents"] - 1)),
        ("totals_add_up", lambda order: order["items"][0].update(quantity=order["items"][0]["quantity"] + 1)),
        ("totals_add_up", lambda order: order["items"].append(order["items"][0])),
        ("parent", lambda order: order.update(user_id="nobody")),
    ],
}
CASES = [(entity, rule, harm) for entity, cases in DAMAGE.items() for rule, harm in cases]


@pytest.mark.parametrize(("entity", "rule", "harm"), CASES)
@pytest.mark.parametrize("place", [0, -1])
def test_every_kind_of_harm_is_found_where_it_was_done(entity, rule, harm, place):
    """One record harmed in one way: validation fails, and the only problems are that rule's, at that record."""
    records = copy.deepcopy(USERS if entity == "user" else ORDERS)
    assert GENERATOR.validate_generated_data(records, entity)
    harm(records[place])
    assert not GENERATOR.validate_generated_data(records, entity)
    problems = GENERATOR.explain_validation(records, entity)
    assert rule in {problem.rule for problem in problems}
    index = place % len(records)
    assert {problem.path.partition("]")[0] for problem in problems} == {f"$[{index}"}
    assert all(problem.message for problem in problems)


@settings(max_examples=examples(60))
@given(st.integers(0, 5), st.integers(0, 5), st.sampled_from(["id", "username", "email"]))
def test_two_records_must_not_share_what_is_unique(one, other, field):
    """A value that stands twice is reported at the second place, with the first."""
    records = copy.deepcopy(USERS)
    records[other][field] = records[one][field]
    problems = GENERATOR.explain_validation(records, "user")
    first, second = sorted((one, other))
    found = [(problem.path, problem.message) for problem in problems if problem.rule == "unique"]
    if one == other:
        assert problems == []
    else:
        assert [path for path, _ in found] == [f"$[{second}].{field}"]
        assert f"$[{first}]" in found[0][1]


@settings(max_examples=examples(60))
@given(
    st.recursive(
        st.none() | st.booleans() | st.integers() | st.text(), lambda x: st.lists(x) | st.dictionaries(st.text(), x)
    )
)
def test_anything_may_be_asked_about(value):
    """Whatever the data is, the answer is True or False, and False has an explanation."""
    for entity in ("user", "order", "review"):
        verdict = GENERATOR.validate_generated_data(value, entity)
        assert verdict is (GENERATOR.explain_validation(value, entity) == [])
        assert verdict is (value == [])


def test_nothing_is_well_and_one_record_needs_no_list():
    """An empty list is valid; a record alone is reported without an index."""
    assert GENERATOR.validate_generated_data([], "user")
    assert GENERATOR.validate_generated_data(USERS[0], "user")
    [problem] = GENERATOR.explain_validation({**USERS[0], "age": -1}, "user")
    assert (problem.path, problem.rule) == ("$.age", "schema")


def test_an_unknown_entity_is_not_well():
    """False with a warning, an error if strict, and explained."""
    with pytest.warns(UnknownEntityWarning, match="'starship'"):
        assert GENERATOR.validate_generated_data([{"id": 1}], "starship") is False
    with pytest.raises(UnknownEntityError, match="'starship'"):
        GENERATOR.validate_generated_data([], "starship", strict=True)
    assert [problem.rule for problem in GENERATOR.explain_validation([], "starship")] == ["entity"]


def test_a_parent_exists_if_it_was_generated_or_is_shown():
    """Of the right type: an order's parent is a user, not a product that happens to have the id."""
    other = DatabaseTestDataGenerator(seed=5, provider="mimesis")
    assert {problem.rule for problem in other.explain_validation(ORDERS, "order")} == {"parent"}
    assert other.validate_generated_data(ORDERS, "order", parents=USERS)
    [product] = other.generate_data("product")
    [order] = copy.deepcopy(ORDERS[:1])
    order["user_id"] = product["id"]
    assert not other.validate_generated_data(order, "order")


def test_ages_are_judged_at_the_time_of_the_generator():
    """Who was made for another day is of another age."""
    later = DatabaseTestDataGenerator(seed=5, as_of=datetime(2036, 1, 1, tzinfo=UTC))
    assert {problem.rule for problem in later.explain_validation(USERS, "user")} == {"age_of_birth_date"}


def test_rules_of_ones_own_may_answer_in_three_ways():
    """None and True are well; False gets a message made for it, a text is the message."""
    generator = DatabaseTestDataGenerator()
    generator.register_entity(
        "box",
        schema={"required": ["size"]},
        rules={
            "positive": lambda box: box["size"] > 0,
            "small": lambda box: None if box["size"] < 10 else f"{box['size']} does not fit",
        },
    )
    assert generator.validate_generated_data({"size": 5}, "box")
    assert [(p.rule, p.message) for p in generator.explain_validation({"size": 0}, "box")] == [
        ("positive", "positive does not hold")
    ]
    assert [p.message for p in generator.explain_validation([{"size": 50}], "box")] == ["50 does not fit"]
    assert [p.rule for p in generator.explain_validation({}, "box")] == ["schema"]


def test_a_rule_with_a_fault_is_not_taken_for_an_answer():
    """Its exception comes out, with the rule and the place."""
    generator = DatabaseTestDataGenerator()
    generator.register_entity("box", rules={"broken": lambda box: box["missing"]})
    with pytest.raises(KeyError) as caught:
        generator.validate_generated_data([{}, {}], "box")
    assert caught.value.__notes__ == ["in the rule 'broken', asked about $[0]"]
