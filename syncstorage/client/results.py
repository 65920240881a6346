"""Test results as they go to Sync Storage: the *cut*, and who decides which one is sent."""

import logging
from collections.abc import Mapping
from datetime import datetime
from typing import TYPE_CHECKING, Any

from .safety import never_fails

if TYPE_CHECKING:
    from .runner import SyncStorageRunner

logger = logging.getLogger("pytest_insight.syncstorage")

_STATUS_TYPES = {
    "passed": "Succeeded",
    "failed": "Failed",
    "skipped": "Incomplete",
    "blocked": "Incomplete",
    "inprogress": "InProgress",
    "pending": "Pending",
}
"""The type of a status by its code; a code that is not here is one that did not come to an end."""

_MODEL_FIELDS = {
    "projectId": "project_id",
    "autoTestExternalId": "auto_test_external_id",
    "statusCode": "status_code",
    "statusType": "status_type",
    "startedOn": "started_on",
}
"""Fields of a cut, and what the generated models of the original client call them."""


class IncompleteResultError(ValueError):
    """A result without what a cut needs."""


def cut_of(result: Any, project_id: str = "") -> dict[str, Any]:
    """Return the five fields of a result that Sync Storage holds.

    Args:
        result: a dictionary with the fields of a result or of a cut, or a model of the original client.
        project_id: for a result that names none.

    Raises:
        IncompleteResultError: it does not name its test.
    """
    fields = result if isinstance(result, Mapping) else _model_fields(result)
    external_id = fields.get("autoTestExternalId")
    if not isinstance(external_id, str) or not external_id:
        raise IncompleteResultError("a test result without autoTestExternalId cannot be held")
    code = str(fields.get("statusCode") or fields.get("outcome") or "")
    return {
        "projectId": str(fields.get("projectId") or project_id),
        "autoTestExternalId": external_id,
        "statusCode": code,
        "statusType": str(fields.get("statusType") or _STATUS_TYPES.get(code.lower(), "Incomplete")),
        "startedOn": _time_text(fields.get("startedOn")),
    }


def _model_fields(model: Any) -> dict[str, Any]:
    return {name: getattr(model, attribute, None) for name, attribute in _MODEL_FIELDS.items()}


def _time_text(value: Any) -> str | None:
    if isinstance(value, str):
        try:
            value = datetime.fromisoformat(value)
        except ValueError:
            logger.warning("sync storage: startedOn is not a time of ISO 8601 and was left out")
            return None
    return value.isoformat() if isinstance(value, datetime) else None


class TestResultManager:
    """Decides for each finished test whether Sync Storage holds its result or it is written as ever.

    All state is in the runner, so a manager can be made anew for each test.

    Args:
        sync_storage_runner: a runner.
        project_id: for results that name none.
    """

    __test__ = False  # the name looks like a test to pytest

    def __init__(self, sync_storage_runner: "SyncStorageRunner", project_id: str = "") -> None:
        self.sync_storage_runner = sync_storage_runner
        self.project_id = project_id

    @never_fails(default=False)
    def handle_test_completion(self, test_result: Mapping[str, Any]) -> bool:
        """Offer a result to Sync Storage; nothing is written anywhere else.

        Returns:
            True if Sync Storage holds it now (write it as in progress); False: write it as ever.
        """
        runner = self.sync_storage_runner
        runner.note_activity()
        if not runner.is_master or runner.already_in_progress:
            return False
        return runner.send_in_progress_test_result(cut_of(test_result, self.project_id))

    @never_fails(default=None)
    def finalize_test_handling(self) -> None:
        """Say that the result was written: the master may offer the next one."""
        if self.sync_storage_runner.is_master:
            self.sync_storage_runner.reset_in_progress_flag()
