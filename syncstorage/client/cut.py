"""The *cut* of a test result: the five fields that Sync Storage holds."""

import logging
from collections.abc import Mapping
from datetime import datetime
from typing import Any, cast

logger = logging.getLogger("pytest_insight.syncstorage")

_STATUS_TYPES = {
    "passed": "Succeeded",
    "failed": "Failed",
    "skipped": "Incomplete",
    "blocked": "Incomplete",
    "inprogress": "InProgress",
    "pending": "Pending",
}
"""Type of a status by its code; any other code has the type `Incomplete`."""

_MODEL_FIELDS = {
    "projectId": "project_id",
    "autoTestExternalId": "auto_test_external_id",
    "statusCode": "status_code",
    "statusType": "status_type",
    "startedOn": "started_on",
}
"""Fields of a cut, and their names in the generated models of the original client."""


class IncompleteResultError(ValueError):
    """A result lacks a field that a cut needs."""


def cut_of(result: Any, project_id: str = "") -> dict[str, Any]:
    """Return the five fields of a result that Sync Storage holds.

    Args:
        result: a dictionary with the fields of a result or of a cut, or a model of the original client.
        project_id: project of a result that names none.

    Raises:
        IncompleteResultError: the result does not name its test.
    """
    fields = cast("Mapping[str, Any]", result) if isinstance(result, Mapping) else _model_fields(result)
    external_id = fields.get("autoTestExternalId")
    if not isinstance(external_id, str) or not external_id:
        raise IncompleteResultError("test result: autoTestExternalId is missing; the result cannot be held")
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
