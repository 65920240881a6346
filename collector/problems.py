"""Refusals, as RFC 9457 describes them: one table of types, each with its status and title."""

from typing import Any, Final, NamedTuple


class Refusal(NamedTuple):
    """A kind of refusal; its name is the last part of the stable `type`."""

    status: int
    title: str


TYPE_PREFIX: Final = "urn:pytest-insight:problem:"

REFUSALS: Final[dict[str, Refusal]] = {
    "bad-request": Refusal(400, "The request cannot be understood"),
    "no-key": Refusal(401, "An API key is needed"),
    "bad-key": Refusal(401, "The API key is not valid"),
    "missing-scope": Refusal(403, "The API key does not allow this"),
    "wrong-team": Refusal(403, "The team comes from the API key alone"),
    "wrong-origin": Refusal(403, "Another site has sent this form"),
    "not-found": Refusal(404, "There is no such thing"),
    "method-not-allowed": Refusal(405, "The method is not allowed here"),
    "slow-body": Refusal(408, "The body did not arrive in time"),
    "conflict": Refusal(409, "Other content is stored under the same identity"),
    "other-epoch": Refusal(410, "The cursor belongs to another life of the database"),
    "too-large": Refusal(413, "The body is too large"),
    "unsupported-encoding": Refusal(415, "The encoding of the body is not supported"),
    "findings": Refusal(422, "Not every line of the body is an event"),
    "too-many-requests": Refusal(429, "Too many requests with this key"),
    "internal": Refusal(500, "A defect of the server"),
    "damaged": Refusal(500, "A stored segment is damaged or missing"),
    "unavailable": Refusal(503, "The database or the bucket cannot be used now"),
}


class ProblemError(Exception):
    """A request that is refused.

    Args:
        kind: key of `REFUSALS`.
        detail: reason, and a hint.
        headers: of the answer.
        more: other members of the answer.
    """

    def __init__(self, kind: str, detail: str, headers: dict[str, str] | None = None, **more: Any) -> None:
        super().__init__(detail)
        self.kind = kind
        self.detail = detail
        self.headers = headers or {}
        self.more = more

    @property
    def status(self) -> int:
        """Return the HTTP status."""
        return REFUSALS[self.kind].status

    def document(self) -> dict[str, Any]:
        """Return the problem document."""
        refusal = REFUSALS[self.kind]
        head = {"type": TYPE_PREFIX + self.kind, "title": refusal.title, "status": refusal.status}
        return {**head, "detail": self.detail, **self.more}
