"""VexRiscv cores by parameters: what can be chosen, and how a core is generated from it."""

from hw_templates.cpu.config import CacheConfig, CpuConfig
from hw_templates.cpu.generator import (
    collect_jars,
    copy_project,
    generator_batch_command,
    generator_command,
    maven_command,
    options_text,
    source_digest,
)
from hw_templates.cpu.least import least_core
from hw_templates.cpu.parameters import MACS_PER_CYCLE, PARAMETERS, RULES

__all__ = [
    "MACS_PER_CYCLE",
    "PARAMETERS",
    "RULES",
    "CacheConfig",
    "CpuConfig",
    "collect_jars",
    "copy_project",
    "generator_batch_command",
    "generator_command",
    "least_core",
    "maven_command",
    "options_text",
    "source_digest",
]
