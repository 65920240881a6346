"""The read model against an independent slow fold, whole and in pieces, killed and rebuilt."""

import json
import random
import subprocess
import sys
import time
from array import array
from collections import Counter
from itertools import product

import msgspec
import pytest
import warm
from examples import examples
from hypothesis import given, settings
from hypothesis import strategies as st
from pytest_insight.eventlog.codec import encode_event, line_hash
from pytest_insight.eventlog.events import (
    CollectionFailed,
    SessionCleared,
    SessionFinished,
    SessionRestored,
    SessionStarted,
    SubtestFinished,
    TestFinished,
    TestsAnnounced,
    TestStarted,
    WarningRecorded,
)
from pytest_insight.eventlog.merging.merger import merge_logs
from pytest_insight.eventlog.merging.staging import staging
from pytest_insight.projections.fold import fold_lines
from pytest_insight.projections.joining import join, join_folds
from pytest_insight.projections.parts import CRASHED_FLAG, Nodes
from pytest_insight.projections.readmodel import AmbiguousPrefixError, ReadModel, UnknownSessionError
from pytest_insight.projections.rules import (
    OUTCOMES,
    Labelled,
    is_flaky,
    latest_change,
    session_status,
    verdict_of,
    visible_names,
)

SEEDS = st.integers(0, 2**32).map(random.Random)

PHASES = {
    "passed": ({"setup": 1, "call": 2, "teardown": 1}, {}),
    "failed": ({"setup": 1, "call": 2, "teardown": 1}, {"call": "failed"}),
    "error": ({"setup": 1, "call": 2, "teardown": 1}, {"teardown": "error"}),
    "skipped": ({"setup": 1, "teardown": 1}, {"setup": "skipped"}),
    "xfailed": ({"setup": 1, "call": 2, "teardown": 1}, {"call": "xfailed"}),
    "xpassed": ({"setup": 1, "call": 2, "teardown": 1}, {"call": "xpassed"}),
    "rerun": ({"setup": 1, "call": 2, "teardown": 1}, {"call": "rerun"}),
    "quarantined": ({"setup": 1, "call": 2, "teardown": 1}, {"call": "quarantined"}),
    "of_a_later_release": ({"setup": 1, "call": 2, "teardown": 1}, {"call": "of_a_later_release"}),
}


def random_history(rng: random.Random, sessions: int) -> list[bytes]:
    """Lines of some sessions, interleaved as parallel writers would write them."""
    streams = [list(random_session(rng, f"{number:032x}", number)) for number in range(1, sessions + 1)]
    lines = []
    while any(streams):
        stream = rng.choice([stream for stream in streams if stream])
        lines.extend(stream.pop(0) for _ in range(min(rng.randint(1, 6), len(stream))))
    if rng.random() < 0.5 and sessions > 1:
        target = f"{rng.randint(1, sessions):032x}"
        kinds = rng.sample([SessionCleared, SessionRestored], rng.randint(1, 2))
        for number, kind in enumerate(kinds):
            at = f"2026-11-22T00:00:0{number}.000000Z"
            lines.append(encode_event(kind(target=target), stream=f"{900 + number:032x}", seq=0, at=at))
    return lines


def random_session(rng: random.Random, stream: str, number: int):
    """One session: reruns, crashes, workers, subtests, warnings, killed at any place."""
    seq, root = 0, line_hash()
    workers = ["gw0", "gw1"] if rng.random() < 0.4 else [""]

    def line(event):
        nonlocal seq
        at = f"2026-11-{number % 20 + 1:02d}T01:{seq // 60 % 60:02d}:{seq % 60:02d}.000000Z"
        data = encode_event(event, stream=stream, seq=seq, at=at)
        root.update(data[-35:-3])
        seq += 1
        return data

    tests = [f"t{rng.randint(1, 3)}.py::test_{n}" for n in range(rng.randint(0, 8))]
    tests = list(dict.fromkeys(tests))
    lines = [line(SessionStarted(session_id=stream[-6:], sut=rng.choice(["shop", "search"])))]
    if tests:
        lines.append(line(TestsAnnounced(nodeids=tests, deselected=rng.randint(0, 2))))
        if rng.random() < 0.2:  # the same again, and one that was not named before
            lines.append(line(TestsAnnounced(nodeids=[*tests[:2], "t9.py::test_late"])))
    for nodeid in tests:
        if rng.random() < 0.1:
            continue
        worker = rng.choice(workers)
        for attempt in range(1, rng.choice([1, 1, 1, 2, 3]) + 1):
            lines.append(line(TestStarted(nodeid=nodeid, attempt=attempt, worker=worker)))
            if rng.random() < 0.1:
                break
            outcome = rng.choice(list(PHASES))
            phases, special = PHASES[outcome]
            if rng.random() < 0.1:
                lines.append(line(SubtestFinished(nodeid=nodeid, outcome=rng.choice(["passed", "failed"]), ordinal=1)))
            if rng.random() < 0.1:
                lines.append(line(WarningRecorded(category="UserWarning", message="m", nodeid=nodeid)))
            finished = TestFinished(
                nodeid=nodeid,
                outcome="other" if outcome == "quarantined" else outcome,
                category="quarantined" if outcome == "quarantined" else "",
                attempt=attempt,
                worker=worker,
                duration_us=rng.randint(0, 10**6),
                phases=phases,
                phase_outcomes=special,
                crashed=rng.random() < 0.05,
            )
            lines.append(line(finished))
    if rng.random() < 0.1:
        lines.append(line(CollectionFailed(nodeid="bad.py")))
    if rng.random() < 0.7:
        lines.append(line(SessionFinished(exit_status=1, duration_us=5, count=seq, root=root.hexdigest())))
    return lines


def slow_fold(lines: list[bytes]) -> dict[str, dict]:  # noqa: PLR0915 - one list of cases
    """What the sessions of a log come to, by plain dicts and json; shares no code with the project."""
    sessions: dict[str, dict] = {}
    hidden: dict[str, list] = {}
    for line in lines:
        event = json.loads(line)
        if event["type"] in ("session.cleared", "session.restored"):
            hidden.setdefault(event["target"], []).append((event["at"], event["digest"], event["type"]))
            continue
        session = sessions.setdefault(
            event["stream"],
            {"attempts": {}, "open": {}, "counts": Counter(), "announced": [], "exit": None, "sut": None},
        )
        kind = event["type"]
        if kind == "session.started":
            session["sut"] = event["sut"]
        elif kind == "tests.announced":
            session["announced"] += event["nodeids"]
            session["counts"]["deselected"] += event.get("deselected", 0)
        elif kind == "test.started":
            session["open"][event["nodeid"], event.get("attempt", 1)] = True
        elif kind == "test.finished":
            session["open"].pop((event["nodeid"], event.get("attempt", 1)), None)
            attempts = session["attempts"].setdefault(event["nodeid"], [])
            attempts.append(
                (event.get("category") or event["outcome"], event.get("crashed", False), event.get("duration_us", 0))
            )
            special = event.get("phase_outcomes", {})
            session["counts"].update(special.values())
            session["counts"]["passed"] += "call" in event["phases"] and "call" not in special
        elif kind == "subtest.finished":
            session["counts"]["failed"] += event["outcome"] == "failed"
        elif kind == "collection.failed":
            session["counts"]["error"] += 1
        elif kind == "warning.recorded":
            session["counts"]["warnings"] += 1
        elif kind == "session.finished":
            session["exit"] = event["exit_status"]
    result = {}
    for stream, session in sessions.items():
        verdicts = Counter()
        notable = {"failed": set(), "rerun": set(), "flaky": set()}
        sealed = session["exit"] is not None
        running = {
            nodeid
            for nodeid, _ in session["open"]
            if not (sealed and any(attempt[0] != "rerun" for attempt in session["attempts"].get(nodeid, [])))
        }
        for nodeid in {*session["attempts"], *running}:
            attempts = session["attempts"].get(nodeid, [])
            crashed = nodeid in running or (attempts and attempts[-1][1])
            verdict = "crashed" if crashed else attempts[-1][0]
            verdicts[verdict] += 1
            if verdict in ("failed", "error", "crashed"):
                notable["failed"].add(nodeid)
            if len(attempts) + (nodeid in running) > 1:
                notable["rerun"].add(nodeid)
            good = ("passed", "xfailed", "xpassed")
            tried = [outcome for outcome, *_ in attempts[:-1] if outcome != "skipped"]
            if attempts and attempts[-1][0] in good and any(outcome not in good for outcome in tried):
                verdicts["flaky"] += 1
                notable["flaky"].add(nodeid)
        announced = set(session["announced"])
        missing = sum(nodeid not in session["attempts"] or nodeid in running for nodeid in announced)
        not_run = sum(nodeid not in session["attempts"] and nodeid not in running for nodeid in announced)
        if not_run:
            verdicts["not_run"] = not_run
        status = "interrupted" if session["exit"] is None else "incomplete" if missing else "complete"
        if max(hidden.get(stream, [("", "", "session.restored")]))[2] == "session.cleared":
            continue
        result[stream] = {
            "sut": session["sut"],
            "status": status,
            "exit": session["exit"],
            "missing": missing,
            "counts": {name: count for name, count in session["counts"].items() if count},
            "verdicts": {name: count for name, count in verdicts.items() if count},
            "notable": notable,
            "attempts": sorted(
                (nodeid, *attempt) for nodeid, found in session["attempts"].items() for attempt in found
            ),
        }
    return result


def model_view(model: ReadModel) -> dict[str, dict]:
    """The same, from the read model."""
    names = model.names()
    return {
        row.stream: {
            "sut": row.sut,
            "status": row.status,
            "exit": row.exit_status,
            "missing": row.missing,
            "counts": row.counts,
            "verdicts": row.verdicts,
            "notable": {
                word: {names[number] for number in array("I", column)} for word, column in row.notable._asdict().items()
            },
            "attempts": sorted(
                (
                    a.nodeid,
                    row.part.others.get(a.position, OUTCOMES[a.outcome & ~CRASHED_FLAG]),
                    bool(a.outcome & CRASHED_FLAG),
                    a.duration_us,
                )
                for a in model.attempts(row.stream)
            ),
        }
        for row in model.sessions()
    }


@settings(max_examples=examples(60), deadline=None)
@given(SEEDS, st.integers(1, 5), st.integers(0, 6))
def test_the_model_agrees_with_a_slow_fold(tmp_path_factory, rng, sessions, cuts):
    """Random histories, caught up in random increments, cut also within lines: the same as plain dicts say."""
    folder = tmp_path_factory.mktemp("model")
    log = folder / "log.jsonl"
    lines = random_history(rng, sessions)
    data = b"".join(lines)
    log.write_bytes(b"")
    with ReadModel.open(log, folder / "model.sqlite") as model:
        for cut in sorted(rng.randrange(len(data) + 1) for _ in range(cuts)):
            log.write_bytes(data[:cut])
            model.catch_up()
            # A last line that lacks only its newline is an event, too: its writer has gone.
            whole = [line for line in data[:cut].split(b"\n") if line + b"\n" in lines]
            assert model_view(model) == slow_fold(whole)
        log.write_bytes(data)
        result = model.catch_up()
        assert result.rebuilt == ""
        assert model_view(model) == slow_fold(lines)
        assert model.check() == []
        assert model.catch_up().bytes == 0
        model.replay(workers=2)
        assert model_view(model) == slow_fold(lines)


@settings(max_examples=examples(80), deadline=None)
@given(SEEDS, st.integers(1, 4))
def test_folds_join_at_every_cut(rng, sessions):
    """Folding two halves and joining equals folding the whole, wherever it is cut."""
    lines = [line[:-1] for line in random_history(rng, sessions)]
    offsets = [index * 1000 for index in range(len(lines))]
    whole_nodes = Nodes()
    whole = fold_lines(offsets, lines, whole_nodes)
    for cut in range(len(lines) + 1):
        nodes = Nodes()
        first, second = fold_lines(offsets[:cut], lines[:cut], nodes), fold_lines(offsets[cut:], lines[cut:], nodes)
        joined, doubtful = join_folds(first, second)
        assert doubtful == []
        expected = {stream: normal(part, whole_nodes) for stream, part in whole.parts.items()}
        assert {stream: normal(part, nodes) for stream, part in joined.parts.items()} == expected
        assert joined.changes == whole.changes


def normal(part, nodes):
    """A part without what two ways of folding may do differently: numbers of tests and workers, order of open tests."""
    data = msgspec.structs.asdict(part)
    rows, workers = data.pop("rows"), data.pop("workers")
    names = list(nodes.numbers)
    tests = [names[number] for number in array("I", rows.nodes)]
    who = [workers[index] for index in rows.workers or bytes(len(rows))]
    places = (tests, who, rows.outcomes, rows.positions)
    data["announced"] = {
        worker: [names[number] for number in array("I", column)] for worker, column in data["announced"].items()
    }
    return data | {"open": sorted(data["open"]), "finished_early": sorted(data["finished_early"]), "rows": places}


@settings(max_examples=examples(60), deadline=None)
@given(SEEDS)
def test_repeated_and_shuffled_lines_change_nothing(tmp_path_factory, rng):
    """A log in which lines stand twice, or in another order, has the same views: events are a set."""
    folder = tmp_path_factory.mktemp("set")
    lines = random_history(rng, 3)
    mixed = lines + rng.sample(lines, len(lines) // 2)
    if rng.random() < 0.5:
        rng.shuffle(mixed)
    log = folder / "log.jsonl"
    expected = slow_fold(lines)
    with ReadModel.open(log, None) as model:
        half = rng.randrange(len(mixed) + 1)
        for part in (mixed[:half], mixed):
            log.write_bytes(b"".join(part))
            model.catch_up()
        found = model_view(model)
    assert {stream: {**view, "attempts": None} for stream, view in found.items()} == {
        stream: {**view, "attempts": None} for stream, view in expected.items()
    }


def test_a_killed_catch_up_leaves_a_model_that_goes_on(tmp_path):
    """Processes that catch up are killed at random moments while the log grows; the model ends as a rebuilt one."""
    rng = random.Random(5)
    log, model_file = tmp_path / "log.jsonl", tmp_path / "model.sqlite"
    lines = random_history(rng, 60)
    code = (
        "import sys\nfrom pathlib import Path\nfrom pytest_insight.projections.readmodel import ReadModel\n"
        "print('up', flush=True)\n"
        "while True:\n"
        "    with ReadModel.open(Path(sys.argv[1]), Path(sys.argv[2])) as model: model.catch_up()\n"
    )
    log.write_bytes(lines[0])
    kills = 25
    for number in range(kills):
        command = [sys.executable, "-c", code, str(log), str(model_file)]
        processes = [warm.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE) for _ in range(2)]
        for process in processes:
            process.stdout.readline()
        with log.open("ab") as stream:
            for line in lines[1 + len(lines) * number // kills : 1 + len(lines) * (number + 1) // kills]:
                stream.write(line)
                stream.flush()
        time.sleep(rng.uniform(0, 0.02))
        for process in processes:
            died = process.poll()
            process.kill()
            assert died is None, process.stderr.read().decode()
            process.communicate()
    with ReadModel.open(log, model_file) as model:
        model.catch_up()
        assert model_view(model) == slow_fold(log.read_bytes().split(b"\n")[:-1])
        assert model.check() == []
    print(f"catch-up: {2 * kills} processes killed, views equal to rebuilt ones")


DOUBTS = {
    "garbage": lambda path: path.write_bytes(b"not a database" * 1000),
    "flipped": lambda path: path.write_bytes(
        bytes(b ^ 0xFF for b in path.read_bytes()[:4096]) + path.read_bytes()[4096:]
    ),
    "cut": lambda path: path.write_bytes(path.read_bytes()[: path.stat().st_size // 2]),
    "deleted": lambda path: path.unlink(),
    "empty": lambda path: path.write_bytes(b""),
}


@pytest.mark.parametrize("name", DOUBTS)
def test_a_damaged_model_is_made_anew(tmp_path, name):
    """Whatever happens to the file of the model, the views are right afterwards."""
    log, path = tmp_path / "log.jsonl", tmp_path / "model.sqlite"
    lines = random_history(random.Random(1), 30)
    log.write_bytes(b"".join(lines))
    with ReadModel.open(log, path) as model:
        model.catch_up()
    DOUBTS[name](path)
    with ReadModel.open(log, path) as model:
        model.catch_up()
        assert model_view(model) == slow_fold(lines)


def test_a_replaced_log_is_folded_anew(tmp_path):
    """Another log under the same name, shorter or longer, never mixes with what was folded before."""
    log = tmp_path / "log.jsonl"
    first, second = (random_history(random.Random(seed), 4) for seed in (1, 2))
    with ReadModel.open(log, tmp_path / "model.sqlite") as model:
        for lines in (first, second, first[:3], [*first, b""]):
            log.write_bytes(b"".join(lines))
            model.catch_up()
            assert model_view(model) == slow_fold([line for line in lines if line])


def test_damage_is_in_the_findings_and_costs_nothing_else(tmp_path):
    """Damaged lines are findings of the model; all other events count."""
    log = tmp_path / "log.jsonl"
    lines = random_history(random.Random(9), 3)
    log.write_bytes(b"".join([*lines[:5], b"garbage\n", *lines[5:], b'{"v":1,"ty']))
    with ReadModel.open(log, None) as model:
        model.catch_up()
        assert model_view(model) == slow_fold(lines)
        assert [finding.reason for finding in model.findings()] == ["damaged"]


def test_sessions_are_found_by_unique_prefixes(tmp_path):
    """A prefix of label or stream finds a session; several or none are errors of their own; `last` is the newest."""
    log = tmp_path / "log.jsonl"
    for number, (stream, label) in enumerate([("aa" * 16, "abc1"), ("bb" * 16, "abc2"), ("cc" * 16, "x_1")]):
        line = encode_event(
            SessionStarted(session_id=label, sut="s"),
            stream=stream,
            seq=0,
            at=f"2026-11-0{number + 1}T00:00:00.000000Z",
        )
        with log.open("ab") as file:
            file.write(line)
    with ReadModel.open(log, None) as model:
        model.catch_up()
        assert model.find_session("abc1").stream == "aa" * 16
        assert model.find_session("cc").session_id == "x_1"
        assert model.find_session("x_").session_id == model.find_session("last").session_id == "x_1"
        with pytest.raises(AmbiguousPrefixError):
            model.find_session("abc")
        for unknown in ("zzz", "%", "xa"):
            with pytest.raises(UnknownSessionError):
                model.find_session(unknown)


def test_one_label_shows_one_session(tmp_path):
    """Of two streams under one label the earliest is shown."""
    log = tmp_path / "log.jsonl"
    for stream, day in (("aa" * 16, 2), ("bb" * 16, 1)):
        line = encode_event(
            SessionStarted(session_id="same", sut="s"), stream=stream, seq=0, at=f"2026-11-0{day}T00:00:00.000000Z"
        )
        with log.open("ab") as file:
            file.write(line)
    with ReadModel.open(log, None) as model:
        model.catch_up()
        assert [row.stream for row in model.sessions()] == ["bb" * 16]
        assert len(model.sessions(hidden=True)) == 2


def test_verdicts_over_their_domain():
    """Every list of up to three attempts, crashed or running or neither."""
    good = {"passed", "xfailed", "xpassed"}
    for length in range(4):
        for attempts in product(OUTCOMES, repeat=length):
            for crashed, running in product((False, True), repeat=2):
                expected = "crashed" if crashed or running else attempts[-1] if attempts else "not_run"
                assert verdict_of(attempts, crashed=crashed, running=running) == expected
            flaky = length > 1 and attempts[-1] in good and not set(attempts[:-1]) <= good | {"skipped"}
            assert is_flaky(attempts) == flaky
    assert [session_status(sealed=s, missing=m) for s, m in product((True, False), (0, 1))] == [
        "complete",
        "incomplete",
        "interrupted",
        "interrupted",
    ]
    later, earlier = ("2", "aa"), ("1", "ff")
    for first, second in product(("cleared", "superseded", "restored"), repeat=2):
        assert latest_change([(*earlier, first), (*later, second)]) == (*later, second)
    assert latest_change([]) is None


CHANGES = (None, "cleared", "superseded", "restored")


@pytest.mark.parametrize("first", CHANGES)
@pytest.mark.parametrize("second", CHANGES)
@pytest.mark.parametrize("third", CHANGES)
def test_which_sessions_of_a_label_are_shown(first, second, third):
    """Over the whole domain of three sessions with one label: the rule, said in another way."""
    said = [first, second, third]
    sessions = [
        Labelled(stream * 32, start, what and (f"at {start}", "d", what))
        for stream, start, what in zip("abc", (1, 2, 3), said, strict=True)
    ]
    names = visible_names("L", sessions)
    assert visible_names("L", reversed(sessions)) == names
    shown = [what if session.stream in names else "no" for session, what in zip(sessions, said, strict=True)]
    for what, seen in zip(said, shown, strict=True):
        if what == "cleared":
            assert seen == "no"
        if what == "restored":
            assert seen == "restored"
    if None in said:
        assert shown[said.index(None)] is None
        assert shown.count(None) == 1
    if set(said) == {"superseded"}:
        assert shown == ["superseded", "no", "no"]
    elif "superseded" in said:
        assert ("superseded" in shown) == (set(said) == {"superseded"})
    assert sorted(names.values())[:1] == ["L"] * bool(names)
    assert len(set(names.values())) == len(names)
    assert all(name in ("L", f"L~{stream[:8]}") for stream, name in names.items())


def test_the_plain_name_stays_with_whom_it_was_first():
    """A session about which nothing was said keeps its label beside an older one that was brought in later."""
    old = Labelled("a" * 32, 1, ("2026", "d", "restored"))
    here = Labelled("b" * 32, 5)
    assert visible_names("L", [old, here]) == {"b" * 32: "L", "a" * 32: "L~aaaaaaaa"}


def test_streams_with_the_same_beginning_get_longer_suffixes():
    """Names stay unique where eight digits do not tell streams apart."""
    twins = [Labelled("a" * 10 + digit * 22, 1, ("2026", "d", "restored")) for digit in "bc"]
    assert sorted(visible_names("L", twins).values()) == ["L", "L~aaaaaaaaaac"]


def test_join_keeps_the_numbers_of_workers():
    """Workers that appear later get later numbers, and every attempt keeps its own."""
    at = "2026-11-21T01:23:45.123456Z"
    phases = {"setup": 1, "call": 1, "teardown": 1}
    lines = [
        encode_event(
            TestFinished(nodeid=f"t{n}", outcome="passed", worker=w, phases=phases), stream="ab" * 16, seq=n, at=at
        )[:-1]
        for n, w in enumerate(["gw1", "gw0", "gw1", ""])
    ]
    nodes = Nodes()
    parts = [fold_lines([n], [line], nodes).parts["ab" * 16] for n, line in enumerate(lines)]
    joined = parts[0]
    for part in parts[1:]:
        joined = join(joined, part)
    assert [joined.workers[index] for index in joined.rows.workers] == ["gw1", "gw0", "gw1", ""]


@settings(max_examples=examples(60), deadline=None)
@given(SEEDS, st.integers(1, 4))
def test_a_merged_log_shows_what_a_slow_fold_of_its_parts_says(tmp_path_factory, rng, sessions):
    """Parts that overlap, in any mix, merged: the views are those of all events, clearing and restoring included."""
    folder = tmp_path_factory.mktemp("merged")
    lines = random_history(rng, sessions)
    parts = [[line for line in lines if rng.random() < 0.7] for _ in range(3)]
    parts.append([line for line in lines if not any(line in part for part in parts)])
    for number, part in enumerate(parts):
        if rng.random() < 0.5:
            rng.shuffle(part)
        (folder / f"{number}.jsonl").write_bytes(b"".join(part))
    out = folder / "out.jsonl"
    with staging() as stage, out.open("wb") as sink:
        merge_logs([folder / f"{number}.jsonl" for number in range(4)], sink, stage)
    with ReadModel.open(out, None) as model:
        model.catch_up()
        assert model_view(model) == slow_fold(sorted(lines, key=lambda line: json.loads(line)["seq"]))
        assert model.check() == []
