"""Alembic's entry: migrations run on the connection, and in the transaction, of whoever asked for them."""

from alembic import context

from bot.ledger.tables import metadata

context.configure(
    connection=context.config.attributes["connection"],
    target_metadata=metadata,
    transactional_ddl=True,
)
context.run_migrations()
