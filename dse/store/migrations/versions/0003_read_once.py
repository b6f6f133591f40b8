"""What lets a reader read each finished trial once, and a study be looked at without its code.

Revision: 0003, follows 0002.
"""

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"


def upgrade() -> None:
    """Number the changes of trials, and make room for spaces and the facts behind contexts."""
    op.add_column("trials", sa.Column("revision", sa.Integer(), nullable=False, server_default="0"))
    op.execute("UPDATE trials SET revision = number")
    op.create_index("trials_by_revision", "trials", ["study_id", "revision"])
    op.create_index("trials_of_design", "trials", ["study_id", "design_id"])
    op.create_index("trials_by_end", "trials", ["study_id", "ended_s"])
    op.add_column("studies", sa.Column("space_json", sa.Text(), nullable=True))
    op.create_index(
        "metrics_by_name", "metrics", ["name", "trial_id", "value", "fidelity", "estimate"]
    )
    op.create_table(
        "contexts",
        sa.Column("context", sa.Text(), nullable=False),
        sa.Column("facts", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("context"),
    )
