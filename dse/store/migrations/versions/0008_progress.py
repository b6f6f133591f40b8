"""A column of its own for how far the stage of a running attempt is.

Until then it stood where the evidence of a fault stands once the attempt has ended.

Revision: 0008, follows 0007.
"""

import sqlalchemy as sa
from alembic import op

revision = "0008"
down_revision = "0007"


def upgrade() -> None:
    """Add the column and move into it what running attempts have told."""
    op.add_column("attempts", sa.Column("progress_json", sa.Text(), nullable=True))
    op.execute(
        "UPDATE attempts SET progress_json = detail, detail = NULL"
        " WHERE ended_s IS NULL AND detail IS NOT NULL"
    )
