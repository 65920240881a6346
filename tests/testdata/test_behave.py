"""Real behave: namespaces per scenario, the documented steps, and cleanup errors that hide nothing."""

import json
import os
import subprocess
import sys

import pytest
from pytest_insight.testdata import TestDataManager

FEATURE = """
Feature: users

  Scenario Outline: the same name
    Given a user "<name>"
    Then only "<name>" is there
    Examples:
      | name |
      | ann  |
      | bob  |

  Scenario: Documented steps
    Given I have test user data for "signup"
    Then cleanup test data for this scenario

  Scenario: fails, and its cleanup fails
    Given a user "eve" that cannot be cleaned
    Then nothing works

  Scenario: passes, and its cleanup fails
    Given a user "fay" that cannot be cleaned
"""

STEPS = """
from behave import given, then
# In your step definitions
from pytest_insight.testdata import get_test_data_manager

@given('I have test user data for "{test_scenario}"')
def step_create_test_user(context, test_scenario):
    data_manager = get_test_data_manager()

    user_data = {
        "username": f"test_user_{test_scenario}",
        "email": f"test_{test_scenario}@example.com"
    }

    context.user_id = data_manager.create_test_data(
        data_type="user",
        data=user_data,
        namespace=context.scenario.name.lower().replace(" ", "_")
    )

@then('cleanup test data for this scenario')
def step_cleanup_test_data(context):
    data_manager = get_test_data_manager()
    namespace = context.scenario.name.lower().replace(" ", "_")
    data_manager.cleanup_test_data(namespace=namespace)

@given('a user "{name}"')
def step_user(context, name):
    context.test_data.create("user", {"name": name}, resource_id="user")

@given('a user "{name}" that cannot be cleaned')
def step_stubborn_user(context, name):
    context.test_data.manager.cleanup_registry.max_retries = 1
    context.test_data.create("user", {"name": name}, cleanup_callback=lambda: 1 / 0)

@then('only "{name}" is there')
def step_only(context, name):
    assert context.test_data.get("user") == {"name": name}
    assert len(context.test_data.manager.list_test_data(context.test_data.namespace)) == 1

@then('nothing works')
def step_fails(context):
    assert 0, "the real one"
"""

ENVIRONMENT = """
from behave import use_fixture
from pytest_insight.testdata.behave import reap_leftovers, test_data

def before_all(context):
    reap_leftovers()

def before_scenario(context, scenario):
    use_fixture(test_data, context)
"""


@pytest.fixture
def report(tmp_path):
    """What behave says of the feature, by scenario, and the data that is left."""
    steps = tmp_path / "features" / "steps"
    steps.mkdir(parents=True)
    (steps / "steps.py").write_text(STEPS)
    (tmp_path / "features" / "environment.py").write_text(ENVIRONMENT)
    (tmp_path / "features" / "users.feature").write_text(FEATURE)
    command = [sys.executable, "-m", "behave", "--format", "json", "--outfile", "report.json", "--no-color"]
    env = {key: value for key, value in os.environ.items() if key == "PYTEST_ADDOPTS" or not key.startswith("PYTEST_")}
    result = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, timeout=300, env=env)
    assert result.returncode == 1, result.stdout + result.stderr
    [feature] = json.loads((tmp_path / "report.json").read_text())
    scenarios = [element for element in feature["elements"] if element["type"] == "scenario"]
    return scenarios, TestDataManager(tmp_path / "test_data"), result


def test_behave_keeps_what_each_scenario_came_to(report):
    """T9: failed stays failed though its cleanup fails as well; a passing one becomes a cleanup error."""
    scenarios, manager, result = report
    assert [(each["name"].partition(" -- ")[0], each["status"]) for each in scenarios] == [
        ("the same name", "passed"),
        ("the same name", "passed"),
        ("Documented steps", "passed"),
        ("fails, and its cleanup fails", "failed"),
        ("passes, and its cleanup fails", "cleanup_error"),
    ]
    assert "the real one" in result.stdout + json.dumps(scenarios)
    left = manager.list_test_data()
    assert [manager.get_test_data(row["resource_id"], row["namespace"])["name"] for row in left] == ["eve", "fay"]
    assert all(row["namespace"].startswith("features/users.feature:") for row in left)
    assert {row["cleanups"][0]["status"] for row in left} == {"failed"}
