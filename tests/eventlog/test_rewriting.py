"""Purging and packing, rule by rule: what is replaced in a line, what is moved, and the files that are made."""

import gzip
import io
import json
import re

import pytest
from histories import START, write_line, write_session
from hypothesis import given
from hypothesis import strategies as st
from pytest_insight.eventlog.codec import has_good_digest, parse_envelope
from pytest_insight.eventlog.errors import LogUnavailableError
from pytest_insight.eventlog.files.archives import open_gzip
from pytest_insight.eventlog.files.system import SYSTEM
from pytest_insight.eventlog.maintenance import packing
from pytest_insight.eventlog.maintenance.packing import pack_log, unpack_log
from pytest_insight.eventlog.maintenance.purge import (
    _LINES_PER_TOMBSTONE,
    PurgeReport,
    _Search,
    _tombstone,
    left_copies,
    purge_log,
)
from pytest_insight.eventlog.times import from_datetime

STREAM = "ab" * 16
LATER = from_datetime(START) + 10**12
SECRET = re.compile("canary")


def line_of(kind="x.y", **fields):
    """A line without its newline."""
    return write_line(kind, STREAM, 3, START, **fields)[:-1]


def slow_purge(value):
    """Every text of a JSON value without the secret, keys as well."""
    if isinstance(value, str):
        return value.replace("canary", "[purged]")
    if isinstance(value, list):
        return [slow_purge(item) for item in value]
    return {slow_purge(key): slow_purge(item) for key, item in value.items()} if isinstance(value, dict) else value


VALUES = st.recursive(
    st.one_of(st.none(), st.booleans(), st.integers(-9, 9), st.sampled_from(["", "canary", "a canary b", "canarycanary", "é"])),
    lambda inner: st.one_of(st.lists(inner, max_size=3), st.dictionaries(st.sampled_from(["a", "canary", "b"]), inner, max_size=2)),
    max_leaves=6,
)  # fmt: skip


@given(VALUES, VALUES)
def test_a_text_is_replaced_in_every_text_of_a_line_and_nowhere_else(first, second):
    """The place of the event stays, its digest is right again, and a line without the text is the same object."""
    line = line_of(one=first, two=second)
    found = _Search(frozenset(), SECRET).replace_text(line)
    before, after = json.loads(line), json.loads(found)
    assert {"one": after["one"], "two": after["two"]} == {"one": slow_purge(first), "two": slow_purge(second)}
    assert parse_envelope(found) == parse_envelope(line)
    assert has_good_digest(found)
    assert (found is line) == (before == after)


@pytest.mark.parametrize("pattern", ["ab" * 16, "x.y", START.strftime("%Y-%m-%d"), "seq"])
def test_the_envelope_of_a_line_is_never_changed(pattern):
    """An event that lost its stream, type or time would be another event."""
    line = line_of(field="text")
    assert _Search(frozenset(), re.compile(pattern)).replace_text(line) is line


@pytest.mark.parametrize(
    ("kind", "fields"),
    [
        ("session.finished", {"exit_status": 0, "count": 1, "root": "db" * 16}),
        ("session.cleared", {"target": "db" * 16}),
        ("session.restored", {"target": "db" * 16}),
        ("session.superseded", {"target": "db" * 16, "by": "db" * 16}),
        ("events.purged", {"streams": ["db" * 16], "lines": [["db" * 16, 0, "db" * 16]]}),
    ],
)
def test_digests_and_streams_are_no_text(kind, fields):
    """A short text occurs in them by chance; seals and tombstones would not be what they are any more."""
    purge = _Search(frozenset(), re.compile("db")).replace_text
    line = line_of(kind, **fields)
    assert purge(line) is line
    assert json.loads(purge(line_of(kind, **fields, reason="the db")))["reason"] == "the [purged]"


@pytest.mark.parametrize("count", [0, 1, _LINES_PER_TOMBSTONE, _LINES_PER_TOMBSTONE + 1, 3 * _LINES_PER_TOMBSTONE])
def test_a_tombstone_names_all_lines_in_events_that_fit(count):
    """Streams in the first of them; all have one stream of their own, and are not before what they are about."""
    changed = [(STREAM, seq, "0" * 32) for seq in range(count)]
    latest = "2099-01-01T00:00:00.000000Z"
    lines = _tombstone(PurgeReport("", streams=["cd" * 16], changed=changed), "why", latest, SYSTEM).splitlines()
    events = [json.loads(line) for line in lines]
    assert [len(event.get("lines", [])) <= _LINES_PER_TOMBSTONE for event in events] == [True] * len(events)
    assert [tuple(item) for event in events for item in event.get("lines", [])] == changed
    assert [event.get("streams", []) for event in events] == [["cd" * 16]] + [[]] * (len(events) - 1)
    assert [event["seq"] for event in events] == list(range(max(-(-count // _LINES_PER_TOMBSTONE), 1)))
    assert {event["at"] >= latest for event in events} == {True}
    assert len({event["stream"] for event in events}) == 1


def test_copies_beside_a_log_are_named_and_not_changed(tmp_path):
    """Files whose name begins with that of the log, and what is in the folders of live files beside them."""
    for name in (
        "log.jsonl",
        "log.jsonl.broken",
        "log.jsonl.bak-2",
        "other.jsonl",
        "log.live/a.jsonl",
        "log.live/a.broken",
    ):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_bytes(b"")
    (tmp_path / "log.jsonl.packs").mkdir()
    names = [name.removeprefix(f"{tmp_path}/") for name in left_copies(tmp_path / "log.jsonl")]
    assert names == ["log.jsonl.bak-2", "log.jsonl.broken", "log.live/a.broken"]


def test_damage_that_holds_the_text_is_dropped_and_named(tmp_path):
    """Other damage is kept out as well, but is not a reason to purge."""
    log = tmp_path / "log.jsonl"
    session = write_session("s", 1, [])
    log.write_bytes(session + b"garbage\n" + b"a canary in garbage\n")
    assert not purge_log(log, text=re.compile("nothing of it"), dry_run=True).found
    report = purge_log(log, text=SECRET)
    assert (len(report.damaged), len(report.dropped), report.changed) == (2, 1, [])
    assert b"canary" not in log.read_bytes()
    assert log.read_bytes().startswith(session)


def session(name, hours=1, **more):
    """A session of some hours ago."""
    return write_session(name, hours, [("a::b", "passed")], **more)


def stream_of(lines):
    """The stream of a session."""
    return lines.split(b"stream")[1][3:35].decode()


def test_only_finished_old_streams_are_packed(tmp_path):
    """Not one with a newer event, one that is in a live file, nor events about other sessions."""
    log = tmp_path / "log.jsonl"
    old, unsealed, running = session("old"), session("unsealed", seal=False), session("running", seal=False)
    recent = session("recent", start=START + (START - START.replace(year=START.year - 1)))
    cleared = write_line("session.cleared", "cd" * 16, 0, START, target=stream_of(old))
    log.write_bytes(old + cleared + recent + unsealed + running)
    (tmp_path / "log.live").mkdir()
    (tmp_path / "log.live" / f"{stream_of(running)}.jsonl").touch()
    dry = pack_log(log, LATER, dry_run=True)
    assert set(dry.streams) == {stream_of(old), stream_of(unsealed)}
    assert log.read_bytes() == old + cleared + recent + unsealed + running
    report = pack_log(log, LATER)
    assert (report.streams, report.events, report.bytes) == (dry.streams, dry.events, len(old + unsealed))
    assert log.read_bytes() == cleared + recent + running
    with gzip.open(report.pack) as stream:
        assert stream.read() == old + unsealed
    assert pack_log(log, LATER).pack == ""


def test_packs_are_numbered_and_brought_back_in_order(tmp_path):
    """Beside files of other names in the folder."""
    log = tmp_path / "log.jsonl"
    parts = [session("one"), session("two"), session("three")]
    for part in parts[:2]:
        with log.open("ab") as stream:
            stream.write(part)
        pack_log(log, LATER)
        (tmp_path / "log.jsonl.packs" / "notes.txt").touch()
    assert sorted(path.name for path in (tmp_path / "log.jsonl.packs").glob("*.gz")) == [
        *("000001.jsonl.gz", "000002.jsonl.gz"),
    ]
    log.write_bytes(parts[2])
    assert unpack_log(log) == 2
    assert log.read_bytes() == b"".join(parts)
    assert unpack_log(log) == 0


def test_a_damaged_log_is_not_packed(tmp_path):
    """What could not be read would be lost; the hint is to repair it."""
    log = tmp_path / "log.jsonl"
    log.write_bytes(session("old") + b"garbage\n")
    with pytest.raises(LogUnavailableError, match="repair"):
        pack_log(log, LATER)


@given(st.lists(st.integers(1, 60), max_size=8), st.integers(1, 100), st.data())
def test_a_pack_is_read_by_gzip_and_from_any_byte(sizes, member, data):
    """Each member begins with a whole line; those before the wanted byte are passed over unread."""
    lines = [b"x" * (size - 1) + b"\n" for size in sizes]
    whole, written = b"".join(lines), []
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(packing, "MEMBER_BYTES", member)
        packing._write_members(iter(lines), written.append)
    packed = b"".join(written)
    assert gzip.decompress(packed) == whole if packed else whole == b""
    for part in written:
        content = gzip.decompress(part)
        assert content.endswith(b"\n")
        assert len(content) <= member or content.count(b"\n") == 1
    start = data.draw(st.integers(0, len(whole)))
    with open_gzip(io.BytesIO(packed), start) as stream:
        assert stream.read() == whole[start:]
