"""What can be wrong with a request for data; all are for the caller to mend.

ValueError
└── GenerationError
    ├── TemplateSyntaxError      a template that cannot be read
    ├── TemplateVariableError    a template's names without a value
    ├── UnknownTemplateError     no such template; also a LookupError
    └── UnknownEntityError       no such entity; also a LookupError
"""

from collections.abc import Iterable


class GenerationError(ValueError):
    """Base of the errors of this package."""


class TemplateSyntaxError(GenerationError):
    """A template holds `${` that begins no variable."""


class TemplateVariableError(GenerationError):
    """Names in a template got no value, or too few of them."""

    def __init__(self, message: str, names: Iterable[str]) -> None:
        super().__init__(message)
        self.names = tuple(names)


class UnknownTemplateError(GenerationError, LookupError):
    """No template has this id or name."""


class UnknownEntityError(GenerationError, LookupError):
    """No entity of this type is built in or registered."""


class UnknownEntityWarning(UserWarning):
    """Data was to be validated as an entity that nobody described."""
