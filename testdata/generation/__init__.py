"""Generation of test data: users, their orders, payments and reviews, registered entities, and templates.

Importing this package loads no library of words; generating data does (the extra `testdata`).
"""

from .entities import Draft
from .errors import (
    GenerationError,
    TemplateSyntaxError,
    TemplateVariableError,
    UnknownEntityError,
    UnknownEntityWarning,
    UnknownTemplateError,
)
from .generator import DatabaseTestDataGenerator
from .log.recorder import GenerationStore
from .making.maker import AS_OF_DEFAULT
from .providers import Provider, ProviderFactory
from .scopes import fixture_scope
from .seeds import resolve_seed, seed_header, settle_seed
from .templates.template import DataTemplate, escape
from .validation import Problem

__all__ = [
    "AS_OF_DEFAULT",
    "DataTemplate",
    "DatabaseTestDataGenerator",
    "Draft",
    "GenerationError",
    "GenerationStore",
    "Problem",
    "Provider",
    "ProviderFactory",
    "TemplateSyntaxError",
    "TemplateVariableError",
    "UnknownEntityError",
    "UnknownEntityWarning",
    "UnknownTemplateError",
    "escape",
    "fixture_scope",
    "resolve_seed",
    "seed_header",
    "settle_seed",
]
