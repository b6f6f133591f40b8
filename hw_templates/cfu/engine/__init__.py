"""Family ``engine``: an array of products with memories of its own that runs whole networks."""

from collections.abc import Iterator, Mapping
from pathlib import Path

from contracts.cfu_clock import CPU_CLOCK_PERCENT
from contracts.least_hardware import LeastHardware, Memory
from contracts.parameter import Parameter, Rule, Value
from hw_templates.cfu import component as component_module
from hw_templates.cfu import crossing
from hw_templates.cfu.engine import gateware
from hw_templates.cfu.engine.add_tables import ENTRIES
from hw_templates.cfu.engine.compiler import compile_network, driver_variables
from hw_templates.cfu.engine.config import (
    ACTIVATION_KIB,
    ALL_WEIGHT_BITS,
    CLOCK_PERCENTS,
    LUT_PERCENTS,
    UNITS,
    WEIGHT_BITS,
    WEIGHT_KIB,
    EngineConfig,
    clock_percent,
    fills_words,
    weight_bits,
)
from hw_templates.cfu.engine.isa import MAX_DESCRIPTORS, SIDES, WORD_BYTES
from hw_templates.cfu.engine.isa import Memory as Isa
from hw_templates.cfu.family import (
    ClockOf,
    Compiler,
    Family,
    KernelFolder,
    LeastOf,
)

_FOLDER = Path(__file__).parent
_WORD_BITS = 8 * WORD_BYTES


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
    """Return all memories of an engine, as ``engine.py`` builds them; none of an illegal one."""
    are_legal = (_cols_divide_rows, _units_divide_cols, _columns_fill_words)
    if not all(is_legal(values) for is_legal in are_legal):
        return LeastHardware()
    config = _config(values)
    row_bits = config.weight_bits * config.rows
    weights = _banks(rows=config.weight_rows, row_bits=row_bits)
    return LeastHardware(memories=(*config.cols * weights, *_beside_weights(config)))


def _least_sizes(values: Mapping[str, Value]) -> LeastHardware:
    """Return the least of them for weights of any number of bits; without units, for any of these.

    It follows from fewer parameters, so that a space can add the caches of the core to it.
    """
    values = {"engine_units": 1, **values}
    if not (_cols_divide_rows(values) and _units_divide_cols(values)):
        return LeastHardware()
    config = _config(values)
    bits = 8 * 1024 * config.weight_kib
    weights = Memory(rows=bits // _WORD_BITS, row_bits=_WORD_BITS, part_bits=_WORD_BITS)
    return LeastHardware(memories=(weights, *_beside_weights(config)))


def _config(values: Mapping[str, Value]) -> EngineConfig:
    """Return the engine of some parameters; the others do not matter to its memories."""
    return EngineConfig.from_values({"engine_packed": False, "engine_lut_percent": 0, **values})


def _beside_weights(config: EngineConfig) -> Iterator[Memory]:
    yield Memory(rows=config.words(Isa.PROGRAM), row_bits=_WORD_BITS)
    yield Memory(rows=2 * MAX_DESCRIPTORS, row_bits=_WORD_BITS)  # cycles of each layer
    yield from _banks(rows=config.activation_rows, row_bits=8 * config.rows)
    yield from _banks(rows=config.channel_weight_rows, row_bits=8 * config.cols)
    for bits in (32, 32, 8):  # bias, multiplier and shift of a channel
        rows, units = config.channels // config.units, config.units
        yield Memory(rows=rows, row_bits=bits * units, part_bits=bits if units > 1 else 0)
    for _ in range(2 * config.units):
        yield Memory(rows=ENTRIES, row_bits=_WORD_BITS)


def _banks(*, rows: int, row_bits: int) -> list[Memory]:
    """Return the memories that a ``RegisteredRowMemory`` consists of."""
    part_bits = _WORD_BITS if row_bits > _WORD_BITS else 0
    banks = (1 << bit for bit in range(rows.bit_length()) if rows >> bit & 1)
    return [Memory(rows=bank, row_bits=row_bits, part_bits=part_bits) for bank in banks]


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
                "engine_units",
                "engine_weight_bits",
            ),
            hardware=_least_memories,
        ),
        *(
            LeastOf(
                parameters=(
                    "engine_rows",
                    "engine_cols",
                    "engine_activation_kib",
                    "engine_weight_kib",
                    *units,
                ),
                hardware=_least_sizes,
            )
            for units in ((), ("engine_units",))
        ),
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
