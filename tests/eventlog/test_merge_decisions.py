"""Decisions of a merge: which sessions a strategy shows, how work is divided, and what is unpacked."""

import io
import itertools
import json
import zipfile

import pytest
from histories import write_session
from hypothesis import given
from hypothesis import strategies as st
from pytest_insight.eventlog.errors import InputLimitError, LogUnavailableError
from pytest_insight.eventlog.merging import indexing, staging
from pytest_insight.eventlog.merging.conflicts import Strategy, find_conflicts, live_headers, strategy_lines
from pytest_insight.eventlog.merging.indexing import Job, _divide_jobs
from pytest_insight.eventlog.merging.merger import is_same_file
from pytest_insight.eventlog.merging.segments import Header, SegmentIndex
from pytest_insight.eventlog.merging.staging import InputLimits, Staging, check_archive, is_archive_name, stage_logs
from pytest_insight.eventlog.sources import Unread

AT = "2026-11-21T01:23:{:02}.000000Z"


def header(name, label, second, source=0):
    """The header of a session."""
    return Header(source, name * 32, label, "shop", AT.format(second))


HEADERS = [header("3", "a", 3), header("1", "a", 1), header("2", "a", 2), header("4", "b", 4), header("5", "c", 1)]
SHOWN = {"skip_existing": ["1"], "replace_existing": ["3"], "keep_both": ["1", "2", "3"]}


@pytest.mark.parametrize("strategy", Strategy)
def test_a_strategy_shows_the_earliest_the_latest_or_all(strategy):
    """Of a label that several streams have; the others are no conflict."""
    (conflict,) = find_conflicts(HEADERS, strategy)
    shown = [name * 32 for name in SHOWN[strategy]]
    assert (conflict.label, conflict.shown) == ("a", shown)
    assert sorted(conflict.shown + conflict.hidden) == [name * 32 for name in "123"]


@pytest.mark.parametrize(
    ("strategy", "kind", "targets"),
    [
        (Strategy.SKIP_EXISTING, None, ""),
        (Strategy.REPLACE_EXISTING, "session.superseded", "12"),
        (Strategy.KEEP_BOTH, "session.restored", "123"),
    ],
)
def test_a_strategy_marks_the_sessions_that_a_reader_would_show_otherwise(strategy, kind, targets):
    """Each mark has the time of its session, and bytes that follow from the header alone."""
    lines = [json.loads(line) for line in strategy_lines(HEADERS, strategy)]
    assert {line["type"] for line in lines} <= {kind}
    assert sorted(line["target"][0] for line in lines) == list(targets)
    assert all(line["at"] == AT.format(int(line["target"][0])) for line in lines)


@pytest.mark.parametrize("strategy", Strategy)
def test_the_marks_do_not_depend_on_the_order_or_the_grouping(strategy):
    """Those of a part stay among those of the whole, so merging is associative."""
    whole = set(strategy_lines(HEADERS, strategy))
    for order in itertools.islice(itertools.permutations(HEADERS), 0, 120, 7):
        assert set(strategy_lines(list(order), strategy)) == whole
    for count in range(len(HEADERS)):
        assert set(strategy_lines(HEADERS[:count], strategy)) <= whole
    assert set(strategy_lines([*HEADERS, *HEADERS], strategy)) == whole


def test_one_stream_in_two_files_is_no_conflict(tmp_path):
    """It is the same session; one that was purged is none either."""
    index = SegmentIndex(tmp_path)
    index.headers = [header("1", "a", 1), header("1", "a", 1, source=2), header("2", "a", 2, source=1)]
    assert len(live_headers(index)) == 2
    assert list(find_conflicts(live_headers(index)[:1], Strategy.SKIP_EXISTING)) == []
    index.tombstones.streams.add("2" * 32)
    assert live_headers(index) == [header("1", "a", 1)]


@given(st.lists(st.integers(0, 60), max_size=6), st.integers(1, 40))
def test_work_is_divided_into_two_parts_that_are_the_whole(sizes, smallest):
    """Every byte of every file is in exactly one part, the files keep their order, and a cut is in the middle of all."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(indexing, "PARALLEL_BYTES_MIN", smallest)
        patch.setattr(indexing, "line_start_after", lambda path, near: near + 1 if near + 1 < 50 else None)
        jobs = [Job(number, f"{number}", 0, size) for number, size in enumerate(sizes)]
        mine, theirs = _divide_jobs(jobs)
    if sum(sizes) < smallest:
        assert theirs == []
    covered = [
        (job.source, byte)
        for job in [*mine, *theirs]
        for byte in range(job.start, job.end or max(sizes[job.source], job.start))
    ]
    assert len(covered) == len(set(covered))
    assert sorted(covered) == [(number, byte) for number, size in enumerate(sizes) for byte in range(size)]
    if mine and mine[-1].end:
        assert sum((job.end or sizes[job.source]) - job.start for job in mine) == sum(sizes) // 2 + 1
    assert [job.source for job in [*mine, *theirs]] == sorted(job.source for job in [*mine, *theirs])


NAMES = {
    "a.zip": True, "A.ZIP": True, "a.tar": True, "a.tar.gz": True, "a.tgz": True, "a.7z": True, "a.xml.gz": True,
    "a.bz2": True, "a.xz": True, "a.jsonl.gz": False, "a.json.gz": False, "A.JSONL.GZ": False, "a.jsonl": False,
    "zip": False,
}  # fmt: skip


@pytest.mark.parametrize("name", NAMES)
def test_an_archive_within_an_archive_is_not_opened(name):
    """Except compressed logs and documents, which are what is looked for."""
    assert is_archive_name(name) is NAMES[name]


@pytest.mark.parametrize(
    ("limits", "sizes", "error"),
    [
        ({"total_bytes": 100}, [50, 50], None),
        ({"total_bytes": 100}, [50, 51], "more than 0 MiB"),
        ({"ratio": 2}, [40], None),
        ({"ratio": 2}, [41], "more than 2 times"),
        ({"ratio": 1}, [20], None),
        ({"ratio": 0}, [30], "more than 0 times"),
    ],
)
def test_unpacking_stops_at_a_limit_and_not_before(tmp_path, monkeypatch, limits, sizes, error):
    """The bytes of all inputs together; the ratio of one only once it is large."""
    monkeypatch.setattr(staging, "_RATIO_FROM_BYTES", 20)
    monkeypatch.setattr(staging, "_CHUNK_BYTES", 7)
    stage = Staging(tmp_path, InputLimits(**limits))

    def unpack():
        for size in sizes:
            staged = stage.unpack("a.zip!b", io.BytesIO(b"x" * size), 20)
            assert staged.path.read_bytes() == b"x" * size

    if error is None:
        unpack()
    else:
        with pytest.raises(InputLimitError, match=error):
            unpack()


def test_what_was_unpacked_before_a_damaged_place_is_kept(tmp_path):
    """With the reason why the rest is missing."""

    class Damaged(io.BytesIO):
        def read(self, size=-1):
            if self.tell() >= 10:
                raise OSError("the archive is damaged")
            return super().read(10)

    staged = Staging(tmp_path).unpack("a", Damaged(b"x" * 100), 100)
    assert (staged.damage, staged.path.read_bytes()) == ("the archive is damaged", b"x" * 10)


def test_an_archive_of_too_many_files_is_refused(tmp_path):
    """Its entries are counted, folders too; what is no archive is an error with a hint."""
    path = tmp_path / "a.zip"
    with zipfile.ZipFile(path, "w") as archive:
        for name in ("a/", "a/b.jsonl", "c"):
            archive.writestr(name, b"")
    assert len(check_archive(path, InputLimits(entries=3))) == 3
    with pytest.raises(InputLimitError, match="holds 3 files, more than 2"):
        check_archive(path, InputLimits(entries=2))
    path.write_bytes(b"PK")
    with pytest.raises(LogUnavailableError, match="is not a zip archive"):
        check_archive(path)


def test_a_log_is_staged_with_its_parts(tmp_path):
    """Itself in its place, copies of its live files; one that is collected meanwhile is in the log."""
    log = tmp_path / "log.jsonl"
    log.write_bytes(write_session("s", 1, []))
    (tmp_path / "log.live").mkdir()
    (tmp_path / "log.live" / "x.jsonl").write_bytes(b"live")
    (tmp_path / "stage").mkdir()
    stage = Staging(tmp_path / "stage")
    (staged,) = stage_logs(log, stage)
    assert (staged.path, [path.read_bytes() for path in staged.also]) == (log, [b"live"])
    assert stage.copies([tmp_path / "log.live" / "gone.jsonl"]) == []


def test_an_input_that_cannot_be_read_stops_the_merge_unless_it_is_to_be_reported(tmp_path):
    """The user names it, or leaves it out."""
    (tmp_path / "in").mkdir()
    (tmp_path / "in" / "a.zip").write_bytes(b"PK")
    with pytest.raises(LogUnavailableError, match="leave it out"):
        stage_logs(tmp_path / "in", Staging(tmp_path))
    unread: list[Unread] = []
    assert stage_logs(tmp_path / "in", Staging(tmp_path), unread) == []
    assert [item.name for item in unread] == [str(tmp_path / "in" / "a.zip")]


@pytest.mark.parametrize(
    ("one", "two", "same"),
    [(b"abc", b"abc", True), (b"abc", b"abd", False), (b"abc", b"abcd", False), (b"", b"", True)],
)
def test_files_are_the_same_by_their_bytes(tmp_path, one, two, same):
    """Not by size or time; a missing one is not the same."""
    (tmp_path / "a").write_bytes(one)
    (tmp_path / "b").write_bytes(two)
    assert is_same_file(tmp_path / "a", tmp_path / "b") is same
    assert not is_same_file(tmp_path / "missing", tmp_path / "b")
