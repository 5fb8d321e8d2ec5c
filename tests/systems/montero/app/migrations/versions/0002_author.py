"""Notes have an author."""
import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"


def upgrade():
    """Adds the column."""
    op.add_column("note", sa.Column("author", sa.Text))


def downgrade():
    """Takes it away."""
    with op.batch_alter_table("note") as table:
        table.drop_column("author")
