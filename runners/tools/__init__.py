"""Outside programs: running them under limits, and knowing which versions there are."""

from runners.tools.run import (
    ToolRun,
    fault_of_os_error,
    find_program,
    first_error_line,
    machine_fault,
    run_tool,
    tool_version,
)
from runners.tools.versions import all_identities, identities, identity, newest_clang

__all__ = [
    "ToolRun",
    "all_identities",
    "fault_of_os_error",
    "find_program",
    "first_error_line",
    "identities",
    "identity",
    "machine_fault",
    "newest_clang",
    "run_tool",
    "tool_version",
]
