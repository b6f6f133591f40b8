"""The least that a core takes of an FPGA.

VexRiscv has two copies of its registers, and in each way of a cache a memory of tags beside the
data; those of the data cache are written byte by byte, so they are four. yosys puts each into block
RAM of its own, ways of 256 bytes included (``tests/stages/test_least_cells.py``).
"""

from collections.abc import Mapping

from contracts.least_hardware import LeastHardware, Memory
from contracts.parameter import Value

PARAMETERS = ("icache_bytes", "icache_ways", "dcache_bytes", "dcache_ways", "multiplier")
"""Those that it follows from."""

_REGISTERS = (Memory(rows=32, row_bits=32),) * 2
_MOST_LINE_BYTES = 64
_LEAST_TAG_BITS = 18
_PIPELINED_FACTORS = (17, 17, 17, 17)


def least_core(values: Mapping[str, Value]) -> LeastHardware:
    """Return the least that the core of a design takes.

    Args:
        values: Of ``PARAMETERS``, those that the design has; one without is taken for none.
    """
    memories = list(_REGISTERS)
    for cache, lanes in (("icache", 1), ("dcache", 4)):
        if size := int(values.get(f"{cache}_bytes", 0)):
            ways = int(values.get(f"{cache}_ways", 1))
            data = Memory(rows=size // ways // 4, row_bits=32 // lanes)
            lines = max(1, size // ways // _MOST_LINE_BYTES)
            memories += ways * [*lanes * [data], Memory(rows=lines, row_bits=_LEAST_TAG_BITS)]
    is_pipelined = values.get("multiplier") == "pipelined"
    return LeastHardware(
        memories=tuple(memories), factor_bits=_PIPELINED_FACTORS if is_pipelined else ()
    )
