"""Custom function units by parameters: what a family is, and which ones a study has.

``BUILT_IN`` holds ``none``, ``simd`` and ``engine``; ``load_families`` adds those that a
config names.
"""

from contracts.kernel_headers import KernelHeaders
from hw_templates.cfu.families import BUILT_IN, Families, load_families, register
from hw_templates.cfu.family import (
    PORTS,
    ClockOf,
    Compiler,
    Family,
    KernelFolder,
    ReferenceModel,
    Values,
    ports_for,
)

__all__ = [
    "BUILT_IN",
    "PORTS",
    "ClockOf",
    "Compiler",
    "Families",
    "Family",
    "KernelFolder",
    "KernelHeaders",
    "ReferenceModel",
    "Values",
    "load_families",
    "ports_for",
    "register",
]
