"""Family ``engine``: an array of products with memories of its own that runs whole networks."""

from collections.abc import Mapping
from pathlib import Path

from contracts.cfu_clock import CPU_CLOCK_PERCENT
from contracts.least_hardware import LeastHardware, Memory
from contracts.parameter import Parameter, Rule, Value
from hw_templates.cfu import component as component_module
from hw_templates.cfu import crossing
from hw_templates.cfu.engine import gateware
from hw_templates.cfu.engine.compiler import compile_network, driver_variables
from hw_templates.cfu.engine.config import (
    ACTIVATION_KIB,
    ALL_WEIGHT_BITS,
    CLOCK_PERCENTS,
    LUT_PERCENTS,
    UNITS,
    WEIGHT_BITS,
    WEIGHT_KIB,
    clock_percent,
    fills_words,
    weight_bits,
)
from hw_templates.cfu.engine.isa import DESCRIPTOR_WORDS, MAX_DESCRIPTORS, SIDES, WORD_BYTES
from hw_templates.cfu.family import (
    ClockOf,
    Compiler,
    Family,
    KernelFolder,
    LeastOf,
)

_FOLDER = Path(__file__).parent


def _cols_divide_rows(values: Mapping[str, Value]) -> bool:
    return int(values["engine_cols"]) <= int(values["engine_rows"])


def _units_divide_cols(values: Mapping[str, Value]) -> bool:
    return int(values["engine_units"]) <= int(values["engine_cols"])


def _packed_columns_are_pairs(values: Mapping[str, Value]) -> bool:
    lut_columns = int(values["engine_cols"]) * int(values["engine_lut_percent"]) // 100
    return lut_columns % 2 == 0 or not values["engine_packed"]


def _packed_has_multipliers(values: Mapping[str, Value]) -> bool:
    return int(values["engine_lut_percent"]) < 100 or not values["engine_packed"]


def _columns_fill_words(values: Mapping[str, Value]) -> bool:
    return fills_words(rows=int(values["engine_rows"]), weight_bits=weight_bits(values))


def _least_memories(values: Mapping[str, Value]) -> LeastHardware:
    """Return the memories that are read by rows: a column of weights has its own."""
    rows, cols = int(values["engine_rows"]), int(values["engine_cols"])
    activation_bytes = 1024 * int(values["engine_activation_kib"])
    all_weight_bits = 8 * 1024 * int(values["engine_weight_kib"])
    row_bits = rows * weight_bits(values)
    weights = Memory(rows=all_weight_bits // (row_bits * cols), row_bits=row_bits)
    return LeastHardware(
        memories=(
            *cols * (weights,),
            Memory(rows=activation_bytes // rows, row_bits=8 * rows),
            *_OTHERS.memories,
        )
    )


def _least_sizes(values: Mapping[str, Value]) -> LeastHardware:
    """Return the same whatever the array is: so many bits, read word by word."""
    sizes = (int(values["engine_activation_kib"]), int(values["engine_weight_kib"]))
    words = [Memory(rows=kib * 1024 // WORD_BYTES, row_bits=8 * WORD_BYTES) for kib in sizes]
    return LeastHardware(memories=(*words, *_OTHERS.memories))


def _least_factors(values: Mapping[str, Value]) -> LeastHardware:
    """Return the multipliers of the products that are not in LUTs, and of the requantisers."""
    rows, cols = int(values["engine_rows"]), int(values["engine_cols"])
    in_luts = cols * int(values["engine_lut_percent"]) // 100
    columns = cols - in_luts
    products = (18,) * (rows * columns // 2) if values["engine_packed"] else (8,) * rows * columns
    return LeastHardware(factor_bits=(*products, *(17, 17, 17) * int(values["engine_units"])))


def _macs_per_cycle(values: Mapping[str, Value]) -> float:
    products = int(values["engine_rows"]) * int(values["engine_cols"])
    return products * clock_percent(values) / CPU_CLOCK_PERCENT


_OTHERS = LeastHardware(memories=(Memory(rows=MAX_DESCRIPTORS * DESCRIPTOR_WORDS, row_bits=32),))

FAMILY = Family(
    name="engine",
    summary="an array of int8 products with memories of its own that runs whole networks",
    parameters=(
        Parameter(
            name="engine_rows",
            values=SIDES,
            default=16,
            description="activations that are multiplied in a cycle",
            ordered=True,
        ),
        Parameter(
            name="engine_cols",
            values=SIDES,
            default=16,
            description="output channels that they are multiplied for in a cycle",
            ordered=True,
        ),
        Parameter(
            name="engine_activation_kib",
            values=ACTIVATION_KIB,
            default=64,
            description="KiB of the engine's memory of activations",
            ordered=True,
        ),
        Parameter(
            name="engine_weight_kib",
            values=WEIGHT_KIB,
            default=128,
            description="KiB of the engine's memory of weights",
            ordered=True,
        ),
        Parameter(
            name="engine_units",
            values=UNITS,
            default=4,
            description="sums that the engine turns into int8 outputs in a cycle",
            ordered=True,
        ),
        Parameter(
            name="engine_packed",
            values=(False, True),
            default=True,
            description="whether one multiplier of 18 x 18 bits does two int8 products",
        ),
        Parameter(
            name="engine_lut_percent",
            values=LUT_PERCENTS,
            default=0,
            description="share of the columns whose products are made of look-up tables",
            ordered=True,
        ),
        Parameter(
            name="engine_clock_percent",
            values=CLOCK_PERCENTS,
            default=CPU_CLOCK_PERCENT,
            description="clock of the engine in percent of the CPU's",
            ordered=True,
        ),
        Parameter(
            name="engine_weight_bits",
            values=WEIGHT_BITS,
            default=ALL_WEIGHT_BITS,
            description="bits of a weight in the engine's memory of weights",
            ordered=True,
        ),
    ),
    rules=(
        Rule(
            name="engine-cols-divide-rows",
            reason="the output channels of a tile lie in one row of the memory of activations",
            parameters=("engine_rows", "engine_cols"),
            holds=_cols_divide_rows,
        ),
        Rule(
            name="engine-units-divide-cols",
            reason="a tile has one sum for each column, so more units than columns idle",
            parameters=("engine_cols", "engine_units"),
            holds=_units_divide_cols,
        ),
        Rule(
            name="engine-packed-columns-are-pairs",
            reason="two columns share multipliers, so an even number of them is not in LUTs",
            parameters=("engine_cols", "engine_packed", "engine_lut_percent"),
            holds=_packed_columns_are_pairs,
        ),
        Rule(
            name="engine-packed-has-multipliers",
            reason="without a column in multipliers there is nothing to pack",
            parameters=("engine_packed", "engine_lut_percent"),
            holds=_packed_has_multipliers,
        ),
        Rule(
            name="engine-columns-fill-words",
            reason="a word of the memory of weights is of one column, so 4 rows need 8 bits",
            parameters=("engine_rows", "engine_weight_bits"),
            holds=_columns_fill_words,
        ),
    ),
    verilog=gateware.verilog,
    model=gateware.model,
    kernels=KernelFolder(folder=_FOLDER / "kernels", variables=driver_variables),
    compiler=Compiler(
        compile=compile_network,
        sources=(_FOLDER / "compiler",),
        room=("engine_activation_kib", "engine_weight_kib"),
        decided_by=("engine_rows", "engine_cols", "engine_weight_bits"),
    ),
    clock=ClockOf(parameters=("engine_clock_percent",), percent=clock_percent),
    macs_per_cycle=_macs_per_cycle,
    least=(
        LeastOf(
            parameters=(
                "engine_rows",
                "engine_cols",
                "engine_activation_kib",
                "engine_weight_kib",
                "engine_weight_bits",
            ),
            hardware=_least_memories,
        ),
        LeastOf(parameters=("engine_activation_kib", "engine_weight_kib"), hardware=_least_sizes),
        LeastOf(
            parameters=(
                "engine_rows",
                "engine_cols",
                "engine_units",
                "engine_packed",
                "engine_lut_percent",
            ),
            hardware=_least_factors,
        ),
    ),
    sources=(
        Path(component_module.__file__),
        Path(crossing.__file__),
        _FOLDER.parent / "parts",
        *sorted(_FOLDER.glob("*.py")),
    ),
)
