"""One way to name logs, and one meaning for each letter, over all commands."""

import gzip
import io
import itertools
import json
import sys
import zipfile
from pathlib import Path

import pytest
import typer

sys.path.insert(0, str(Path(__file__).parents[1]))

from histories import all_of, write_session
from pytest_insight.cli.app import build_app, run

READING = {
    *("session list", "session show", "session play", "session compare", "session rerun", "history list"),
    *("sut list", "sut show", "sut compare", "sut analyze"),
    *("test list", "test show", "test history", "test trends"),
    *("analytics summary", "analytics compare", "analytics analyze", "analytics failures"),
    *("sql", "log verify", "log info", "tail", "replay", "merge", "export"),
}
"""Commands that answer from logs."""

ONE_MEANING = {"-n": "--dry-run", "-o": "--output", "-p": "--profile", "-v": "--verbose"}


def commands():
    """Each command's words with its parameters, as the command line itself knows them."""
    app = typer.main.get_command(build_app(None))
    for name, command in app.commands.items():
        inner = getattr(command, "commands", None)
        if inner is None:
            yield name, command.params
        else:
            yield from ((f"{name} {word}", each.params) for word, each in inner.items())


def test_each_letter_means_one_option():
    """A short option has the same long one wherever it occurs."""
    meanings = {}
    for (name, params), letter in itertools.product(commands(), ONE_MEANING):
        for param in params:
            if letter in param.opts:
                meanings.setdefault(letter, set()).add(param.opts[0] if param.opts[0] != letter else param.opts[1])
                assert ONE_MEANING[letter] in param.opts, name
    assert {letter: {meaning} for letter, meaning in ONE_MEANING.items()} == meanings


def test_every_reading_command_takes_logs():
    """`--log` may be repeated everywhere; where no other argument is taken, the arguments are logs."""
    known = dict(commands())
    assert set(known) >= READING
    for name in READING:
        options = {param.name: param for param in known[name] if "--log" in param.opts}
        assert options, name
        (option,) = options.values()
        assert option.multiple, name
        arguments = [param for param in known[name] if param.param_type_name == "argument"]
        others = [param for param in arguments if param.name != "logs"]
        assert bool(others) != any(param.name == "logs" for param in arguments), name


@pytest.fixture
def places(tmp_path, private_home):
    """Two sessions: in two logs, a folder, an archive, a compressed log."""
    first = write_session("first", 0, all_of("passed"))
    second = write_session("second", 1, all_of("failed"))
    (tmp_path / "a.jsonl").write_bytes(first)
    (tmp_path / "b.jsonl").write_bytes(second)
    folder = tmp_path / "artifacts" / "deep"
    folder.mkdir(parents=True)
    (tmp_path / "artifacts" / "one.jsonl").write_bytes(first)
    (folder / "two.jsonl.gz").write_bytes(gzip.compress(second))
    (tmp_path / "artifacts" / "other.txt").write_text("no log")
    with zipfile.ZipFile(tmp_path / "all.zip", "w") as archive:
        archive.writestr("x/one.jsonl", first)
        archive.writestr("two.jsonl", second)
    (tmp_path / "both.jsonl").write_bytes(first + second)
    return tmp_path


@pytest.fixture
def private_home(tmp_path, monkeypatch):
    """A home of its own."""
    monkeypatch.setenv("PYTEST_INSIGHT_HOME", str(tmp_path / "home"))


def ask(capsys, *words, code=0):
    """The JSON of a command."""
    assert run([*map(str, words), "--json"]) == code
    return json.loads(capsys.readouterr().out)


@pytest.mark.parametrize(
    "named",
    [["both.jsonl"], ["a.jsonl", "b.jsonl"], ["b.jsonl", "a.jsonl", "a.jsonl"], ["artifacts"], ["all.zip"],
     ["all.zip", "artifacts", "both.jsonl"]],
)  # fmt: skip
def test_the_same_sessions_however_they_are_named(places, capsys, named):
    """Files, several files, folders, archives, and all of them: each session once, as arguments and with --log."""
    paths = [places / name for name in named]
    options = [word for path in paths for word in ("--log", path)]
    for words in ([*paths], options):
        assert [row["session_id"] for row in ask(capsys, "session", "list", *words)] == ["second", "first"]
    assert ask(capsys, "test", "show", "test_3", *options)["runs"] == 2
    assert ask(capsys, "analytics", "summary", *paths)["verdicts"] == {"passed": 8, "failed": 8}
    compared = ask(capsys, "session", "compare", *options)
    assert (compared["base"], compared["target"], len(compared["new_failures"])) == ("first", "second", 8)


def test_standard_input_is_a_log(places, capsys, monkeypatch):
    """`-` as an argument and with --log, alone and with others; also where a command looks twice."""
    for words in (["-"], ["--log", "-"], ["-", places / "a.jsonl"]):
        monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO((places / "both.jsonl").read_bytes())))
        assert len(ask(capsys, "session", "list", *words)) == 2
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO((places / "both.jsonl").read_bytes())))
    assert len(ask(capsys, "session", "list", "-", "--as-of", "second")) == 2


def test_what_cannot_be_read_is_named_and_the_rest_answers(places, capsys):
    """A broken archive among others: named, exit code 1; only broken ones, or nothing: an error."""
    (places / "artifacts" / "broken.zip").write_text("no archive")
    assert run(["session", "list", str(places / "artifacts"), "--json"]) == 1
    output = capsys.readouterr()
    assert len(json.loads(output.out)) == 2
    assert "broken.zip" in output.err
    empty = places / "empty"
    empty.mkdir()
    assert run(["session", "list", str(empty)]) == 3
    assert "no log is in it" in capsys.readouterr().err
    assert run(["session", "list", str(places / "nothing.jsonl")]) == 3
    assert "nothing.jsonl: no such log" in capsys.readouterr().err


def test_an_export_and_a_merge_take_logs_as_others_do(places, capsys):
    """`--log` names what is exported and merged."""
    target = places / "out.json"
    assert run(["export", str(target), "--log", str(places / "a.jsonl"), "--log", str(places / "all.zip")]) == 0
    assert {one["session_id"] for one in json.loads(target.read_text())} == {"first", "second"}
    merged = places / "merged.jsonl"
    assert run(["merge", str(places / "a.jsonl"), "--log", str(places / "b.jsonl"), "-o", str(merged)]) == 0
    capsys.readouterr()
    assert len(ask(capsys, "session", "list", merged)) == 2


@pytest.mark.parametrize("command", ["run", "rerun"])
def test_options_before_the_dashes_are_never_passed_on(places, capsys, command):
    """A mistyped option is an error, and pytest does not start."""
    assert run(["session", command, "--dry-rn"]) == 2
    assert "behind `--`" in capsys.readouterr().err
    assert run(["session", command, "-x", "--", "-q"]) == 2


def test_arguments_behind_the_dashes_reach_pytest(places, monkeypatch, capsys):
    """All of them, a second `--` too, and none becomes the session."""
    started = []
    monkeypatch.setattr(
        "pytest_insight.cli.commands.session.running.run_pytest", lambda words, **_: started.append(words) or 0
    )
    assert run(["session", "run", "tests", "--", "-x", "--", "-k", "a"]) == 0
    assert started == [["tests", "-x", "--", "-k", "a"]]
    assert run(["session", "rerun", "--log", str(places / "both.jsonl"), "--dry-run", "--", "-x"]) == 0
    assert len(capsys.readouterr().out.split()) == 8


@pytest.mark.parametrize(
    ("status", "seal", "code"), [(0, True, 0), (5, True, 0), (3, True, 1), (2, True, 1), (0, False, 1)]
)
def test_a_session_that_went_wrong_and_leaves_nothing_to_run_is_an_error(places, capsys, status, seal, code):
    """With --dry-run and without: exit 1 after an internal error, an interruption and a kill; 0 after a pass."""
    log = places / "one.jsonl"
    log.write_bytes(write_session("one", 0, all_of("passed"), status=status, seal=seal))
    for words in ([], ["--dry-run"]):
        assert run(["session", "rerun", "--log", str(log), *words]) == code
        output = capsys.readouterr()
        assert (output.out, "session one left nothing that can be run again" in output.err) == ("", True)


def test_modules_that_could_not_be_collected_run_again(places, capsys):
    """They come with what failed; --dry-run lists both."""
    log = places / "one.jsonl"
    results = [("t.py::test_a", "failed"), ("t.py::test_b", "passed"), ("t.py::test_c", None)]
    log.write_bytes(write_session("one", 0, results, uncollected=["broken.py"], status=1))
    assert run(["session", "rerun", "--log", str(log), "-n"]) == 0
    assert set(capsys.readouterr().out.split()) == {"broken.py", "t.py::test_a", "t.py::test_c"}


@pytest.mark.parametrize(
    "words",
    [["both.jsonl"], ["./both.jsonl"], ["a.jsonl", "b.jsonl"], ["artifacts"], ["all.zip"], ["--sut", "shop", "both.jsonl"],
     ["both.jsonl", "--sut", "shop"], ["a.jsonl", "--log", "b.jsonl"], ["--", "both.jsonl"],
     ["--time", "2026-01-01..", "./data"], ["./data"], ["--", "data"], ["--log", "data"], ["--log=data"]],
)  # fmt: skip
def test_insight_alone_takes_logs_as_words(places, capsys, monkeypatch, words):
    """Files, folders and archives before and behind options; one whose name is that of a command as a path."""
    monkeypatch.chdir(places)
    (places / "data").write_bytes((places / "both.jsonl").read_bytes())
    assert run(["--json", *words]) == 0
    answer = json.loads(capsys.readouterr().out)
    assert (answer["about"]["sessions"], answer["broken"]) == (2, 8)


def test_a_word_that_is_a_command_is_the_command(places, capsys, monkeypatch):
    """Also where a log of that name lies beside; a value of an option is no command."""
    monkeypatch.chdir(places)
    (places / "session").write_bytes((places / "both.jsonl").read_bytes())
    (places / "home").mkdir()
    assert len(ask(capsys, "session", "list", "a.jsonl")) == 1
    assert ask(capsys, "--sut", "shop", "--log", "session")["about"]["sessions"] == 2
    assert run(["sessoin"]) == 2
    assert "No such command 'sessoin'" in capsys.readouterr().err
    assert run(["nothing.jsonl"]) == 3
    assert "nothing.jsonl: no such log" in capsys.readouterr().err


def test_insight_alone_reads_standard_input(places, capsys, monkeypatch):
    """`-` is a word too."""
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO((places / "both.jsonl").read_bytes())))
    assert ask(capsys, "-")["about"]["sessions"] == 2
