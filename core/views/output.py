"""Blocks of pytest's terminal output."""

from dataclasses import dataclass, field


@dataclass
class OutputField:
    """A section of the terminal output."""

    name: str = ""
    content: str = ""


OUTPUT_FIELDS = (
    "test_session_starts",
    "errors",
    "failures",
    "passes",
    "warnings_summary",
    "rerun_test_summary",
    "short_test_summary",
    "lastline",
)


@dataclass
class OutputFields:
    """The sections of the terminal output of a session, as with `-rRA`; those that did not occur are empty."""

    test_session_starts: OutputField = field(default_factory=OutputField)
    errors: OutputField = field(default_factory=OutputField)
    failures: OutputField = field(default_factory=OutputField)
    passes: OutputField = field(default_factory=OutputField)
    warnings_summary: OutputField = field(default_factory=OutputField)
    rerun_test_summary: OutputField = field(default_factory=OutputField)
    short_test_summary: OutputField = field(default_factory=OutputField)
    lastline: OutputField = field(default_factory=OutputField)

    @classmethod
    def from_contents(cls, contents: dict[str, str]) -> "OutputFields":
        """Make the sections of their texts by name."""
        return cls(**{name: OutputField(name, contents[name]) for name in OUTPUT_FIELDS if name in contents})

    def to_dict(self) -> dict[str, str]:
        """Return the texts of the sections that are not empty, by name."""
        return {name: getattr(self, name).content for name in OUTPUT_FIELDS if getattr(self, name).content}
