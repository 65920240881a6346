"""The document on test data, as far as it is about generating it: each sample as it stands, its import path aside."""

import logging

import pytest
from pytest_insight.testdata.generation import DatabaseTestDataGenerator, resolve_seed

IMPORT = "from pytest_insight.testdata.generation import DatabaseTestDataGenerator\n"

TEMPLATE = """
# Initialize generator
generator = DatabaseTestDataGenerator(enable_caching=True)

# Create data template
template_id = generator.create_data_template(
    template_name="standard_user",
    template_data={
        "username": "${username}",
        "email": "${username}@company.com",
        "department": "${department}",
        "role": "employee"
    },
    entity_type="user"
)

# Generate data from template
user_data = generator.generate_from_template(
    template_id=template_id,
    count=5,
    username="john.doe",
    department="engineering"
)
"""

REALISTIC = """
# Generate realistic user data with patterns
realistic_users = generator.generate_realistic_user_data(
    count=10,
    cache_key="realistic_batch_1"
)

# Generate related data
orders = generator.generate_related_data(
    entity_type="order",
    parent_data=realistic_users,
    count_per_parent=3
)

# Validate generated data
is_valid = generator.validate_generated_data(realistic_users, "user")
"""

CACHE = """
# Configure test data generator with caching
generator = DatabaseTestDataGenerator(
    enable_caching=True,
    cache_ttl=7200  # 2 hours
)

# Enable cache warming
generator.enable_cache_warming()

# Get cache performance metrics
metrics = generator.get_cache_performance_metrics()
"""

STANDARD = """
# Create standard templates
standard_user_template = generator.create_data_template(
    template_name="standard_user",
    template_data={
        "username": "${username}",
        "email": "${username}@company.com",
        "role": "user",
        "is_active": True
    },
    entity_type="user"
)

# Reuse templates across tests
test_users = generator.generate_from_template(
    template_id=standard_user_template,
    count=10
)
"""

MONITOR = """
# Configure appropriate cache TTL
generator = DatabaseTestDataGenerator(
    enable_caching=True,
    cache_ttl=3600  # 1 hour for frequently used data
)

# Monitor cache performance
cache_metrics = generator.get_cache_performance_metrics()
cache_hit_rate = cache_metrics.get('hit_rate', 0)
if cache_hit_rate < 0.8:  # 80% hit rate threshold
    logger.warning(f"Low cache hit rate: {cache_hit_rate}")
"""

HELPER = """
class DatabaseTestHelper:
    def __init__(self):
        self.data_manager = TestDataManager()
        self.generator = DatabaseTestDataGenerator(enable_caching=True)

    def setup_test_data(self, test_name: str):
        # Generate realistic test data
        users = self.generator.generate_realistic_user_data(
            count=5,
            cache_key=f"users_{test_name}"
        )

        # Store in database and track for cleanup
        for user in users:
            user_id = self.insert_user_to_db(user)
            self.data_manager.create_test_data(
                data_type="db_user",
                data={"db_id": user_id, "user_data": user},
                namespace=test_name,
                cleanup_callback=lambda uid=user_id: self.delete_user_from_db(uid)
            )
"""


@pytest.fixture
def names():
    """What a reader has defined so far."""
    return {"logger": logging.getLogger("sample"), "DatabaseTestDataGenerator": DatabaseTestDataGenerator}


def follow(names, *samples):
    """Run samples one after another."""
    for sample in samples:
        exec(compile(IMPORT + sample, "<sample>", "exec"), names)  # noqa: S102 - samples are there to be run


def test_a_template_with_all_its_values(names):
    """Five records, every variable replaced, the rest as it was."""
    follow(names, TEMPLATE)
    record = {
        "username": "john.doe",
        "email": "john.doe@company.com",
        "department": "engineering",
        "role": "employee",
    }
    assert names["user_data"] == [record] * 5


def test_realistic_users_their_orders_and_the_verdict(names):
    """Ten users, thirty orders that name them in order, all valid."""
    follow(names, "generator = DatabaseTestDataGenerator(enable_caching=True)", REALISTIC)
    users, orders = names["realistic_users"], names["orders"]
    assert [order["user_id"] for order in orders] == [user["id"] for user in users for _ in range(3)]
    assert len(users) == 10
    assert names["is_valid"] is True
    assert names["generator"].explain_validation(orders, "order") == []


def test_the_cache_as_configured(names):
    """Two hours of keeping, and nothing looked up yet."""
    follow(names, CACHE)
    assert names["metrics"] == {
        "enabled": True,
        "ttl": 7200,
        "maxsize": 1024,
        "hit_rate": 0,
    } | dict.fromkeys(("hits", "misses", "expired", "evicted", "size", "warmed"), 0)


def test_a_template_without_values_is_filled_with_realistic_ones(names):
    """Ten users of whom no two are the same; nothing of the template is left unreplaced, and types stay."""
    follow(names, "generator = DatabaseTestDataGenerator()", STANDARD)
    users = names["test_users"]
    assert len({user["username"] for user in users}) == 10
    for user in users:
        assert user == {
            "username": user["username"],
            "email": f"{user['username']}@company.com",
            "role": "user",
            "is_active": True,
        }
        assert "$" not in user["username"]


def test_a_low_hit_rate_is_seen(names, caplog):
    """An unused cache has the rate 0, and the sample's warning says so."""
    follow(names, MONITOR)
    assert caplog.messages == ["Low cache hit rate: 0.0"]


def test_users_go_into_a_database(names):
    """What is stored and tracked are five users, the same for the same test each time."""

    class Manager:
        """Stands in for the manager of test data: it keeps what it is given."""

        def __init__(self):
            self.kept = []

        def create_test_data(self, **data):
            self.kept.append(data)

    names["TestDataManager"] = Manager
    follow(names, HELPER)
    table = {}

    class Helper(names["DatabaseTestHelper"]):
        def insert_user_to_db(self, user):
            return table.setdefault(user["email"], len(table))

        def delete_user_from_db(self, number):
            table.pop(next(email for email, own in table.items() if own == number))

    helpers = [Helper(), Helper()]
    for helper in helpers:
        helper.setup_test_data("checkout")
    assert len(table) == 5
    assert [kept["data"] for kept in helpers[0].data_manager.kept] == [
        kept["data"] for kept in helpers[1].data_manager.kept
    ]
    for kept in helpers[0].data_manager.kept:
        kept["cleanup_callback"]()
    assert table == {}


def test_the_signatures_are_those_of_the_document():
    """Arguments may be given by position in the documented order."""
    generator = DatabaseTestDataGenerator(True, 60)
    users = generator.generate_realistic_user_data(2, "key", False)
    assert len(generator.generate_related_data("order", users, 2)) == 4
    assert generator.validate_generated_data(users, "user")
    template = generator.create_data_template("t", {"n": "${n}"}, "user")
    assert generator.generate_from_template(template, 2, n=[1, 2]) == [{"n": 1}, {"n": 2}]
    assert generator.seed == resolve_seed()
