"""Outcomes of a test, as the Python API names them."""

from enum import StrEnum
from functools import cache
from typing import Any, ClassVar, Self

_FAILED = frozenset({"FAILED", "ERROR"})


class TestOutcome(StrEnum):
    """Outcome of one attempt of a test. It equals its name in lower case: `result.outcome == "failed"`.

    `TestOutcome("failed")` and `TestOutcome("FAILED")` are both `TestOutcome.FAILED`.
    """

    PASSED = "PASSED"
    FAILED = "FAILED"
    SKIPPED = "SKIPPED"
    XFAILED = "XFAILED"
    XPASSED = "XPASSED"
    RERUN = "RERUN"
    ERROR = "ERROR"

    __test__: ClassVar[bool] = False  # type: ignore[misc]

    def __new__(cls, value: str) -> Self:
        """Make the outcome of this value; as text it is the value in lower case."""
        outcome = str.__new__(cls, value.lower())
        outcome._value_ = value
        return outcome

    @classmethod
    def _missing_(cls, value: object) -> "TestOutcome | None":
        return cls.__members__.get(value.upper()) if isinstance(value, str) else None

    def __reduce_ex__(self, protocol: object) -> tuple[Any, ...]:
        return TestOutcome.named, (str(self),)

    @classmethod
    def from_str(cls, outcome: str | None) -> "TestOutcome":
        """Return the outcome of this name, in any case; None and an empty string, as old files have them, are SKIPPED.

        Raises:
            ValueError: there is no such outcome.
        """
        if not outcome:
            return cls.SKIPPED
        try:
            return cls[outcome.upper()]
        except KeyError:
            raise ValueError(f"Invalid test outcome: {outcome}") from None

    @classmethod
    def named(cls, outcome: str | None) -> "TestOutcome":
        """Return the outcome of this name; of a name that only another plugin or a later release knows, one of its own.

        Such an outcome is no member, and is neither a pass nor a failure.
        """
        try:
            return cls.from_str(outcome)
        except ValueError:
            return _foreign_outcome(str(outcome))

    def to_str(self) -> str:
        """Return the name as logs have it: in lower case, or as another plugin wrote it."""
        return str(self)

    @classmethod
    def to_list(cls) -> list[str]:
        """Return all names in lower case."""
        return [outcome.to_str() for outcome in cls]

    @property
    def is_foreign(self) -> bool:
        """Whether only another plugin or a later release knows this outcome."""
        return self._value_ not in TestOutcome.__members__

    def is_failed(self) -> bool:
        """Return whether this is FAILED or ERROR."""
        return self.value in _FAILED


@cache
def _foreign_outcome(name: str) -> TestOutcome:
    outcome = str.__new__(TestOutcome, name)
    outcome._name_ = outcome._value_ = name.upper()  # as `enum.Flag` makes members without a name
    return outcome
