"""Script that lets an unmodified Test IT adapter start this service in place of the program it would download.

Adapters look for `build/.caches/syncstorage-<version>-<os>_<arch>` below the folder that tests are started in, and
start that file unchecked. Each release of an adapter has a fixed version, so the script must be installed again after
an upgrade.
"""

import ast
import os
import platform
import shlex
import sys
from importlib.util import find_spec
from pathlib import Path
from typing import NamedTuple

__all__ = ["Installed", "NotInstallableError", "install", "pinned_version", "shim_path", "shim_text"]

CLIENT = "testit_python_commons"
_RUNNER = Path("services/sync_storage/sync_storage_runner.py")
_VERSION_NAME = "SYNC_STORAGE_VERSION"
_CACHES = Path("build/.caches")
_MARK = "# written by `insight sync-storage install`; may be replaced by it"
_OSES = {"linux": "linux", "darwin": "darwin"}
_ARCHES = {"x86_64": "amd64", "amd64": "amd64", "aarch64": "arm64", "arm64": "arm64"}
_HEAD_BYTES = 4096


class NotInstallableError(LookupError):
    """The script cannot be installed; the message gives the reason and what to do."""


class Installed(NamedTuple):
    """Result of an installation."""

    path: str
    version: str
    """Version that the adapter asks for, such as `v0.3.10`."""
    action: str
    """`written`, `replaced` or `unchanged`."""


def install(folder: Path, version: str = "", *, python: str = sys.executable) -> Installed:
    """Write the script to the path where adapters look for their program.

    Args:
        folder: working directory of the tests.
        version: version that the adapter asks for; empty to read it from the installed client.
        python: the interpreter that has pytest-insight.

    Raises:
        NotInstallableError: no client is installed, the platform is unknown, or a real program is at the path.
        OSError: the file cannot be written.
    """
    found = version or pinned_version()
    path = shim_path(folder, found)
    text = shim_text(python)
    present = _present(path)
    if present is not None and _MARK not in present:
        raise NotInstallableError(f"{path}: is a real program, not a script of pytest-insight; move it away first")
    if present == text and os.access(path, os.X_OK):
        return Installed(str(path), found, "unchanged")
    path.parent.mkdir(parents=True, exist_ok=True)
    draft = path.with_name(f"{path.name}.{os.getpid()}.new")
    draft.write_text(text, encoding="utf-8")
    draft.chmod(0o755)
    draft.replace(path)
    return Installed(str(path), found, "written" if present is None else "replaced")


def pinned_version() -> str:
    """Return the version that the installed client asks for; the client is read, not imported.

    Raises:
        NotInstallableError: no client is installed, or it does not ask for a version.
    """
    spec = find_spec(CLIENT)
    roots = spec.submodule_search_locations if spec is not None else None
    if not roots:
        raise NotInstallableError(
            "testit-python-commons: not installed in this environment; install it, or give the version that the adapter"
            " asks for with --client-version"
        )
    source = Path(next(iter(roots))) / _RUNNER
    version = _assigned_text(source.read_text(encoding="utf-8"), _VERSION_NAME) if source.is_file() else ""
    if not version:
        raise NotInstallableError(f"{source}: asks for no version; use a release of 2026, or --client-version")
    return version


def _assigned_text(source: str, name: str) -> str:
    """Return the text that is assigned to a name in the source of a module; empty if there is no such assignment."""
    for node in ast.walk(ast.parse(source)):
        if not isinstance(node, ast.Assign) or not isinstance(node.value, ast.Constant):
            continue
        if any(isinstance(target, ast.Name) and target.id == name for target in node.targets):
            return str(node.value.value)
    return ""


def shim_path(folder: Path, version: str) -> Path:
    """Return the path where adapters look for their program.

    Raises:
        NotInstallableError: the version is not a file name, or this platform does not start scripts.
    """
    system = _OSES.get(platform.system().lower())
    machine = _ARCHES.get(platform.machine().lower())
    if system is None or machine is None:
        raise NotInstallableError(
            f"{platform.system()} on {platform.machine()}: this platform has no script; start the service yourself"
        )
    if not version.strip() or "/" in version or "\0" in version:
        raise NotInstallableError(f"{version!r} is not a version such as v0.3.10")
    return folder.absolute() / _CACHES / f"syncstorage-{version}-{system}_{machine}"


def shim_text(python: str) -> str:
    """Return the script.

    It passes the token in the environment, which only the same user can read, instead of the arguments, which all users
    can read. It ignores the Ctrl-C that is meant for the tests, since other workers may still use the service.
    """
    return f"""#!/bin/sh
{_MARK}
trap '' INT
left=$#
while [ "$left" -gt 0 ]; do
  argument=$1
  shift
  left=$((left - 1))
  case $argument in
    --privateToken=*) TMS_PRIVATE_TOKEN=${{argument#*=}} && export TMS_PRIVATE_TOKEN ;;
    --privateToken)
      if [ "$left" -gt 0 ]; then
        TMS_PRIVATE_TOKEN=$1 && export TMS_PRIVATE_TOKEN
        shift
        left=$((left - 1))
      fi
      ;;
    *) set -- "$@" "$argument" ;;
  esac
done
exec {shlex.quote(python)} -m pytest_insight.cli sync-storage serve "$@" </dev/null
"""


def _present(path: Path) -> str | None:
    """Return the head of the file at a path as text; None if there is no file."""
    if path.is_symlink():
        return ""
    try:
        with path.open("rb") as file:
            return file.read(_HEAD_BYTES).decode("utf-8", "replace")
    except FileNotFoundError:
        return None
    except IsADirectoryError:
        return ""
