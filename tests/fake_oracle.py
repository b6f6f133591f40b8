"""The oracle's report where a test has no network."""

from runners.stages.golden import OracleReport

SEES_ALL = OracleReport(
    golden_inputs=1, candidates=1, faults=1, caught=1, inputs_for_all=1, missed=()
)
