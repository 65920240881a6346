"""Importing again, in another order, from an archive, or twice at once: no event is added, and the log is the same."""

import io
import subprocess
import sys
import tarfile
import zipfile

import pytest
from foreign_imports import AT_US
from foreign_samples import JUNIT
from pytest_insight.eventlog.errors import EventLogError

AT = "2026-11-18T13:20:00Z"


@pytest.fixture
def folder(tmp_path):
    """A folder of reports of many tools."""
    folder = tmp_path / "reports"
    (folder / "deep").mkdir(parents=True)
    for name, sample in JUNIT.items():
        (folder / ("deep" if len(name) % 2 else ".") / f"{name}.xml").write_text(sample.text)
    return folder


def pack_zip(folder, target):
    """Return a zip archive of a folder."""
    with zipfile.ZipFile(target, "w", zipfile.ZIP_DEFLATED) as archive:
        for path in sorted(folder.rglob("*.xml")):
            archive.write(path, path.relative_to(folder).as_posix())
    return target


def pack_tar(folder, target):
    """Return a tar archive of a folder."""
    with tarfile.open(target, "w:gz") as archive:
        archive.add(folder, "reports")
    return target


def canonical(log, tmp_path):
    """Return the lines of a log in an order of their own."""
    return sorted(log.read_bytes().splitlines())


def test_a_folder_twice_and_as_archives_adds_nothing(folder, tmp_path, imports_into):
    """The stream of a file is a digest of its bytes, wherever they come from."""
    imports = imports_into(tmp_path / "log.jsonl")
    first = imports.take(folder, at_us=AT_US)
    assert (first.stats["added"], first.errors) == (len(JUNIT), [])
    before = imports.log.read_bytes()
    for again in (
        folder,
        pack_zip(folder, tmp_path / "a.zip"),
        pack_tar(folder, tmp_path / "a.tgz"),
        next(folder.rglob("mocha.xml")),
    ):
        report = imports.take(again, at_us=AT_US)
        assert (report.stats["added"], report.stats["updated"], report.errors) == (0, 0, []), again
        assert imports.log.read_bytes() == before


def test_another_order_gives_the_same_log(folder, tmp_path, imports_into):
    """File by file in reverse, and the whole folder: the same lines."""
    whole, single = imports_into(tmp_path / "whole.jsonl"), imports_into(tmp_path / "single.jsonl")
    whole.take(folder, at_us=AT_US)
    for path in sorted(folder.rglob("*.xml"), reverse=True):
        single.take(path, at_us=AT_US)
    assert canonical(whole.log, tmp_path) == canonical(single.log, tmp_path)


def test_two_imports_at_once_add_each_session_once(folder, tmp_path, imports_into):
    """Two processes import the same folder into one profile."""
    command = [
        sys.executable,
        "-m",
        "pytest_insight.cli",
        "import",
        str(folder),
        "-p",
        "both",
        "--at",
        AT,
        "--sut",
        "s",
    ]
    runs = [subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, cwd=tmp_path) for _ in range(2)]
    for run in runs:
        out, _ = run.communicate(timeout=120)
        assert run.returncode == 1, out  # two of the files are repaired
    listed = subprocess.run(
        [sys.executable, "-m", "pytest_insight.cli", "log", "verify", "-p", "both", "--json"],
        capture_output=True,
        text=True,
    )
    assert listed.returncode == 0, listed.stdout + listed.stderr
    counted = subprocess.run(
        [sys.executable, "-m", "pytest_insight.cli", "export", "-", "-p", "both"], capture_output=True, cwd=tmp_path
    )
    lines = counted.stdout.splitlines()
    assert len(lines) == len(set(lines))
    assert sum(b'"type":"session.started"' in line for line in lines) == len(JUNIT)


def test_a_file_added_later_changes_no_other_session(folder, tmp_path, imports_into):
    """Shards of one run keep their streams and their run."""
    shards = tmp_path / "surefire"
    shards.mkdir()
    for number in range(3):
        text = f'<testsuite name="S{number}" timestamp="2026-11-20T10:0{number}:00Z"><testcase classname="S{number}" name="x"/></testsuite>'
        (shards / f"TEST-S{number}.xml").write_text(text)
    imports = imports_into(tmp_path / "log.jsonl")
    late = (shards / "TEST-S2.xml").rename(tmp_path / "later.xml")
    imports.take(shards)
    before = imports.lines()
    late.rename(shards / "TEST-S2.xml")
    assert imports.take(shards).stats["added"] == 1
    assert imports.lines()[: len(before)] == before
    assert len({event["test_run"] for event in imports.events("session.started")}) == 1


def test_a_file_without_a_date_takes_that_of_the_others_of_its_run(tmp_path, imports):
    """As unittest-xml-reporting writes the errors of class fixtures, with the year 1."""
    for name, stamp in (("A", "2026-11-20T10:00:00"), ("_ErrorHolder", "0001-01-01T00:00:00")):
        text = f'<testsuite name="{name}" timestamp="{stamp}"><testcase classname="{name}" name="x"><error/></testcase></testsuite>'
        (tmp_path / f"TEST-{name}.xml").write_text(text)
    report = imports.take(tmp_path)
    assert (report.stats["added"], report.errors) == (2, [])
    assert {event["at"] for event in imports.events("session.started")} == {"2026-11-20T10:00:00.000000Z"}


def test_a_dry_run_changes_nothing_and_says_the_same(folder, imports):
    """The counts of a dry run are those of the import that follows."""
    told = imports.take(folder, dry_run=True, at_us=AT_US).stats
    assert imports.lines() == []
    assert imports.take(folder, at_us=AT_US).stats == told


def test_an_interrupted_import_keeps_what_was_committed_and_continues(tmp_path, imports_into, monkeypatch):
    """A file that makes the import end leaves the groups before it in the log, each whole."""
    from pytest_insight.core.exchange import ingest

    monkeypatch.setattr(ingest, "BATCH_SESSIONS", 2)
    for number in range(7):
        text = f'<testsuite name="s" timestamp="2026-11-20T10:0{number}:00Z"><testcase classname="a" name="x"/></testsuite>'
        (tmp_path / f"r{number}.xml").write_text(text)
    from pytest_insight.interchange import reading

    real, seen = reading.write_session, []

    def write_session(*args):
        seen.append(args)
        if len(seen) == 6:
            raise KeyboardInterrupt
        return real(*args)

    imports = imports_into(tmp_path / "log.jsonl")
    monkeypatch.setattr(reading, "write_session", write_session)
    with pytest.raises(KeyboardInterrupt):
        imports.take(tmp_path)
    assert len(imports.events("session.started")) == len(imports.events("session.finished")) == 4
    monkeypatch.setattr(reading, "write_session", real)
    assert imports.take(tmp_path).stats["added"] == 3


# ------------------------------------------------------------------ archives of strangers


def zip_with(tmp_path, *entries):
    """Return a zip archive with some entries."""
    target = tmp_path / "x.zip"
    with zipfile.ZipFile(target, "w", zipfile.ZIP_DEFLATED) as archive:
        for info, data in entries:
            archive.writestr(info, data)
    return target


def tar_with(tmp_path, *entries):
    """Return a tar archive with some entries."""
    target = tmp_path / "x.tar.gz"
    with tarfile.open(target, "w:gz") as archive:
        for info, data in entries:
            if isinstance(info, str):
                info = tarfile.TarInfo(info)
                info.size = len(data)
            archive.addfile(info, io.BytesIO(data))
    return target


GOOD = ("good.xml", JUNIT["mocha"].text.encode())


def zip_link():
    """Return an entry that is a link."""
    info = zipfile.ZipInfo("link.xml")
    info.create_system, info.external_attr = 3, 0o120777 << 16
    return info, b"/etc/passwd"


def tar_link(kind):
    """Return an entry that is no file."""
    info = tarfile.TarInfo("link.xml")
    info.type, info.linkname = kind, "/etc/passwd"
    return info, b""


HOSTILE = {
    "zip-bomb": (zip_with, [("bomb.xml", b"<testsuite>" + b"\0" * (40 << 20))], "more than 200 times"),
    "zip-outside": (zip_with, [("../../evil.xml", b"<testsuite/>")], "leads out of the archive"),
    "zip-absolute": (zip_with, [("/etc/evil.xml", b"<testsuite/>")], "leads out of the archive"),
    "zip-backslash": (zip_with, [("..\\evil.xml", b"<testsuite/>")], "leads out of the archive"),
    "zip-drive": (zip_with, [("C:/evil.xml", b"<testsuite/>")], "leads out of the archive"),
    "zip-link": (zip_with, [zip_link()], "a link or device"),
    "tar-bomb": (tar_with, [("bomb.xml", b"<testsuite>" + b"\0" * (40 << 20))], "more than 200 times"),
    "tar-outside": (tar_with, [("../evil.xml", b"<testsuite/>")], "leads out of the archive"),
    "tar-absolute": (tar_with, [("/etc/evil.xml", b"<testsuite/>")], "leads out of the archive"),
    "tar-symlink": (tar_with, [tar_link(tarfile.SYMTYPE)], "a link or device"),
    "tar-hardlink": (tar_with, [tar_link(tarfile.LNKTYPE)], "a link or device"),
    "tar-device": (tar_with, [tar_link(tarfile.CHRTYPE)], "a link or device"),
    "tar-fifo": (tar_with, [tar_link(tarfile.FIFOTYPE)], "a link or device"),
}


@pytest.mark.parametrize("name", HOSTILE)
def test_a_dangerous_archive_is_refused_as_a_whole(name, tmp_path, imports):
    """Nothing of it is imported, also not the good file before the bad one."""
    pack, entries, reason = HOSTILE[name]
    with pytest.raises(EventLogError, match=reason):
        imports.take(pack(tmp_path, GOOD, *entries))
    assert imports.lines() == []


@pytest.mark.parametrize("pack", [zip_with, tar_with])
def test_other_files_of_an_archive_are_passed_over(pack, tmp_path, imports):
    """As the artifacts of a CI job are: sources, pictures, settings, and JSON of other kinds."""
    others = [
        ("src/a.py", b"x = 1"),
        ("a.pyc", b"\xa7"),
        ("p.png", b"\x89PNG"),
        ("package.json", b'{"name": "x"}'),
        ("c.xml", b"<coverage/>"),
    ]
    report = imports.take(pack(tmp_path, GOOD, *others))
    assert (report.stats["added"], report.errors) == (1, [])
    assert report.notes[-1].endswith("2 files are of no known format; passed over")


def test_an_archive_within_an_archive_is_named_and_the_rest_imported(tmp_path, imports):
    """Archives are opened one level deep."""
    inner = zip_with(tmp_path, GOOD).read_bytes()
    report = imports.take(zip_with(tmp_path, GOOD, ("inner.zip", inner)))
    assert report.stats["added"] == 1
    assert "an archive within an archive is not opened" in report.errors[0]


def test_a_link_out_of_a_folder_is_not_followed(tmp_path, imports):
    """It is told; the other files are imported."""
    folder = tmp_path / "in"
    folder.mkdir()
    (tmp_path / "secret.xml").write_text(JUNIT["nested"].text)
    (folder / "good.xml").write_text(JUNIT["mocha"].text)
    (folder / "link.xml").symlink_to(tmp_path / "secret.xml")
    report = imports.take(folder)
    assert report.stats["added"] == 1
    assert "a link that leads out of the folder" in report.errors[0]
