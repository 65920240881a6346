"""The cache keeps what was made for a key as long as it said, counts honestly, and never changes a value."""

import math
import threading

import pytest
from examples import examples
from hypothesis import given, settings
from hypothesis import strategies as st
from pytest_insight.testdata.generation import DatabaseTestDataGenerator, GenerationStore
from pytest_insight.testdata.generation.cache import DataCache

KEYS = {"enabled", "hit_rate", "hits", "misses", "expired", "evicted", "size", "maxsize", "ttl", "warmed"}


class Clock:
    """A timer that goes when it is told to."""

    def __init__(self):
        self.now = 1000.0

    def __call__(self):
        return self.now


@pytest.fixture
def clock():
    """The time of the cache."""
    return Clock()


@pytest.fixture
def generator(clock):
    """Caching for ten seconds."""
    return DatabaseTestDataGenerator(cache_ttl=10, provider="mimesis", timer=clock)


def counts(generator):
    """The counters that move."""
    metrics = generator.get_cache_performance_metrics()
    return {name: metrics[name] for name in ("hits", "misses", "expired", "size")}


def test_a_second_look_is_a_hit_until_the_time_is_over(generator, clock):
    """Hit, miss and expiry are counted where they happen, and the values are the same throughout."""
    first = generator.generate_realistic_user_data(3, "k")
    assert counts(generator) == {"hits": 0, "misses": 1, "expired": 0, "size": 1}
    clock.now += 9.5
    assert generator.generate_realistic_user_data(3, "k") == first
    assert counts(generator) == {"hits": 1, "misses": 1, "expired": 0, "size": 1}
    clock.now += 1
    assert counts(generator) == {"hits": 1, "misses": 1, "expired": 1, "size": 0}
    assert generator.generate_realistic_user_data(3, "k") == first
    assert counts(generator) == {"hits": 1, "misses": 2, "expired": 1, "size": 1}
    assert generator.get_cache_performance_metrics()["hit_rate"] == pytest.approx(1 / 3)


def test_nobody_can_change_what_another_gets(generator):
    """Records are copies, from the first call on."""
    first = generator.generate_realistic_user_data(1, "k")
    before = generator.generate_realistic_user_data(1, "k")
    first[0]["address"]["city"] = "changed"
    first.append("more")
    assert generator.generate_realistic_user_data(1, "k") == before
    assert before[0]["address"]["city"] != "changed"


def test_without_cache_the_values_are_the_same_and_nothing_is_counted(generator):
    """`use_cache=False` neither looks nor keeps; caching switched off gives zeros."""
    aside = generator.generate_realistic_user_data(2, "k", use_cache=False)
    assert counts(generator) == {"hits": 0, "misses": 0, "expired": 0, "size": 0}
    assert generator.generate_realistic_user_data(2, "k") == aside
    off = DatabaseTestDataGenerator(False, provider="mimesis")
    assert off.generate_realistic_user_data(2, "k") == aside
    assert off.enable_cache_warming(["k"]) == 0
    metrics = off.get_cache_performance_metrics()
    assert metrics.pop("enabled") is False
    assert set(metrics) == KEYS - {"enabled"}
    assert not any(metrics.values())


def test_calls_without_a_key_are_not_looked_up(generator):
    """They could never be a hit, so they do not spoil the rate."""
    generator.generate_realistic_user_data(5)
    assert counts(generator)["misses"] == 0
    assert generator.get_cache_performance_metrics()["hit_rate"] == 0


def test_more_of_a_key_are_the_same_and_further_ones(generator):
    """Fewer are a hit; more is a miss, and begins with those that were there."""
    three = generator.generate_realistic_user_data(3, "k")
    assert generator.generate_realistic_user_data(2, "k") == three[:2]
    five = generator.generate_realistic_user_data(5, "k")
    assert five[:3] == three
    assert generator.generate_realistic_user_data(4, "k") == five[:4]
    assert counts(generator) == {"hits": 2, "misses": 2, "expired": 0, "size": 1}


@settings(max_examples=examples(200))
@given(
    st.lists(
        st.one_of(
            st.tuples(st.just("get"), st.sampled_from("abcd"), st.integers(0, 4)),
            st.tuples(st.just("put"), st.sampled_from("abcd"), st.integers(1, 4)),
            st.tuples(st.just("wait"), st.just(""), st.integers(1, 12)),
        ),
        max_size=40,
    ),
    st.integers(1, 3),
)
def test_the_counters_agree_with_a_plain_account(steps, maxsize):
    """A list of (key, values, expiry, last use) kept by hand gives the same answers and counters."""
    clock = Clock()
    cache = DataCache(10, maxsize, clock)
    kept: dict[str, dict] = {}
    tally = dict.fromkeys(("hits", "misses", "expired", "evicted"), 0)
    for turn, (what, name, number) in enumerate(steps):
        key = ("user", "1", name)
        for old in [old for old, entry in kept.items() if entry["until"] <= clock.now]:
            del kept[old]
            tally["expired"] += 1
        if what == "wait":
            clock.now += number
        elif what == "get":
            there = kept.get(name)
            expected = there["values"][:number] if there and len(there["values"]) >= number else None
            if there:
                there["used"] = turn
            tally["hits" if expected is not None else "misses"] += 1
            assert cache.get(key, number) == expected
        else:
            values = [b"%d" % index for index in range(number)]
            if name not in kept and len(kept) == maxsize:
                del kept[min(kept, key=lambda old: kept[old]["used"])]
                tally["evicted"] += 1
            longest = max(kept.get(name, {"values": []})["values"], values, key=len)
            kept[name] = {"values": longest, "until": clock.now + 10, "used": turn}
            cache.put(key, values)
    tally["expired"] += sum(entry["until"] <= clock.now for entry in kept.values())
    metrics = cache.metrics()
    assert {name: metrics[name] for name in tally} == tally
    assert metrics["size"] == sum(entry["until"] > clock.now for entry in kept.values())
    asked = tally["hits"] + tally["misses"]
    assert math.isclose(metrics["hit_rate"], tally["hits"] / asked if asked else 0)
    assert set(metrics) == KEYS


def test_warming_makes_the_next_look_a_hit(generator):
    """Of keys that are given, with how many; done twice it does nothing more, and values are no others."""
    cold = DatabaseTestDataGenerator(provider="mimesis")
    assert generator.enable_cache_warming({"a": 3, "b": 2}, wait=True) == 2
    assert generator.enable_cache_warming({"a": 3, "b": 2}, wait=True) == 0
    assert generator.enable_cache_warming(["a", "c"], wait=True) == 1
    metrics = generator.get_cache_performance_metrics()
    assert (metrics["warmed"], metrics["hits"], metrics["misses"]) == (3, 0, 0)
    assert generator.generate_realistic_user_data(3, "a") == cold.generate_realistic_user_data(3, "a")
    assert generator.generate_realistic_user_data(1, "c") == cold.generate_realistic_user_data(1, "c")
    assert counts(generator)["hits"] == 2


def test_warming_without_keys_takes_those_of_earlier_sessions(tmp_path):
    """What the store saw being used is made again, by a new generator with another seed, too."""
    path = tmp_path / "data.jsonl"
    earlier = DatabaseTestDataGenerator(provider="mimesis", store=GenerationStore(path))
    earlier.generate_realistic_user_data(4, "team")
    earlier.generate_realistic_user_data(2, "admins")
    earlier.generate_realistic_user_data(9)
    for seed in (0, 99):
        later = DatabaseTestDataGenerator(seed=seed, provider="mimesis", store=GenerationStore(path))
        assert later.enable_cache_warming(wait=True) == 2
        team = later.generate_realistic_user_data(4, "team")
        metrics = later.get_cache_performance_metrics()
        assert (metrics["hits"], metrics["misses"], metrics["hit_rate"]) == (1, 0, 1.0)
        assert (team == earlier.generate_realistic_user_data(4, "team")) is (seed == 0)
    assert DatabaseTestDataGenerator().enable_cache_warming() == 0


def test_warming_stays_out_of_the_way(generator):
    """It returns before the work is done, and a look-up meanwhile gets the right values."""
    cold = DatabaseTestDataGenerator(provider="mimesis")
    assert generator.enable_cache_warming({f"k{index}": 200 for index in range(30)}) == 30
    assert generator.generate_realistic_user_data(5, "k29") == cold.generate_realistic_user_data(5, "k29")
    assert generator.wait_for_warming(60)
    assert generator.get_cache_performance_metrics()["warmed"] == 30


def test_several_threads_may_ask_at_once(generator):
    """Whatever the interleaving, a key has one set of values, and look-ups are all counted."""
    seen = {name: set() for name in "abc"}

    def ask():
        for _ in range(30):
            for name in "abc":
                seen[name].add(repr(generator.generate_realistic_user_data(2, name)))

    threads = [threading.Thread(target=ask) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert {name: len(values) for name, values in seen.items()} == {"a": 1, "b": 1, "c": 1}
    metrics = generator.get_cache_performance_metrics()
    assert metrics["hits"] + metrics["misses"] == 4 * 30 * 3


def test_a_registered_anew_entity_is_not_served_from_the_old_one(generator):
    """What was cached under another definition is not used."""
    generator.register_entity("box", fields={"id": "uuid", "size": lambda _: 1})
    assert generator.generate_data("box", 1, "k")[0]["size"] == 1
    generator.register_entity("box", fields={"id": "uuid", "size": lambda _: 2}, version="2")
    assert generator.generate_data("box", 1, "k")[0]["size"] == 2
