"""Facts about a run before its first test: system under test, CI, testing system, variant."""

import fnmatch
import importlib.metadata
import platform
import re
import sys
from collections.abc import Iterable, Mapping
from pathlib import Path

from ...eventlog.events import Vcs
from ...eventlog.home.project import project_name

UNKNOWN_SUT = "unknown-sut"

CI_PROVIDERS: tuple[tuple[str, str, dict[str, str]], ...] = (
    (
        "GITHUB_ACTIONS",
        "github",
        {
            "run_id": "GITHUB_RUN_ID",
            "attempt": "GITHUB_RUN_ATTEMPT",
            "job": "GITHUB_JOB",
            "workflow": "GITHUB_WORKFLOW",
            "ref": "GITHUB_REF_NAME",
            "commit": "GITHUB_SHA",
            "repository": "GITHUB_REPOSITORY",
        },
    ),
    (
        "GITLAB_CI",
        "gitlab",
        {
            "run_id": "CI_PIPELINE_ID",
            "job": "CI_JOB_NAME",
            "job_id": "CI_JOB_ID",
            "ref": "CI_COMMIT_REF_NAME",
            "commit": "CI_COMMIT_SHA",
            "url": "CI_JOB_URL",
        },
    ),
    ("JENKINS_URL", "jenkins", {"run_id": "BUILD_ID", "job": "JOB_NAME", "url": "BUILD_URL", "commit": "GIT_COMMIT"}),
    ("CIRCLECI", "circleci", {"run_id": "CIRCLE_WORKFLOW_ID", "job": "CIRCLE_JOB", "url": "CIRCLE_BUILD_URL"}),
    ("TF_BUILD", "azure", {"run_id": "BUILD_BUILDID", "job": "AGENT_JOBNAME", "commit": "BUILD_SOURCEVERSION"}),
    (
        "BUILDKITE",
        "buildkite",
        {"run_id": "BUILDKITE_BUILD_ID", "job": "BUILDKITE_LABEL", "url": "BUILDKITE_BUILD_URL"},
    ),
    ("TEAMCITY_VERSION", "teamcity", {"run_id": "BUILD_NUMBER", "job": "TEAMCITY_BUILDCONF_NAME"}),
    ("TRAVIS", "travis", {"run_id": "TRAVIS_BUILD_ID", "job": "TRAVIS_JOB_ID", "commit": "TRAVIS_COMMIT"}),
    ("BITBUCKET_BUILD_NUMBER", "bitbucket", {"run_id": "BITBUCKET_BUILD_NUMBER", "commit": "BITBUCKET_COMMIT"}),
    ("CI", "unknown", {}),
)
"""Variable that identifies a provider, name of the provider, and variables of its facts; the first one that is set
wins."""


def find_ci(environ: Mapping[str, str]) -> dict[str, str]:
    """Return the CI provider and the identity of its run; empty outside CI."""
    for marker, provider, names in CI_PROVIDERS:
        if environ.get(marker, "").lower() not in ("", "false", "0"):
            return {"provider": provider} | {key: environ[name] for key, name in names.items() if environ.get(name)}
    return {}


def find_test_run(given: str, environ: Mapping[str, str]) -> str:
    """Return the test run of a session: the given one, else the run of the CI; empty if neither exists.

    Args:
        given: name given by the user; may be empty.
        environ: the environment.
    """
    ci = find_ci(environ)
    if given or not ci.get("run_id"):
        return given
    # A repeated CI run is another test run: its shards must not be mixed with those of the first attempt.
    return "-".join(ci[key] for key in ("provider", "run_id", "attempt") if key in ci)


def chosen_environment(environ: Mapping[str, str], patterns: Iterable[str]) -> dict[str, str]:
    """Return the variables whose names match one of the glob patterns; none without patterns."""
    chosen = list(patterns)
    return {name: environ[name] for name in sorted(environ) if any(fnmatch.fnmatchcase(name, glob) for glob in chosen)}


_SYSTEMS = {"linux": "Linux", "darwin": "Darwin", "win32": "Windows"}
_ENVIRONMENTS = {"tox": "TOX_ENV_NAME", "nox": "NOX_CURRENT_SESSION"}
"""Variables in which tox and nox name the environment that they run."""


def variant(environ: Mapping[str, str], given: Mapping[str, str]) -> dict[str, str]:
    """Return the variant of the run: Python version, operating system, tox or nox environment, and given values."""
    version = ".".join(platform.python_version_tuple()[:2])
    implementation = "" if sys.implementation.name == "cpython" else sys.implementation.name
    found = {"python": f"{implementation}{version}", "os": _SYSTEMS.get(sys.platform, sys.platform)}
    found |= {tool: environ[name] for tool, name in _ENVIRONMENTS.items() if environ.get(name)}
    return found | dict(given)


def testing_system(name: str, kind: str) -> dict[str, str]:
    """Return name, host and platform of the machine that runs the tests."""
    host = platform.node()
    system = {
        "name": name or host or "unknown",
        "host": host,
        "platform": sys.platform,
        "release": platform.release(),
        "machine": platform.machine(),
        "implementation": sys.implementation.name,
    }
    return system | ({"type": kind} if kind else {})


def find_sut(rootdir: Path, vcs: Vcs | None) -> str:
    """Return the name of the system under test: the project's own name, else `owner/name` of its remote.

    The name of the folder is never used, since it differs between checkouts.
    """
    return project_name(rootdir) or _remote_name(vcs.remote if vcs else "") or UNKNOWN_SUT


def _remote_name(remote: str) -> str:
    path = re.sub(r"^[a-z][a-z0-9+.-]*://[^/]*/?|^[^/:]+:", "", remote, flags=re.IGNORECASE)
    parts = [part for part in path.removesuffix(".git").strip("/").split("/") if part]
    return "/".join(parts[-2:])


def plugin_versions(distinfo: Iterable[tuple[object, object]]) -> dict[str, str]:
    """Return the installed plugins by distribution name and version.

    Args:
        distinfo: result of `pluginmanager.list_plugin_distinfo()`.
    """
    return dict(
        sorted((str(getattr(dist, "project_name", "")), str(getattr(dist, "version", ""))) for _, dist in distinfo)
    )


def own_version() -> str:
    """Return the installed version of pytest-insight."""
    try:
        return importlib.metadata.version("pytest-insight")
    except importlib.metadata.PackageNotFoundError:
        return "unknown"
