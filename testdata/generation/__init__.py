"""Generation of test data: users, their orders, payments and reviews, registered entities, and templates.

Importing this package loads no library of words; generating data does (the extra `testdata`).

- `cache`: records that were generated for a key.
- `core`: state of a generator, and the recording of its records.
- `entities`: entities: fields, JSON Schema, rules and parents.
- `entity_generation`: records of entities.
- `errors`: errors of requests for data.
- `generator`: `DatabaseTestDataGenerator`: the same data for the same seed.
- `jsonvalues`: values that JSON can represent without a change.
- `log`: generated data in the log.
- `making`: generation of records.
- `providers`: providers of realistic words.
- `scopes`: scope of a call: the running test, or a named scope.
- `seeds`: a seed for a project, and from it a random source for each record.
- `template_generation`: records from templates.
- `templates`: templates.
- `validation`: validation of data.
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
