"""What a job's design says about its parts: CPU and CFU family."""

from contracts.parameter import Value
from hw_templates import cpu
from hw_templates.cfu import BUILT_IN, Family, load_families
from runners.job import Job


def family_of(job: Job) -> Family:
    """Return the CFU family of a job's design, one of the built-in ones or of the job's own.

    Raises:
        ConfigError: A module of the job's families cannot be imported, or there is no such family.
    """
    return load_families(job.families).named(str(job.design.get("cfu", "none")))


def is_own(family: Family) -> bool:
    """Return whether a CFU family is the study's own; what is wrong in a built-in one is a bug."""
    return BUILT_IN.get(family.name) is not family


def own_hardware(job: Job) -> str | None:
    """Return what of a design's Verilog is the study's own, in words; None when it is all ours."""
    family = family_of(job)
    is_there = family.verilog is not None and is_own(family)
    return f"the Verilog of the CFU family {family.name}" if is_there else None


def family_values(job: Job, chosen: Family) -> dict[str, Value]:
    """Return the part of a design that belongs to its CFU family."""
    names = (parameter.name for parameter in chosen.parameters)
    return {name: job.design[name] for name in names if name in job.design}


def has_cfu(job: Job) -> bool:
    """Return whether a job's design has a CFU."""
    return job.design.get("cfu", "none") != "none"


def cfu_clock_percent(job: Job) -> int:
    """Return the clock of a design's CFU in percent of the CPU's; 100 without CFU."""
    return family_of(job).clock_percent(job.design)


def cpu_config(job: Job) -> cpu.CpuConfig:
    """Return the CPU of a job's design.

    Raises:
        InvalidDesign: The combination is not legal.
    """
    return cpu.CpuConfig.from_values(job.design)
