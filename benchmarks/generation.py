"""Users per second: from our generator, from plain Faker and from plain mimesis, in turn in one run."""

import statistics
import tempfile
import time
from collections.abc import Callable
from datetime import UTC, datetime
from itertools import count
from pathlib import Path
from typing import Any

from pytest_insight.testdata.generation import DatabaseTestDataGenerator, GenerationStore

from .measure import Figure

START = datetime(2021, 1, 1, tzinfo=UTC)
END = datetime(2026, 1, 1, tzinfo=UTC)


def measure(*, quick: bool = False) -> list[Figure]:
    """Return users per second of each way to make them, and the ratios to the plain libraries."""
    users, turns = (200, 3) if quick else (2000, 7)
    with tempfile.TemporaryDirectory() as folder:
        rates = _rates(_ways(Path(folder)), users, turns)
    faker, mimesis = rates["plain Faker"], rates["plain mimesis"]

    def figure(name: str, target: float, base: float, against: str) -> Figure:
        ratio = rates[name] / base
        note = f"{rates[name]:,.0f} users/s of 15 fields; {against}: {base:,.0f}/s"
        return Figure(f"generation: {name}", f"{ratio:.2f}x", f">= {target}x", ratio >= target, note)

    return [
        figure("with Faker", 1.0, faker, "plain Faker, the same fields"),
        figure(
            "with mimesis", 0.5, mimesis, "plain mimesis, the same fields, which neither agree nor are seeded apart"
        ),
        figure("with mimesis, recorded", 1.0, faker, "plain Faker, not recorded"),
        figure("replayed from the log", 1.0, mimesis, "plain mimesis"),
        figure("from the cache", 2.0, mimesis, "plain mimesis"),
    ]


def _rates(ways: dict[str, Callable[[int], Any]], users: int, turns: int) -> dict[str, float]:
    """Run the ways in turn, so that whatever else the machine does meets all alike; the median of each."""
    taken: dict[str, list[float]] = {name: [] for name in ways}
    for way in ways.values():
        way(users)
    for _ in range(turns):
        for name, way in ways.items():
            began = time.perf_counter()
            made = way(users)
            taken[name].append(time.perf_counter() - began)
            assert len(made) == users
    return {name: users / statistics.median(seconds) for name, seconds in taken.items()}


def _ways(folder: Path) -> dict[str, Callable[[int], Any]]:
    ours = {name: DatabaseTestDataGenerator(enable_caching=False, provider=name) for name in ("faker", "mimesis")}
    cached = DatabaseTestDataGenerator(provider="mimesis")
    store = GenerationStore(folder / "data.jsonl")
    recorded = DatabaseTestDataGenerator(enable_caching=False, provider="mimesis", store=store)
    keys = count()
    return {
        "plain Faker": _plain_faker(),
        "plain mimesis": _plain_mimesis(),
        "with Faker": ours["faker"].generate_realistic_user_data,
        "with mimesis": ours["mimesis"].generate_realistic_user_data,
        "with mimesis, recorded": lambda users: recorded.generate_realistic_user_data(users, f"key {next(keys)}"),
        "replayed from the log": lambda users: recorded.generate_realistic_user_data(users, "key 0"),
        "from the cache": lambda users: cached.generate_realistic_user_data(users, "key"),
    }


def _plain_faker() -> Callable[[int], list[dict[str, Any]]]:
    from faker import Faker  # noqa: PLC0415 - only who measures it needs it

    fake: Any = Faker("en_US")
    fake.seed_instance(0)

    def user() -> dict[str, Any]:
        return {
            "id": fake.uuid4(),
            "username": fake.user_name(),
            "email": fake.safe_email(),
            "first_name": fake.first_name(),
            "last_name": fake.last_name(),
            "full_name": fake.name(),
            "phone": fake.phone_number(),
            "birth_date": fake.date_of_birth(minimum_age=18, maximum_age=90).isoformat(),
            "age": fake.random_int(18, 90),
            "address": {
                "street": fake.street_address(),
                "city": fake.city(),
                "state": fake.state_abbr(),
                "postal_code": fake.postcode(),
            },
            "department": fake.random_element(("engineering", "finance", "legal", "sales")),
            "role": fake.random_element(("admin", "editor", "member", "viewer")),
            "is_active": fake.pybool(),
            "created_at": fake.date_time_between(START, END).isoformat(),
            "last_login_at": fake.date_time_between(START, END).isoformat(),
        }

    return lambda users: [user() for _ in range(users)]


def _plain_mimesis() -> Callable[[int], list[dict[str, Any]]]:
    from mimesis import Generic, Locale  # noqa: PLC0415 - only who measures it needs it

    make = Generic(locale=Locale.EN, seed=0)

    def user() -> dict[str, Any]:
        return {
            "id": make.cryptographic.uuid(),
            "username": make.person.username(),
            "email": make.person.email(domains=["example.com"]),
            "first_name": make.person.first_name(),
            "last_name": make.person.last_name(),
            "full_name": make.person.full_name(),
            "phone": make.person.phone_number(),
            "birth_date": make.person.birthdate(1936, 2007).isoformat(),
            "age": make.random.randint(18, 90),
            "address": {
                "street": make.address.address(),
                "city": make.address.city(),
                "state": make.address.state(),
                "postal_code": make.address.zip_code(),
            },
            "department": make.choice(["engineering", "finance", "legal", "sales"]),
            "role": make.choice(["admin", "editor", "member", "viewer"]),
            "is_active": make.development.boolean(),
            "created_at": make.datetime.datetime(2021, 2025).isoformat(),
            "last_login_at": make.datetime.datetime(2021, 2025).isoformat(),
        }

    return lambda users: [user() for _ in range(users)]
