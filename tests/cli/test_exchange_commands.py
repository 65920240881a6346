"""Export, import, clear, restore, merge and profiles on the command line: output, exit codes, pipes, previews."""

import csv
import io
import json
import os
import pty
import subprocess
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
import warm
from pytest_insight.core.models import TestResult, TestSession
from pytest_insight.core.storage import get_storage_instance, list_profiles, load_sessions
from pytest_insight.eventlog.maintenance.verify import verify_log

INSIGHT = [sys.executable, "-m", "pytest_insight.cli"]
LEGACY = Path(__file__).parent.parent / "data" / "legacy"


def insight(*args, code: int = 0, **options) -> subprocess.CompletedProcess:
    """Run the command line in a process of its own, and check its exit code."""
    env = {key: value for key, value in os.environ.items() if not key.startswith("PYTEST_CURRENT")} | {"COLUMNS": "120"}
    options.setdefault("stdin", subprocess.DEVNULL) if "input" not in options else None
    result = warm.run([*INSIGHT, *map(str, args)], capture_output=True, text=True, timeout=300, env=env, **options)
    assert result.returncode == code, f"{args}: {result.returncode}\n{result.stdout}{result.stderr}"
    return result


def document(*args, **options):
    """The JSON that a command prints."""
    return json.loads(insight(*args, "--json", **options).stdout)


def make_session(name: str, sut: str = "shop", days: float = 1, text: str = "") -> TestSession:
    """A session of some days ago."""
    start = datetime.now(UTC) - timedelta(days=days)
    result = TestResult("t.py::test_a", "failed", start, duration=0.1, longreprtext=text)
    return TestSession(sut, session_id=name, session_start_time=start, session_duration=1.0, test_results=[result])


@pytest.fixture
def storage():
    """The default profile with four sessions of two systems."""
    storage = get_storage_instance()
    storage.save_sessions(
        [
            make_session("new", days=1),
            make_session("mid", days=40),
            make_session("old", days=100),
            make_session("pay", "pay", 100),
        ]
    )
    return storage


def test_export_and_import_through_a_pipe(storage):
    """`-` is standard output and input: one profile into another, in every format that can be imported."""
    for number, form in enumerate(("jsonl", "json")):
        exported = insight("export", "-", "--format", form)
        assert "4 sessions exported" in exported.stderr
        stats = document("import", "-", "-p", f"copy{number}", input=exported.stdout)[0]
        assert (stats["added"], stats["source"]) == (4, "-")
        assert sorted(load_sessions(f"copy{number}")) == ["mid", "new", "old", "pay"]


@pytest.mark.parametrize(
    ("filters", "expected"),
    [
        (["--days", 50], {"new", "mid"}),
        (["--sut", "pay"], {"pay"}),
        (["--older-than", "90d"], {"old", "pay"}),
        (["--older-than", "5w", "--sut", "shop"], {"mid", "old"}),
        (["--filter", "?ew"], {"new"}),
        (["--filter", "test_a"], {"new", "mid", "old", "pay"}),
        (["--keep-last", 1], {"mid", "old"}),
        (["--older-than", "90d", "--keep-last", 1], {"old"}),
        ([], {"new", "mid", "old", "pay"}),
    ],
)
def test_the_same_filters_for_export_import_and_clear(storage, tmp_path, filters, expected):
    """What one of them means, all mean; previews change nothing."""
    path = tmp_path / "x.json"
    listed = insight("export", path, *filters, "--dry-run").stdout.split()
    assert set(listed) == expected
    assert not path.exists()
    insight("export", path, *filters)
    assert {item["session_id"] for item in json.loads(path.read_text())} == expected
    whole = tmp_path / "whole.jsonl"
    insight("export", whole)
    preview = document("import", whole, "-p", "other", *filters, "--dry-run")[0]
    assert {item["session_id"] for item in preview["sessions"] if item["what"] == "added"} == expected
    assert "other" not in list_profiles()
    insight("import", whole, "-p", "other", *filters)
    assert set(load_sessions("other")) == expected
    everything = [] if filters else ["--all"]
    assert set(document("clear", *filters, *everything, "--dry-run")["sessions"]) == expected
    assert len(load_sessions()) == 4
    assert document("clear", *filters, *everything, "--force")["cleared"] == len(expected)
    assert set(load_sessions()) == {"new", "mid", "old", "pay"} - expected


def test_clearing_asks_and_can_be_undone(storage):
    """Without a terminal it refuses unless forced; restore lists what is hidden and shows it again."""
    assert "--force" in insight("clear", "--sut", "pay", code=1).stderr
    assert "clear what?" in insight("clear", code=2).stderr
    assert "pay" in insight("clear", "pay", "--force").stdout
    assert "pay" in insight("restore").stdout
    assert document("restore") == [{"session_id": "pay", "stream": document("restore")[0]["stream"], "sut": "pay"}]
    assert "1 session restored" in insight("restore", "pay").stdout
    assert len(load_sessions()) == 4
    assert "no session" in insight("restore", "nobody", code=1).stderr


def answer(text: bytes, *args) -> str:
    """Run the command line on a terminal, and type an answer."""
    master, slave = pty.openpty()
    env = {key: value for key, value in os.environ.items() if not key.startswith("PYTEST_CURRENT")}
    command = [*INSIGHT, *map(str, args)]
    process = warm.Popen(command, stdin=slave, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, env=env, text=True)
    os.close(slave)
    os.write(master, text)
    out, _ = process.communicate(timeout=300)
    os.close(master)
    return f"{process.returncode} {out}"


def test_a_terminal_is_asked(storage):
    """No does nothing, yes does it."""
    assert answer(b"n\n", "clear", "--sut", "pay").startswith("1 ")
    assert "pay" in load_sessions()
    assert "1 session cleared" in answer(b"y\n", "clear", "--sut", "pay")
    assert "pay" not in load_sessions()


def test_import_explains_what_it_does_and_what_was_wrong(storage, tmp_path):
    """A preview gives the reason for each session; bad entries are counted, explained, and in the exit code."""
    exported = tmp_path / "x.json"
    insight("export", exported, "--sut", "pay")
    good = json.loads(exported.read_text())[0]
    exported.write_text(json.dumps([good, good | {"session_id": "fresh"}, {"bad": True}]))
    out = insight("import", exported, "--dry-run", code=1).stdout
    assert "skipped  pay: another session is called pay" in out or "skipped  pay: it is here already" in out
    assert "added    fresh: it is new" in out
    assert "session 3 of 3" in out
    assert "fresh" not in load_sessions()
    stats = document("import", exported, code=1)[0]
    assert (stats["total"], stats["added"], stats["skipped"], stats["errors"]) == (3, 1, 1, 1)
    assert insight("import", tmp_path / "none.json", code=3).stderr.startswith("insight: ")
    assert "strategy" in insight("import", exported, "--strategy", "harder", code=2).stderr
    (tmp_path / "bad.json").write_text("{")
    assert "bad.json" in insight("import", tmp_path / "bad.json", code=3).stderr
    both = document("import", tmp_path / "bad.json", LEGACY / "mini_profile.json", code=1)
    assert [item["errors"] for item in both] == [1, 0]
    assert both[1]["added"] == 1, "the other files are imported all the same"


def test_cells_that_a_spreadsheet_would_run_are_defused(tmp_path):
    """A formula in a session id, a system's name or an error message arrives as text, behind an apostrophe."""
    evil = ["=cmd|' /C calc'!A0", "+1", "-1", "@SUM(A1)", "\t=1", "\r=1"]
    storage = get_storage_instance()
    for number, text in enumerate(evil):
        storage.save_session(make_session(f"{text}{number}", sut=text, text=text))
    rows = list(csv.DictReader(io.StringIO(insight("export", "-", "--format", "csv").stdout, newline="")))
    assert len(rows) == len(evil)
    for row in rows:
        for column in ("session_id", "sut_name", "longreprtext"):
            assert row[column][0] == "'"
        assert float(row["duration"]) == 0.1


def test_an_export_that_fails_leaves_the_old_file(storage, tmp_path):
    """The target is replaced only by a complete file."""
    path = tmp_path / "x.jsonl"
    path.write_text("precious")
    program = (
        "import resource, signal, sys; resource.setrlimit(resource.RLIMIT_FSIZE, (300, 300));"
        "from pytest_insight.cli.app import main; main(['export', sys.argv[1]])"
    )
    result = subprocess.run([sys.executable, "-c", program, str(path)], capture_output=True, text=True)
    assert result.returncode == 3, result.stderr
    assert path.read_text() == "precious"
    assert sorted(os.listdir(tmp_path)) == ["x.jsonl"]


# ------------------------------------------------------------------ merge


def test_merge_on_the_command_line(storage, tmp_path):
    """Same bytes whatever the order; a second time is no change; another content is not replaced without --force."""
    one, two = tmp_path / "one.jsonl", tmp_path / "two.jsonl"
    insight("export", one, "--sut", "shop")
    insight("export", two, "--older-than", "90d")
    out, turned = tmp_path / "out.jsonl", tmp_path / "turned.jsonl"
    report = document("merge", one, two, "-o", out)
    assert (report["sessions"], len(report["inputs"][0]["added"]), report["inputs"][1]["known"]) == (4, 3, ["old"])
    assert report["repeated"] > 0
    insight("merge", two, one, two, "-o", turned)
    assert out.read_bytes() == turned.read_bytes()
    assert verify_log(out).problems == []
    before = out.stat().st_mtime_ns
    insight("merge", one, two, "-o", out)
    assert out.stat().st_mtime_ns == before, "the same content is left alone"
    assert "--force" in insight("merge", one, "-o", out, code=3).stderr
    insight("merge", one, "-o", out, "--force")
    assert insight("merge", one, two, "-o", "-").stdout.encode() == turned.read_bytes()
    assert "where to?" in insight("merge", one, code=2).stderr
    insight("merge", two, one, "-o", tmp_path / "a.jsonl.gz")
    insight("merge", one, two, "-o", tmp_path / "b.jsonl.gz")
    assert (tmp_path / "a.jsonl.gz").read_bytes() == (tmp_path / "b.jsonl.gz").read_bytes()


def test_merge_carries_damage_to_the_exit_code(storage, tmp_path):
    """Damaged lines are shown and left out; the rest is merged."""
    one, out = tmp_path / "one.jsonl", tmp_path / "out.jsonl"
    insight("export", one)
    data = bytearray(one.read_bytes())
    data[100] ^= 1
    one.write_bytes(data)
    result = insight("merge", one, "-o", out, code=1)
    assert "damaged" in result.stdout
    assert "left out" in result.stderr
    assert len(out.read_bytes().splitlines()) == len(data.splitlines()) - 1


def test_merge_says_which_ids_clash(tmp_path):
    """A preview names the label, who would be shown and who not, under the strategy; nothing is written."""
    for name in ("a", "b"):
        get_storage_instance(name).save_session(make_session("same", sut=name, days=ord(name)))
        insight("export", tmp_path / f"{name}.jsonl", "-p", name)
    (conflict,) = document("merge", tmp_path, "--dry-run")["conflicts"]
    assert (conflict["session_id"], len(conflict["shown"]), len(conflict["hidden"])) == ("same", 1, 1)
    (conflict,) = document("merge", tmp_path, "--dry-run", "--strategy", "keep_both")["conflicts"]
    assert len(conflict["shown"]) == 2
    assert "same is the id of 2 sessions" in insight("merge", tmp_path, "--dry-run").stdout
    assert sorted(os.listdir(tmp_path)) == ["a.jsonl", "b.jsonl"]


# ------------------------------------------------------------------ profiles, pack and purge


def test_profile_list_and_show_tell_what_is_in_them(storage):
    """Number of sessions, last activity, size and path; one whose log cannot be read says why."""
    insight("profile", "create", "broken")
    Path(load_path("broken")).write_text("not a log")
    listed = {item["name"]: item for item in document("profile", "list")}
    assert listed["default"]["sessions"] == 4
    assert listed["default"]["active"]
    assert listed["default"]["size_bytes"] == Path(load_path("default")).stat().st_size
    assert listed["default"]["last_activity"].startswith(str(datetime.now(UTC).year))
    assert document("profile", "show", "default") == listed["default"]
    assert "default" in insight("profile", "show").stdout
    assert "does not exist" in insight("profile", "show", "nobody", code=1).stderr


def load_path(name: str) -> str:
    """Where a profile's log is."""
    return next(item["path"] for item in document("profile", "list") if item["name"] == name)


def test_profile_json_of_every_command():
    """create, switch, merge, clean and delete print what they did as JSON, too."""
    assert document("profile", "create", "a")["name"] == "a"
    assert document("profile", "switch", "a") == {"active": "a", "overridden_by": None}
    insight("profile", "switch", "default")
    assert document("profile", "merge", "a,default", "b", "--create")[0]["total"] == 0
    assert document("profile", "clean", "--type", "json", "--pattern", "b", "--force") == {
        "deleted": ["b"],
        "dry_run": False,
    }
    assert document("profile", "delete", "a", "--force")["deleted"] == ["a"]
    assert (
        "already exists" in insight("profile", "create", "c").stdout + insight("profile", "create", "c", code=1).stderr
    )


def test_pack_and_purge_on_the_command_line(tmp_path):
    """Old sessions are packed and found again; a secret is purged, with a preview, and named where it still is."""
    storage = get_storage_instance()
    storage.save_sessions([make_session("old", days=100, text="the s3cr3t"), make_session("new")])
    report = document("log", "pack", "--older-than", "30d")
    assert len(report["streams"]) == 1
    assert sorted(load_sessions()) == ["new", "old"]
    secret = tmp_path / "secret.txt"
    secret.write_text("s3cr3t\n")
    assert "unpack" in insight("log", "purge", "--match-file", secret, "--force", code=3).stderr
    assert document("log", "unpack")["packs"] == 1
    insight("profile", "merge", "default", "copy", "--create")
    assert "purge what?" in insight("log", "purge", code=2).stderr
    assert "--force" in insight("log", "purge", "--match-file", secret, code=1).stderr
    preview = document("log", "purge", "--match-file", secret, "--dry-run")
    assert (len(preview["changed"]), preview["profiles"]) == (1, ["copy"])
    assert storage.get_session_by_id("old").test_results[0].longreprtext == "the s3cr3t"
    insight("log", "purge", "--match-file", "-", "--force", input="s3cr3t")
    assert get_storage_instance().get_session_by_id("old").test_results[0].longreprtext == "the [purged]"
    insight("profile", "merge", "copy", "default")
    assert get_storage_instance().get_session_by_id("old").test_results[0].longreprtext == "the [purged]", (
        "it stays away"
    )
    insight("log", "purge", "--session", "new", "--force", "--reason", "asked for")
    assert list(load_sessions()) == ["old"]
    insight("profile", "merge", "copy", "default")
    assert list(load_sessions()) == ["old"]
    for file in Path(storage.file_path).parent.rglob("*"):
        if file.is_file() and file.name != "copy.jsonl":
            assert b"s3cr3t" not in file.read_bytes(), file


def test_nothing_from_a_file_acts_on_the_terminal(tmp_path):
    """Escape sequences in ids, systems and reasons are shown as text by every command."""
    evil = "\x1b]0;owned\x07\x9b31m\u202e"
    get_storage_instance().save_session(make_session(f"id{evil}", sut=f"sut{evil}"))
    path = tmp_path / "x.json"
    path.write_text(json.dumps([{"session_id": evil, "session_start_time": evil}]))
    outputs = [
        insight("import", path, code=1).stdout,
        insight("export", "-", "--dry-run").stdout,
        insight("clear", "--all", "--dry-run").stdout,
        insight("clear", "--all", "--force").stdout,
        insight("restore").stdout,
        insight("restore", "id").stdout,
        insight("profile", "merge", "default", "x", "--create", "--dry-run").stdout,
        insight("merge", get_storage_instance().file_path, "--dry-run").stdout,
    ]
    for output in outputs:
        assert not set(output) & set("\x1b\x07\x9b\u202e"), output
