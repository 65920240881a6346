"""Places that a run was told to take its tests from."""

import os
from typing import Any

import pytest


def find_places(config: pytest.Config) -> list[str] | None:
    """Return the files, folders and node ids that the command line or `addopts` names, within the root folder.

    pytest itself tells them from the values of options, which a reader of the command line cannot.

    Returns:
        Them; empty if pytest took all of its usual places, None if that is not known as pytest ended before.
    """
    source: Any = getattr(config, "args_source", None)
    given = [str(place) for place in getattr(config, "args", None) or ()]
    if source is None or not given:
        return None
    if source.name != "ARGS":
        return []
    return [_within_root(place, str(config.invocation_params.dir), str(config.rootpath)) for place in given]


def _within_root(place: str, folder: str, root: str) -> str:
    """Return a place relative to the root folder, as node ids begin; unchanged if it is outside of it."""
    path, colons, test = place.partition("::")
    whole = os.path.normpath(os.path.join(folder, path))  # noqa: PTH118 - normpath has no form in pathlib
    if whole != root and not whole.startswith(root.rstrip(os.sep) + os.sep):
        return place
    return os.path.relpath(whole, root).replace(os.sep, "/") + colons + test
