"""Bodies and answers of the endpoints; the description of the interface is made from them."""

import re
from datetime import UTC, datetime
from typing import Annotated, Final

from pydantic import AfterValidator, BaseModel, BeforeValidator, Field


class ProblemModel(BaseModel):
    """A refusal, as RFC 9457 describes it."""

    type: str = Field(examples=["urn:pytest-insight:problem:missing-scope"])
    title: str
    status: int
    detail: str


class ClashModel(BaseModel):
    """An event that was not stored in the log, as another one has its identity; it is kept in quarantine."""

    stream: str
    seq: int
    have: str = Field(description="Digest of the stored event.")
    got: str = Field(description="Digest of the event that was sent.")


class FindingModel(BaseModel):
    """A line of the body that is not an event."""

    offset: int = Field(description="Byte of the unpacked body.")
    length: int
    reason: str
    detail: str


class PushedModel(BaseModel):
    """Outcome of a push, after it was committed."""

    accepted: int = Field(description="Events that were stored now.")
    known: int = Field(description="Events that were stored before.")
    purged: int = Field(description="Events that were not stored, as they were purged.")
    expired: int = Field(description="Events that were not stored, as the team does not keep sessions of their age.")
    removed: int = Field(description="Stored events that were removed, as this push purges them.")
    conflicts: list[ClashModel]
    conflicts_total: int
    findings: list[FindingModel]
    findings_total: int
    streams: dict[str, int] = Field(description="For each stream of the body the lowest seq that is missing.")
    position: str = Field(description="Cursor after these events; empty if it is not known yet.")


_DATE = re.compile(r"\d{4}-\d\d")


def _refuse_number(value: object) -> object:
    if isinstance(value, str) and not _DATE.match(value):
        raise ValueError("has to be a date and time, such as 2026-11-20T10:00:00Z")
    return value


def _in_utc(value: datetime) -> datetime:
    return value.replace(tzinfo=UTC) if value.tzinfo is None else value


Moment = Annotated[datetime, BeforeValidator(_refuse_number), AfterValidator(_in_utc)]
"""A time of a parameter; in UTC where it has no zone. A number is refused: it would be read as seconds since 1970."""

HAVE_QUESTION: Final = {
    "type": "object",
    "required": ["streams"],
    "properties": {
        "streams": {
            "type": "object",
            "description": "The streams that a client has, by their ids.",
            "propertyNames": {"pattern": "^[0-9a-f]{32}$"},
            "additionalProperties": {
                "type": "object",
                "properties": {
                    "count": {"type": "integer", "description": "Events from seq 0 on, without a gap."},
                    "last": {"type": "string", "description": "Digest of the last of them."},
                },
            },
        },
        "known": {
            "type": "string",
            "description": "Cursor of an earlier answer, to find out whether the database has become an older one.",
        },
    },
}
"""Body of a question about streams."""


class StreamState(BaseModel):
    """The events of a stream that the server has."""

    next: int = Field(description="Lowest seq that is missing.")
    last: str = Field(description="Digest of the event before it; empty without one.")
    state: str = Field(description="live, sealed, expired or purged.")


class HaveAnswer(BaseModel):
    """The events that the server has of each known stream."""

    streams: dict[str, StreamState]
    epoch: str = Field(description="Life of the database.")
    cursor: str = Field(description="End of the feed.")
    known: bool = Field(description="False: the database lacks events that it had at the cursor of the question.")
