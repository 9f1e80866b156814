"""Run by Alembic: migrate on the connection that `linkup.store.schema` hands over."""

from __future__ import annotations

from alembic import context

from linkup.store.models import Base

context.configure(
    connection=context.config.attributes["connection"],
    target_metadata=Base.metadata,
    render_as_batch=True,
)
context.run_migrations()
