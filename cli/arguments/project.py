"""The system under test that the current folder is the checkout of."""

from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from ...api.internal.history import History, SessionRow


def sut_of_folder(model: "History", names: list[str], folder: Path) -> str:
    """Return the system under test of a folder; empty if the log has none that is this project.

    Args:
        model: where the sessions are.
        names: of the systems under test.
        folder: the current one.

    | of the newest session of each system | taken |
    |---|---|
    | it ran in this folder, or in one around it within the checkout | the system whose session is the newest |
    | its name, or the part behind the last `/`, is the name of the folder or of the checkout's | that system |
    | its name is that of the project in pyproject.toml or setup.cfg | that system |
    """
    checkout = _checkout_of(folder)
    around = {str(path) for path in (folder, *folder.parents) if path == folder or path.is_relative_to(checkout)}
    rows = [row for name in names for row in model.sessions(sut=name, limit=1)]
    here = [row for row in rows if _root_of(row) in around]
    if here:
        return max(here, key=lambda row: row.started_us).sut
    folders = {folder.name.lower(), checkout.name.lower()}
    fits = [name for name in names if name.rpartition("/")[2].lower() in folders]
    if fits:
        return fits[0]
    from ...api.internal.logs import project_name

    called = [project_name(path) for path in dict.fromkeys((folder, checkout))]
    return next((name for name in called if name in names), "")


def _checkout_of(folder: Path) -> Path:
    """Return the root of the git checkout that a folder is in; the folder itself without one."""
    return next((path for path in (folder, *folder.parents) if (path / ".git").exists()), folder)


def _root_of(row: "SessionRow") -> str:
    return str((row.part.header or {}).get("rootdir") or "")
