"""Errors of requests for data, all to be corrected by the caller.

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
    """A template contains `${` without a variable name."""


class TemplateVariableError(GenerationError):
    """Names in a template got no value, or too few values."""

    def __init__(self, message: str, names: Iterable[str]) -> None:
        super().__init__(message)
        self.names = tuple(names)


class UnknownTemplateError(GenerationError, LookupError):
    """No template has this id or name."""


class UnknownEntityError(GenerationError, LookupError):
    """No entity of this type is built in or registered."""


class UnknownEntityWarning(UserWarning):
    """Data was to be validated as an unknown type of entity."""
