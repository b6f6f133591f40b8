"""Custom function units by parameters: what a family is, and which ones there are.

``families()`` holds ``none`` and ``simd`` from the start; ``register_module`` adds a user's own.
"""

from hw_templates.cfu import none, simd
from hw_templates.cfu.family import PORTS, Family, KernelFolder, ReferenceModel, Values
from hw_templates.cfu.registry import Registry, families, family, register, register_module

register(none.FAMILY)
register(simd.FAMILY)

__all__ = [
    "PORTS",
    "Family",
    "KernelFolder",
    "ReferenceModel",
    "Registry",
    "Values",
    "families",
    "family",
    "register",
    "register_module",
]
