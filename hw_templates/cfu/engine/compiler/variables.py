"""What the C of the driver and of the emulation calls the engine's parts."""

from collections.abc import Mapping
from enum import IntEnum

from hw_templates.cfu.engine import isa
from hw_templates.cfu.engine.config import EngineConfig
from hw_templates.cfu.engine.image import MOST_BYTES
from hw_templates.cfu.family import Values


def driver_variables(values: Values) -> Mapping[str, object]:
    """Return the variables of the templates that do not depend on a network."""
    config = EngineConfig.from_values(values)
    return {
        "engine_rows": config.rows,
        "engine_cols": config.cols,
        "engine_clock_percent": config.clock_percent,
        "engine_weight_bits": config.weight_bits,
        "engine_memory_words": {memory.name: config.words(memory) for memory in isa.Memory},
        "engine_row_bits": (config.activation_rows - 1).bit_length(),
        "engine_memory": _numbers(isa.Memory),
        "engine_op": _numbers(isa.Operation),
        "engine_kind": _numbers(isa.Kind),
        "engine_word": _numbers(isa.Word),
        "engine_magic": isa.MAGIC,
        "engine_rounds_once": isa.ROUNDS_ONCE,
        "engine_size_bits": isa.SIZE_BITS,
        "engine_block_bits": isa.BLOCK_BITS,
        "engine_add_left_shift": isa.ADD_LEFT_SHIFT,
        "engine_channel_words": isa.CHANNEL_WORDS,
        "engine_descriptor_words": isa.DESCRIPTOR_WORDS,
        "engine_max_descriptors": isa.MAX_DESCRIPTORS,
        "engine_max_steps": isa.MAX_STEPS,
        "engine_image_bytes": MOST_BYTES,
    }


def _numbers(kinds: type[IntEnum]) -> dict[str, int]:
    return {kind.name: int(kind) for kind in kinds}
