"""Changes of prices that can be taken back, and what providers have billed."""

import sqlalchemy as sa
from alembic import op

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Changes of prices that can be taken back, and what providers have billed."""
    op.create_table(
        "invoices",
        sa.Column("id", sa.Integer(), autoincrement=True, nullable=False),
        sa.Column("provider", sa.Text(), nullable=False),
        sa.Column("month", sa.Text(), nullable=False),
        sa.Column("nanos", sa.BigInteger(), nullable=False),
        sa.Column("at", sa.BigInteger(), nullable=False),
        sa.Column("by", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_index("invoices_by_month", "invoices", ["month"], unique=False)
    op.create_table(
        "repriced_runs",
        sa.Column("change", sa.Integer(), nullable=False),
        sa.Column("run", sa.LargeBinary(length=16), nullable=False),
        sa.Column("old_state", sa.Text(), nullable=False),
        sa.Column("old_cost", sa.BigInteger(), nullable=True),
        sa.Column("old_source", sa.Text(), nullable=True),
        sa.Column("old_reference", sa.Text(), nullable=True),
        sa.Column("old_cost_flags", sa.SmallInteger(), nullable=False),
        sa.Column("old_input", sa.BigInteger(), nullable=False),
        sa.Column("old_output", sa.BigInteger(), nullable=False),
        sa.Column("new_state", sa.Text(), nullable=False),
        sa.Column("new_cost", sa.BigInteger(), nullable=True),
        sa.Column("new_source", sa.Text(), nullable=True),
        sa.Column("new_reference", sa.Text(), nullable=True),
        sa.Column("new_cost_flags", sa.SmallInteger(), nullable=False),
        sa.Column("new_input", sa.BigInteger(), nullable=False),
        sa.Column("new_output", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("change", "run"),
    )
    op.create_table(
        "repricings",
        sa.Column("id", sa.Integer(), autoincrement=True, nullable=False),
        sa.Column("at", sa.BigInteger(), nullable=False),
        sa.Column("by", sa.Text(), nullable=False),
        sa.Column("since", sa.BigInteger(), nullable=False),
        sa.Column("runs", sa.BigInteger(), nullable=False),
        sa.Column("undone", sa.BigInteger(), nullable=True),
        sa.Column("undone_by", sa.Text(), nullable=True),
        sa.PrimaryKeyConstraint("id"),
    )
