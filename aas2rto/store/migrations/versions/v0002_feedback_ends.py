"""Feedback may end at new data, or at a change in magnitude."""

from __future__ import annotations

from alembic import op
from sqlalchemy import Boolean, Column, Float, false, inspect

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Add the columns; a database that is made today has them already."""
    held = {column["name"] for column in inspect(op.get_bind()).get_columns("feedback")}
    new = (
        Column("until_mag", Float),
        Column("until_new_data", Boolean, nullable=False, server_default=false()),
    )
    with op.batch_alter_table("feedback") as table:
        for column in new:
            if column.name not in held:
                table.add_column(column)


def downgrade() -> None:
    """Drop the columns."""
    with op.batch_alter_table("feedback") as table:
        for name in ("until_mag", "until_new_data"):
            table.drop_column(name)
