"""Facts about a run before its first test, each from sources that are written out here."""

import fnmatch
import platform
import re
import sys
from types import SimpleNamespace

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pytest_insight.eventlog.events import Vcs
from pytest_insight.plugin.header import metadata

GITHUB = {"GITHUB_ACTIONS": "true", "GITHUB_RUN_ID": "77", "GITHUB_RUN_ATTEMPT": "2", "GITHUB_SHA": "abc"}
GITLAB = {"GITLAB_CI": "true", "CI_PIPELINE_ID": "5", "CI_JOB_ID": "6", "CI": "true"}


@pytest.mark.parametrize(("marker", "provider", "names"), metadata.CI_PROVIDERS)
def test_each_provider_is_found_by_its_marker_with_the_facts_that_it_names(marker, provider, names):
    """Each fact from its own variable; a variable that is empty or missing leaves its fact out."""
    whole = {variable: f"value of {variable}" for variable in names.values()} | {"CI": "1", marker: "1"}
    assert metadata.find_ci(whole) == {"provider": provider} | {key: whole[variable] for key, variable in names.items()}
    for key, variable in names.items():
        if variable != marker:
            assert key not in metadata.find_ci(whole | {variable: ""})


@pytest.mark.parametrize("value", ["", "0", "false", "False"])
def test_a_marker_that_says_no_is_no_ci(value):
    """Some tools set CI to false to behave as on a desk."""
    assert metadata.find_ci({"CI": value, "GITHUB_ACTIONS": value, "GITHUB_RUN_ID": "1"}) == {}


def test_a_provider_by_name_comes_before_the_unknown_one():
    """Nearly all of them set CI as well."""
    assert metadata.find_ci(GITLAB)["provider"] == "gitlab"
    assert metadata.find_ci({"CI": "true"}) == {"provider": "unknown"}
    assert metadata.CI_PROVIDERS[-1][1] == "unknown"


@pytest.mark.parametrize(
    ("given_name", "environ", "expected"),
    [
        ("", {}, ""),
        ("mine", GITHUB, "mine"),
        ("", GITHUB, "github-77-2"),
        ("", GITHUB | {"GITHUB_RUN_ATTEMPT": ""}, "github-77"),
        ("", GITLAB, "gitlab-5"),
        ("", {"CI": "true"}, ""),
        ("", {"GITHUB_ACTIONS": "true"}, ""),
    ],
)
def test_the_test_run_is_the_given_one_or_that_of_the_ci(given_name, environ, expected):
    """A repeated CI run is a test run of its own; a CI without the id of a run names none."""
    assert metadata.find_test_run(given_name, environ) == expected


@given(
    st.dictionaries(st.text("AB_x", min_size=1, max_size=4), st.just("v")),
    st.lists(st.text("AB_x*?", max_size=4), max_size=3),
)
def test_only_variables_that_a_pattern_names_are_recorded(environ, patterns):
    """In the order of their names, in exactly the case of the pattern."""
    expected = [name for name in environ if any(re.fullmatch(fnmatch.translate(glob), name) for glob in patterns)]
    assert list(metadata.chosen_environment(environ, patterns)) == sorted(expected)


def test_no_variable_is_recorded_without_being_asked_for():
    """The environment of a CI is full of secrets."""
    assert metadata.chosen_environment({"SECRET": "x"}, []) == {}


def test_the_variant_is_python_the_system_the_environment_of_tox_or_nox_and_given_values():
    """A given value wins, also over Python's own."""
    found = metadata.variant({}, {})
    assert found["python"].endswith(f"{sys.version_info.major}.{sys.version_info.minor}")
    assert found["os"] in (platform.system(), sys.platform)
    assert metadata.variant({"TOX_ENV_NAME": "py311", "NOX_CURRENT_SESSION": ""}, {"os": "my", "db": "pg"}) == {
        **found, "tox": "py311", "os": "my", "db": "pg",
    }  # fmt: skip


@pytest.mark.parametrize(
    ("implementation", "shown"), [("cpython", "3.13"), ("pypy", "pypy3.13")], ids=["cpython", "pypy"]
)
def test_the_version_of_python_has_its_implementation_unless_it_is_the_usual_one(monkeypatch, implementation, shown):
    """The third number is left out: a patch release is the same condition."""
    monkeypatch.setattr(metadata.platform, "python_version_tuple", lambda: ("3", "13", "9"))
    monkeypatch.setattr(metadata.sys, "implementation", SimpleNamespace(name=implementation))
    assert metadata.variant({}, {})["python"] == shown


@pytest.mark.parametrize(("name", "host", "shown"), [("lab", "h", "lab"), ("", "h", "h"), ("", "", "unknown")])
def test_a_testing_system_has_the_given_name_or_that_of_the_host(monkeypatch, name, host, shown):
    """A machine without a name is called unknown; the kind is there only if it is given."""
    monkeypatch.setattr(metadata.platform, "node", lambda: host)
    system = metadata.testing_system(name, "")
    assert (system["name"], system["host"]) == (shown, host)
    assert metadata.testing_system(name, "virtual") == system | {"type": "virtual"}


@pytest.mark.parametrize(
    ("remote", "name"),
    [
        ("https://example.com/team/shop.git", "team/shop"),
        ("https://example.com/team/shop/", "team/shop"),
        ("HTTPS://user:x@example.com:8443/a/b/shop.git", "b/shop"),
        ("git@example.com:team/shop.git", "team/shop"),
        ("ssh://git@example.com:22/team/shop", "team/shop"),
        ("example.com:shop", "shop"),
        ("/srv/git/team/shop.git", "team/shop"),
        ("file:///srv/shop.git", "srv/shop"),
        ("https://example.com", metadata.UNKNOWN_SUT),
        ("", metadata.UNKNOWN_SUT),
    ],
)
def test_without_a_name_of_its_own_a_project_has_that_of_its_remote(tmp_path, remote, name):
    """Owner and name, in each notation of an address; never that of the folder, which differs between checkouts."""
    assert metadata.find_sut(tmp_path, Vcs(remote=remote)) == name


@pytest.mark.parametrize(
    ("files", "name"),
    [
        ({"pyproject.toml": '[project]\nname = "shop"'}, "shop"),
        ({"pyproject.toml": '[tool.poetry]\nname = "shop"'}, "shop"),
        ({"pyproject.toml": '[project]\nname = "shop"\n[tool.poetry]\nname = "other"'}, "shop"),
        ({"pyproject.toml": '[project]\nname = ""', "setup.cfg": "[metadata]\nname = shop\n"}, "shop"),
        ({"pyproject.toml": "[project]\nname = 7", "setup.cfg": "[metadata]\nname = %x\n"}, "%x"),
        ({"pyproject.toml": "[project", "setup.cfg": "[metadata]\nname = shop\n"}, "shop"),
        ({"pyproject.toml": "tool = 3\nproject = 4"}, ""),
        ({"pyproject.toml": b"\xff", "setup.cfg": b"\xff"}, ""),
        ({"setup.cfg": "no section\n"}, ""),
        ({"setup.cfg": "[metadata]\nversion = 1\n"}, ""),
        ({}, ""),
    ],
)
def test_the_name_of_a_project_is_that_of_its_packaging_files(tmp_path, files, name):
    """A file that cannot be read, or whose values have other types, has no name; the next file is asked."""
    for file, content in files.items():
        (tmp_path / file).write_bytes(content if isinstance(content, bytes) else content.encode())
    assert metadata.find_sut(tmp_path, Vcs(remote="a:b/c")) == (name or "b/c")
    assert metadata.find_sut(tmp_path, None) == (name or metadata.UNKNOWN_SUT)


def test_plugins_are_listed_by_name_with_their_versions():
    """A distribution with several plugins once; one without a name or a version does not stop the others."""
    dist = lambda **fields: (object(), SimpleNamespace(**fields))
    found = metadata.plugin_versions(
        [
            dist(project_name="b", version="2"),
            dist(project_name="a", version=None),
            dist(),
            dist(project_name="b", version="2"),
        ]
    )
    assert found == {"": "", "a": "None", "b": "2"}
    assert list(found) == sorted(found)


def test_a_version_that_is_not_installed_is_unknown(monkeypatch):
    """As in a checkout that was never installed."""
    monkeypatch.setattr(metadata.importlib.metadata, "version", lambda name: 1 / 0)
    with pytest.raises(ZeroDivisionError):
        metadata.own_version()

    def missing(name):
        raise metadata.importlib.metadata.PackageNotFoundError(name)

    monkeypatch.setattr(metadata.importlib.metadata, "version", missing)
    assert metadata.own_version() == "unknown"
