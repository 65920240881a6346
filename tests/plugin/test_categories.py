"""Terminal categories of reports, against the hooks of pytest that give them to the terminal."""

import itertools
from types import SimpleNamespace

import pytest
from builders import PHASES, Raises, make_report
from pytest_insight.plugin.attempts.categories import (
    _ANSWERS_MAX,
    AskedCategories,
    Categories,
    is_subtest,
    plain_category,
    safe_name,
)

OUTCOMES = ("passed", "failed", "skipped", "rerun")
WASXFAIL = ({}, {"wasxfail": ""}, {"wasxfail": "reason"})


class Report(SimpleNamespace):
    """A report with the properties that the hooks of pytest ask for."""

    passed = property(lambda self: self.outcome == "passed")
    failed = property(lambda self: self.outcome == "failed")
    skipped = property(lambda self: self.outcome == "skipped")


def full_report(when, outcome, **more):
    """A report that pytest's own hooks can judge as well."""
    return Report(**vars(make_report(when, outcome, **more)))


class OtherPlugin:
    """A plugin that counts failures as something else."""

    def __init__(self, answer=("tolerated", "t", "TOLERATED")):
        self.answer = answer
        self.asked = []

    def pytest_report_teststatus(self, report):
        """Answer for failed calls alone."""
        self.asked.append(report)
        return self.answer if report.outcome == "failed" else None


@pytest.fixture
def config():
    """A config whose hooks are those of pytest itself."""
    manager = pytest.PytestPluginManager()
    for name in ("terminal", "runner", "skipping"):
        manager.import_plugin(name)
    return SimpleNamespace(hook=manager.hook, pluginmanager=manager, get_verbosity=lambda kind: 0)


def test_the_category_is_that_of_pytest(config):
    """In every phase, for every outcome, with and without an expected failure; a passed phase is None unless counted."""
    for when, outcome, more in itertools.product(PHASES, OUTCOMES, WASXFAIL):
        report = full_report(when, outcome, **more)
        if outcome == "rerun" and when != "call":
            shown = "rerun"  # as pytest-rerunfailures answers; pytest itself knows no such outcome
        else:
            shown = config.hook.pytest_report_teststatus(report=report, config=config)[0]
        found = plain_category(report)
        is_simple = outcome == "passed" and not more
        assert found == (None if is_simple else shown), (when, outcome, more)
        assert is_simple == (shown == ("passed" if when == "call" else "") and found is None)


def test_an_outcome_without_a_text_is_named_by_its_type():
    """Another plugin may put any object there; a name is at most 100 characters long."""
    assert plain_category(make_report(outcome=7)) == "7"
    assert safe_name(Raises()) == "Raises"
    assert safe_name(10**200) == "1" + "0" * 99


@pytest.mark.parametrize(
    ("more", "expected"),
    [
        ({}, False),
        ({"context": None}, False),
        ({"context": SimpleNamespace(msg="x")}, False),
        ({"context": SimpleNamespace(msg="x", kwargs={})}, True),
    ],
)
def test_a_subtest_has_a_context_with_parameters(more, expected):
    """The class has another name in each of the plugins, so its attributes decide."""
    assert is_subtest(make_report(**more)) is expected


def test_without_other_plugins_nothing_is_asked_of_pytest(config):
    """The rules are written out, and no hook is registered."""
    categories = Categories(config)
    categories.look_for_plugins()
    config.hook = SimpleNamespace()  # any use of it raises
    assert not categories.are_foreign
    assert categories.of_phase(make_report("setup", "failed")) == "error"
    assert not config.pluginmanager.hasplugin("insight_categories")


def test_a_plugin_that_is_loaded_later_is_found_later(config):
    """A conftest.py is loaded with collection: the second look finds it, and a third changes nothing."""
    categories = Categories(config)
    categories.look_for_plugins()
    config.pluginmanager.register(OtherPlugin())
    assert not categories.are_foreign
    categories.look_for_plugins()
    assert categories.are_foreign
    registered = config.pluginmanager.get_plugin("insight_categories")
    categories.look_for_plugins()
    assert config.pluginmanager.get_plugin("insight_categories") is registered


@pytest.mark.parametrize("terminal_asks", [True, False])
def test_another_plugin_is_asked_once_for_each_report(config, terminal_asks):
    """By the terminal, whose answer is kept, or else by the recorder; the answers are the same."""
    other = OtherPlugin()
    config.pluginmanager.register(other)
    categories = Categories(config)
    categories.look_for_plugins()
    reports = [full_report("call", outcome) for outcome in ("failed", "passed", "skipped")]
    if terminal_asks:
        for report in reports:
            config.hook.pytest_report_teststatus(report=report, config=config)
    assert [categories.of_phase(report) for report in reports] == ["tolerated", None, "skipped"]
    assert list(map(id, other.asked)) == list(map(id, reports))


def test_a_copied_report_has_the_answer_for_its_original(config):
    """Reports with an outcome of another plugin are kept as copies, which name the report that the terminal saw."""
    other = OtherPlugin()
    config.pluginmanager.register(other)
    categories = Categories(config)
    categories.look_for_plugins()
    original = full_report("call", "failed")
    config.hook.pytest_report_teststatus(report=original, config=config)
    assert categories.of_phase(full_report("call", "rerun", insight_of=id(original))) == "tolerated"
    assert len(other.asked) == 1


@pytest.mark.parametrize("answer", [Raises(), ()], ids=["raises", "empty"])
def test_an_answer_that_cannot_be_read_leaves_the_rules_of_pytest(config, answer):
    """The terminal deals with such an answer in its own way; the record is that of pytest."""
    config.pluginmanager.register(OtherPlugin(answer))
    categories = Categories(config)
    categories.look_for_plugins()
    assert categories.of_phase(full_report("call", "failed")) == "failed"
    assert categories.of_phase(full_report("teardown", "failed")) == "error"
    assert categories.of_subtest(full_report("call", "failed")) == "failed"


def test_kept_answers_are_taken_once_and_bounded(config):
    """Reports that are never recorded leave their answers behind; their number stays below the limit."""
    asked = AskedCategories()
    hook = config.pluginmanager.register(asked, "asked")
    assert hook == "asked"
    kept = [full_report("call", "failed") for _ in range(_ANSWERS_MAX + 2)]
    for report in kept[:3]:
        config.hook.pytest_report_teststatus(report=report, config=config)
    assert [asked.take(id(report)) for report in (*kept[:3], *kept[:3])] == ["failed"] * 3 + [None] * 3
    for report in kept:
        config.hook.pytest_report_teststatus(report=report, config=config)
    assert len(asked._answers) == 1
    assert asked.take(id(kept[-1])) == "failed"


@pytest.mark.parametrize(("outcome", "more", "expected"), [
    ("passed", {}, ""), ("skipped", {}, ""), ("failed", {}, "failed"), ("failed", {"wasxfail": "x"}, ""),
])  # fmt: skip
def test_only_failed_subtests_count_where_pytest_does_not_show_the_others(config, outcome, more, expected):
    """As in pytest at normal verbosity."""
    categories = Categories(config)
    categories.look_for_plugins()
    assert categories.of_subtest(make_report("call", outcome, **more)) == expected


@pytest.mark.skipif(not hasattr(pytest.Config, "VERBOSITY_SUBTESTS"), reason="this pytest has no subtests")
@pytest.mark.parametrize(
    ("outcome", "more", "quiet", "verbose"),
    [
        ("passed", {}, "", "subtests passed"),
        ("skipped", {}, "", "skipped"),
        ("skipped", {"wasxfail": "x"}, "", "xfailed"),
        ("failed", {}, "failed", "failed"),
    ],
)
def test_subtests_have_the_category_of_the_verbosity(config, outcome, more, quiet, verbose):
    """With `-v` pytest counts passed and skipped subtests as well, and no other plugin is needed for that."""
    from _pytest.subtests import SubtestContext, SubtestReport

    config.pluginmanager.import_plugin("subtests")
    report = SubtestReport(
        "a", ("a.py", 0, "a"), {}, outcome, None, "call", context=SubtestContext(msg="m", kwargs={}), **more
    )
    for verbosity, expected in ((0, quiet), (1, verbose)):
        config.get_verbosity = lambda kind, verbosity=verbosity: verbosity
        categories = Categories(config)
        categories.look_for_plugins()
        assert not categories.are_foreign
        assert categories.of_subtest(report) == expected
