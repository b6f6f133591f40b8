"""The engine: its memories, and what lies between them."""

from amaranth.hdl import Cat, Module, Mux, Signal, Value
from amaranth.utils import ceil_log2, exact_log2

from contracts.cfu_clock import CPU_CLOCK_PERCENT
from hw_templates.cfu.component import CfuComponent, to_verilog
from hw_templates.cfu.crossing import DOMAIN, AnswersAhead, ClockCrossing
from hw_templates.cfu.engine.addresses import AddressGenerator
from hw_templates.cfu.engine.array import PAIR_BITS, SUM_BITS, ArrayColumns
from hw_templates.cfu.engine.collector import LanePairs
from hw_templates.cfu.engine.config import EngineConfig
from hw_templates.cfu.engine.control import MAX_CYCLES, Control
from hw_templates.cfu.engine.counters import StepCounter
from hw_templates.cfu.engine.fetcher import Fetcher
from hw_templates.cfu.engine.finisher import COPIES, EARLY_CYCLES, Finisher
from hw_templates.cfu.engine.flags import StepFlags
from hw_templates.cfu.engine.host import HostPort
from hw_templates.cfu.engine.host_write import HostWrite
from hw_templates.cfu.engine.isa import CHANNEL_WORDS, MAX_DESCRIPTORS, WORD_BYTES, Kind, Memory
from hw_templates.cfu.engine.lanes import lanes_of_groups, totals_of_groups
from hw_templates.cfu.engine.memories import RegisteredRowMemory, RowMemory
from hw_templates.cfu.engine.reader import RowReader
from hw_templates.cfu.engine.shared import Ports, SharedModule, with_looped_zeros
from hw_templates.cfu.engine.unit import RequantisationUnit
from hw_templates.cfu.engine.writer import Writer

_ROW_LATENCY = 4
"""From addresses to activations in registers: one of the address at the memory, one of what it
reads, and those of both ends."""
_READ_LATENCY = _ROW_LATENCY - 1
"""From addresses to what the memory reads there."""


class Engine(CfuComponent):
    """The whole unit; see ``isa`` for what it does.

    Args:
        config: Parameters.
        max_cycles: What a layer may take before it ends the run.
    """

    def __init__(self, config: EngineConfig, *, max_cycles: int = MAX_CYCLES) -> None:
        self._config = config
        self._max_cycles = max_cycles
        by_kind = {
            in_luts: ArrayColumns(config, in_luts=in_luts)
            for in_luts, columns in (
                (False, config.cols - config.lut_columns),
                (True, config.lut_columns),
            )
            if columns
        }
        self._columns = next(iter(by_kind.values()))
        self._column_modules = {
            in_luts: SharedModule("EngineLutColumns" if in_luts else "EngineColumns", columns)
            for in_luts, columns in by_kind.items()
        }
        self._unit_module = SharedModule("EngineUnit", RequantisationUnit())
        self.is_ahead = Signal()
        super().__init__()

    def verilog(self) -> str:
        """Return the text of module ``Cfu`` and of those that it names."""
        modules = (self._unit_module, *self._column_modules.values())
        has_own_clock = self._config.clock_percent != CPU_CLOCK_PERCENT
        crossing = ClockCrossing(
            self,
            needs_no_answer=HostPort.is_quick,
            ahead=AnswersAhead(goes_on=HostPort.is_read, is_ahead=self.is_ahead),
            domain=DOMAIN if has_own_clock else "sync",
        )
        text = to_verilog(crossing, own_clock=DOMAIN if has_own_clock else None)
        texts = [text, *(module.verilog() for module in modules)]
        return with_looped_zeros("\n".join(texts))

    def elaborate(self, platform: object) -> Module:
        """Connect the parts."""
        del platform
        m = Module()
        config = self._config
        word_bits = max(ceil_log2(config.words(memory)) for memory in Memory)
        m.submodules.reader = reader = RowReader(config, word_bits=word_bits, latency=_READ_LATENCY)
        m.submodules.host = host = HostPort(
            cfu=self, reader=reader, rows=config.rows, word_bits=word_bits
        )
        m.submodules.control = control = Control(max_cycles=self._max_cycles)
        m.submodules.fetcher = fetcher = Fetcher(config)
        m.submodules.counters = counters = StepCounter(config)
        m.submodules.addresses = addresses = AddressGenerator(config)
        m.submodules.writer = writer = Writer(config)
        layer = fetcher.layer
        write = HostWrite(m, host)

        m.submodules.program = program = RowMemory(
            rows=config.words(Memory.PROGRAM), row_bits=32, part_bits=32
        )
        write.drive(m, program, Memory.PROGRAM)
        m.d.comb += [
            control.start.eq(host.start),
            control.first.eq(host.first),
            control.count.eq(host.count),
            self.is_ahead.eq(host.is_ahead),
            host.running.eq(control.running),
            reader.running.eq(control.running),
            reader.ends.eq(control.ends),
            reader.in_order.eq(~layer.slides),
            reader.first_row.eq(layer.output_row),
            reader.written_row.eq(writer.row),
            fetcher.start.eq(control.fetch),
            fetcher.number.eq(control.fetch_number),
            fetcher.take.eq(control.take),
            program.read_row.eq(fetcher.word_at),
            fetcher.word.eq(program.data),
            control.fetched.eq(fetcher.done),
            control.has_magic.eq(fetcher.has_magic),
            counters.start.eq(control.start_layer),
            counters.stop.eq(control.stop_layer),
            counters.pause.eq(reader.pause),
            counters.layer.eq(layer),
            control.has_steps.eq(counters.busy),
            control.step.eq(counters.step.valid),
            control.last_step.eq(counters.step.last),
            control.written.eq(writer.write),
            addresses.layer.eq(layer),
            addresses.step.eq(counters.step),
            writer.start.eq(control.start_layer),
            writer.layer.eq(layer),
        ]
        self._count_cycles(m, host, control)

        copies = self._copies(m, control.running)
        flags = StepFlags(m, addresses)
        activations = self._activations(
            m, write, reader=reader, addresses=addresses, flags=flags, writer=writer
        )
        is_sum = Signal()
        m.d.sync += is_sum.eq((layer.kind == Kind.DENSE) | (layer.kind == Kind.CHANNELWISE))
        m.submodules.pairs = pairs = LanePairs(config)
        m.submodules.finisher = finisher = Finisher(config, self._unit_module)
        sums_at = _ROW_LATENCY + self._columns.latency
        # from addresses to what shadows are loaded from
        totals_at, pairs_at = sums_at + 1, _ROW_LATENCY + 1
        early = EARLY_CYCLES - 1
        m.d.comb += [
            pairs.valid.eq(flags.valid(_ROW_LATENCY)),
            pairs.first.eq(flags.first(_ROW_LATENCY)),
            pairs.part.eq(flags.part(_ROW_LATENCY)),
            pairs.activations.eq(activations),
            pairs.keeps_first.eq(layer.kind == Kind.ADD),
            finisher.layer.eq(layer),
            finisher.prepare.eq(control.prepare),
            control.prepares.eq(finisher.prepares),
            finisher.early.eq(
                Mux(is_sum, flags.last(totals_at - early), flags.last(pairs_at - early))
            ),
            finisher.is_first_tile.eq(
                Mux(is_sum, flags.first_tile(totals_at - early), flags.first_tile(pairs_at - early))
            ),
            finisher.is_again.eq(is_sum & flags.again(totals_at - early)),
            finisher.copies.eq(Cat(copies)),
            writer.valid.eq(finisher.valid),
            writer.results.eq(finisher.results),
        ]
        # what is held is loaded: in a register, since it goes to all columns
        load = Signal()
        m.d.sync += load.eq(Mux(is_sum, flags.last(totals_at - 2), flags.last(pairs_at - 2)))
        self._channels(m, write, finisher)
        ports = self._array(
            m,
            write,
            copies=copies,
            kind=layer.kind,
            slides=layer.slides,
            addresses=addresses,
            flags=flags,
        )
        lanes = lanes_of_groups(
            m,
            config,
            activations,
            columns=self._columns.columns,
            valid=flags.valid(_ROW_LATENCY),
            slides=layer.slides,
        )
        totals = totals_of_groups(m, config, activations, lanes, slides=layer.slides)
        for number, columns in enumerate(ports):
            first = number * self._columns.columns
            m.d.comb += [
                columns.activations.eq(lanes[number]),
                columns.total_activation.eq(totals[number]),
                columns.valid.eq(flags.counts(sums_at - 1)),
                columns.first.eq(flags.first(sums_at - 1)),
                columns.load.eq(load),
                columns.takes_pairs.eq(~is_sum),
            ]
            m.d.comb += [
                columns.pairs.word_select(at, PAIR_BITS).eq(pairs.pairs[first + at])
                for at in range(self._columns.columns)
            ]
        # the first columns' go to the units, all others move up
        held = Cat(columns.held for columns in ports)
        behind = Cat(columns.behind for columns in ports)
        leaving = SUM_BITS * config.units
        m.d.comb += [
            finisher.values.as_value().eq(held[:leaving]),
            behind[: len(held) - leaving].eq(held[leaving:]),
        ]
        return m

    def _copies(self, m: Module, running: Value) -> list[Value]:
        """Return when registers that copy are loaded: each is told in a cycle of its own.

        Registers that are loaded at the same time would be merged by synthesis. A run's first step
        comes later than the last of them is told.
        """
        copies = [running]
        for copy in range(COPIES):
            later = Signal(name=f"copies_{copy}")
            m.d.sync += later.eq(copies[-1])
            copies.append(later)
        return copies[1:]

    def _count_cycles(self, m: Module, host: HostPort, control: Control) -> None:
        m.submodules.counts = counts = RowMemory(
            rows=2 * MAX_DESCRIPTORS, row_bits=32, part_bits=32
        )
        m.d.comb += [
            counts.write_row.eq(control.counter),
            counts.write_enable.eq(control.record),
            counts.write_data.eq(control.cycles),
            counts.read_row.eq(host.counter),
        ]
        m.d.sync += host.counter_data.eq(counts.data)

    def _activations(
        self,
        m: Module,
        write: HostWrite,
        *,
        reader: RowReader,
        addresses: AddressGenerator,
        flags: StepFlags,
        writer: Writer,
    ) -> Signal:
        """Return the register of the row that is multiplied."""
        config = self._config
        row_words, parts = config.rows // 4, config.rows // config.cols
        m.submodules.activations = memory = RegisteredRowMemory(
            rows=config.activation_rows, row_bits=8 * config.rows, part_bits=32
        )
        in_row = exact_log2(row_words)
        enable, data = Signal(row_words), Signal(8 * config.rows)
        row = Signal.like(memory.write_row)
        with m.If(writer.write):
            m.d.sync += [
                row.eq(writer.row),
                data.eq(writer.data.replicate(parts)),
                enable.eq(
                    Cat(
                        (writer.part == lane * 4 // config.cols) if parts > 1 else 1
                        for lane in range(row_words)
                    )
                ),
            ]
        with m.Else():
            m.d.sync += [
                row.eq(write.word[in_row:]),
                data.eq(write.data.replicate(row_words)),
                enable.eq(write.lanes(Memory.ACTIVATIONS, row_words)),
            ]
        # nothing between the block RAMs and registers: they lie far from each other and are slow
        read_row, read = Signal.like(memory.read_row), memory.data
        m.d.sync += read_row.eq(Mux(addresses.valid, addresses.row, reader.row))
        m.d.comb += [
            reader.is_free.eq(~addresses.valid),
            reader.data.eq(read),
            memory.write_row.eq(row),
            memory.write_enable.eq(enable),
            memory.write_data.eq(data),
            memory.read_row.eq(read_row),
        ]
        activations = Signal(8 * config.rows)
        padding = addresses.layer.padded_with.replicate(config.rows)
        is_inside = flags.is_inside(_ROW_LATENCY - 1)
        m.d.sync += activations.eq(Mux(is_inside, read, padding))
        return activations

    def _array(
        self,
        m: Module,
        write: HostWrite,
        *,
        copies: list[Value],
        kind: Value,
        slides: Value,
        addresses: AddressGenerator,
        flags: StepFlags,
    ) -> list[Ports]:
        """Build the array and the memory of weights for CHANNELWISE."""
        config = self._config
        count = self._columns.columns
        row_words = config.weight_row_bytes // WORD_BYTES
        words = count * row_words // config.cols
        in_row = exact_log2(row_words)
        lanes = write.lanes(Memory.WEIGHTS, row_words)
        enables, row, data = Signal(len(lanes)), Signal.like(write.word[in_row:]), Signal(32)
        m.d.sync += [enables.eq(lanes), row.eq(write.word[in_row:]), data.eq(write.data)]
        m.submodules.channel_weights = channelwise = RegisteredRowMemory(
            rows=config.channel_weight_rows, row_bits=8 * config.cols, part_bits=32
        )
        write.drive(m, channelwise, Memory.CHANNEL_WEIGHTS)
        weight_row = Signal.like(addresses.weight_row)
        m.d.sync += weight_row.eq(addresses.weight_row)
        m.d.comb += channelwise.read_row.eq(weight_row)
        is_channelwise = Signal()
        m.d.sync += is_channelwise.eq((kind == Kind.CHANNELWISE) & ~slides)
        part = flags.part(_ROW_LATENCY)
        ports = []
        for number in range(config.cols // count):
            own_lanes = Cat(
                (part == row // config.cols if config.rows > config.cols else 1)
                if row % config.cols == number * count + column
                else 0
                for column in range(count)
                for row in range(config.rows)
            )
            is_in_luts = (number + 1) * count > config.cols - config.lut_columns
            columns = self._column_modules[is_in_luts].instance(m, f"columns_{number}")
            m.d.comb += [
                columns.write_row.eq(row),
                columns.write_enable.eq(enables.word_select(number, words)),
                columns.write_data.eq(data),
                columns.copies.eq(copies[number * count * COPIES // config.cols]),
                columns.read_row.eq(weight_row),
                columns.is_channelwise.eq(is_channelwise),
                columns.slides.eq(slides),
                columns.moves.eq(flags.valid(_ROW_LATENCY - 1)),
                columns.again.eq(flags.again(_ROW_LATENCY - 1)),
                columns.own.eq(channelwise.data.word_select(number, 8 * count)),
                columns.own_lanes.eq(own_lanes),
            ]
            ports.append(columns)
        return ports

    def _channels(self, m: Module, write: HostWrite, finisher: Finisher) -> None:
        """Build the memory of constants: a bank for each unit and field."""
        units = self._config.units
        fields = (("biases", 32), ("multipliers", 32), ("shifts", 8))
        for number, (name, bits) in enumerate(fields):
            memory = RowMemory(
                rows=self._config.channels // units, row_bits=bits * units, part_bits=bits
            )
            m.submodules[name] = memory
            is_field = write.word[:2] == number
            channel = write.word[exact_log2(CHANNEL_WORDS) :]
            in_row = exact_log2(units)
            m.d.comb += [
                memory.write_row.eq(channel[in_row:]),
                memory.write_data.eq(write.data[:bits].replicate(units)),
                memory.write_enable.eq(
                    Cat(
                        write.is_to(Memory.CHANNELS) & is_field & (channel[:in_row] == unit)
                        if units > 1
                        else write.is_to(Memory.CHANNELS) & is_field
                        for unit in range(units)
                    )
                ),
                memory.read_row.eq(finisher.channel_row),
                getattr(finisher, name).eq(memory.data),
            ]
