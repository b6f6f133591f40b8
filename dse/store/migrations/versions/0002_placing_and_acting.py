"""Placed trials, promotion, live progress, and what people ask of a running study.

Revision: 0002, follows 0001.
"""

import sqlalchemy as sa
from alembic import op

from dse.store.migrations.words import config_text

revision = "0002"
down_revision = "0001"

_STUDY_FIDELITY = """
UPDATE trials SET fidelity = CASE (
    SELECT {fidelity} FROM studies WHERE studies.id = study_id
) WHEN 'simulate' THEN 'simulated' ELSE 'synthesised' END
"""


def upgrade() -> None:
    """Add tables and columns; trials get the fidelity that their study's config has."""
    op.add_column("studies", sa.Column("stop_requested_s", sa.Float(), nullable=True))
    op.add_column("attempts", sa.Column("stage", sa.Text(), nullable=True))
    op.add_column("attempts", sa.Column("stage_since_s", sa.Float(), nullable=True))
    op.add_column(
        "trials", sa.Column("fidelity", sa.Text(), nullable=False, server_default="synthesised")
    )
    # SQLite can add a reference with a column, not afterwards
    op.execute("ALTER TABLE trials ADD COLUMN promotes INTEGER REFERENCES trials (id)")
    op.execute(_STUDY_FIDELITY.format(fidelity=config_text("config_json", "study", "fidelity")))
    op.create_index("trials_promoted_once", "trials", ["promotes"], unique=True)
    op.create_table(
        "placements",
        sa.Column("trial_id", sa.Integer(), nullable=False),
        sa.Column("position", sa.Integer(), nullable=False),
        sa.Column("seed", sa.Integer(), nullable=False),
        sa.Column("clock_mhz", sa.Float(), nullable=False),
        sa.Column("fmax_mhz", sa.Float(), nullable=False),
        sa.Column("is_met", sa.Boolean(), nullable=False),
        sa.Column("domains", sa.Text(), nullable=False),
        sa.Column("critical_path", sa.Text(), nullable=False),
        sa.ForeignKeyConstraint(["trial_id"], ["trials.id"]),
        sa.PrimaryKeyConstraint("trial_id", "position"),
    )
    op.create_table(
        "audit",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("time_s", sa.Float(), nullable=False),
        sa.Column("client", sa.Text(), nullable=False),
        sa.Column("action", sa.Text(), nullable=False),
        sa.Column("study", sa.Text(), nullable=False),
        sa.Column("detail", sa.Text(), nullable=False),
        sa.Column("outcome", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("id"),
    )
