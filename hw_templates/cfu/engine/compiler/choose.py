"""Which task does a layer's work."""

from collections.abc import Collection, Mapping
from contextlib import suppress
from typing import assert_never

from contracts.network import (
    ChannelMaximum,
    ChannelSum,
    Image,
    TensorSum,
    WindowSum,
)
from hw_templates.cfu.engine.compiler.copies import copy_of
from hw_templates.cfu.engine.compiler.shapes import folded, gathered, over_whole_image, spread
from hw_templates.cfu.engine.compiler.task import (
    CannotRun,
    Task,
    channel_maximum_task,
    channel_sum_task,
    steps,
    tensor_sum_task,
    window_sum_task,
)
from hw_templates.cfu.engine.config import EngineConfig

Computed = WindowSum | ChannelSum | ChannelMaximum | TensorSum
"""What takes a command of the engine."""


def task_of(
    computation: Computed,
    held: Mapping[int, Image],
    config: EngineConfig,
    *,
    early: Collection[int],
    gathers: bool,
    spreads: bool,
    is_small: bool,
) -> tuple[Task, tuple[int, ...], int]:
    """Return the task of a layer, the tensors that it reads, and the one that it writes.

    Args:
        computation: What it computes.
        held: How tensors lie in the engine that are there.
        config: The engine.
        early: Tensors that are written before an inference begins, which does not wait for it.
        gathers: Whether these may be written window by window.
        spreads: Whether the input of few channels may be spread over rows.
        is_small: Whether weights count for more than cycles.

    Raises:
        CannotRun: The engine cannot.
    """
    match computation:
        case WindowSum():
            task = _window_sum(
                computation,
                held.get(computation.input),
                config,
                is_early=computation.input in early,
                gathers=gathers,
                spreads=spreads,
                is_small=is_small,
            )
            return task, (computation.input,), computation.output
        case ChannelSum():
            return channel_sum_task(computation, config), (computation.input,), computation.output
        case ChannelMaximum():
            task = channel_maximum_task(computation, config)
            return task, (computation.input,), computation.output
        case TensorSum():
            return tensor_sum_task(computation, config), computation.inputs, computation.output
        case _:
            assert_never(computation)


def _window_sum(
    layer: WindowSum,
    held: Image | None,
    config: EngineConfig,
    *,
    is_early: bool,
    gathers: bool,
    spreads: bool,
    is_small: bool,
) -> Task:
    """Return the task of a sum over all channels, over the shapes that cost least.

    Args:
        layer: What is computed.
        held: How its input lies in the engine; None where the CPU is to write it.
        config: The engine.
        is_early: Whether it does so before an inference begins, however long that takes.
        gathers: Whether it may do that window by window.
        spreads: Whether the input of few channels may be spread over rows.
        is_small: Whether weights count for more than cycles.

    Raises:
        CannotRun: The engine cannot.
    """
    if held is not None:
        seen = over_whole_image(layer, held, config)
        return window_sum_task(seen, config, result=layer.result)

    def cost(task: Task) -> tuple[int, int, int]:
        assert task.weights is not None
        copying = copy_of(task.images[0], config).cycles
        cycles = steps(task, config) + (0 if is_early else copying)
        return (len(task.weights) if is_small else 0, cycles, copying)

    best = window_sum_task(layer, config, result=layer.result)
    others = [*spread(layer, config)] if spreads else []
    if is_early and gathers:
        others += gathered(layer)
    for seen in (*others, *folded(layer, config)):
        with suppress(CannotRun):
            best = min(best, window_sum_task(seen, config, result=layer.result), key=cost)
    return best
