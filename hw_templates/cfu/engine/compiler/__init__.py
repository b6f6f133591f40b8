"""From a network to a program of the engine's descriptors."""

from hw_templates.cfu.engine.compiler.compile import compile_network
from hw_templates.cfu.engine.compiler.variables import driver_variables

__all__ = ["compile_network", "driver_variables"]
