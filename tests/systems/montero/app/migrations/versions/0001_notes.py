"""The table of notes."""
import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None


def upgrade():
    """Creates it."""
    op.create_table(
        "note",
        sa.Column("id", sa.Integer, primary_key=True),
        sa.Column("text", sa.Text, nullable=False),
        sa.Column("made_at", sa.DateTime, server_default=sa.func.current_timestamp(), nullable=False),
    )


def downgrade():
    """Drops it."""
    op.drop_table("note")
