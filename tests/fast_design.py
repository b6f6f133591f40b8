"""The design that tests measure when any will do: a wide CFU, so that its inference is short."""

import json
from collections.abc import Mapping

from contracts.parameter import Value

CPU: dict[str, Value] = {
    "icache_bytes": 4096,
    "icache_ways": 1,
    "icache_line_bytes": 32,
    "dcache_bytes": 4096,
    "dcache_ways": 1,
    "dcache_line_bytes": 32,
    "multiplier": "pipelined",
    "divider": "iterative",
    "shifter": "full",
    "branch_prediction": "static",
    "bypass": True,
    "branch_stage": "memory",
    "relaxed_fetch": False,
}
FIRMWARE: dict[str, Value] = {"optimisation": "O2", "unroll": 4}
FAST_CFU: dict[str, Value] = {
    "cfu": "simd",
    "simd_width": 16,
    "buffer_depth": 1024,
    "hardware_requantisation": True,
    "channelwise": False,
}


def space_toml(values: Mapping[str, Value | list[Value]]) -> str:
    """Return the section ``[space]`` of a config that allows these values only."""
    return "[space]\n" + "".join(f"{name} = {json.dumps(v)}\n" for name, v in values.items())
