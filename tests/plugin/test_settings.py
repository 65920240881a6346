"""Values of settings: where each comes from, which of several counts, and which are refused."""

import re
from types import SimpleNamespace

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pytest_insight.plugin.options import OUTPUT_LIMIT_BYTES, SETTINGS, add_options, is_wanted, truth
from pytest_insight.plugin.settings import RUN_CHARS_MAX, early_settings, joined_arguments, read_settings

BY_NAME = {setting.name: setting for setting in SETTINGS}
SINGLE = [
    setting for setting in SETTINGS if setting.kind == "string" and setting.flags and setting.env and setting.metavar
]
VALUES = {"output_limit": ("1", "2", "3"), "sync_port": ("1", "2", "3"), "push_wait": ("1.0", "2.0", "3.0")}
TRUE, FALSE = ("1", "true", "TRUE", "yes", " on "), ("", "0", "False", "no", "off", "  ")


def make_config(options=None, ini=None):
    """A config with some options and ini values; any other is not set, and an unknown ini name raises as in pytest."""
    known = {setting.ini for setting in SETTINGS}

    def getini(name):
        assert name in known
        return (ini or {}).get(name)

    return SimpleNamespace(
        getoption=lambda name, default=None: (options or {}).get(name.removeprefix("insight_"), default), getini=getini
    )


def read(options=None, environ=None, **ini):
    """The settings of a run with these sources."""
    return read_settings(make_config(options, ini), environ or {})


@pytest.mark.parametrize("setting", SINGLE, ids=lambda setting: setting.name)
def test_the_command_line_wins_over_the_environment_and_that_over_the_ini_file(setting):
    """For each setting that has all three, and for each subset of them."""
    first, second, third = VALUES.get(setting.name, ("one", "two", "three"))
    value = lambda *args, **ini: str(getattr(read(*args, **ini), setting.name))
    option, environ, ini = {setting.name: first}, {setting.env: second}, {setting.ini: third}
    assert value(option, environ, **ini) == first
    assert value(option, {}, **ini) == first
    assert value({}, environ, **ini) == second
    assert value({}, {}, **ini) == third
    assert value({}, {setting.env: ""}, **ini) == third


def test_lists_are_put_together_in_the_order_of_their_sources():
    """The ini file first, then the environment, then the command line: of one key the last value counts."""
    ini, environ = {"insight_variant": ["a=ini", "b=ini", "c=ini"]}, {"PYTEST_INSIGHT_VARIANT": "b=env,c=env\nd=env,,"}
    assert read({"variant": ["c=option"]}, environ, **ini).variant == {
        "a": "ini",
        "b": "env",
        "c": "option",
        "d": "env",
    }
    assert read({"tags": ["x = 1 ", "y=a=b", "z="]}, insight_tags=["x=0"]).tags == {"x": "1", "y": "a=b", "z": ""}
    assert read(insight_redact=["a", "b"]).redact == ["a", "b"]


def test_a_run_that_sets_nothing_has_the_documented_values():
    """As the help of the options names them."""
    settings = read()
    assert (settings.durability, settings.output, settings.output_limit) == ("session", "failed", OUTPUT_LIMIT_BYTES)
    assert (settings.profile, settings.log, settings.sut, settings.run, settings.system_name) == ("",) * 5
    assert (settings.strict, settings.sync, settings.sync_port) == (False, False, 49152)
    for name in ("durability", "output", "output_limit", "sync_port"):
        (shown,) = re.findall(r"\(default: (\w+)\)", BY_NAME[name].help)
        assert shown == str(getattr(settings, name))


def test_the_end_waits_in_ci_only_unless_it_is_told_to():
    """Five seconds where CI is set to something true; an explicit time counts everywhere."""
    assert [read(environ={"CI": word}).push_wait for word in ("true", "1", "jenkins")] == [5.0] * 3
    assert [read(environ={"CI": word}).push_wait for word in ("", "false", "0")] == [0.0] * 3
    assert [read({"push_wait": "2.5"}, environ).push_wait for environ in ({}, {"CI": "1"})] == [2.5] * 2
    assert read({"push_wait": "0"}, {"CI": "1"}).push_wait == 0


def test_the_key_of_a_collector_is_never_taken_from_an_ini_file_or_shown():
    """A file of the project would carry it to everyone; a repr of the settings ends in logs."""
    assert (BY_NAME["api_key"].ini, BY_NAME["api_key"].env) == ("", "")
    settings = read({"api_key": "ik_canary", "db_url": "postgresql://u:canary@h/d"})
    assert (settings.api_key, settings.db_url) == ("ik_canary", "postgresql://u:canary@h/d")
    assert "canary" not in repr(settings)


def test_the_kind_of_testing_system_comes_from_the_environment_alone():
    """It has no option."""
    assert read(environ={"PYTEST_INSIGHT_SYSTEM_TYPE": "lab"}).system_type == "lab"


@pytest.mark.parametrize(
    ("options", "name"),
    [
        ({"output": "some"}, "insight_output"),
        ({"durability": "always"}, "insight_durability"),
        ({"output_limit": "1k"}, "--insight-output-limit"),
        ({"output_limit": "-1"}, "--insight-output-limit"),
        ({"output_limit": "٣"}, "--insight-output-limit"),
        ({"tags": ["novalue"]}, "--insight-tag"),
        ({"tags": ["=v"]}, "--insight-tag"),
        ({"variant": [" =v"]}, "--insight-variant"),
        ({"strict": "perhaps"}, "insight_strict"),
        ({"sync": "2"}, "insight_sync"),
        ({"sync_port": "0"}, "--insight-sync-port"),
        ({"sync_port": "65536"}, "--insight-sync-port"),
        ({"sync_port": "a"}, "--insight-sync-port"),
        ({"run": "x" * (RUN_CHARS_MAX + 1)}, "--insight-run"),
        ({"run": "a\x1bb"}, "--insight-run"),
    ],
)
def test_a_wrong_value_is_refused_by_its_name(options, name):
    """pytest shows such an error in one line, and runs nothing."""
    with pytest.raises(pytest.UsageError, match=name):
        read(options)


def test_values_at_their_limits_are_accepted():
    """The smallest and the largest of each."""
    assert read({"run": " " + "x" * RUN_CHARS_MAX + " "}).run == "x" * RUN_CHARS_MAX
    assert [read({"sync_port": port}).sync_port for port in ("1", "65535")] == [1, 65535]
    assert [read({"output_limit": size}).output_limit for size in ("0", "007")] == [0, 7]
    assert [read({"output": value}).output for value in BY_NAME["output"].choices] == ["all", "failed", "none"]


@pytest.mark.parametrize(
    ("value", "expected"), [(text, True) for text in TRUE] + [(text, False) for text in FALSE] + [(None, False)]
)
def test_texts_for_yes_and_no(value, expected):
    """In any case, with blanks around; a value that is a bool already is kept."""
    assert truth(value, "x") is expected
    assert truth(expected, "x") is expected


@given(
    st.text(max_size=6).filter(lambda text: text.strip().lower() not in {word.strip().lower() for word in TRUE + FALSE})
)
def test_any_other_text_is_neither_yes_nor_no(text):
    """A typing error does not switch anything off in silence."""
    with pytest.raises(pytest.UsageError, match="neither true nor false"):
        truth(text, "insight_strict")


SOURCES = {
    "option": ({"insight_enabled": True}, {}, {}),
    "option of a log": ({"insight_log": "x"}, {}, {}),
    "environment": ({}, {"PYTEST_INSIGHT": "1"}, {}),
    "environment with a log": ({}, {"PYTEST_INSIGHT_LOG": "x"}, {}),
    "ini": ({}, {}, {"insight": "true"}),
    "ini with a log": ({}, {}, {"insight_log": "x"}),
}
NOT_SOURCES = {
    "nothing": ({}, {}, {}),
    "environment says no": ({}, {"PYTEST_INSIGHT": "0"}, {}),
    "ini says no": ({}, {}, {"insight": "false"}),
    "a profile alone": ({"insight_profile": "x"}, {"PYTEST_INSIGHT_PROFILE": "x"}, {"insight_profile": "x"}),
    "an empty log": ({"insight_log": ""}, {"PYTEST_INSIGHT_LOG": ""}, {"insight_log": ""}),
}


@pytest.mark.parametrize("name", [*SOURCES, *NOT_SOURCES])
def test_a_run_is_recorded_if_one_source_asks_for_it(name):
    """A log implies the recording; the name of a profile does not."""
    option, environ, ini = (SOURCES | NOT_SOURCES)[name]
    assert is_wanted(option.get, ini.get, environ) is (name in SOURCES)


def test_options_and_their_values_become_one_word_each():
    """pytest would take a value that is an existing path for a path of tests; all other words stay as they are."""
    args = ["tests", "--insight-log", "a.jsonl", "--insight", "-k", "x", "--is", "shop", "--ip=p", "--insight-run"]
    assert joined_arguments(args) == [
        *("tests", "--insight-log=a.jsonl", "--insight", "-k", "x", "--is=shop", "--ip=p", "--insight-run"),
    ]


@given(st.lists(st.sampled_from([flag for setting in SETTINGS for flag in setting.flags] + ["a", "-x", "--k=v"])))
def test_a_joined_command_line_means_the_same(args):
    """Argparse itself reads the same values from both, or refuses both."""
    import argparse

    class Parser(argparse.ArgumentParser):
        def error(self, message):
            raise ValueError

    def values(words):
        parser = Parser(add_help=False, allow_abbrev=False)
        for setting in SETTINGS:
            if setting.flags:
                action = {"bool": "store_true", "linelist": "append"}.get(setting.kind, "store")
                parser.add_argument(*setting.flags, dest=setting.name, action=action)
        try:
            return parser.parse_known_args(words)
        except ValueError:
            return None

    before = values(args)
    if before is not None:
        assert values(joined_arguments(args)) == before


def test_every_setting_is_declared_once_under_all_its_names():
    """Options by their flags and destination, ini names by their type; no name is used twice."""
    options, inis = [], []
    group = SimpleNamespace(addoption=lambda *flags, **more: options.append((flags, more)))
    add_options(SimpleNamespace(getgroup=lambda *_: group, addini=lambda name, *_, **more: inis.append((name, more))))
    assert [(flags, more["dest"]) for flags, more in options] == [
        (setting.flags, f"insight_{setting.name}") for setting in SETTINGS if setting.flags
    ]
    assert all(more["default"] is None for _, more in [*options, *inis])
    assert [(name, more["type"]) for name, more in inis] == [
        (setting.ini, "linelist" if setting.kind == "linelist" else "string") for setting in SETTINGS if setting.ini
    ]
    names = [name for setting in SETTINGS for name in (*setting.flags, setting.ini, setting.env) if name]
    assert len(names) == len(set(names))


def test_wrong_values_do_not_hide_the_error_that_ended_a_run():
    """A run that broke before its options were read has the settings that can be read, and the others by default."""
    options = SimpleNamespace(insight_log="a.jsonl", insight_sut="shop", insight_run=None, insight_output="wrong")
    environ = {"PYTEST_INSIGHT_RUN": " r\x1b" + "x" * 300, "PYTEST_INSIGHT_SYSTEM_NAME": "lab"}
    settings = early_settings(make_config(ini={"insight_redact": ["x"]}), options, environ)
    assert (settings.log, settings.sut, settings.system_name) == ("a.jsonl", "shop", "lab")
    assert (settings.output, settings.durability, settings.redact) == ("failed", "session", ["x"])
    assert settings.run.startswith("r\x1bx")
    assert len(settings.run) <= RUN_CHARS_MAX


@pytest.mark.parametrize("error", [KeyError, ValueError, pytest.UsageError])
def test_an_ini_file_that_cannot_be_read_leaves_no_patterns(error):
    """It may itself be what ended the run."""

    def raise_error(name):
        raise error(name)

    settings = early_settings(SimpleNamespace(getini=raise_error), SimpleNamespace(), {})
    assert settings.redact == []
