"""Rules of generated data: names, ages, totals and times, each against a slow look at the same facts."""

import re
from datetime import UTC, date, datetime, timedelta
from random import Random
from types import SimpleNamespace

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pytest_insight.testdata.generation.entities import Draft, EntitySpec, base36, batch_token, iso, parse_iso, spec_of
from pytest_insight.testdata.generation.errors import GenerationError
from pytest_insight.testdata.generation.making.builtin import age_at, builtin_entities
from pytest_insight.testdata.generation.making.kinds import DOMAINS, KINDS, PHONE, RESERVED_EMAIL, mail_name, slug
from pytest_insight.testdata.generation.making.maker import AS_OF_DEFAULT, Call, Maker, child_of, moment_of

NOW = datetime(2026, 1, 1, tzinfo=UTC)


@pytest.mark.parametrize(
    ("text", "plain"),
    [
        ("Müller", "muller"), ("Straße", "strasse"), ("Ødegård", "odegard"), ("Łódź", "lodz"), ("Æsir", "aesir"),
        ("Đặng", "dang"), ("Þór", "thor"), ("Ðuro", "duro"), ("Œuvre", "oeuvre"), ("GROẞ", "gross"), ("O'Neil-Smith 3", "oneilsmith3"), ("ığdır", "igdir"), ("李", "x"), ("", "x"), ("--", "x"),
    ],
)  # fmt: skip
def test_a_name_becomes_letters_and_digits_of_ascii(text, plain):
    """Accents go, letters without one are written out; a name of another script leaves a placeholder."""
    assert slug(text) == plain


@given(st.text(max_size=12))
def test_every_name_makes_a_valid_part_of_a_mail_address(text):
    """At a reserved domain, so that nothing is ever sent to a person."""
    for name in (mail_name(text), mail_name(slug(text))):
        assert RESERVED_EMAIL.fullmatch(f"{name}@example.com")
        assert not name.startswith(".")
        assert not name.endswith(".")


@pytest.mark.parametrize(
    ("address", "reserved"),
    [
        ("a@example.com", True), ("a.b@mail.example.org", True), ("a@shop.test", True), ("a@x.invalid", True),
        ("a@gmail.com", False), ("a@example.com.evil.com", False), ("a@myexample.com", False), ("@example.com", False),
        ("a b@example.com", False), ("a@test", False),
    ],
)  # fmt: skip
def test_only_reserved_domains_are_safe(address, reserved):
    """Those of RFC 2606, and names below them."""
    assert bool(RESERVED_EMAIL.fullmatch(address)) is reserved


def slow_age(born, day):
    """Count the birthdays, one day after another: the 29th of February has one only in leap years, else on 1 March."""
    years = 0
    while True:
        year = born.year + years + 1
        try:
            birthday = born.replace(year=year)
        except ValueError:
            birthday = date(year, 3, 1)
        if birthday > day:
            return years
        years += 1


@given(st.dates(date(1900, 1, 1), date(2020, 1, 1)), st.integers(0, 100 * 366))
def test_an_age_is_the_number_of_birthdays(born, days):
    """On the day itself and the days around it."""
    day = min(born + timedelta(days=days), date(2100, 12, 31))
    assert age_at(born, day) == slow_age(born, day)


def draft_of(fields=None, *, identity=7 << 128, index=0, **more):
    """A draft of an entity with these fields."""
    provider = SimpleNamespace(random=Random(), words={"word": lambda: "w"})
    spec = EntitySpec(entity_type="x", fields=fields or {})
    return Draft(spec, provider, KINDS, as_of=NOW, identity=identity, batch="12345678", index=index, **more)


@pytest.mark.parametrize("kind", KINDS)
def test_every_kind_belongs_to_nobody(kind):
    """Addresses, numbers and networks are from ranges for examples, and times are not after now."""
    value = str(draft_of().make(kind))
    for address in re.findall(r"\S+@\S+", value):
        assert RESERVED_EMAIL.fullmatch(address)
    for host in re.findall(r"https://([^/]+)/", value):
        assert host in DOMAINS
    if kind == "phone":
        assert PHONE.fullmatch(value)
    if kind == "ip_address":
        assert re.fullmatch(r"(192\.0\.2|198\.51\.100|203\.0\.113)\.\d+", value)
    if kind in ("date", "datetime", "birth_date"):
        assert value <= iso(NOW)


def test_the_same_identity_makes_the_same_values():
    """And another one others; each kind by itself."""
    values = lambda identity: [draft_of(identity=identity).make(kind) for kind in KINDS]
    assert values(7 << 128) == values(7 << 128)
    assert values(7 << 128) != values(8 << 128)


def test_fields_may_use_each_other_in_any_order_but_not_in_a_circle():
    """Each is made once; a circle is named."""
    made = []
    fields = {"a": lambda draft: made.append("a") or draft["b"] + 1, "b": lambda draft: made.append("b") or 1}
    assert draft_of(fields).record() == {"a": 2, "b": 1}
    assert made == ["a", "b"]
    circle = {"a": lambda draft: draft["b"], "b": lambda draft: draft["c"], "c": lambda draft: draft["a"]}
    with pytest.raises(GenerationError, match="a -> b -> c -> a"):
        draft_of(circle)["a"]
    with pytest.raises(KeyError, match="no field 'z'; there are a, b"):
        draft_of(fields)["z"]


def test_a_value_is_a_given_field_one_of_the_entity_or_of_a_kind():
    """The same each time; an unknown kind is an error that lists all."""
    draft = draft_of({"a": lambda draft: 1}, given={"b": 2})
    assert [draft.value(name) for name in ("a", "b", "word")] == [1, 2, "w"]
    assert draft.value("integer") == draft.value("integer")
    with pytest.raises(GenerationError, match=r"no kind 'nothing' of value; there are .*word"):
        draft.value("nothing")


@given(st.integers(0, 10**40))
def test_a_number_in_base_36_is_that_number(number):
    """As Python reads it."""
    assert int(base36(number), 36) == number
    assert base36(number) == base36(number).lower()


@given(st.lists(st.text(max_size=3), max_size=3), st.integers(0, 5), st.integers(0, 5))
def test_tokens_of_a_batch_have_one_length_and_differ(parts, first, second):
    """The batch by its parts, the record by its number."""
    assert re.fullmatch("[0-9a-z]{8}", batch_token(*parts))
    assert (draft_of(index=first).token == draft_of(index=second).token) == (first == second)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("2026-01-01T00:00:00Z", NOW), ("2026-01-01T01:00:00+01:00", NOW), ("2026-01-01T00:00:00", None), ("x", None),
        (None, None), (7, None), ("2026-13-01T00:00:00Z", None),
    ],
)  # fmt: skip
def test_a_time_of_a_record_has_an_offset(text, expected):
    """Any other value has no time."""
    assert parse_iso(text) == expected


@pytest.mark.parametrize(
    ("as_of", "expected"),
    [
        (None, AS_OF_DEFAULT),
        ("2026-03-01", datetime(2026, 3, 1, tzinfo=UTC)),
        (date(2026, 3, 1), datetime(2026, 3, 1, tzinfo=UTC)),
        ("2026-03-01T12:00:00.5+02:00", datetime(2026, 3, 1, 10, tzinfo=UTC)),
        (datetime(2026, 3, 1, 12, 0, 0, 9, tzinfo=UTC), datetime(2026, 3, 1, 12, tzinfo=UTC)),
        ("2026-03-01T12:00:00", ValueError),
        (datetime(2026, 3, 1), ValueError),
        ("tomorrow", ValueError),
    ],
)
def test_now_is_a_moment_in_utc_to_the_second(as_of, expected):
    """A day is its first moment; a time without an offset is refused."""
    if expected is ValueError:
        with pytest.raises(ValueError):
            moment_of(as_of)
    else:
        assert moment_of(as_of) == expected


@given(st.integers(-400, 400))
def test_a_child_is_dated_after_its_parent_and_not_in_the_future_unless_the_parent_is(days):
    """Also the child of a parent that is later than now."""
    made = NOW + timedelta(days=days)
    child = draft_of(parent={"created_at": iso(made)}).after_parent()
    assert made <= child <= max(NOW, made + timedelta(days=1))
    orphan = draft_of().after_parent(timedelta(days=3))
    assert NOW - timedelta(days=3) <= orphan <= NOW


BUILTIN = builtin_entities(NOW)
ITEM = {"sku": "s", "quantity": 2, "unit_price_cents": 5, "total_cents": 10}
ORDER = {"items": [ITEM], "subtotal_cents": 10, "tax_cents": 1, "total_cents": 11}
USER = {"username": "ann", "email": "ann@example.com"}
WRONG = [
    ("order", "totals_add_up", ORDER, None),
    ("order", "totals_add_up", ORDER | {"items": []} | {"subtotal_cents": 0, "total_cents": 1}, None),
    ("order", "totals_add_up", ORDER | {"items": [ITEM | {"total_cents": 11}]}, r"items\[0\]: 2 x 5 is not 11"),
    ("order", "totals_add_up", ORDER | {"subtotal_cents": 9}, "the sum of the items is 10"),
    ("order", "totals_add_up", ORDER | {"total_cents": 10}, "10 and tax 1 is not 10"),
    ("user", "email_of_username", USER, None),
    ("user", "email_of_username", USER | {"username": "bob"}, "of 'ann', the user is 'bob'"),
    ("user", "email_reserved", USER | {"email": "ann@gmail.com"}, "may be a real address"),
    ("user", "phone_reserved", USER, None),
    ("user", "phone_reserved", USER | {"phone": "+1-212-555-0199"}, None),
    ("user", "phone_reserved", USER | {"phone": "+1-212-555-0200"}, "may be a real number"),
    ("user", "full_name_of_names", {"full_name": "A B", "first_name": "A", "last_name": "B"}, None),
    ("user", "full_name_of_names", {"full_name": "A C", "first_name": "A", "last_name": "B"}, "is not 'A B'"),
    ("user", "full_name_of_names", {"full_name": "A C"}, None),
    ("user", "age_of_birth_date", {"age": 26, "birth_date": "2000-01-01"}, None),
    ("user", "age_of_birth_date", {"age": 26, "birth_date": "2000-01-02"}, "is 25, not 26"),
    ("user", "age_of_birth_date", {"age": 26, "birth_date": "x"}, "is not a day"),
    ("user", "age_of_birth_date", {"age": 26}, None),
    ("user", "created_after_birth", {"birth_date": "2000-01-01", "created_at": "2000-01-02T00:00:00Z"}, None),
    (
        "user",
        "created_after_birth",
        {"birth_date": "2000-01-01", "created_at": "2000-01-01T23:00:00Z"},
        "before the birth",
    ),
    ("user", "login_after_created", {"created_at": iso(NOW), "last_login_at": iso(NOW)}, None),
    ("user", "login_after_created", {"created_at": iso(NOW), "last_login_at": "2025-12-31T23:59:59Z"}, "is before"),
    ("user", "login_after_created", {"created_at": iso(NOW), "last_login_at": None}, None),
]


@pytest.mark.parametrize(("entity", "rule", "record", "message"), WRONG)
def test_a_rule_across_fields_holds_or_says_why_not(entity, rule, record, message):
    """A record without the fields of a rule does not break it."""
    verdict = BUILTIN[entity].rules[rule](record)
    assert verdict is None if message is None else re.search(message, verdict)


def test_every_rule_is_in_the_table_above():
    """So that a new one is added to it."""
    assert {(entity, rule) for entity, rule, _, _ in WRONG} == {
        (name, rule) for name, spec in BUILTIN.items() for rule in spec.rules
    }


def test_the_definition_of_an_entity_is_known_by_its_digest():
    """Of version, schema, kinds and parents; a function has none, so its version is given by hand."""
    describe = lambda **more: spec_of(
        **{"entity_type": "x", "schema": None, "fields": {"a": "word"}, "relations": "user", "rules": None, "unique": "id",
           "version": "1"} | more
    )  # fmt: skip
    plain = describe()
    assert (plain.relations, plain.unique, plain.schema) == ({"user": "user_id"}, ("id",), {"type": "object"})
    assert describe(relations=["user"]).digest == describe(relations={"user": "user_id"}).digest == plain.digest
    changes = [
        {"version": "2"},
        {"fields": {"a": "job"}},
        {"relations": {"user": "owner"}},
        {"schema": {"type": "array"}},
    ]
    assert len({describe(**change).digest for change in changes} | {plain.digest}) == 5
    assert plain.parent_field("user") == "user_id"
    assert plain.parent_field("shop") == "shop_id"


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"fields": {"a": 7}}, "field 'a'"),
        ({"rules": {"r": 7}}, "rule 'r'"),
        ({"schema": {"a": object()}}, r"schema\.a"),
    ],
)
def test_a_wrong_definition_is_refused_by_its_place(change, message):
    """Before any record is made of it."""
    given_fields = {
        "entity_type": "x",
        "schema": None,
        "fields": None,
        "relations": None,
        "rules": None,
        "unique": "id",
        "version": "1",
    }
    with pytest.raises(TypeError, match=message):
        spec_of(**given_fields | change)


def test_the_id_of_a_parent_is_behind_the_own_id():
    """It replaces a field of that name, and a record without an id begins with it."""
    assert list(child_of({"id": 1, "a": 2, "user_id": 0}, "user_id", 9).items()) == [
        ("id", 1),
        ("user_id", 9),
        ("a", 2),
    ]
    assert child_of({"a": 2}, "user_id", 9) == {"user_id": 9, "a": 2}


def test_a_record_depends_on_the_call_and_its_number_alone():
    """However many are made at once, and from which number on."""
    provider = lambda locale: SimpleNamespace(name="own", version="1", random=Random(), words={"word": lambda: "w"})
    maker = Maker("seed", "en_US", NOW, provider)
    tokens = lambda first, count, name="n": [
        (draft.uuid, draft.token, draft.make("integer")) for draft in maker.drafts(None, Call("x", name), first, count)
    ]
    assert tokens(0, 6) == tokens(0, 2) + tokens(2, 4)
    assert not set(tokens(0, 6)) & set(tokens(0, 6, "other"))
    assert (
        maker.record_id("a") != maker.record_id("a", "b") != Maker("other", "en_US", NOW, provider).record_id("a", "b")
    )
