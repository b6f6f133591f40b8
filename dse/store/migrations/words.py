"""Words of SQL in which databases differ, for migrations; what they mean stays as it is."""

import sqlalchemy as sa
from alembic import op

COUNT = sa.Integer().with_variant(sa.BigInteger(), "postgresql")
"""A number that may exceed 2**31; SQLite's integers have 64 bits anyway."""


def config_text(column: str, *path: str) -> str:
    """Return the expression of a text inside a JSON object that is kept as text."""
    if op.get_bind().dialect.name == "postgresql":
        return f"(CAST({column} AS json) #>> '{{{','.join(path)}}}')"
    return f"json_extract({column}, '$.{'.'.join(path)}')"
