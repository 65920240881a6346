"""Following, verifying, repairing, archives, homes: reading a log whatever happens to it."""

import gzip
import os
import threading
import zipfile

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pytest_insight.eventlog.codec import encode_event
from pytest_insight.eventlog.errors import LogUnavailableError
from pytest_insight.eventlog.events import SessionFinished, SessionStarted, TestStarted
from pytest_insight.eventlog.files.system import System
from pytest_insight.eventlog.home.paths import check_profile_name, home_dir, model_path, profile_log, resolve_profile
from pytest_insight.eventlog.live.follow import Follower, Restarted, follow
from pytest_insight.eventlog.maintenance.repair import repair_log
from pytest_insight.eventlog.maintenance.verify import verify_log
from pytest_insight.eventlog.reader import Record, read_records
from pytest_insight.eventlog.scan import Finding
from pytest_insight.eventlog.sources import find_logs
from pytest_insight.eventlog.writer import LogWriter

AT = "2026-11-21T01:23:45.123456Z"


def seqs(items):
    """Seqs of the records in some items."""
    return [item.envelope.seq for item in items if isinstance(item, Record)]


def session(path, tests=3, seal=True):
    """Record a session of some tests."""
    writer = LogWriter(path)
    writer.append(SessionStarted(session_id=writer.stream[:12], sut="shop"))
    for number in range(tests):
        writer.append(TestStarted(nodeid=str(number)))
    if seal:
        writer.seal(lambda count, root: SessionFinished(exit_status=0, count=count, root=root))
    writer.close()
    return writer.stream


def test_an_unfinished_line_is_waited_for(log, line):
    """A follower says nothing of a last line without newline, and reads it when it is whole."""
    follower = Follower(log.path)
    assert follower.poll() == []
    first = line(0)
    for cut in range(1, len(first), 17):
        log.reset(first[:cut])
        assert seqs(follower.poll()) == []
    log.reset(first + line(1)[:50])
    assert seqs(follower.poll()) == [0]
    log.reset(first + line(1))
    assert seqs(follower.poll()) == [1]
    assert follower.poll() == []


CHANGES = {
    "truncated": lambda log, lines: log.reset(lines[5]),
    "copied and truncated": lambda log, lines: log.reset(b"").write(lines[5]),
    "rewritten": lambda log, lines: log.reset(b"".join(lines[5:9])),
    "replaced": lambda log, lines: os.replace(log.path.with_name("new"), log.path),
}


@pytest.mark.parametrize("name", CHANGES)
def test_a_changed_file_is_read_again_from_its_start(log, line, name):
    """Truncation, rewriting and replacement are noticed, said, and followed."""
    lines = [line(seq, size=50 + seq) for seq in range(10)]
    log.path.with_name("new").write_bytes(b"".join(lines[5:8]))
    log.reset(b"".join(lines[:3]))
    follower = Follower(log.path)
    assert seqs(follower.poll()) == [0, 1, 2]
    CHANGES[name](log, lines)
    items = follower.poll()
    assert isinstance(items[0], Restarted)
    assert seqs(items)[0] == 5


def test_a_longer_copy_in_its_place_is_read_on(log, line):
    """A log that is replaced by a longer version of itself (rsync, an editor) goes on where it was."""
    log.reset(line(0))
    follower = Follower(log.path)
    follower.poll()
    log.path.with_name("new").write_bytes(line(0) + line(1))
    os.replace(log.path.with_name("new"), log.path)
    items = follower.poll()
    assert seqs(items) == [1]
    assert not any(isinstance(item, Restarted) for item in items)


def test_following_a_folder_sees_new_logs_live_files_and_strange_names(tmp_path, line):
    """Logs that appear later are followed; a name that is not UTF-8 beside them does no harm."""
    stop = threading.Event()
    (tmp_path / "a.jsonl").write_bytes(line(0))
    with open(os.fsencode(str(tmp_path)) + b"/\xff\xfe.jsonl", "wb") as strange:
        strange.write(b"not a log\n")
    seen = []

    def read():
        for path, item in follow([tmp_path], stop=stop):
            seen.append((path.name, item))

    thread = threading.Thread(target=read)
    thread.start()
    try:
        for number in range(1, 4):
            (tmp_path / f"b{number}.jsonl").write_bytes(line(number))
        with (tmp_path / "a.jsonl").open("ab") as log:
            log.write(line(9))
        for _ in range(100):
            if len(seqs(item for _, item in seen)) == 5:
                break
            stop.wait(0.05)
    finally:
        stop.set()
        thread.join(300)
    assert sorted(seqs(item for _, item in seen)) == [0, 1, 2, 3, 9]


def test_archives_are_read_like_files(tmp_path):
    """gzip, zip and gzip in zip give the same events at the same offsets; a cut archive keeps what can be read."""
    path = tmp_path / "run.jsonl"
    session(path, tests=200)
    plain = [(item.position, item.line) for item in read_records(path)]
    packed = tmp_path / "run.jsonl.gz"
    packed.write_bytes(gzip.compress(path.read_bytes()))
    with zipfile.ZipFile(tmp_path / "art.zip", "w", zipfile.ZIP_DEFLATED) as archive:
        archive.write(path, "logs/run.jsonl")
        archive.writestr("logs/more.jsonl.gz", packed.read_bytes())
        archive.writestr("notes.jsonl", "no log\n")
        archive.writestr("../escape.txt", "x")
    sources = find_logs(tmp_path / "art.zip")
    assert [source.member for source in sources] == ["logs/more.jsonl.gz", "logs/run.jsonl"]
    for source in [packed, *sources]:
        assert [(item.position, item.line) for item in read_records(source)] == plain
    packed.write_bytes(packed.read_bytes()[:-200])
    items = list(read_records(packed))
    assert 0 < len(seqs(items)) < len(plain)
    assert isinstance(items[-1], Finding)


def test_folders_hold_logs_and_other_things(tmp_path, line):
    """Below a folder everything that begins like a log is one; other JSON lines, texts and live files of a log are not."""
    (tmp_path / "deep").mkdir()
    (tmp_path / "deep/a.jsonl").write_bytes(line(0))
    (tmp_path / "b.jsonl").write_text('{"other": 1}\n')
    (tmp_path / "c.txt").write_bytes(line(0))
    (tmp_path / "deep/a.jsonl.spool").mkdir()
    (tmp_path / "deep/a.jsonl.spool/x.jsonl").write_bytes(line(1))
    (tmp_path / "gone.jsonl.spool").mkdir()
    (tmp_path / "gone.jsonl.spool/y.jsonl").write_bytes(line(2))
    names = [source.path.relative_to(tmp_path).as_posix() for source in find_logs(tmp_path)]
    assert names == ["deep/a.jsonl", "gone.jsonl.spool/y.jsonl"]
    with pytest.raises(FileNotFoundError):
        find_logs(tmp_path / "nothing")


def test_a_good_log_verifies(tmp_path):
    """Sessions, sealed or interrupted, in order or merged in another order: no problems."""
    path = tmp_path / "log.jsonl"
    for seal in (True, False, True):
        session(path, seal=seal)
    report = verify_log(path)
    assert (report.events, report.sealed, report.interrupted, report.findings) == (14, 2, 1, [])
    lines = path.read_bytes().splitlines(keepends=True)
    path.write_bytes(b"".join(lines[::-1]))
    assert verify_log(path).findings == []


FORGERIES = {
    "gap": lambda lines: lines[:2] + lines[3:],
    "duplicate": lambda lines: lines[:2] + lines[1:],
    "conflict": lambda lines: [
        *lines,
        encode_event(TestStarted(nodeid="forged"), stream=stream_of(lines), seq=2, at=AT),
    ],
    "seal": lambda lines: [
        *lines[:-1],
        encode_event(
            SessionFinished(exit_status=0, count=len(lines) - 1, root="00" * 16),
            stream=stream_of(lines),
            seq=len(lines) - 1,
            at=AT,
        ),
    ],
    "malformed": lambda lines: [*lines, twice()],
}


def stream_of(lines):
    """Stream of the first line."""
    return lines[0].partition(b'"stream":"')[2][:32].decode()


def twice() -> bytes:
    """A line with the right digest whose key stands twice."""
    from pytest_insight.eventlog.codec import line_hash

    body = b'{"v":1,"type":"test.started","stream":"%b","seq":0,"at":"%b","nodeid":"a","seq":1' % (
        b"cd" * 16,
        AT.encode(),
    )
    return body + b',"digest":"' + line_hash(body).hexdigest().encode() + b'"}\n'


@pytest.mark.parametrize("reason", FORGERIES)
def test_whole_lines_in_the_wrong_place_are_found(tmp_path, reason):
    """Lines removed, repeated, contradicted or a seal that does not agree: each has its reason."""
    path = tmp_path / "log.jsonl"
    session(path)
    lines = path.read_bytes().splitlines(keepends=True)
    path.write_bytes(b"".join(FORGERIES[reason](lines)))
    report = verify_log(path)
    assert reason in {finding.reason for finding in report.findings}
    assert bool(report.problems) == (reason != "duplicate")


def test_torn_and_pending_are_told_apart_by_the_lock(log, line):
    """An unfinished last line is torn if nobody holds the lock, and pending while somebody does."""
    import fcntl

    log.reset(line(0) + line(1)[:30])
    assert [finding.reason for finding in verify_log(log.path).findings] == ["torn"]
    with log.path.open("rb") as holder:
        fcntl.flock(holder, fcntl.LOCK_EX)
        assert [finding.reason for finding in verify_log(log.path).findings] == ["pending"]


@given(st.lists(st.sampled_from(["event", "torn", "zeros", "text", "glued"]), max_size=12))
def test_repair_keeps_every_event_and_the_original(tmp_path_factory, parts):
    """Whatever damage: after repair the log verifies, has every event it had, and NAME.broken is the original."""
    path = tmp_path_factory.mktemp("repair") / "log.jsonl"
    data = b""
    for number, part in enumerate(["event", *parts]):
        whole = encode_event(TestStarted(nodeid=str(number)), stream=f"{number:032x}", seq=0, at=AT)
        data += {
            "event": whole,
            "torn": whole[:40] + b"\n",
            "zeros": b"\0" * 20 + b"\n",
            "text": b"hm\n",
            "glued": whole[:25] + whole,
        }[part]
    path.write_bytes(data)
    before = [item.line for item in read_records(path) if isinstance(item, Record)]
    report = repair_log(path)
    assert [item.line for item in read_records(path)] == before
    assert len(before) == report.events
    if report.removed:
        with open(report.backup, "rb") as backup:
            assert backup.read() == data
    else:
        assert path.read_bytes() == data
    writer = LogWriter(path)
    writer.append(TestStarted(nodeid="after"))
    writer.close()
    assert verify_log(path).findings == []


def test_a_writer_goes_on_through_a_repair(log, line):
    """A log repaired under an open writer: its next events stand in the repaired file."""
    log.reset(line(0))
    writer = LogWriter(log.path)
    writer.append(TestStarted(nodeid="before"))
    log.write(b"garbage\n")
    writer.append(TestStarted(nodeid="between"))
    assert repair_log(log.path).removed
    writer.append(TestStarted(nodeid="after"))
    writer.close()
    assert len(log.seqs()) == 4
    assert log.findings() == []


@pytest.mark.parametrize("call", ["write", "fsync", "rename", "open_append"])
def test_a_repair_that_fails_leaves_the_log_as_it_was(log, line, call):
    """An error at any step of a repair: the log is unchanged, and the next repair works."""

    class Broken(System):
        pass

    def broken(*_args, **_kwargs):
        raise OSError(5, "broken")

    data = line(0) + b"garbage\n" + line(1)
    log.reset(data)
    system = Broken()
    if call == "open_append":
        original = system.open_append
        system.open_append = lambda path, exclusive=False: broken() if exclusive else original(path)
    else:
        setattr(system, call, broken)
    with pytest.raises(OSError, match="broken"):
        repair_log(log.path, system=system)
    assert log.path.read_bytes() == data
    repair_log(log.path)
    assert log.findings() == []


def test_reading_refuses_nothing_silently(tmp_path):
    """A folder or a missing file in place of a log is an error, not an empty log."""
    with pytest.raises(FileNotFoundError):
        list(read_records(tmp_path / "none.jsonl"))
    with pytest.raises((LogUnavailableError, IsADirectoryError)):
        list(read_records(tmp_path))


BAD_NAMES = [
    "",
    ".",
    "..",
    "a/b",
    "a\\b",
    "a:b",
    "a\0b",
    "CON",
    "nul.txt",
    "com1",
    "profiles",
    "a.",
    "x" * 65,
    "-a",
    " a",
    "\u00e9",
]


@pytest.mark.parametrize("name", BAD_NAMES)
def test_hostile_profile_names_are_refused(name):
    """Names that leave the folder, that Windows reserves or that a file system changes are no profile names."""
    with pytest.raises(ValueError, match="Invalid profile name"):
        check_profile_name(name)


@given(st.text(max_size=70))
def test_a_profile_name_is_a_file_name_in_the_home(name):
    """Whatever is accepted names a file directly in the home."""
    try:
        check_profile_name(name)
    except ValueError:
        return
    environ = {"PYTEST_INSIGHT_HOME": "/somewhere"}
    assert profile_log(name, environ).parent == home_dir(environ)


def test_the_profile_is_the_given_one_then_the_environment_then_the_active_one(tmp_path):
    """An explicit name wins over PYTEST_INSIGHT_PROFILE, which wins over profiles.json; paths of profiles are honoured."""
    environ = {"PYTEST_INSIGHT_HOME": str(tmp_path)}
    assert resolve_profile(None, environ) == "default"
    (tmp_path / "profiles.json").write_text(
        '{"active_profile": "ci", "profiles": {"ci": {"file_path": "/data/ci.jsonl"}}}'
    )
    assert resolve_profile(None, environ) == "ci"
    assert resolve_profile(None, environ | {"PYTEST_INSIGHT_PROFILE": "env"}) == "env"
    assert resolve_profile("given", environ | {"PYTEST_INSIGHT_PROFILE": "env"}) == "given"
    assert str(profile_log("ci", environ)) == "/data/ci.jsonl"
    assert profile_log("other", environ) == tmp_path / "other.jsonl"
    assert model_path(tmp_path / "a", environ) != model_path(tmp_path / "b", environ)


NEAR_S = 600
"""More than a busy machine makes of a moment, and less than any fake."""


@pytest.mark.parametrize(("module", "call"), [("freezegun", "freeze_time"), ("time_machine", "travel")])
def test_the_clock_tells_the_truth_under_fakes(tmp_path, module, call):
    """Past, future and present fakes: the writer's clock stays near the kernel's, decades from the fake one."""
    import importlib

    writer = LogWriter(tmp_path / "log.jsonl")
    for moment in ("1999-01-01", "2050-01-01"):
        with getattr(importlib.import_module(module), call)(moment):
            writer.append(TestStarted(nodeid=moment))
            stamp = os.stat(writer.file).st_mtime
            assert abs(writer.now_us() / 1e6 - stamp) < NEAR_S
    writer.close()
    times = [item.envelope.at for item in read_records(tmp_path / "log.jsonl")]
    assert all(abs(__import__("datetime").datetime.fromisoformat(at).timestamp() - stamp) < NEAR_S for at in times)
