"""How telling a study's golden inputs are; unknown for studies of before.

Revision: 0004, follows 0003.
"""

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"


def upgrade() -> None:
    """Add the report of the oracle to studies."""
    op.add_column("studies", sa.Column("oracle_json", sa.Text(), nullable=True))
