"""${message}.

Revision: ${up_revision}, follows ${down_revision or "nothing"}.
"""

import sqlalchemy as sa
from alembic import op
${imports if imports else ""}
revision = ${repr(up_revision)}
down_revision = ${repr(down_revision)}


def upgrade() -> None:
    """Bring the database forward."""
    ${upgrades if upgrades else "pass"}
