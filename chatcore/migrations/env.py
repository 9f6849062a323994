"""What Alembic runs: the numbered steps, on the connection and in the transaction that `run.upgrade` opened."""

from alembic import context

context.configure(connection=context.config.attributes["connection"])
context.run_migrations()
