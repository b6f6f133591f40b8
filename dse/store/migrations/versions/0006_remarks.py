"""What people write beside studies and trials, and studies that are put away.

Revision: 0006, follows 0005.
"""

import sqlalchemy as sa
from alembic import op

revision = "0006"
down_revision = "0005"


def upgrade() -> None:
    """Add a note, tags and the moment of archiving to studies, and remarks of trials."""
    op.add_column("studies", sa.Column("note", sa.Text(), nullable=True))
    op.add_column("studies", sa.Column("tags_json", sa.Text(), nullable=True))
    op.add_column("studies", sa.Column("archived_s", sa.Float(), nullable=True))
    op.create_table(
        "remarks",
        sa.Column("trial_id", sa.Integer(), nullable=False),
        sa.Column("note", sa.Text(), nullable=False),
        sa.Column("tags_json", sa.Text(), nullable=False),
        sa.ForeignKeyConstraint(["trial_id"], ["trials.id"]),
        sa.PrimaryKeyConstraint("trial_id"),
    )
