"""What was generated is recorded: replay calls no library, processes agree, and history can be looked at."""

import json
import os
import signal
import subprocess
import sys
import time

import msgspec
import pytest
from examples import examples
from hypothesis import given, settings
from hypothesis import strategies as st
from pytest_insight.eventlog.codec import EventDecoder
from pytest_insight.eventlog.journal import Entry, Journal, JournalEvent, fold_journal
from pytest_insight.eventlog.maintenance.verify import verify_log
from pytest_insight.testdata.generation import DatabaseTestDataGenerator, GenerationStore
from pytest_insight.testdata.generation import providers as providers_module
from pytest_insight.testdata.generation.log.events import GENERATION_EVENTS, DataGenerated
from pytest_insight.testdata.generation.log.recorder import GenerationFold
from pytest_insight.testdata.generation.log.state import CallRecord, GenerationState

PROGRAM = """
import json, sys
for name in {blocked!r}:
    sys.modules[name] = None  # importing it fails from now on
from pytest_insight.testdata.generation import DatabaseTestDataGenerator, GenerationStore
g = DatabaseTestDataGenerator(seed=4, store=GenerationStore({path!r}))
users = g.generate_realistic_user_data(5, "team")
own = g.generate_realistic_user_data(3)
orders = g.generate_related_data("order", users, 2)
t = g.create_data_template("card", {{"name": "${{full_name}}", "id": "${{uuid}}", "n": "${{n}}"}}, "user")
cards = g.generate_from_template(t, 3, n=[1, 2, 3])
print(json.dumps([users, own, orders, cards]))
"""


def run(path, *blocked):
    """What a process of its own generates with a store, some libraries missing."""
    code = PROGRAM.format(path=str(path), blocked=blocked)
    result = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=300)
    assert result.returncode == 0, result.stderr
    return json.loads(result.stdout)


@pytest.fixture
def path(tmp_path):
    """Where the log is."""
    return tmp_path / "data" / "generated.jsonl"


def generator(path, **options):
    """A quick generator that records."""
    return DatabaseTestDataGenerator(store=GenerationStore(path), **{"provider": "mimesis", **options})


def test_replay_needs_no_library_of_words(path):
    """Once recorded, the same program gives the same data where Faker cannot even be imported; the log stays as it is."""
    first = run(path)
    size = path.stat().st_size
    assert run(path, "faker", "mimesis") == first
    assert path.stat().st_size == size
    assert verify_log(path).findings == []


def test_another_release_of_a_library_changes_no_old_data(path, monkeypatch):
    """A provider that now makes other words of the same seed is not asked; what is further is made by it."""
    before = generator(path).generate_realistic_user_data(3, "k")

    class Newer(providers_module.MimesisProvider):
        def __init__(self, locale):
            super().__init__(locale)
            self.version = "999"
            self.words = {**self.words, "first_name": lambda: "Changed"}

    monkeypatch.setitem(providers_module._BY_NAME, "mimesis", Newer)
    later = generator(path).generate_realistic_user_data(5, "k")
    assert later[:3] == before
    assert [user["first_name"] for user in later[3:]] == ["Changed", "Changed"]
    records = GenerationStore(path).current().generation.records
    [record] = records.values()
    assert len(record.values) == 5
    versions = [json.loads(line)["versions"]["mimesis"] for line in path.read_text().splitlines()]
    assert versions[0] != versions[1] == "999"


def test_fewer_or_more_than_recorded_are_the_same_ones(path):
    """A test that was edited to ask for another number keeps those it had; fewer need no library."""
    found = {}
    for count in (3, 2, 5, 4):
        made = generator(path)
        with made.scope("edited"):
            found[count] = made.generate_realistic_user_data(count)
    assert found[3][:2] == found[2]
    assert found[5][:3] == found[3]
    assert found[5][:4] == found[4]
    numbers = [json.loads(line)["first"] if '"first"' in line else 0 for line in path.read_text().splitlines()]
    assert numbers == [0, 3]


def test_with_and_without_a_store_the_data_is_the_same(path):
    """Recording is no part of what data is."""
    for _ in range(2):
        plain, recorded = DatabaseTestDataGenerator(provider="mimesis"), generator(path)
        for one, other in zip(everything(plain), everything(recorded), strict=True):
            assert one == other


def everything(made):
    """A call of each kind."""
    users = made.generate_realistic_user_data(4, "team")
    yield users
    yield made.generate_realistic_user_data(2)
    yield made.generate_realistic_user_data(2)
    yield made.generate_related_data("order", users, 2)
    template = made.create_data_template("t", {"m": "${email}", "i": "${index}", "x": "${x}"}, "user")
    yield made.generate_from_template(template, 3, x=[1.0, None, "a"])


@pytest.mark.parametrize(
    "difference", [{"seed": 2}, {"locale": "de_DE"}, {"as_of": "2020-01-01"}, {"provider": "faker"}]
)
def test_other_settings_are_other_data(path, difference):
    """Nothing recorded for one seed, language, time or provider is given out for another."""
    one = generator(path).generate_realistic_user_data(3, "k")
    other = generator(path, **difference).generate_realistic_user_data(3, "k")
    assert one != other
    assert (
        DatabaseTestDataGenerator(**{"provider": "mimesis", **difference}).generate_realistic_user_data(3, "k") == other
    )


def test_other_values_for_a_template_are_other_records(path):
    """An edited test gets data for what it asks now, not what was recorded for the old text of it."""
    made = generator(path)
    template = made.create_data_template("t", ["${email}", "${x}"], "user")
    found = []
    for value in (1, 2, 1):
        with made.scope("test"):
            found.append(made.generate_from_template(template, x=value)[0])
    assert [value for _, value in found] == [1, 2, 1]
    assert found[0] == found[2]


def test_other_parents_have_other_children(path):
    """A test that was edited gets children of the parents it has now, and as many as it asks for now."""
    made = generator(path)
    for parents, count in (([1, 2], 2), ([1, 3], 2), ([2], 4), ([1, 2], 2)):
        with made.scope("edited"):
            orders = made.generate_related_data("order", [{"id": own_id} for own_id in parents], count)
        assert [order["user_id"] for order in orders] == [own_id for own_id in parents for _ in range(count)]
    events = [json.loads(line) for line in path.read_text().splitlines()]
    assert len({event["record"] for event in events}) == len(events) == 3


def test_no_data_is_recorded_that_is_only_the_callers(path):
    """A template whose values were all given leaves only its definition in the log."""
    made = generator(path)
    made.generate_from_template(made.create_data_template("t", "${x}-${index}", "user"), 3, x="a")
    assert [json.loads(line)["type"] for line in path.read_text().splitlines()] == ["template.defined"]


def test_templates_outlive_the_process(path):
    """By id and by name, the newest version for who defined none; the same definition is written once."""
    made = generator(path)
    first = made.create_data_template("t", "one ${x}", "user")
    second = made.create_data_template("t", "two ${x}", "user")
    other = generator(path)
    assert other.create_data_template("t", "one ${x}", "user") == first
    assert len(path.read_text().splitlines()) == 2
    fresh = generator(path)
    assert fresh.generate_from_template("t", x=1) == ["two 1"]
    assert fresh.generate_from_template(first, x=1) == ["one 1"]
    assert other.generate_from_template("t", x=1) == ["one 1"]
    assert [version.version for version in GenerationStore(path).current().generation.templates.values()] == [1, 2]
    assert fresh.template_versions("t") == [first, second]


@settings(max_examples=examples(25))
@given(
    st.lists(st.sampled_from([0, 1, 1000, 60_000, 131_072, 131_073, 300_000, 700_000]), min_size=1, max_size=4),
    st.sampled_from('a"\\é\U0001f600\x00'),
)
def test_records_longer_than_a_line_come_back_whole(tmp_path_factory, sizes, letter):
    """Whatever the sizes and characters, the log returns what was made, and each of its lines is within the limit."""
    path = tmp_path_factory.mktemp("long") / "log.jsonl"

    def made():
        result = generator(path)
        result.register_entity("blob", fields={"id": "uuid", "text": lambda draft: letter * sizes[draft.index]})
        return result

    first = made().generate_data("blob", len(sizes), "k")
    assert [len(record["text"]) for record in first] == sizes
    assert made().generate_data("blob", len(sizes), "k") == first
    state, findings = fold_journal(path, EventDecoder(GENERATION_EVENTS), GenerationFold())
    assert findings == []
    assert [json.loads(value) for value in next(iter(state.generation.records.values())).values] == first
    assert max(map(len, path.read_bytes().splitlines())) < 256 * 1024


def test_a_damaged_piece_is_missed_not_skipped(path):
    """Whichever line of a long record is damaged, the record is made anew instead of being put together without it."""

    def made():
        result = generator(path)
        result.register_entity("blob", fields={"id": "uuid", "text": lambda draft: f"{draft.index}" * 200_000})
        return result.generate_data("blob", 2, "k")

    first = made()
    lines = path.read_bytes().splitlines(keepends=True)
    for number, line in enumerate(lines):
        damaged = bytearray(line)
        damaged[len(line) // 2] ^= 1
        path.write_bytes(b"".join([*lines[:number], bytes(damaged), *lines[number + 1 :]]))
        assert made() == first
        assert len(GenerationStore(path).current().generation.records) == 1
    assert len(lines) > 8


def test_a_batch_cut_short_does_not_count(path):
    """Whatever byte the file ends at, either all the records of a call are there or none, and they can be made again."""
    made = generator(path)
    made.register_entity("blob", fields={"id": "uuid", "text": lambda draft: "x" * 100_000})
    made.generate_data("blob", 4, "k")
    whole = path.read_bytes()
    lines = whole.splitlines(keepends=True)
    assert len(lines) == 4
    cuts = [len(b"".join(lines[:count])) + extra for count in range(4) for extra in (0, 1, 50_000)]
    for cut in cuts:
        path.write_bytes(whole[:cut])
        state = GenerationStore(path).current().generation
        assert state.records == {}
        again = generator(path)
        again.register_entity("blob", fields={"id": "uuid", "text": lambda draft: "x" * 100_000})
        assert len(again.generate_data("blob", 4, "k")) == 4
        assert [len(record.values) for record in GenerationStore(path).current().generation.records.values()] == [4]


def test_processes_that_ask_at_once_get_the_same(path):
    """Eight processes race for the same key, test and template: one record each, and all agree."""
    code = PROGRAM.format(path=str(path), blocked=())
    racers = [subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE, text=True) for _ in range(8)]
    answers = {racer.communicate(timeout=300)[0] for racer in racers}
    assert [racer.returncode for racer in racers] == [0] * 8
    assert len(answers) == 1
    types = [json.loads(line)["type"] for line in path.read_text().splitlines()]
    assert sorted(types) == ["data.generated"] * 4 + ["template.defined"]


def test_who_comes_second_takes_what_the_first_one_made(path):
    """Looked before, and overtaken until it held the lock: it writes nothing twice, and returns what is in the log."""

    class Overtaken(GenerationStore):
        def current(self):
            """See nothing of what others wrote in the meantime."""
            return GenerationFold()

    first = generator(path)
    first.register_entity("lot", fields={"winner": lambda draft: "first"})
    drawn = first.generate_data("lot", 2, "k")
    first.create_data_template("t", "${x}", "lot")
    second = DatabaseTestDataGenerator(provider="mimesis", store=Overtaken(path))
    second.register_entity("lot", fields={"winner": lambda draft: "second"})
    size = path.stat().st_size
    assert second.generate_data("lot", 2, "k") == drawn == [{"winner": "first"}] * 2
    second.create_data_template("t", "${x}", "lot")
    assert path.stat().st_size == size
    assert second.generate_data("lot", 3, "k") == [*drawn, {"winner": "second"}]
    assert generator(path).template_versions("t") == [first.get_template("t").id]


def test_a_killed_writer_leaves_whole_records(path):
    """SIGKILL at any moment: what is in the log is what a generator without a log makes, and the next one goes on."""
    code = (
        "from pytest_insight.testdata.generation import DatabaseTestDataGenerator, GenerationStore\n"
        f"g = DatabaseTestDataGenerator(provider='mimesis', store=GenerationStore({str(path)!r}))\n"
        "for n in range(10**6): g.generate_realistic_user_data(40, f'key {n}')\n"
    )
    for _ in range(3):
        writer = subprocess.Popen([sys.executable, "-c", code])
        size = path.stat().st_size if path.exists() else 0
        deadline = time.monotonic() + 300
        while (not path.exists() or path.stat().st_size < size + 300_000) and time.monotonic() < deadline:
            time.sleep(0.005)
        os.kill(writer.pid, signal.SIGKILL)
        writer.wait()
    plain = DatabaseTestDataGenerator(provider="mimesis", enable_caching=False)
    keys = GenerationStore(path).current().generation.keys
    assert set(keys.values()) == {40}
    assert {key.key for key in keys} == {f"key {number}" for number in range(len(keys))}
    replayed = generator(path)
    for number in (0, len(keys) // 2, len(keys) - 1, len(keys)):
        name = f"key {number}"
        assert replayed.generate_realistic_user_data(40, name) == plain.generate_realistic_user_data(40, name)


def test_the_past_can_be_looked_at(path):
    """As of the position of an event, the log knows what came before it and nothing else."""
    store = GenerationStore(path)
    made = generator(path)
    made.generate_realistic_user_data(1, "early")
    position = store.current() and store.position
    made.generate_realistic_user_data(1, "late")
    assert [key.key for key in store.as_of(position).generation.keys] == ["early"]
    assert [key.key for key in store.current().generation.keys] == ["early", "late"]


def test_ids_of_earlier_sessions_are_known_as_parents(path):
    """Orders of recorded users are of users, and valid, for a generator that made none of them."""
    users = generator(path).generate_realistic_user_data(2, "team")
    later = generator(path)
    assert [review["user_id"] for review in later.generate_related_data("review", users)] == [u["id"] for u in users]
    template = generator(path).create_data_template("t", {"id": "${id}", "username": "${username}"}, "user")
    users += generator(path).generate_from_template(template, 2)
    orders = DatabaseTestDataGenerator(provider="mimesis").generate_related_data("order", users)
    assert later.validate_generated_data(orders, "order")
    assert not DatabaseTestDataGenerator().validate_generated_data(orders, "order")


@given(st.lists(st.tuples(st.integers(0, 6), st.integers(1, 4)), max_size=12))
def test_only_what_continues_a_record_counts(spans):
    """Events that overlap what is there, or leave a gap, as two writers or damage may cause, change nothing."""
    state, expected = GenerationState(), []
    for position, (first, count) in enumerate(spans):
        values = [f"[{position},{index}]".encode() for index in range(count)]
        event = DataGenerated(
            record="r", entity_type="user", key="k", first=first, values=list(map(msgspec.Raw, values))
        )
        state.apply(Entry(position, "", position, 0, event))
        if first == len(expected):
            expected += values
    assert state.records.get("r", CallRecord(None, 0)).values == expected
    assert state.keys == ({("user", "k"): len(expected)} if expected else {})


def test_a_key_is_remembered_with_the_most_that_was_made_of_it(path):
    """Whatever seed asked for how many; the key used last comes last."""
    for seed, key, count in ((0, "a", 5), (0, "b", 1), (1, "a", 2)):
        generator(path, seed=seed).generate_realistic_user_data(count, key)
    keys = GenerationStore(path).current().generation.keys
    assert [(used.key, count) for used, count in keys.items()] == [("b", 1), ("a", 5)]


def test_an_unknown_event_is_passed_over(path):
    """A log of a later release, with events that nobody here knows, still gives what is known."""
    made = generator(path)
    users = made.generate_realistic_user_data(2, "k")

    class Later(JournalEvent, frozen=True, kw_only=True, tag="data.rearranged"):
        record: str = ""

    class Nothing:
        def apply(self, entry):
            """Take no notice."""

    with Journal(path, [Later], Nothing) as log, log.transact() as transaction:
        transaction.append("x", Later(record="y"))
    assert generator(path).generate_realistic_user_data(2, "k") == users
