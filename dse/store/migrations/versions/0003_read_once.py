"""What lets a reader read each finished trial once, and a study be looked at without its code.

Trials of before get the metrics that count the same on every part, from the cells of their part.

Revision: 0003, follows 0002.
"""

import sqlalchemy as sa
from alembic import op

from dse.store.migrations.words import config_text

revision = "0003"
down_revision = "0002"

_ROLES = (
    ("lut4", "luts", "1", ""),
    ("ff", "flip_flops", "1", ""),
    ("mult18x18d", "multipliers", "1", ""),
    ("mult18", "multipliers", "1", ""),
    ("mac16", "multipliers", "1", ""),
    ("dp16kd", "block_ram_bits", "18432", "bit"),
    ("bsram", "block_ram_bits", "18432", "bit"),
    ("ebr", "block_ram_bits", "CASE WHEN {part} LIKE 'iCE40%' THEN 4096 ELSE 18432 END", "bit"),
)
"""Metric, its role, what one of it counts there, and the role's unit; as of this schema."""
_PART = "(SELECT {part} FROM trials t JOIN studies s ON s.id = t.study_id WHERE t.id = m.trial_id)"
_ADD = "INSERT INTO metrics (trial_id, name, value, unit, fidelity, estimate) SELECT m.trial_id"


def upgrade() -> None:
    """Number the changes of trials; add contexts, spaces, own limits and roles of metrics."""
    op.add_column("trials", sa.Column("revision", sa.Integer(), nullable=False, server_default="0"))
    op.execute("UPDATE trials SET revision = number")
    op.create_index("trials_by_revision", "trials", ["study_id", "revision"])
    op.create_index("trials_of_design", "trials", ["study_id", "design_id"])
    op.create_index("trials_by_end", "trials", ["study_id", "ended_s"])
    op.add_column(
        "attempts", sa.Column("is_own_limit", sa.Boolean(), nullable=False, server_default="0")
    )
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
    part = _PART.format(part=config_text("s.config_json", "target", "part"))
    for name, role, worth, unit in _ROLES:
        value = f"m.value * {worth.format(part=part)}"
        op.execute(
            f"{_ADD}, '{role}', {value}, '{unit}', m.fidelity, m.estimate"
            f" FROM metrics m WHERE m.name = '{name}'"
        )
    # two multipliers of 9 x 9 bits take the place of one of 18 x 18
    op.execute(
        f"{_ADD}, 'multipliers', CAST(2 * m.value + n.value + 1 AS INTEGER) / 2, '', m.fidelity,"
        " m.estimate FROM metrics m JOIN metrics n ON n.trial_id = m.trial_id"
        " AND n.name = 'mult9x9' WHERE m.name = 'mult18x18'"
    )
