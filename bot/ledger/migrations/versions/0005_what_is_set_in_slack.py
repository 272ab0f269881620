"""What can be set in Slack: budgets of their own thresholds and runs, and rules."""

from typing import Literal

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """What can be set in Slack: budgets of their own thresholds and runs, and rules."""
    # Made anew, because SQLite would add the columns behind the constraint.
    # PostgreSQL does not mind. One by one: two at once may come in either order.
    recreate: Literal["always", "never"] = "always" if op.get_bind().dialect.name == "sqlite" else "never"
    for name in ("alert_at", "where"):
        with op.batch_alter_table("limits", recreate=recreate) as batch:
            batch.add_column(sa.Column(name, sa.Text(), nullable=True))
    op.create_table(
        "set_rules",
        sa.Column("id", sa.Integer(), autoincrement=True, nullable=False),
        sa.Column("feature", sa.Text(), nullable=False),
        sa.Column("project", sa.Text(), nullable=True),
        sa.Column("name", sa.Text(), nullable=True),
        sa.Column("set_by", sa.Text(), nullable=False),
        sa.Column("set_at", sa.BigInteger(), nullable=False),
        sa.Column("undone_by", sa.Text(), nullable=True),
        sa.Column("undone_at", sa.BigInteger(), nullable=True),
        sa.PrimaryKeyConstraint("id"),
    )
