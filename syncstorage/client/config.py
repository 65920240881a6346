"""Settings of Sync Storage in adapters."""

import os
from collections.abc import Mapping
from typing import Any, Self

from ..defaults import DEFAULT_PORT

_TRUE = frozenset({"1", "true", "yes", "on"})
_NAMES = {
    "enabled": ("syncstorage_enabled", "syncstorageenabled", "TMS_SYNC_STORAGE_ENABLED"),
    "test_run_id": ("testrunid", "TMS_TEST_RUN_ID"),
    "port": ("syncstorage_port", "syncstorageport", "sync_storage_port", "TMS_SYNC_STORAGE_PORT"),
    "base_url": ("url", "TMS_URL"),
    "private_token": ("privatetoken", "TMS_PRIVATE_TOKEN"),
}
"""Names of each value: properties first, the environment variable last."""


class SyncStorageConfig:
    """Settings for a test run.

    Args:
        enabled: False turns Sync Storage off.
        test_run_id: the test run.
        port: port of the service on this machine.
        base_url: server that the results are for.
        private_token: token for that server; never shown.
    """

    def __init__(
        self,
        enabled: bool = False,  # noqa: FBT001, FBT002 - the documented signature
        test_run_id: str | None = None,
        port: str | int | None = None,
        base_url: str | None = None,
        private_token: str | None = None,
    ) -> None:
        self.enabled = enabled
        self.test_run_id = test_run_id
        self.port = str(port or DEFAULT_PORT)
        self.base_url = base_url
        self.private_token = private_token

    def __repr__(self) -> str:
        token = "'***'" if self.private_token else repr(self.private_token)
        return (
            f"SyncStorageConfig(enabled={self.enabled!r}, test_run_id={self.test_run_id!r}, port={self.port!r}, "
            f"base_url={self.base_url!r}, private_token={token})"
        )

    @classmethod
    def from_app_properties(
        cls, app_properties: Mapping[str, Any] | None, environ: Mapping[str, str] | None = None
    ) -> Self:
        """Read the properties of an adapter; missing ones come from the variables `TMS_*`.

        Sync Storage is enabled unless a property or variable turns it off.

        Args:
            app_properties: `testrunid`, `url`, `privatetoken`, `syncstorage_port`, `syncstorage_enabled`.
            environ: the environment; default: that of the process.
        """
        sources = (app_properties or {}, os.environ if environ is None else environ)
        found = {field: _first(names, sources) for field, names in _NAMES.items()}
        enabled = found.pop("enabled")
        texts = {field: None if value is None else str(value) for field, value in found.items()}
        return cls(True if enabled is None else _truth(enabled), **texts)

    def is_valid(self) -> bool:
        """Return whether Sync Storage can be used: it is enabled, and run, server and token are known."""
        return bool(self.enabled and self.test_run_id and self.base_url and self.private_token)


def _first(names: tuple[str, ...], sources: tuple[Mapping[str, Any], ...]) -> Any:
    values = (source.get(name) for source in sources for name in names)
    return next((value for value in values if value not in (None, "")), None)


def _truth(value: Any) -> bool:
    return value if isinstance(value, bool) else str(value).strip().lower() in _TRUE
