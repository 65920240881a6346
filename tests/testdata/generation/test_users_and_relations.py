"""Realistic data agrees with itself, belongs to nobody, and is told apart by construction."""

import ipaddress
import re
import string
from datetime import UTC, date, datetime, timedelta
from uuid import UUID

import pytest
from examples import examples
from hypothesis import given, settings
from hypothesis import strategies as st
from pytest_insight.testdata.generation import DatabaseTestDataGenerator, GenerationError, UnknownEntityError

PROVIDERS = ["faker", "mimesis"]
OWNED_BY_NOBODY = re.compile(r"[a-z0-9.]+@example\.(com|org|net)")
FICTION = re.compile(r"\+1-\d{3}-555-01\d\d")
TIME = "%Y-%m-%dT%H:%M:%SZ"


@pytest.fixture(scope="module", params=PROVIDERS)
def generator(request):
    """A generator with each of the providers."""
    return DatabaseTestDataGenerator(seed=1, provider=request.param)


def when(text):
    """The time a record holds, read without the code under test."""
    return datetime.strptime(text, TIME).replace(tzinfo=UTC)


def years_between(born, day):
    """How many birthdays there were, counted one by one."""
    birthdays = 0
    for year in range(born.year + 1, day.year + 1):
        month, number = (3, 1) if (born.month, born.day) == (2, 29) and year % 4 else (born.month, born.day)
        birthdays += date(year, month, number) <= day
    return birthdays


@pytest.mark.parametrize(
    "as_of", ["2024-02-29", "2025-02-28", "2026-01-01T00:00:00+00:00", datetime(2030, 7, 1, tzinfo=UTC)]
)
@pytest.mark.parametrize("provider", PROVIDERS)
def test_the_fields_of_a_user_agree(provider, as_of):
    """Mail address and username are of the name, the age is of the day of birth, nothing happened before its time."""
    generator = DatabaseTestDataGenerator(seed=3, as_of=as_of, provider=provider)
    for user in generator.generate_realistic_user_data(300):
        assert user["full_name"] == f"{user['first_name']} {user['last_name']}"
        assert user["email"].partition("@")[0] == user["username"]
        letters = [letter for letter in user["first_name"].lower() if letter in string.ascii_lowercase]
        assert user["username"].startswith("".join(letters))
        born = date.fromisoformat(user["birth_date"])
        assert user["age"] == years_between(born, generator.as_of.date())
        assert 18 <= user["age"] <= 90
        assert born < when(user["created_at"]).date() <= generator.as_of.date()
        login = user["last_login_at"]
        assert login is None or when(user["created_at"]) <= when(login) <= generator.as_of
        assert UUID(user["id"]).version == 4


def test_nothing_reaches_anybody(generator):
    """Mail, telephone, web and network addresses are of ranges reserved for examples, and so are those of templates."""
    for user in generator.generate_realistic_user_data(500):
        assert OWNED_BY_NOBODY.fullmatch(user["email"])
        assert FICTION.fullmatch(user["phone"])
    data = {"mail": "${email}", "phone": "${phone}", "url": "${url}", "ip": "${ip_address}", "domain": "${domain}"}
    template = generator.create_data_template("contacts", data, "nothing described")
    networks = [ipaddress.ip_network(name) for name in ("192.0.2.0/24", "198.51.100.0/24", "203.0.113.0/24")]
    for contact in generator.generate_from_template(template, 300):
        assert OWNED_BY_NOBODY.fullmatch(contact["mail"])
        assert FICTION.fullmatch(contact["phone"])
        assert re.fullmatch(r"https://example\.(com|org|net)/\w+", contact["url"])
        assert contact["domain"] in {"example.com", "example.org", "example.net"}
        assert any(ipaddress.ip_address(contact["ip"]) in network for network in networks)


def test_no_two_users_are_the_same(generator):
    """Id, username and mail address differ within a call, between calls, tests and keys."""
    users = generator.generate_realistic_user_data(2000)
    users += [user for _ in range(20) for user in generator.generate_realistic_user_data(5)]
    users += [user for key in range(50) for user in generator.generate_realistic_user_data(5, cache_key=f"key {key}")]
    with generator.scope("elsewhere"):
        users += generator.generate_realistic_user_data(100)
    for field in ("id", "username", "email"):
        assert len({user[field] for user in users}) == len(users)


@pytest.mark.parametrize("locale", ["de_DE", "fr_FR", "ja_JP", "pl_PL", "en_GB"])
@pytest.mark.parametrize("provider", PROVIDERS)
def test_other_languages_give_plain_mail_addresses(provider, locale):
    """Names may be in any script; what stands for them in an address is ASCII, and still one of a kind."""
    generator = DatabaseTestDataGenerator(locale=locale, provider=provider)
    users = generator.generate_realistic_user_data(50)
    assert all(OWNED_BY_NOBODY.fullmatch(user["email"]) for user in users)
    assert len({user["email"] for user in users}) == 50
    assert generator.explain_validation(users, "user") == []
    assert {user["address"]["country"] for user in users} == {locale[-2:]}


@pytest.mark.filterwarnings("ignore:.*locale is deprecated")
def test_every_language_of_the_libraries_will_do():
    """Users, what belongs to them and every kind of word can be made, and are valid, in each locale there is."""
    import mimesis
    from faker.config import AVAILABLE_LOCALES

    locales = [("faker", name) for name in sorted(AVAILABLE_LOCALES)]
    locales += [("mimesis", locale.value) for locale in mimesis.Locale]
    assert len(locales) > 100
    words = ["company", "job", "word", "color", "street", "city", "sentence"]
    for provider, locale in locales:
        generator = DatabaseTestDataGenerator(provider=provider, locale=locale)
        users = generator.generate_realistic_user_data(5)
        orders = generator.generate_related_data("order", users)
        products = generator.generate_data("product", 2)
        template = generator.create_data_template("words", {word: f"${{{word}}}" for word in words}, "nothing")
        assert all(generator.generate_from_template(template)[0].values()), (provider, locale)
        for entity, records in (("user", users), ("order", orders), ("product", products)):
            assert generator.explain_validation(records, entity) == [], (provider, locale)


def test_the_people_of_faker_are_as_frequent_as_faker_says():
    """Drawing names from sums made once gives the very names that Faker itself draws."""
    from random import Random

    from faker.factory import Factory
    from pytest_insight.testdata.generation.providers import FakerProvider

    ours = FakerProvider("en_US")
    plain = Factory.create("en_US")
    plain.random = Random()
    for seed in range(300):
        ours.random.seed(seed)
        plain.random.seed(seed)
        got = ours.words["first_name"](), ours.words["last_name"](), ours.words["city"]()
        assert got == (plain.first_name(), plain.last_name(), plain.city())


def test_a_setting_that_is_none_is_refused():
    """Errors say what there is instead."""
    with pytest.raises(ValueError, match="no provider 'fakir'; there are faker, mimesis"):
        DatabaseTestDataGenerator(provider="fakir")
    with pytest.raises(ValueError, match="has no timezone"):
        DatabaseTestDataGenerator(as_of=datetime(2026, 1, 1))
    with pytest.raises(ValueError, match="Invalid isoformat"):
        DatabaseTestDataGenerator(as_of="yesterday")
    with pytest.raises(ValueError, match="cache_ttl"):
        DatabaseTestDataGenerator(cache_ttl=-1)
    for provider in PROVIDERS:
        with pytest.raises(ValueError, match="no locale 'xx_XX'"):
            DatabaseTestDataGenerator(locale="xx_XX", provider=provider).generate_realistic_user_data()


# ------------------------------------------------------------------ what belongs to them


def test_orders_follow_their_parents(generator):
    """They come in the order of the parents, name them, are dated after them, and their totals add up."""
    users = generator.generate_realistic_user_data(40)
    orders = generator.generate_related_data("order", users, 3)
    assert [order["user_id"] for order in orders] == [user["id"] for user in users for _ in range(3)]
    created = {user["id"]: when(user["created_at"]) for user in users}
    for order in orders:
        assert created[order["user_id"]] <= when(order["created_at"]) <= generator.as_of
        assert order["items"]
        assert order["subtotal_cents"] == sum(item["quantity"] * item["unit_price_cents"] for item in order["items"])
        assert order["total_cents"] == order["subtotal_cents"] + order["tax_cents"]
    assert len({order["id"] for order in orders}) == 120


def test_chains_hold_together(generator):
    """A payment is of the amount of its order, and after it; a review names what it is of."""
    users = generator.generate_realistic_user_data(5)
    orders = generator.generate_related_data("order", users, 2)
    payments = generator.generate_related_data("payment", orders)
    for order, payment in zip(orders, payments, strict=True):
        assert payment["order_id"] == order["id"]
        assert payment["amount_cents"] == order["total_cents"]
        assert when(payment["created_at"]) >= when(order["created_at"])
    products = generator.generate_data("product", 3)
    assert [review["product_id"] for review in generator.generate_related_data("review", products)] == [
        product["id"] for product in products
    ]
    assert "user_id" in generator.generate_related_data("review", users)[0]


@settings(max_examples=examples(25))
@given(
    st.lists(st.one_of(st.integers(1, 2**63), st.text(string.ascii_letters, min_size=1)), max_size=6, unique=True),
    st.integers(0, 4),
)
def test_parents_of_ones_own_are_as_good(ids, count):
    """Parents that were not generated here need an id, of any kind; equal parents still get children of their own."""
    generator = DatabaseTestDataGenerator(provider="mimesis")
    parents = [{"id": own_id} for own_id in ids] * 2
    orders = generator.generate_related_data("order", parents, count)
    assert [order["user_id"] for order in orders] == [own_id for own_id in ids * 2 for _ in range(count)]
    assert len({order["id"] for order in orders}) == len(orders)
    assert generator.validate_generated_data(orders, "order", parents=parents)


def test_children_of_a_parent_from_the_future_are_later_still(generator):
    """Dated after the parent comes before dated before now."""
    later = generator.as_of + timedelta(days=400)
    [order] = generator.generate_related_data("order", {"id": 1, "created_at": f"{later:{TIME}}"})
    assert when(order["created_at"]) >= later


def test_what_cannot_be_related_is_an_error(generator):
    """A parent without id, an unknown entity, a parent of whom nobody can say what it is."""
    with pytest.raises(GenerationError, match=r"parent_data\[1\] has no id"):
        generator.generate_related_data("order", [{"id": 1}, {"name": "x"}])
    with pytest.raises(UnknownEntityError, match="no entity 'starship'; register_entity"):
        generator.generate_related_data("starship", [{"id": 1}])
    with pytest.raises(GenerationError, match="user, product; pass parent_type="):
        generator.generate_related_data("review", [{"id": "nobody's"}])
    assert generator.generate_related_data("order", []) == []
    assert generator.generate_related_data("order", [{"id": 1}], 0) == []
    [review] = generator.generate_related_data("review", [{"id": "nobody's"}], parent_type="shop")
    assert review["shop_id"] == "nobody's"


def test_a_second_call_gives_others(generator):
    """Children of a second call are not those of the first again."""
    users = generator.generate_realistic_user_data(2)
    first, second = (generator.generate_related_data("order", users, 2) for _ in range(2))
    assert {order["id"] for order in first}.isdisjoint(order["id"] for order in second)


# ------------------------------------------------------------------ entities of one's own


def test_an_entity_of_ones_own_is_made_related_and_judged():
    """Registered with kinds, functions, a schema, a relation and a rule, it is like one that is built in."""
    generator = DatabaseTestDataGenerator()
    generator.register_entity(
        "ticket",
        schema={"type": "object", "required": ["id", "subject"], "properties": {"priority": {"enum": [1, 2, 3]}}},
        fields={
            "id": lambda draft: f"T-{draft.index}",
            "subject": "sentence",
            "priority": lambda draft: draft.random.randint(1, 3),
            "reporter": lambda draft: draft.parent["email"],
            "opened_at": lambda draft: f"{draft.after_parent():{TIME}}",
            "tags": lambda draft: (draft["priority"], draft.make("word")),
        },
        relations={"user": "opened_by"},
        rules={
            "urgent_is_short": lambda ticket: ticket["priority"] != 1 or "too long" * (len(ticket["subject"]) > 200)
        },
    )
    users = generator.generate_realistic_user_data(3)
    tickets = generator.generate_related_data("ticket", users, 2)
    assert [ticket["opened_by"] for ticket in tickets] == [user["id"] for user in users for _ in range(2)]
    assert [ticket["reporter"] for ticket in tickets] == [user["email"] for user in users for _ in range(2)]
    assert all(ticket["tags"][0] == ticket["priority"] for ticket in tickets)
    assert all(type(ticket["tags"]) is list for ticket in tickets)


def test_one_name_needs_no_list():
    """A single relation or unique field may be given as a text."""
    generator = DatabaseTestDataGenerator()
    generator.register_entity("badge", fields={"color": "color"}, relations="user", unique="color")
    [badge] = generator.generate_related_data("badge", {"id": 7})
    assert badge["user_id"] == 7
    problems = generator.explain_validation([badge, badge], "badge", parents=[{"id": 7}])
    assert [problem.path for problem in problems] == ["$[1].color"]


def test_a_definition_with_a_fault_is_refused():
    """Unknown kinds, things that are no functions, schemas that are none, values that are no JSON, circles."""
    generator = DatabaseTestDataGenerator()
    with pytest.raises(GenerationError, match=r"no kind 'colour' of value; there are .*color"):
        generator.register_entity("x", fields={"a": "colour"})
    with pytest.raises(TypeError, match="field 'a': name a kind"):
        generator.register_entity("x", fields={"a": 5})
    with pytest.raises(TypeError, match="rule 'r'"):
        generator.register_entity("x", rules={"r": "no"})
    with pytest.raises(GenerationError, match="schema: "):
        generator.register_entity("x", schema={"type": "objekt"})
    generator.register_entity("x", fields={"when": lambda draft: draft.as_of})
    with pytest.raises(TypeError, match=r"x\.when: datetime"):
        generator.generate_data("x")
    generator.register_entity("y", fields={"a": lambda draft: draft["b"], "b": lambda draft: draft["a"]})
    with pytest.raises(GenerationError, match="depend on each other in a cycle: a -> b -> a"):
        generator.generate_data("y")
    generator.register_entity("z", fields={"a": lambda draft: draft["c"]})
    with pytest.raises(KeyError, match="no field 'c'; there are a"):
        generator.generate_data("z")


def test_a_provider_of_ones_own_gives_the_words():
    """Anything with a name, a version, a random source and words will do."""
    from random import Random

    class Ships:
        name, version = "ships", "1"

        def __init__(self, locale):
            self.random = Random(0)
            self.words = {
                "first_name": lambda: self.random.choice(["Ada", "Bo"]),
                "last_name": lambda: "Ship",
                "address": lambda: {"street": "Pier 1", "city": locale, "postal_code": "1"},
                "hull": lambda: "oak",
            }

    generator = DatabaseTestDataGenerator(provider=Ships, locale="sea")
    users = generator.generate_realistic_user_data(20)
    assert {user["full_name"] for user in users} == {"Ada Ship", "Bo Ship"}
    assert generator.explain_validation(users, "user") == []
    assert generator.generate_from_template(generator.create_data_template("t", "${hull}", "boat")) == ["oak"]
