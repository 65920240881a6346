"""Options of all commands: one spelling means one thing, and completion offers what is recorded, without ever failing."""

import os
from collections import defaultdict
from types import SimpleNamespace

import pytest
from pytest_insight.api.internal.history import Selection
from pytest_insight.cli.app import NOUNS, build_app
from pytest_insight.cli.arguments.completion import complete_profile, complete_session, complete_sut, complete_test
from pytest_insight.cli.arguments.project import sut_of_folder
from pytest_insight.cli.arguments.selection import selection
from pytest_insight.cli.commands.session.node_ids import check_node_ids
from pytest_insight.eventlog.events import SessionFinished, SessionStarted, TestFinished
from pytest_insight.eventlog.writer import LogWriter
from typer.main import get_command


def all_parameters():
    """Return the options and arguments of each command, by its words."""
    found = {}

    def add(command, words):
        below = getattr(command, "commands", {})
        for name, sub in below.items():
            add(sub, f"{words} {name}".strip())
        if words and not below:
            found[words] = command.params

    for noun in NOUNS:
        add(get_command(build_app(noun.name)).commands[noun.name], noun.name)
    return found


PARAMETERS = all_parameters()


@pytest.mark.parametrize("words", PARAMETERS)
def test_no_command_has_two_options_of_one_spelling(words):
    """The second one could never be given."""
    spellings = [flag for param in PARAMETERS[words] for flag in (*param.opts, *param.secondary_opts) if flag[0] == "-"]
    assert len(spellings) == len(set(spellings))


@pytest.mark.parametrize("words", PARAMETERS)
def test_each_option_says_what_it_is_for(words):
    """In the help of its command."""
    for param in PARAMETERS[words]:
        assert getattr(param, "help", ""), f"{words}: {param.opts}"


def test_an_option_takes_a_value_in_all_commands_or_in_none():
    """`--json FILE` in one command and `--json` in another could not be remembered; `--output` of two commands is the one exception."""
    takes = defaultdict(lambda: defaultdict(list))
    for words, params in PARAMETERS.items():
        for param in params:
            for flag in (flag for flag in param.opts if flag.startswith("--")):
                takes[flag][bool(getattr(param, "is_flag", False))].append(words)
    assert {flag: dict(kinds) for flag, kinds in takes.items() if len(kinds) > 1} == {
        "--output": {False: ["report", "merge"], True: ["session show"]}
    }


def test_every_command_with_data_can_print_json():
    """A program never has to read columns; those that run pytest or print events have a form of their own."""
    without = {words for words, params in PARAMETERS.items() if not any("--json" in param.opts for param in params)}
    assert without == {"session run", "schema", "sync-storage serve", "dashboard"} & without
    assert len(without) <= 4


@pytest.fixture
def log(tmp_path):
    """Return a log with sessions of two systems."""
    path = tmp_path / "log.jsonl"
    for number, sut in enumerate(["shop", "shop", "warehouse"]):
        writer = LogWriter(path)
        writer.append(SessionStarted(session_id=f"s{number}-{sut}", sut=sut))
        writer.append(TestFinished(nodeid=f"tests/test_{sut}.py::test_a", outcome="passed"))
        writer.seal(lambda count, root: SessionFinished(exit_status=0, count=count, root=root))
        writer.close()
    return path


@pytest.mark.parametrize(
    ("complete", "incomplete", "offered"),
    [
        (complete_sut, "", {"shop", "warehouse"}),
        (complete_sut, "s", {"shop"}),
        (complete_sut, "x", set()),
        (complete_session, "", {"last", "s0-shop", "s1-shop", "s2-warehouse"}),
        (complete_session, "s1", {"s1-shop"}),
        (complete_session, "la", {"last"}),
        (complete_test, "tests/test_w", {"tests/test_warehouse.py::test_a"}),
    ],
)
def test_completion_offers_what_the_log_has(complete, incomplete, offered, log):
    """Of the log that the command line names so far."""
    context = SimpleNamespace(params={"log": [log]})
    assert set(complete(context, incomplete)) == offered


@pytest.mark.parametrize("complete", [complete_sut, complete_session, complete_test])
@pytest.mark.parametrize("content", [None, b"", b"no events\n", b"\x00\xff" * 999])
def test_completion_never_fails(complete, content, tmp_path):
    """A log that is not there, empty or no log offers nothing: a traceback would garble the line that is typed."""
    path = tmp_path / "log.jsonl"
    if content is not None:
        path.write_bytes(content)
    assert set(complete(SimpleNamespace(params={"log": [path]}), "x")) == set()


def test_completion_of_profiles_needs_no_home(monkeypatch, tmp_path):
    """A home that is a file has no profiles to offer."""
    monkeypatch.setenv("PYTEST_INSIGHT_HOME", str(tmp_path / "file"))
    (tmp_path / "file").write_text("")
    assert complete_profile("") in ([], ["default"])


def test_filters_are_taken_over_as_they_are_given():
    """An age is read, everything else is the words of the user."""
    assert selection(None, None, None, None, None) == Selection()
    made = selection("shop", 1.5, "2w", "test_*", 3)
    assert (made.sut, made.days, made.pattern, made.keep_last) == ("shop", 1.5, "test_*", 3)
    assert made.older_than == selection(None, None, "14d", None, None).older_than


@pytest.mark.parametrize("age", ["soon", "2", "-3d", "1x"])
def test_an_age_that_is_none_is_refused_and_named(age):
    """Nothing is cleared by a filter that was not understood."""
    with pytest.raises(ValueError, match=age):
        selection(None, None, age, None, None)


class FakeModel:
    """A history whose newest sessions ran in certain folders."""

    def __init__(self, roots):
        self._rows = {
            sut: SimpleNamespace(sut=sut, started_us=number, part=SimpleNamespace(header={"rootdir": root}))
            for number, (sut, root) in enumerate(roots.items())
        }

    def sessions(self, *, sut, limit):
        assert limit == 1
        return [self._rows[sut]]


@pytest.mark.parametrize(
    ("roots", "folder", "sut"),
    [
        ({"a": "{root}/shop"}, "shop", "a"),
        ({"a": "{root}/shop", "b": "{root}/shop"}, "shop", "b"),
        ({"a": "{root}/shop", "b": "/elsewhere"}, "shop/tests/unit", "a"),
        ({"org/shop": "/elsewhere"}, "shop", "org/shop"),
        ({"Shop": "/elsewhere"}, "shop/tests", "Shop"),
        ({"named": "/elsewhere"}, "shop", "named"),
        ({"a": "/elsewhere", "b": "/there"}, "shop", ""),
        ({"a": "{root}"}, "shop", ""),
        ({"a": ""}, "shop", ""),
        ({}, "shop", ""),
    ],
)
def test_the_system_of_a_folder_is_the_one_that_ran_in_it_or_has_its_name(roots, folder, sut, tmp_path):
    """The folder of a session counts more than a name; what lies around the checkout counts nothing."""
    (tmp_path / "shop/.git").mkdir(parents=True)
    (tmp_path / "shop/tests/unit").mkdir(parents=True)
    (tmp_path / "shop/pyproject.toml").write_text('[project]\nname = "named"\n')
    model = FakeModel({name: root.format(root=tmp_path) for name, root in roots.items()})
    assert sut_of_folder(model, list(roots), tmp_path / folder) == sut


@pytest.mark.parametrize(
    ("nodeid", "reason"),
    [
        ("test_a.py", ""),
        ("test_a.py::TestA::test_a[x y-../..]", ""),
        ("tests/../test_a.py::test_a", ""),
        ("test_a.py::test[-k]", ""),
        ("-k", "begins with '-'"),
        ("--rootdir=/", "begins with '-'"),
        ("@file", "begins with '@'"),
        ("", "white space"),
        (" test_a.py", "white space"),
        ("test_a.py\n--pdb", "control"),
        ("/etc/passwd", "not relative"),
        ("C:\\x.py", "not relative"),
        ("::test_a", "not relative"),
        ("../test_a.py", "leads out"),
        ("link/test_a.py", "leads out"),
        ("tests/../../test_a.py", "leads out"),
    ],
)
def test_a_node_id_of_a_log_names_a_test_below_the_folder_and_nothing_else(nodeid, reason, tmp_path):
    """What pytest would take for an option, a file of arguments or a path elsewhere never reaches it."""
    root = tmp_path / "project"
    (root / "tests").mkdir(parents=True)
    os.symlink("..", root / "link")
    checked = check_node_ids([nodeid], root)
    assert checked.accepted == ([] if reason else [nodeid])
    assert reason in checked.refused.get(nodeid, "")
