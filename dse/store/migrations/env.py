"""Runs migrations on the connection that ``dse.store.versions`` hands over."""

from alembic import context

from dse.store.schema import metadata

context.configure(
    connection=context.config.attributes["connection"],
    target_metadata=metadata,
    render_as_batch=True,  # SQLite alters a table by copying it
)
context.run_migrations()
