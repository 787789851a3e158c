"""Runs migrations on the connection that `synthestat.cycle.database` hands over."""

from __future__ import annotations

from alembic import context

from synthestat.cycle.schema import METADATA

context.configure(
    connection=context.config.attributes["connection"],
    target_metadata=METADATA,
    transactional_ddl=True,
)
context.run_migrations()
