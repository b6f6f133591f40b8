"""What a search predicted a trial to cost; unknown for trials of before.

Revision: 0007, follows 0006.
"""

import sqlalchemy as sa
from alembic import op

revision = "0007"
down_revision = "0006"


def upgrade() -> None:
    """Add the predicted cost to beliefs."""
    op.add_column("beliefs", sa.Column("cost_s", sa.Float(), nullable=True))
