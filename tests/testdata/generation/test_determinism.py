"""The same seed gives the same data: whatever the worker, the order, the day, the hash seed, and what others draw."""

import json
import os
import random
import string
import subprocess
import sys
import threading
from hashlib import sha256
from types import SimpleNamespace
from uuid import UUID

import pytest
import warm
from examples import examples
from hypothesis import given, settings
from hypothesis import strategies as st
from pytest_insight.testdata.generation import (
    DatabaseTestDataGenerator,
    fixture_scope,
    resolve_seed,
    seed_header,
    settle_seed,
)
from pytest_insight.testdata.generation.scopes import Scopes
from pytest_insight.testdata.generation.seeds import digest_of

SUITE = """
import json, os, pathlib, sys, pytest
from pytest_insight.testdata.generation import DatabaseTestDataGenerator, GenerationStore

@pytest.fixture(scope="session")
def generator():
    if os.environ.get("BLOCKED"):
        sys.modules["mimesis"] = sys.modules["faker"] = None  # importing them fails from now on
    store = GenerationStore(os.environ["STORE"]) if "STORE" in os.environ else None
    made = DatabaseTestDataGenerator(provider=os.environ["WORDS"], store=store)
    made.create_data_template("card", {"who": "${full_name} <${email}>", "n": "${seq}", "id": "${uuid}"}, "user")
    return made

@pytest.fixture(scope="session")
def shared(generator):
    with generator.scope("shared users"):
        return generator.generate_realistic_user_data(2)

@pytest.fixture(scope="session")
def unnamed(generator):
    return generator.generate_realistic_user_data(1)

@pytest.fixture(scope="module", params=["x", "y"])
def module(generator, request):
    if os.getpid() % 2:
        request.getfixturevalue("unnamed")  # whoever asks first
    return generator.generate_realistic_user_data(1)

@pytest.mark.parametrize("case", range(3))
@pytest.mark.parametrize("letter", ["a", "b c [d] (e)"])
def test_data(generator, shared, module, unnamed, case, letter, request):
    data = {
        "keyed": generator.generate_realistic_user_data(2, cache_key="team"),
        "own": generator.generate_realistic_user_data(1 + case),
        "further": generator.generate_realistic_user_data(1),
        "orders": generator.generate_related_data("order", shared, 2),
        "cards": generator.generate_from_template("card", 2) + generator.generate_from_template("card", 1),
        "shared": shared,
        "unnamed": unnamed,
        "module": module,
    }
    out = pathlib.Path(os.environ["OUT"])
    out.joinpath(f"{hash(request.node.nodeid)}.json").write_text(json.dumps({request.node.nodeid: data}))
"""

CONFTEST = """
import os, random, sys
import pytest
from pytest_insight.testdata.generation import fixture_scope

@pytest.hookimpl(wrapper=True)
def pytest_fixture_setup(fixturedef, request):
    with fixture_scope(fixturedef, request):
        return (yield)

def pytest_collection_modifyitems(items):
    if order := os.environ.get("ORDER"):
        random.Random(order).shuffle(items)

@pytest.fixture(autouse=True)
def others_draw_too():
    # What plugins such as pytest-randomly do: set the sources that everybody shares.
    random.seed(len(os.environ["OUT"]))
    for name in ("faker.generator", "mimesis.random"):
        if name in sys.modules:
            sys.modules[name].random.seed(os.getpid())

@pytest.fixture(autouse=True)
def another_day():
    if day := os.environ.get("DAY"):
        from freezegun import freeze_time
        with freeze_time(day, ignore=["xdist", "execnet"]):
            yield
    else:
        yield
"""

WAYS = {
    "one worker, shuffled, on another day": (["-n", "1"], {"ORDER": "x", "DAY": "2031-02-28", "PYTHONHASHSEED": "1"}),
    "four workers, in the past": (["-n", "4"], {"DAY": "2001-12-31", "PYTHONHASHSEED": "7", "TZ": "Asia/Tokyo"}),
    "shuffled otherwise": (["-n", "0"], {"ORDER": "y", "PYTHONHASHSEED": "123"}),
    "a part of the suite": (["-k", "x-"], {}),
}


def run_suite(tmp_path, words, options=(), **more):
    """Run the suite in pytest processes of its own; what each test got."""
    out = tmp_path / f"out-{len(list(tmp_path.iterdir()))}"
    out.mkdir()
    suite = tmp_path / "suite"
    suite.mkdir(exist_ok=True)
    (suite / "test_suite.py").write_text(SUITE)
    (suite / "conftest.py").write_text(CONFTEST)
    outer = {
        name: value for name, value in os.environ.items() if name == "PYTEST_ADDOPTS" or not name.startswith("PYTEST_")
    }
    environment = outer | {
        "OUT": str(out),
        "WORDS": words,
        "PYTHONHASHSEED": "0",
        "PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1",
    }
    command = [
        sys.executable,
        "-m",
        "pytest",
        "-q",
        "-p",
        "no:cacheprovider",
        "-p",
        "xdist",
        f"--rootdir={suite}",
        *options,
        str(suite),
    ]
    result = warm.run(command, env=environment | more, capture_output=True, text=True, timeout=300)
    assert result.returncode == 0, result.stdout + result.stderr
    found = {}
    for file in out.iterdir():
        found |= json.loads(file.read_text())
    return found


@pytest.fixture(scope="module")
def serial(tmp_path_factory):
    """What each test gets in one process, in order."""
    return run_suite(tmp_path_factory.mktemp("serial"), "mimesis", ["-n", "0"])


@pytest.mark.parametrize("way", WAYS)
def test_a_suite_gets_the_same_data_however_it_is_run(tmp_path, serial, way):
    """On one to four workers, shuffled, in part, on other days, with other hash seeds: every value is the serial one."""
    options, more = WAYS[way]
    found = run_suite(tmp_path, "mimesis", options, **more)
    assert found == {nodeid: data for nodeid, data in serial.items() if nodeid in found}
    assert len(found) == (6 if "part" in way else 12)


def test_faker_is_as_steady(tmp_path):
    """The same of the default provider: serially, and in parallel, shuffled, on another day."""
    options, more = ["-n", "3"], {"ORDER": "z", "DAY": "2031-02-28", "PYTHONHASHSEED": "9"}
    assert run_suite(tmp_path, "faker", options, **more) == run_suite(tmp_path, "faker")


def test_what_four_workers_recorded_is_replayed_without_a_library(tmp_path, serial):
    """Recording changes no value, and the next run reads them all from the log, where no library can be imported."""
    store = str(tmp_path / "store" / "data.jsonl")
    assert run_suite(tmp_path, "mimesis", ["-n", "4"], STORE=store) == serial
    size = os.path.getsize(store)
    assert run_suite(tmp_path, "mimesis", ["-n", "2"], STORE=store, BLOCKED="1", ORDER="x") == serial
    assert os.path.getsize(store) == size


def test_another_seed_gives_other_data(tmp_path, serial):
    """In every part of every test."""
    other = run_suite(tmp_path, "mimesis", PYTEST_INSIGHT_SEED="1")
    assert len(other) == 12
    assert all(other[nodeid][part] != data[part] for nodeid, data in serial.items() for part in data)


def test_tests_do_not_share_what_is_their_own(serial):
    """Data of one's own differs from test to test, keyed and shared data does not."""
    found = list(serial.values())
    assert len(found) == 12
    for part in ("own", "further", "orders", "cards"):
        assert len({json.dumps(data[part]) for data in found}) == 12, part
    for part in ("keyed", "shared", "unnamed"):
        assert len({json.dumps(data[part]) for data in found}) == 1, part
    assert len({json.dumps(data["module"]) for data in found}) == 2
    assert all([card["n"] for card in data["cards"]] == [1, 2, 3] for data in found)
    ids = [user["id"] for data in found for part in ("own", "further") for user in data[part]]
    assert len(set(ids)) == len(ids)


@settings(max_examples=examples(25))
@given(st.permutations(["users", "keyed", "orders", "template", "other key"]), st.randoms(use_true_random=False))
def test_no_call_shifts_another(calls, chance):
    """Calls of different kinds may come in any order, with draws from the shared random source between them."""
    expected = {}
    for name in calls:
        alone = DatabaseTestDataGenerator(provider="mimesis")
        with alone.scope("any order"):
            expected[name] = answer(alone, name)
    generator = DatabaseTestDataGenerator(provider="mimesis")
    with generator.scope("any order"):
        for name in calls:
            random.seed(chance.random())
            assert answer(generator, name) == expected[name]


def answer(generator, name):
    """What one kind of call gives."""
    if name == "users":
        return generator.generate_realistic_user_data(2)
    if name == "orders":
        return generator.generate_related_data("order", [{"id": 1}], 2)
    if name == "template":
        return generator.generate_from_template(generator.create_data_template("t", "${email}", "user"), 2)
    return generator.generate_realistic_user_data(2, name)


def test_the_shared_sources_of_chance_are_left_alone():
    """Neither Python's nor Faker's nor mimesis' own random state changes when data is made."""
    import faker.generator
    import mimesis.random

    shared = [random, faker.generator.random, mimesis.random.random]
    before = [source.getstate() for source in shared]
    for provider in ("faker", "mimesis"):
        generator = DatabaseTestDataGenerator(provider=provider)
        generator.generate_related_data("order", generator.generate_realistic_user_data(5), 2)
    assert [source.getstate() for source in shared] == before


def test_threads_get_what_one_thread_gets():
    """Named calls in several threads at once give what they give one after another."""
    generator = DatabaseTestDataGenerator()
    found = {}

    def ask(name):
        with generator.scope(name):
            found[name] = [generator.generate_realistic_user_data(20) for _ in range(3)]

    threads = [threading.Thread(target=ask, args=(f"thread {index}",)) for index in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    alone = DatabaseTestDataGenerator()
    for name, users in found.items():
        with alone.scope(name):
            assert [alone.generate_realistic_user_data(20) for _ in range(3)] == users


def test_another_attempt_of_a_test_gets_the_same_data(monkeypatch):
    """A test that is run again, as reruns do, begins to count anew; the next phase of an attempt does not."""
    scopes = Scopes()
    taken = []
    for phase in ("setup", "call", "teardown", "setup", "call"):
        monkeypatch.setenv("PYTEST_CURRENT_TEST", f"test_a.py::test_x[a (b)] ({phase})")
        taken.append(scopes.take("user", 2))
    name = "test:test_a.py::test_x[a (b)]"
    assert taken == [(name, 0), (name, 2), (name, 4), (name, 0), (name, 2)]


def test_scopes_nest_and_do_not_mix():
    """A scope within a scope is another one, and two generators count for themselves."""
    one, two = Scopes(), Scopes()
    with one.named("a"):
        assert one.take("x") == ("scope:a", 0)
        assert two.take("x") == ("scope:a", 0)
        with two.named("b"):
            assert one.take("x") == ("scope:a\x1fb", 0)
        assert one.take("x") == ("scope:a", 1)
    assert one.take("x")[0].startswith("test:")


def test_a_shared_fixture_has_its_own_name_whoever_asks_first():
    """Asked for within another fixture, a scope or a test, it is the same; a fixture of one test counts for the test."""

    def fixture(name, scope="module", parameter=0):
        request = SimpleNamespace(node=SimpleNamespace(nodeid="test_a.py"), param_index=parameter)
        return fixture_scope(SimpleNamespace(argname=name, scope=scope), request)

    scopes = Scopes()
    with fixture("users", parameter=1):
        assert scopes.take("x") == ("scope:fixture:test_a.py:users[1]", 0)
    with scopes.named("a"), fixture("orders"):
        assert scopes.take("x") == ("scope:fixture:test_a.py:orders[0]", 0)
        with fixture("users", parameter=1):
            assert scopes.take("x") == ("scope:fixture:test_a.py:users[1]", 0)
        assert scopes.take("x") == ("scope:fixture:test_a.py:orders[0]", 1)
    with fixture("mine", scope="function"):
        assert scopes.take("x")[0].startswith("test:")


@given(st.lists(st.text(max_size=5), max_size=5), st.lists(st.text(max_size=5), max_size=5))
def test_different_lists_of_texts_have_different_digests(one, other):
    """Joining texts loses no boundary: the digest of two lists is equal only if the lists are."""
    assert (digest_of(*one) == digest_of(*other)) is (one == other)


@given(st.text(string.ascii_letters, min_size=1, max_size=9), st.integers(0, 999), st.integers(1, 40))
def test_ids_and_tokens_follow_from_the_seed_by_written_rules(name, seed, count):
    """The rules of docs/test-data-generation.md, followed by hand, give the ids and tokens: no library has a part in it."""

    def sized(*texts):
        return b"".join(b"%d\x1f%b" % (len(text), text.encode()) for text in texts)

    generator = DatabaseTestDataGenerator(seed=seed, provider="mimesis")
    with generator.scope(name):
        users = generator.generate_realistic_user_data(count)
    source = sha256(sized(str(seed), "user", f"scope:{name}")).digest()
    batch = int.from_bytes(sha256(sized("batch", str(seed), "user", f"scope:{name}")).digest(), "big") % 36**8
    for index, user in enumerate(users):
        number = int.from_bytes(sha256(source + str(index).encode()).digest()[:16], "big")
        assert user["id"] == str(UUID(int=number, version=4))
        token = user["username"].rpartition(".")[2]
        assert (int(token[:8], 36), int(token[8:], 36)) == (batch, index)


def test_the_seed_is_said_and_settled():
    """The header names the seed and how to have it again; `random` is drawn once and left for the workers."""
    environ = {"PYTEST_INSIGHT_SEED": "random"}
    drawn = resolve_seed(None, environ)
    assert environ["PYTEST_INSIGHT_SEED"] == drawn == resolve_seed(None, environ)
    assert drawn.isdecimal()
    assert resolve_seed(None, {}) == "0"
    assert resolve_seed(7, {"PYTEST_INSIGHT_SEED": "3"}) == "7"
    assert resolve_seed(None, {"PYTEST_INSIGHT_SEED": "3"}) == "3"
    assert seed_header(42) == "test data: seed 42 (the same data again: PYTEST_INSIGHT_SEED=42)"


def test_the_seed_is_taken_from_the_environment(monkeypatch):
    """What the header says to set has the effect it says."""
    monkeypatch.setenv("PYTEST_INSIGHT_SEED", "42")
    assert seed_header().startswith("test data: seed 42 ")
    assert settle_seed() == "42"
    named = DatabaseTestDataGenerator(provider="mimesis").generate_realistic_user_data(1, "k")
    monkeypatch.delenv("PYTEST_INSIGHT_SEED")
    assert DatabaseTestDataGenerator(provider="mimesis").generate_realistic_user_data(1, "k") != named
    assert DatabaseTestDataGenerator(seed=42, provider="mimesis").generate_realistic_user_data(1, "k") == named


def test_importing_is_light():
    """Nothing of the extra is loaded by an import, nor by making a generator that does not cache."""
    code = (
        "import sys, pytest_insight.testdata, pytest_insight.testdata.generation as g\n"
        "g.DatabaseTestDataGenerator(False)\n"
        "print(sorted({'faker', 'mimesis', 'jsonschema', 'cachetools', 'pytest'} & set(sys.modules)))"
    )
    result = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert result.stdout.strip() == "[]", result.stderr


@pytest.mark.parametrize("module", ["faker", "mimesis", "jsonschema", "cachetools"])
def test_a_missing_library_is_named_with_the_remedy(module, monkeypatch):
    """Without the extra the error says what to install."""
    for name in [name for name in sys.modules if name == module or name.startswith(f"{module}.")]:
        monkeypatch.setitem(sys.modules, name, None)
    monkeypatch.setitem(sys.modules, module, None)
    from pytest_insight.testdata.generation import validation

    validation._validator.cache_clear()
    with pytest.raises(ModuleNotFoundError, match=r"pip install 'pytest-insight\[testdata\]'"):
        generator = DatabaseTestDataGenerator(provider="mimesis" if module == "mimesis" else "faker")
        generator.validate_generated_data(generator.generate_realistic_user_data(), "user")
