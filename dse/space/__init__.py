"""Design spaces: typed parameters with conditions and rules; finite, countable, printable."""

from dse.space.describe import ParameterSummary, RuleSummary, SpaceSummary, describe
from dse.space.design import SCHEMA, Design
from dse.space.differences import space_differences
from dse.space.space import EmptySpace, Space

__all__ = [
    "SCHEMA",
    "Design",
    "EmptySpace",
    "ParameterSummary",
    "RuleSummary",
    "Space",
    "SpaceSummary",
    "describe",
    "space_differences",
]
