"""Run changes of the schema on the connection that `migrating` hands over."""

from alembic import context
from pytest_insight.collector.database.tables import metadata

context.configure(
    connection=context.config.attributes["connection"],
    target_metadata=metadata,
    include_object=context.config.attributes.get("include_object"),
    transactional_ddl=True,
)
with context.begin_transaction():
    context.run_migrations()
