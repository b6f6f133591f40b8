"""Which block of the arena holds what from layer to layer, and where the arena is fullest."""

from dataclasses import dataclass

from sw_templates.workload import BufferReport, WorkloadReport

START = "start"
"""The step before the first layer: only a network whose inputs are copied has it."""
END = "end"
"""The step behind the last layer: what is there then holds the network's outputs."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ArenaStep:
    """What the arena holds while one layer runs.

    Attributes:
        name: The layer's, ``START`` or ``END``.
        position: Of the layer; -1 is before the first one, the number of layers behind the last.
        buffers: What lives there, as places in ``WorkloadReport.buffers``, the lowest first.
        used_bytes: Sum of their sizes.
        top_bytes: End of the highest of them.
    """

    name: str
    position: int
    buffers: tuple[int, ...]
    used_bytes: int
    top_bytes: int


def arena_steps(report: WorkloadReport) -> tuple[ArenaStep, ...]:
    """Return a step for each layer, in execution order, and for what lives outside of them."""
    names = [START, *(layer.name for layer in report.layers), END]
    lived = {p for b in report.buffers for p in (b.first, b.last)}
    positions = [p for p in range(-1, len(report.layers) + 1) if 0 <= p < len(report.layers)
                 or p in lived]  # fmt: skip
    return tuple(_step(report.buffers, position, names[position + 1]) for position in positions)


def peak_step(steps: tuple[ArenaStep, ...]) -> ArenaStep:
    """Return the step that decides how large the arena is; of several the one that uses most."""
    return max(steps, key=lambda step: (step.top_bytes, step.used_bytes, -step.position))


def _step(buffers: tuple[BufferReport, ...], position: int, name: str) -> ArenaStep:
    living = [
        number for number, buffer in enumerate(buffers) if buffer.first <= position <= buffer.last
    ]
    return ArenaStep(
        name=name,
        position=position,
        buffers=tuple(sorted(living, key=lambda number: buffers[number].offset)),
        used_bytes=sum(buffers[number].size_bytes for number in living),
        top_bytes=max(
            (buffers[number].offset + buffers[number].size_bytes for number in living), default=0
        ),
    )
