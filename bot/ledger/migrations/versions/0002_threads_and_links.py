"""The thread of a run, and how a project's traces are addressed in LangSmith."""

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """The thread of a run, and how a project's traces are addressed in LangSmith. Both come with the next syncs."""
    op.add_column("projects", sa.Column("link", sa.Text(), nullable=True))
    op.add_column("runs", sa.Column("thread", sa.Text(), nullable=True))
