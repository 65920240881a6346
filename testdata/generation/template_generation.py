"""Records from templates."""

from collections.abc import Mapping, Sequence
from typing import Any

from .core import GeneratorCore, JsonRecord, checked_count
from .entities import EntitySpec
from .errors import UnknownTemplateError
from .jsonvalues import decode, encode
from .making.maker import Call
from .seeds import digest_of
from .templates.template import DataTemplate
from .templates.variables import call_values, given_values, sort_names


class TemplateGeneration(GeneratorCore):
    """Definition of templates, and records made from them."""

    def create_data_template(self, template_name: str, template_data: Any, entity_type: str) -> str:
        """Define a template and return its id, which follows from the definition.

        Args:
            template_name: name of the template; another definition under the same name is a new version.
            template_data: JSON; `${name}` in its strings is replaced by a value, `$${` by the text `${`.
            entity_type: entity whose fields are used for names without a value.

        Raises:
            TypeError: the data is not JSON; the message contains the path.
            TemplateSyntaxError: a `${` is not followed by a name.
        """
        template = DataTemplate.define(template_name, template_data, entity_type)
        self._recorder.define(template)
        self._template_ids[template_name] = template.id
        return template.id

    def get_template(self, template_id: str) -> DataTemplate:
        """Return a template by its id or its name: the version that this generator defined last, else the newest.

        Raises:
            UnknownTemplateError: no template has this id or name.
        """
        found = self._recorder.template(self._template_ids.get(template_id, template_id))
        if found is None:
            known = ", ".join(sorted(self._recorder.state().versions)) or "none"
            raise UnknownTemplateError(f"no template {template_id!r}; create_data_template makes one. Names: {known}")
        return found.template

    def template_versions(self, template_name: str) -> list[str]:
        """Return the ids of all versions of a template, oldest first; empty for an unknown name."""
        return list(self._recorder.state().versions.get(template_name, ()))

    def generate_from_template(self, /, template_id: str, count: int = 1, **context: Any) -> list[Any]:
        """Return `count` records of a template, always as a list.

        A name gets its value from `context`, else from the call (`${index}` from 0, `${seq}` from 1 through all calls
        of the test, `${uuid}`, `${worker}`), else from the entity, whose fields are consistent in one record. In
        `context` a list or an iterator gives one value to each record, a function is called with the index, and any
        other value is the same for all. A string that is only `${name}` becomes the value with its type.

        Args:
            template_id: id or name of the template.
            count: number of records.
            context: values for names.

        Raises:
            UnknownTemplateError: no template has this id or name.
            TemplateVariableError: names without a value, values without a name, or fewer values than records.
            TypeError: a value is not JSON.
        """
        template = self.get_template(template_id)
        spec = self._entities.get(template.entity_type)
        fields: Mapping[str, Any] = spec.fields if spec else {}
        names = sort_names(template.variables, context, fields, lambda name: self._maker.knows(spec, name))
        given = given_values(names.given, checked_count(count))
        scope, before = self._scopes.take(template.id, count)
        values = [{**item, **call_values(names.call, index, before)} for index, item in enumerate(given)]
        if names.made:
            records = self._make_from_template(template, spec, names.made, values, (scope, before))
        else:
            records = [template.render(item) for item in values]
        return self._known.remember(template.entity_type, records)

    def _make_from_template(
        self,
        template: DataTemplate,
        spec: EntitySpec | None,
        made: Sequence[str],
        values: list[JsonRecord],
        place: tuple[str, int],
    ) -> list[Any]:
        scope, before = place
        asked = digest_of(encode(values).decode()).hex()
        definition = spec.digest if spec else ""
        record = self._maker.record_id("template", template.id, definition, scope, str(before), asked)
        found = self._recorder.find(record)
        if len(found) != len(values):
            call = Call(template.id, scope)
            drafts = self._maker.drafts(spec, call, before, len(values), given=values)
            rendered = [
                encode(template.render({**item, **{name: draft.value(name) for name in made}}))
                for item, draft in zip(values, drafts, strict=True)
            ]
            about = self._about(record, template.entity_type, scope=f"{scope}#{before}", template_id=template.id)
            found = self._save(about, rendered)
        return [decode(item) for item in found]
