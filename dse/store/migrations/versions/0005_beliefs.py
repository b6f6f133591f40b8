"""What a search believed of the designs that it suggested; unknown for trials of before.

Revision: 0005, follows 0004.
"""

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"


def upgrade() -> None:
    """Add beliefs, their predictions, and the importance of parameters to a study's model."""
    op.create_table(
        "beliefs",
        sa.Column("trial_id", sa.Integer(), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("feasible", sa.Float(), nullable=True),
        sa.Column("gain", sa.Float(), nullable=True),
        sa.ForeignKeyConstraint(["trial_id"], ["trials.id"]),
        sa.PrimaryKeyConstraint("trial_id"),
    )
    op.create_table(
        "predictions",
        sa.Column("trial_id", sa.Integer(), nullable=False),
        sa.Column("metric", sa.Text(), nullable=False),
        sa.Column("middle", sa.Float(), nullable=False),
        sa.Column("low", sa.Float(), nullable=False),
        sa.Column("high", sa.Float(), nullable=False),
        sa.ForeignKeyConstraint(["trial_id"], ["trials.id"]),
        sa.PrimaryKeyConstraint("trial_id", "metric"),
    )
    op.add_column("studies", sa.Column("importance_json", sa.Text(), nullable=True))
