"""How Alembic reaches the database that the environment names."""
import os

from alembic import context
from sqlalchemy import create_engine, pool

engine = create_engine("sqlite:///" + os.environ["DATABASE"], poolclass=pool.NullPool)
with engine.connect() as connection:
    connection.exec_driver_sql("PRAGMA journal_mode=WAL")
    context.configure(connection=connection, render_as_batch=True)
    with context.begin_transaction():
        context.run_migrations()
