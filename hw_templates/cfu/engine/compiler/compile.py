"""Which layers of a network the engine runs, and the program that it runs them by."""

import math
from contextlib import suppress
from dataclasses import dataclass, field

from contracts.faults import DoesNotFit
from contracts.network import (
    Alias,
    Image,
    Network,
    NetworkLayer,
    Program,
    Segment,
    Transfer,
    UnitLayer,
    WindowSum,
)
from hw_templates.cfu.engine.compiler.choose import Computed, task_of
from hw_templates.cfu.engine.compiler.encode import Placed, program_variables
from hw_templates.cfu.engine.compiler.memory import Home, place_homes
from hw_templates.cfu.engine.compiler.task import (
    CannotRun,
    RepeatedImage,
    Task,
    WeightsTooLarge,
    by_blocks,
    is_same_place,
)
from hw_templates.cfu.engine.config import EngineConfig
from hw_templates.cfu.engine.isa import MAX_DESCRIPTORS, Kind
from hw_templates.cfu.family import Values


def compile_network(values: Values, network: Network) -> Program:
    """Return the program of a network for a design; see ``family.Compiler``.

    What is fastest may need more memory than the design has: then what needs less is tried.
    """
    config = EngineConfig.from_values(values)
    for style in _STYLES[:-1]:
        with suppress(DoesNotFit):
            return _program(network, config, style)
    return _program(network, config, _STYLES[-1])


@dataclass(frozen=True, slots=True, kw_only=True)
class _Style:
    """What is given up for memory.

    Attributes:
        keeps_inputs: The network's inputs have memory of their own, and so need not be written at
            each inference.
        gathers: Such an input may be there window by window.
        spreads: Inputs of few channels may be spread, which takes a row for each pixel.
        is_small: Pixels are folded for the fewest weights, not for the fewest cycles.
        splits: Equal weights of a layer's channels are there once, for a command for each block.
        leaves_few: Layers of few products are left to the CPU: their weights fill rows badly.
    """

    keeps_inputs: bool
    gathers: bool
    spreads: bool
    is_small: bool
    splits: bool
    leaves_few: bool


_STYLES = (
    *(
        _Style(
            keeps_inputs=keeps_inputs,
            gathers=gathers,
            spreads=spreads,
            is_small=False,
            splits=splits,
            leaves_few=False,
        )
        for keeps_inputs, gathers in ((True, True), (True, False), (False, False))
        for spreads in (True, False)
        for splits in (False, True)
    ),
    *(
        _Style(
            keeps_inputs=keeps_inputs,
            gathers=False,
            spreads=False,
            is_small=True,
            splits=splits,
            leaves_few=leaves_few,
        )
        for leaves_few in (False, True)
        for keeps_inputs in (True, False)
        for splits in (False, True)
    ),
)
"""From the fastest to what needs least memory."""

_FEW_PRODUCTS = 1024
"""What a CPU multiplies in some ten thousand cycles."""


def _program(network: Network, config: EngineConfig, style: _Style) -> Program:
    draft = _Draft(network, config, style)
    for position, layer in enumerate(network.layers):
        draft.add(position, layer)
    return draft.program()


@dataclass(slots=True, kw_only=True)
class _Run:
    """A segment that grows.

    Attributes:
        first: Position of its first layer.
        inputs: Tensors that are copied in, with their homes.
        layers: Position and number of commands before and behind it.
        written: Tensors that its layers write, with their homes.
    """

    first: int
    inputs: list[tuple[int, Home]] = field(default_factory=list)
    layers: list[tuple[int, range]] = field(default_factory=list)
    written: dict[int, Home] = field(default_factory=dict)


class _Draft:
    """What is decided so far of a program."""

    def __init__(self, network: Network, config: EngineConfig, style: _Style) -> None:
        self._network = network
        self._config = config
        self._style = style
        self._homes: list[Home] = []
        self._there: dict[int, list[Home]] = {}
        self._tasks: list[Placed] = []
        self._runs: list[_Run] = []
        self._open: _Run | None = None
        self._refusals: dict[int, str] = {}
        self._from_cpu: set[int] = set(network.outputs)
        self._unchanged = set(network.inputs if style.keeps_inputs else ())
        self._kept: list[tuple[int, Home]] = []
        self._too_large: list[int] = []

    def add(self, position: int, layer: NetworkLayer) -> None:
        """Give the next layer to the engine or, where that is not possible, to the CPU."""
        computation = layer.computation
        try:
            if computation is None:
                self._leave_to_cpu(layer)
            elif isinstance(computation, Alias):
                self._alias(position, layer, computation)
            else:
                self._run(position, computation)
        except CannotRun as reason:
            self._refusals[position] = str(reason)
            if isinstance(reason, WeightsTooLarge):
                self._too_large.append(position)
            self._leave_to_cpu(layer)

    def program(self) -> Program:
        """Place everything and return the program.

        Raises:
            DoesNotFit: A memory is too small, or all weights are too large.
        """
        self._require_weights()
        for run in self._runs:
            last = run.layers[-1][0]
            for tensor, home in run.written.items():
                if tensor in self._from_cpu:
                    home.last = max(home.last, last)
        names = [layer.name for layer in self._network.layers]
        place_homes(self._homes, names, self._config)
        copied: list[Home] = []
        inputs = tuple(_transfer(tensor, home, copied) for tensor, home in self._kept)
        segments = tuple(self._segment(run, copied) for run in self._runs)
        written = {each.number for segment in segments for each in segment.inputs}
        written |= {each.number for each in inputs}
        variables, constant_bytes = program_variables(
            self._tasks, copied, written, names, self._config
        )
        return Program(
            segments=segments,
            inputs=inputs,
            variables=variables,
            constant_bytes=constant_bytes,
            refusals=self._refusals,
        )

    def _require_weights(self) -> None:
        """Check that not all layers with weights over all channels were left to the CPU for them.

        What would remain is an engine that adds and pools, beside a CPU that multiplies.
        """
        if self._too_large and not any(each.task.kind is Kind.DENSE for each in self._tasks):
            first = self._too_large[0]
            raise DoesNotFit(
                f"no layer of the network has weights that fit {self._config.weight_bits} bits:"
                f" the first, {self._network.layers[first].name}, stays with the CPU since"
                f" {self._refusals[first]}",
                fix="give engine_weight_bits = 8, or a model whose weights are int4",
            )

    def _segment(self, run: _Run, copied: list[Home]) -> Segment:
        return Segment(
            inputs=tuple(_transfer(tensor, home, copied) for tensor, home in run.inputs),
            layers=tuple(
                UnitLayer(
                    position=position,
                    commands=commands,
                    output=_transfer(tensor, run.written[tensor], copied),
                )
                for position, commands in run.layers
                for tensor in self._network.layers[position].writes
            ),
            outputs=tuple(
                _transfer(tensor, home, copied)
                for tensor, home in run.written.items()
                if tensor in self._from_cpu
            ),
        )

    def _leave_to_cpu(self, layer: NetworkLayer) -> None:
        self._open = None
        self._from_cpu.update(layer.reads)

    def _alias(self, position: int, layer: NetworkLayer, alias: Alias) -> None:
        homes = self._plain_homes(alias.input)
        if self._open is None or not homes:
            self._leave_to_cpu(layer)
            if alias.input in self._unchanged:
                self._unchanged.add(alias.output)
            return
        number = len(self._tasks)
        self._open.layers.append((position, range(number, number)))
        self._open.written[alias.output] = homes[0]
        homes[0].last = position
        self._there[alias.output] = homes

    def _plain_homes(self, tensor: int) -> list[Home]:
        """Return where a tensor lies in the engine so that it could be read back."""
        homes = self._there.get(tensor, ())
        return [home for home in homes if not isinstance(home.image, RepeatedImage)]

    def _run(self, position: int, computation: Computed) -> None:
        if self._style.leaves_few and _products(computation) <= _FEW_PRODUCTS:
            raise CannotRun("the engine has no room for all weights, and these are few products")
        held = {
            tensor: plain[0].image for tensor in self._there if (plain := self._plain_homes(tensor))
        }
        task, inputs, output = task_of(
            computation,
            held,
            self._config,
            early=self._unchanged,
            gathers=self._style.gathers,
            spreads=self._style.spreads,
            is_small=self._style.is_small,
        )
        tasks = by_blocks(task, self._config) if self._style.splits else (task,)
        if len(self._tasks) + len(tasks) > MAX_DESCRIPTORS:
            raise CannotRun(f"the engine holds {MAX_DESCRIPTORS} commands")
        run = self._run_with(position, inputs, task)
        homes = tuple(
            self._home(tensor, image, position, run)
            for tensor, image in zip(inputs, task.images, strict=True)
        )
        result = Home(image=task.result, first=position, last=position)
        self._homes.append(result)
        number = len(self._tasks)
        self._tasks += [
            Placed(task=each, layer=position, inputs=homes, output=result) for each in tasks
        ]
        run.layers.append((position, range(number, len(self._tasks))))
        run.written[output] = result
        self._there[output] = [result]

    def _run_with(self, position: int, inputs: tuple[int, ...], task: Task) -> _Run:
        """Return the segment that a layer joins: a new one where the CPU must copy in between."""
        run = self._open
        missing = (
            tensor
            for tensor, image in zip(inputs, task.images, strict=True)
            if self._held(tensor, image) is None
        )
        if run is not None and not any(tensor in run.written for tensor in missing):
            return run
        run = _Run(first=position)
        self._runs.append(run)
        self._open = run
        return run

    def _held(self, tensor: int, image: Image) -> Home | None:
        """Return where a tensor lies in the engine as a layer wants it."""
        homes = self._there.get(tensor, ())
        return next((h for h in homes if is_same_place(h.image, image, self._config)), None)

    def _home(self, tensor: int, image: Image, position: int, run: _Run) -> Home:
        """Return where a layer finds an input; it is copied in where it is nowhere yet."""
        home = self._held(tensor, image)
        if home is None:
            is_kept = tensor in self._unchanged
            home = Home(image=image, first=run.first, last=position, is_kept=is_kept)
            self._homes.append(home)
            self._there.setdefault(tensor, []).append(home)
            self._from_cpu.add(tensor)
            (self._kept if is_kept else run.inputs).append((tensor, home))
        home.last = position
        return home


def _products(computation: Computed) -> float:
    """Return how many products a sum over all channels has; of others, which take no room, inf."""
    if not isinstance(computation, WindowSum):
        return math.inf
    return computation.result.pixels * computation.weights.size


def _transfer(tensor: int, home: Home, copied: list[Home]) -> Transfer:
    """Return how a tensor is copied; the number is its home's place in ``copied``."""
    if home not in copied:
        copied.append(home)
    return Transfer(tensor=tensor, number=copied.index(home))
