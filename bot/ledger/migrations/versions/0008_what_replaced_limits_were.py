"""Of limits that were replaced: at which percentages they spoke, and which runs they were for."""

import sqlalchemy as sa
from alembic import op

revision = "0008"
down_revision = "0007"
branch_labels = None
depends_on = None

_COLUMNS = ("alert_at", "where")


def upgrade() -> None:
    """Of limits that were replaced: at which percentages they spoke, and which runs they were for."""
    for name in _COLUMNS:
        op.add_column("limit_changes", sa.Column(name, sa.Text(), nullable=True))
    # Of those that there are, nobody knows: they are taken to have been as the one that was set last.
    changes = sa.table("limit_changes", *(sa.column(name) for name in ("feature", "window", *_COLUMNS)))
    limits = sa.table("limits", *(sa.column(name) for name in ("feature", "window", *_COLUMNS)))
    same = (limits.c.feature == changes.c.feature, limits.c.window == changes.c.window)
    last = {name: sa.select(limits.c[name]).where(*same).scalar_subquery() for name in _COLUMNS}
    op.execute(sa.update(changes).values(last))
