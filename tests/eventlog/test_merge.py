"""Merging is a union: the same bytes for any order, grouping and repetition, whatever is wrong with the inputs."""

import gzip
import hashlib
import io
import itertools
import json
import os
import random
import subprocess
import sys
import tempfile
import zipfile
from pathlib import Path

import pytest
from examples import examples
from hypothesis import given, settings
from hypothesis import strategies as st
from pytest_insight.eventlog.codec import encode_event, has_good_digest, line_digest
from pytest_insight.eventlog.errors import InputLimitError
from pytest_insight.eventlog.events import (
    EventsPurged,
    SessionCleared,
    SessionFinished,
    SessionRestored,
    SessionStarted,
    TestFinished,
)
from pytest_insight.eventlog.maintenance.verify import verify_log
from pytest_insight.eventlog.merging.conflicts import Strategy
from pytest_insight.eventlog.merging.merger import Merger, merge_logs
from pytest_insight.eventlog.merging.segments import SegmentIndex
from pytest_insight.eventlog.merging.staging import InputLimits, staging
from pytest_insight.eventlog.reader import Record, read_records
from pytest_insight.projections.readmodel import ReadModel

SEEDS = st.integers(0, 2**32).map(random.Random)


def at(second: int, micro: int = 0) -> str:
    """A time of one day; seconds may be skewed by years."""
    return f"{2000 + second % 100:04d}-11-21T01:{second % 60:02d}:{second % 60:02d}.{micro:06d}Z"


def make_session(rng: random.Random, stream: str, label: str, start: int, tests: int) -> list[bytes]:
    """Lines of one session, sealed or not."""
    lines = [encode_event(SessionStarted(session_id=label, sut=rng.choice("ab")), stream=stream, seq=0, at=at(start))]
    for seq in range(1, tests + 1):
        event = TestFinished(nodeid=f"t.py::{rng.randrange(9)}", outcome="passed", capstdout="x" * rng.randrange(60))
        lines.append(encode_event(event, stream=stream, seq=seq, at=at(start, seq)))
    if rng.random() < 0.7:
        seal = SessionFinished(exit_status=0, count=tests + 1, root="")
        lines.append(encode_event(seal, stream=stream, seq=tests + 1, at=at(start, tests + 1)))
    return lines


def make_pool(rng: random.Random, *, purges: bool) -> list[list[bytes]]:
    """Some streams: sessions with few labels and skewed clocks, some with two versions of an event, statements."""
    streams = [rng.randbytes(16).hex() for _ in range(rng.randint(1, 5))]
    pool = [make_session(rng, s, rng.choice("LMN"), rng.randrange(100), rng.randint(0, 6)) for s in streams]
    for lines in pool:
        if len(lines) > 2 and rng.random() < 0.3:  # the same identity with another content
            stream = lines[0][lines[0].index(b'"stream":"') + 10 :][:32].decode()
            lines.append(encode_event(TestFinished(nodeid="other", outcome="failed"), stream=stream, seq=1, at=at(1)))
    for _ in range(rng.randint(0, 2)):
        event = rng.choice((SessionCleared, SessionRestored))(target=rng.choice(streams))
        pool.append([encode_event(event, stream=rng.randbytes(16).hex(), seq=0, at=at(rng.randrange(100)))])
    if purges and rng.random() < 0.5:
        victim = rng.choice(pool[: len(streams)])[-1]
        gone = [] if rng.random() < 0.5 else [rng.choice(streams)]
        stream = victim[victim.index(b'"stream":"') + 10 :][:32].decode()
        event = EventsPurged(streams=gone, lines=[(stream, 0, line_digest(victim[:-1]))])
        pool.append([encode_event(event, stream=rng.randbytes(16).hex(), seq=0, at=at(50))])
    return pool


def make_log(rng: random.Random, pool: list[list[bytes]], *, damage: bool = True) -> bytes:
    """A log with some of the streams: whole, a part as a live copy has it, mixed line by line, with damage."""
    parts = [
        lines[: rng.randint(1, len(lines))] if rng.random() < 0.4 else list(lines)
        for lines in pool
        if rng.random() < 0.7
    ]
    if rng.random() < 0.5:
        lines = [line for part in parts for line in part]
    else:
        queues, lines = [list(part) for part in parts if part], []
        while queues:
            queue = rng.choice(queues)
            lines.append(queue.pop(0))
            queues = [q for q in queues if q]
    if damage and lines and rng.random() < 0.4:
        where = rng.randrange(len(lines))
        lines.insert(where, rng.choice([b"garbage\n", b"\n", lines[where][:-40] + b"\n", b'{"v":1,"type":"x"}\n']))
    data = b"".join(lines)
    if damage and rng.random() < 0.3:
        data = data[: max(len(data) - rng.randint(1, 30), 0)]
    return data


def merged(folder: Path, *logs: bytes, strategy: Strategy = Strategy.SKIP_EXISTING) -> bytes:
    """The result of merging some logs."""
    paths = []
    for number, data in enumerate(logs):
        path = folder / f"{len(list(folder.iterdir()))}-{number}.jsonl"
        path.write_bytes(data)
        paths.append(path)
    out = io.BytesIO()
    with staging() as stage:
        merge_logs(paths, out, stage, strategy)
    return out.getvalue()


def slow_union(*logs: bytes) -> bytes:
    """The same, said in another way: all good lines, also a last one without its newline, sorted by a key for each."""
    lines = {line for log in logs for line in log.split(b"\n") if line.startswith(b'{"v":1,') and has_good_digest(line)}
    events = {line: json.loads(line) for line in lines}
    purges = [event for event in events.values() if event["type"] == "events.purged"]
    gone = {stream for event in purges for stream in event.get("streams", ())}
    digests = {digest for event in purges for _, _, digest in event.get("lines", ())}
    starts: dict[str, tuple[int, str]] = {}
    for event in events.values():
        mine = (event["seq"], event["at"])
        starts[event["stream"]] = min(starts.get(event["stream"], mine), mine)
    kept = [line for line, e in events.items() if e["stream"] not in gone and e["digest"] not in digests]
    key = lambda line: (starts[(e := events[line])["stream"]][1], e["stream"], e["seq"], e["digest"])
    return b"".join(line + b"\n" for line in sorted(kept, key=key))


@settings(max_examples=examples(250))
@given(SEEDS)
def test_merge_is_the_union_in_canonical_order(tmp_path_factory, rng):
    """An independent slow union agrees, for logs with conflicts, skew, damage, partial copies and tombstones."""
    folder = tmp_path_factory.mktemp("m")
    pool = make_pool(rng, purges=True)
    logs = [make_log(rng, pool) for _ in range(rng.randint(1, 4))]
    assert merged(folder, *logs) == slow_union(*logs)


@settings(max_examples=examples(250))
@given(SEEDS)
def test_merge_is_associative_commutative_and_idempotent(tmp_path_factory, rng):
    """Any grouping, order and repetition of the inputs gives the same bytes, under every strategy."""
    folder = tmp_path_factory.mktemp("m")
    strategy = rng.choice(list(Strategy))
    pool = make_pool(rng, purges=strategy is Strategy.SKIP_EXISTING)
    a, b, c = (make_log(rng, pool) for _ in range(3))
    whole = merged(folder, a, b, c, strategy=strategy)
    assert merged(folder, c, a, b, strategy=strategy) == whole
    assert merged(folder, a, merged(folder, b, c, strategy=strategy), strategy=strategy) == whole
    assert merged(folder, merged(folder, a, b, strategy=strategy), c, strategy=strategy) == whole
    assert merged(folder, whole, strategy=strategy) == whole
    assert merged(folder, a, whole, b, b, whole, strategy=strategy) == whole


def test_all_720_orders_of_six_logs_give_one_digest(tmp_path):
    """The order in which inputs are named has no influence."""
    rng = random.Random(7)
    pool = [stream for _ in range(2) for stream in make_pool(rng, purges=False)]
    paths = []
    for number in range(6):
        path = tmp_path / f"{number}.jsonl"
        path.write_bytes(make_log(rng, pool))
        paths.append(path)
    digests = set()
    with staging() as stage:
        for order in itertools.permutations(paths):
            out = io.BytesIO()
            merge_logs(order, out, stage)
            digests.add(hashlib.sha256(out.getvalue()).hexdigest())
    assert len(digests) == 1


def test_damage_is_reported_and_not_copied(tmp_path):
    """A flipped bit, a torn end and foreign text are findings; everything else is in the result."""
    lines = make_session(random.Random(1), "ab" * 16, "L", 1, 5)
    bad = bytearray(lines[2])
    bad[60] ^= 1
    log = tmp_path / "a.jsonl"
    log.write_bytes(b"".join([lines[0], lines[1], bytes(bad), b"hello\n", *lines[3:]]) + lines[1][:50])
    out = io.BytesIO()
    with staging() as stage:
        report = merge_logs([log], out, stage)
    assert out.getvalue() == b"".join([lines[0], lines[1], *lines[3:]])
    assert sorted(finding.reason for finding in report.damaged) == ["damaged", "damaged", "torn"]
    assert {finding.log for finding in report.damaged} == {str(log)}


def test_a_partial_copy_is_healed_by_a_later_full_one(tmp_path):
    """A copy of a live log, cut at every line, adds nothing to the full one and takes nothing away."""
    lines = make_session(random.Random(2), "cd" * 16, "L", 1, 6)
    full = b"".join(lines)
    for cut in range(len(lines)):
        part = b"".join(lines[:cut])
        assert merged(tmp_path, part, full) == merged(tmp_path, full, part) == full


def shown(path: Path) -> list[tuple[str, str]]:
    """Names and streams that a reader shows."""
    with ReadModel.open(path, None) as model:
        model.catch_up()
        return sorted((row.session_id, row.stream[:2]) for row in model.sessions())


def test_what_each_strategy_shows(tmp_path):
    """Of two sessions with one label: the earliest, the latest, or both with a name of its own each."""
    rng = random.Random(3)
    early, late = make_session(rng, "ee" * 16, "L", 1, 2), make_session(rng, "11" * 16, "L", 5, 2)
    expected = {
        Strategy.SKIP_EXISTING: [("L", "ee")],
        Strategy.REPLACE_EXISTING: [("L", "11")],
        Strategy.KEEP_BOTH: [("L", "ee"), ("L~11111111", "11")],
    }
    for strategy, names in expected.items():
        path = tmp_path / f"{strategy}.jsonl"
        path.write_bytes(merged(tmp_path, b"".join(late), b"".join(early), strategy=strategy))
        assert shown(path) == names
        assert b"".join(early) in path.read_bytes()
        assert b"".join(late) in path.read_bytes(), "nothing is left out, whatever is shown"
        with staging() as stage:
            merger = Merger(stage, strategy)
            merger.add(path)
            merger.index()
            (conflict,) = merger.report.conflicts
            assert sorted(stream[:2] for stream in conflict.shown) == sorted(stream for _, stream in names)


def test_clearing_survives_merging_with_an_old_copy(tmp_path):
    """A copy from before the clearing does not bring the session back."""
    session = b"".join(make_session(random.Random(4), "ab" * 16, "L", 1, 2))
    cleared = encode_event(SessionCleared(target="ab" * 16), stream="ff" * 16, seq=0, at=at(9))
    path = tmp_path / "out.jsonl"
    path.write_bytes(merged(tmp_path, session + cleared, session))
    assert shown(path) == []


def test_what_was_purged_does_not_come_back(tmp_path):
    """A tombstone in one input keeps its stream and its lines out of the result, whoever still has them."""
    rng = random.Random(5)
    gone, kept = make_session(rng, "ab" * 16, "L", 1, 3), make_session(rng, "cd" * 16, "M", 2, 3)
    secret = kept[2]
    tomb = encode_event(
        EventsPurged(streams=["ab" * 16], lines=[("cd" * 16, 2, line_digest(secret[:-1]))]),
        stream="ff" * 16,
        seq=0,
        at=at(9),
    )
    result = merged(tmp_path, b"".join(kept) + b"".join(gone), tomb)
    assert tomb in result
    assert secret not in result
    assert b"ab" * 16 not in result.replace(tomb, b"")
    assert all(line in result for line in kept if line != secret)


def test_the_result_verifies_and_holds_every_event(tmp_path):
    """Sealed sessions keep their seals; the merged log is a log like any other."""
    from pytest_insight.eventlog.writer import LogWriter

    for number in range(3):
        for _ in range(2):
            writer = LogWriter(tmp_path / f"{number}.jsonl")
            writer.append(SessionStarted(session_id=os.urandom(6).hex(), sut="s"))
            writer.append(TestFinished(nodeid="t", outcome="passed"))
            writer.seal(lambda count, root: SessionFinished(exit_status=0, count=count, root=root))
            writer.close()
    out = tmp_path / "out.jsonl"
    with staging() as stage, out.open("wb") as sink:
        report = merge_logs([tmp_path / f"{n}.jsonl" for n in range(3)], sink, stage)
    checked = verify_log(out)
    assert (report.events, report.sessions, checked.problems, checked.sealed) == (18, 6, [], 6)


def test_two_processes_index_the_same_as_one(tmp_path, monkeypatch):
    """Above a size the inputs are read by two processes; nothing of the result depends on it."""
    from pytest_insight.eventlog.merging import indexing

    rng = random.Random(6)
    pool = [stream for _ in range(20) for stream in make_pool(rng, purges=False)]
    logs = [make_log(rng, pool) for _ in range(3)]
    alone = merged(tmp_path, *logs)
    monkeypatch.setattr(indexing, "PARALLEL_BYTES_MIN", 1)
    assert merged(tmp_path, *logs) == alone == slow_union(*logs)


def test_segments_that_are_too_many_for_memory_go_to_disk(tmp_path, monkeypatch):
    """An index that spills gives the same result as one that does not."""
    from pytest_insight.eventlog.merging import segments

    rng = random.Random(8)
    pool = [stream for _ in range(10) for stream in make_pool(rng, purges=False)]
    logs = [make_log(rng, pool) for _ in range(3)]
    monkeypatch.setattr(segments, "_SPILL_SEGMENTS", 7)
    assert merged(tmp_path, *logs) == slow_union(*logs)
    index = SegmentIndex(tmp_path)
    path = tmp_path / "one.jsonl"
    path.write_bytes(logs[0])
    index.add(0, path)
    list(index.by_stream())
    assert list(tmp_path.glob("segments-*")), "something was spilled"


# ------------------------------------------------------------------ archives


def test_compressed_logs_folders_and_archives_are_merged_alike(tmp_path):
    """A log, the same in .gz, in a folder, in a .zip and in a .gz within a .zip come to the same bytes."""
    session = b"".join(make_session(random.Random(9), "ab" * 16, "L", 1, 4))
    folder = tmp_path / "artifacts" / "job-1"
    folder.mkdir(parents=True)
    (folder / "a.jsonl").write_bytes(session)
    (tmp_path / "b.jsonl.gz").write_bytes(gzip.compress(session))
    with zipfile.ZipFile(tmp_path / "c.zip", "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("x/y.jsonl", session)
        archive.writestr("z.jsonl.gz", gzip.compress(session))
        archive.writestr("notes.txt", b"not a log")
    for path in (tmp_path / "artifacts", tmp_path / "b.jsonl.gz", tmp_path / "c.zip"):
        out = io.BytesIO()
        with staging() as stage:
            merge_logs([path], out, stage)
        assert out.getvalue() == session


def test_a_cut_off_archive_gives_what_is_there_and_says_so(tmp_path):
    """The whole lines of a torn .gz are merged; the rest is reported as damage."""
    lines = make_session(random.Random(10), "ab" * 16, "L", 1, 2000)
    path = tmp_path / "a.jsonl.gz"
    path.write_bytes(gzip.compress(b"".join(lines))[:-2000])
    out = io.BytesIO()
    with staging() as stage:
        report = merge_logs([path], out, stage)
    assert report.damaged
    assert out.getvalue() == b"".join(lines[: report.events])
    assert 0 < report.events < len(lines)


def test_a_bomb_is_stopped(tmp_path, monkeypatch):
    """A small file that unpacks to very much ends the merge; so do too many entries, and nothing stays behind."""
    bomb = tmp_path / "bomb.jsonl.gz"
    bomb.write_bytes(gzip.compress(b'{"v":1,' + b"\0" * (64 << 20)))
    with zipfile.ZipFile(tmp_path / "many.zip", "w") as archive:
        for number in range(30):
            archive.writestr(f"{number}.jsonl", b"")
    (tmp_path / "private").mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path / "private"))
    for path, limits, text in (
        (bomb, InputLimits(), "times its size"),
        (bomb, InputLimits(total_bytes=1 << 20), "MiB"),
        (tmp_path / "many.zip", InputLimits(entries=29), "30 files"),
    ):
        with pytest.raises(InputLimitError, match=text), staging(limits) as stage:
            merge_logs([path], io.BytesIO(), stage)
    assert not list((tmp_path / "private").iterdir())


def test_names_in_an_archive_lead_nowhere(tmp_path):
    """Members called ../x, /x or links are read as streams; nothing is written but in the private folder."""
    session = b"".join(make_session(random.Random(11), "ab" * 16, "L", 1, 2))
    path = tmp_path / "evil.zip"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("../../outside.jsonl", session)
        archive.writestr("/tmp/absolute-insight.jsonl", session)
        link = zipfile.ZipInfo("link.jsonl")
        link.external_attr = 0o120777 << 16
        archive.writestr(link, "/etc/passwd")
    before = sorted(tmp_path.rglob("*"))
    out = io.BytesIO()
    with staging() as stage:
        merge_logs([path], out, stage)
        assert all(file.is_file() and not file.is_symlink() for file in stage.folder.iterdir())
    assert out.getvalue() == session
    assert sorted(tmp_path.rglob("*")) == before
    assert not Path("/tmp/absolute-insight.jsonl").exists()


def test_memory_does_not_grow_with_the_log(tmp_path):
    """Merging a log eight times as large needs no more memory."""
    lines = make_session(random.Random(12), "ab" * 16, "L", 1, 10_000)
    program = (
        "import sys, resource\n"
        "from pathlib import Path\n"
        "from pytest_insight.eventlog.merging.merger import merge_logs\n"
        "from pytest_insight.eventlog.merging.staging import staging\n"
        "with staging() as stage, open(sys.argv[2], 'wb') as out: merge_logs([Path(sys.argv[1])], out, stage)\n"
        "print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss)\n"
    )
    peaks = []
    for copies in (1, 8):
        path = tmp_path / f"{copies}.jsonl"
        with path.open("wb") as file:
            for number in range(copies):
                stream = f"{number:032x}"
                file.writelines(make_session(random.Random(12), stream, f"L{number}", 1, 10_000) if number else lines)
        command = [sys.executable, "-c", program, str(path), str(tmp_path / "out")]
        peaks.append(int(subprocess.run(command, capture_output=True, check=True, text=True).stdout))
    assert (tmp_path / "out").stat().st_size == (tmp_path / "8.jsonl").stat().st_size
    assert peaks[1] < peaks[0] + 12_000, f"{peaks} kB"


def test_live_files_beside_a_log_are_merged_with_it(tmp_path):
    """What a writer could not put into its log is in the result."""
    lines = make_session(random.Random(13), "ab" * 16, "L", 1, 3)
    log = tmp_path / "a.jsonl"
    log.write_bytes(b"".join(lines[:2]))
    (tmp_path / "a.jsonl.spool").mkdir()
    (tmp_path / "a.jsonl.spool" / ("ab" * 16 + ".jsonl")).write_bytes(b"".join(lines[2:]))
    out = io.BytesIO()
    with staging() as stage:
        merge_logs([log], out, stage)
    assert out.getvalue() == b"".join(lines)
    assert [item.envelope.seq for item in read_records(log) if isinstance(item, Record)] == list(range(len(lines)))


def test_a_damaged_pack_is_reported_by_the_merge_of_its_log(tmp_path):
    """What can be unpacked of a pack is merged with its log; that there is more is in the report, as damage."""
    log = tmp_path / "a.jsonl"
    lines = make_session(random.Random(14), "ab" * 16, "L", 1, 2000)
    live = make_session(random.Random(15), "cd" * 16, "M", 2, 3)
    log.write_bytes(b"".join(live))
    (tmp_path / "a.jsonl.packs").mkdir()
    (tmp_path / "a.jsonl.packs" / "000001.jsonl.gz").write_bytes(gzip.compress(b"".join(lines))[:-2000])
    out = io.BytesIO()
    with staging() as stage:
        report = merge_logs([log], out, stage)
    (finding, *_) = report.damaged
    assert "000001.jsonl.gz" in finding.detail
    assert all(line in out.getvalue() for line in (*live, lines[0], lines[1]))
