"""The ``stream`` CFU: it computes while the CPU brings what comes next and takes what is done."""

from amaranth.hdl import Cat, Module, Mux, ResetInserter, Signal, Value, signed
from amaranth.lib.fifo import SyncFIFOBuffered
from amaranth.utils import exact_log2

from hw_templates.cfu.component import CfuComponent
from hw_templates.cfu.parts.adder import ScaledAdder
from hw_templates.cfu.parts.datapath import CommandPort, DotProduct, Packer
from hw_templates.cfu.parts.requantiser import Requantiser
from hw_templates.cfu.stream.channels import Channels
from hw_templates.cfu.stream.config import StreamConfig
from hw_templates.cfu.stream.isa import (
    COUNT_BITS,
    FREE,
    LANE_BITS,
    RESULT_WORDS,
    Op,
    Setting,
)
from hw_templates.cfu.stream.lanes import Lanes
from hw_templates.cfu.stream.ring import OPERAND_BITS, Ring
from hw_templates.cfu.stream.walk import CHANNEL_BITS, Walk

_BUFFER_LATENCY = 2
_WORD_RESULTS = 4


class StreamUnit(CfuComponent):
    """Executes ``isa.Op``; every instruction is answered in the cycle after it was taken.

    Args:
        config: The design.
    """

    def __init__(self, config: StreamConfig) -> None:
        self._config = config
        super().__init__()

    def elaborate(self, platform: object) -> Module:
        """Connect the parts: rings, products, sums, requantisation, results."""
        del platform
        m = Module()
        config = self._config
        m.submodules.port = port = CommandPort(cfu=self)
        m.submodules.activations = activations = Ring(
            depth_words=config.activation_words, step_bytes=config.products
        )
        m.submodules.filters = filters = Ring(
            depth_words=config.filter_words, step_bytes=config.products
        )
        m.submodules.walk = walk = Walk(
            products=config.products,
            activation_bits=activations.index_bits,
            filter_bits=filters.index_bits,
            has_channelwise=config.is_channelwise,
        )
        m.submodules.dot = dot = DotProduct(width=config.products, in_luts=config.uses_luts)
        m.submodules.channels = channels = Channels()
        m.submodules.requantiser = requantiser = Requantiser()
        m.submodules.adder = adder = ScaledAdder()
        m.submodules.packer = packer = Packer()

        def executes(op: Op) -> Value:
            return port.valid & (port.funct3 == op)

        def sets(setting: Setting) -> Value:
            return executes(Op.CONFIGURE) & (port.funct7[:3] == setting)

        starts_layer = Signal()
        m.d.comb += starts_layer.eq(sets(Setting.LAYER))
        m.submodules.results = results = ResetInserter(starts_layer)(
            SyncFIFOBuffered(width=32, depth=RESULT_WORDS)
        )
        zero_point, lowest, highest = (
            Signal(signed(8), name=name) for name in ("zero_point", "lowest", "highest")
        )
        keeps_accumulators = Signal()
        with m.If(sets(Setting.OUTPUT)):
            m.d.sync += [
                Cat(zero_point, lowest, highest).eq(Cat(port.a[:8], port.b[:16])),
                keeps_accumulators.eq(port.b[16]),
            ]

        # a RUN is taken where its channels are there and its results fit
        runs, adds = Signal(), Signal()
        is_read = self.funct3 == Op.READ
        reads = port.taken & is_read & results.r_rdy
        reserved = Signal(range(RESULT_WORDS + 1))
        last_channel = port.b[COUNT_BITS : 2 * COUNT_BITS]
        words = port.b[:COUNT_BITS] + 1
        group_words = exact_log2(config.products // _WORD_RESULTS)
        rounded_channel = Mux(
            walk.is_channelwise, last_channel | (config.products - 1), last_channel
        )
        run_words = Mux(walk.is_channelwise, words << group_words, words)
        m.d.comb += [
            runs.eq(
                executes(Op.RUN)
                & (rounded_channel < channels.there)
                & (run_words <= RESULT_WORDS - reserved)
                & ~(walk.is_channelwise & keeps_accumulators)
            ),
            adds.eq(executes(Op.ADD) & (reserved != RESULT_WORDS)),
        ]
        with m.If(starts_layer):
            m.d.sync += reserved.eq(0)
        with m.Else():
            m.d.sync += reserved.eq(reserved + Mux(runs, run_words, 0) + adds - reads)

        frees = port.funct7[:1] == FREE
        for ring, load, free, steps in (
            (activations, Op.LOAD_ACTIVATIONS, runs, port.a[OPERAND_BITS:]),
            (filters, Op.LOAD_FILTERS, runs & frees, port.b[OPERAND_BITS:]),
        ):
            m.d.comb += [
                ring.clear.eq(starts_layer),
                ring.load.eq(executes(load)),
                ring.is_pair.eq(~port.funct7[0]),
                ring.low.eq(port.a),
                ring.high.eq(port.b),
                ring.free.eq(free),
                ring.free_steps.eq(steps),
                ring.read.eq(walk.read),
                ring.end.eq(walk.end),
            ]
        m.d.comb += [
            walk.set_window.eq(sets(Setting.WINDOW)),
            walk.set_pixel.eq(sets(Setting.PIXEL)),
            walk.a.eq(port.a),
            walk.b.eq(port.b),
            walk.keeps_accumulators.eq(keeps_accumulators),
            walk.start.eq(runs),
            walk.frees.eq(frees),
            walk.activations_there.eq(activations.there),
            walk.filters_there.eq(filters.there),
            walk.activations_freed.eq(activations.freed),
            walk.filters_freed.eq(filters.freed),
            activations.step.eq(walk.activation_step),
            filters.step.eq(walk.filter_step),
            activations.end_steps.eq(walk.end_activations),
            filters.end_steps.eq(walk.end_filters),
            dot.a.eq(activations.data),
            dot.b.eq(filters.data),
        ]
        m.d.comb += [
            channels.clear.eq(starts_layer),
            channels.set_scale.eq(executes(Op.SET_CHANNEL) & ~port.funct7[0]),
            channels.set_bias.eq(executes(Op.SET_CHANNEL) & port.funct7[0]),
            channels.a.eq(port.a),
            channels.b.eq(port.b),
            channels.free.eq(runs & frees),
            channels.free_channels.eq(rounded_channel[:CHANNEL_BITS] + 1),
            channels.end.eq(walk.end),
            channels.end_channels.eq(walk.end_channels),
            channels.channel.eq(walk.channel),
        ]

        accumulator, finished, completes_word, computes = self._add_sums(m, walk, dot, channels)

        is_adding = Signal()
        with m.If(adds):
            m.d.sync += is_adding.eq(1)
        with m.Elif(~adder.busy & ~requantiser.busy):
            m.d.sync += is_adding.eq(0)
        keeps = finished & keeps_accumulators
        m.d.comb += [
            adder.start.eq(adds),
            adder.a.eq(port.a),
            adder.b.eq(port.b),
            adder.set_scale.eq(sets(Setting.ADD_SCALE)),
            adder.set_zero_points.eq(sets(Setting.ADD_ZERO_POINTS)),
            adder.scaled.eq(requantiser.scaled),
            requantiser.zero_point.eq(zero_point),
            requantiser.lowest.eq(lowest),
            requantiser.highest.eq(highest),
            requantiser.valid.eq(Mux(adder.busy, adder.valid, finished & ~keeps_accumulators)),
            requantiser.value.eq(Mux(adder.busy, adder.value, accumulator)),
            requantiser.multiplier.eq(Mux(adder.busy, adder.multiplier, channels.multiplier)),
            requantiser.shift.eq(Mux(adder.busy, adder.shift, channels.shift)),
            requantiser.is_result.eq(~adder.busy | adder.is_sum),
            requantiser.tag.eq(~adder.busy & completes_word),
            packer.clear.eq(starts_layer),
            packer.valid.eq(requantiser.result_valid),
            packer.result.eq(requantiser.result),
            packer.is_last.eq(requantiser.result_tag),
            results.w_en.eq(keeps | packer.word_valid),
            results.w_data.eq(Mux(keeps, accumulator, packer.word)),
            results.r_en.eq(reads),
            port.answer.eq(Mux(is_read & results.r_rdy, results.r_data, 0)),
        ]

        starts_run, starts_add = executes(Op.RUN), executes(Op.ADD)
        has_run = walk.busy | starts_run
        works = has_run | computes | requantiser.busy | adder.busy
        is_pending = port.valid & (port.funct3 != Op.READ)
        waits = {
            Op.RUN: ~walk.ready | starts_run | is_adding | starts_add,
            Op.CONFIGURE: works | is_pending,
            Op.LOAD_ACTIVATIONS: activations.is_full & has_run,
            Op.LOAD_FILTERS: filters.is_full & has_run,
            Op.SET_CHANNEL: channels.is_full & (has_run | channels.is_settling),
            Op.READ: starts_layer | (~results.r_rdy & (works | starts_add | (results.level != 0))),
            Op.ADD: Mux(is_adding, adder.wait, works | is_pending),
        }
        m.d.comb += port.wait.eq(adder.busy)  # which still reads the operands of its command
        for op, wait in waits.items():
            with m.If(self.funct3 == op):
                m.d.comb += port.wait.eq(wait if op is Op.ADD else wait | adder.busy)
        return m

    def _add_sums(
        self, m: Module, walk: Walk, dot: DotProduct, channels: Channels
    ) -> tuple[Value, Value, Value, Value]:
        """Add what sums products up, from a step that is read to a finished accumulator.

        Returns:
            The accumulator, whether it is finished, whether its result completes a word, and
            whether anything is on its way.
        """
        # Where each step is: bit k of these is the step read k + 1 cycles ago.
        stages = _BUFFER_LATENCY + dot.latency
        valids, firsts, lasts, are_there, end_pixels = (
            Signal(stages, name=name)
            for name in ("valids", "firsts", "lasts", "are_there", "end_pixels")
        )
        summed = walk.read & ~walk.is_channelwise
        m.d.sync += [
            valids.eq(Cat(summed, valids[:-1])),
            firsts.eq(Cat(walk.is_first, firsts[:-1])),
            lasts.eq(Cat(summed & walk.is_last, lasts[:-1])),
            are_there.eq(Cat(walk.is_there, are_there[:-1])),
            end_pixels.eq(Cat(summed & walk.is_last & walk.ends_pixel, end_pixels[:-1])),
        ]
        indices = [Signal(CHANNEL_BITS, name=f"index_{stage}") for stage in range(stages - 2)]
        m.d.sync += [
            later.eq(earlier)
            for earlier, later in zip([channels.index, *indices[:-1]], indices, strict=True)
        ]
        summand, look_up, computes = dot.sum, indices[-1], valids.any()
        if self._config.is_channelwise:
            summand, look_up, leaves = self._add_lanes(
                m, walk, dot, channels, valids, firsts, lasts, are_there, look_up
            )
            computes = computes | leaves
        accumulator, total = Signal(signed(32)), Signal(signed(32))
        finished, completes_word = Signal(), Signal()
        m.d.comb += [
            channels.look_up.eq(look_up),
            total.eq(Mux(firsts[-1], channels.bias, accumulator) + Mux(are_there[-1], summand, 0)),
        ]
        with m.If(valids[-1]):
            m.d.sync += accumulator.eq(total)
        m.d.sync += [finished.eq(lasts[-1]), completes_word.eq(end_pixels[-1])]
        return accumulator, finished, completes_word, computes | finished

    def _add_lanes(
        self,
        m: Module,
        walk: Walk,
        dot: DotProduct,
        channels: Channels,
        valids: Signal,
        firsts: Signal,
        lasts: Signal,
        are_there: Signal,
        look_up: Signal,
    ) -> tuple[Value, Value, Value]:
        """Add lanes, whose sums join the products two stages before the accumulator.

        Returns:
            The summand, what is looked up, and whether sums are on their way.
        """
        latency = _BUFFER_LATENCY + 1
        m.submodules.lanes = lanes = Lanes(width=self._config.products, latency=latency)
        reads = walk.read & walk.is_channelwise
        # of their own: the other ones are the sums' from the last two stages on
        lane_valids, lane_firsts, lanes_there = (
            Signal(latency, name=name) for name in ("lane_valids", "lane_firsts", "lanes_there")
        )
        m.d.sync += [
            lane_valids.eq(Cat(reads, lane_valids[:-1])),
            lane_firsts.eq(Cat(walk.is_first, lane_firsts[:-1])),
            lanes_there.eq(Cat(walk.is_there, lanes_there[:-1])),
        ]
        m.d.comb += [
            lanes.read.eq(reads),
            lanes.is_last.eq(walk.is_last),
            lanes.channel.eq(channels.index),
            lanes.valid.eq(lane_valids[-1]),
            lanes.is_first.eq(lane_firsts[-1]),
            lanes.is_there.eq(lanes_there[-1]),
            lanes.products.eq(Cat(*dot.products)),
            lanes.is_maximum.eq(walk.is_maximum),
            walk.holds.eq(walk.is_channelwise & lanes.holds),
        ]
        sums = [Signal(signed(LANE_BITS), name=f"lane_sum_{n}") for n in range(2)]
        are_sums = Signal(2)
        m.d.sync += [
            sums[0].eq(lanes.sum),
            sums[1].eq(sums[0]),
            are_sums.eq(Cat(lanes.sum_valid, are_sums[0])),
            *(
                flags[-2].eq(Mux(walk.is_channelwise, lanes.sum_valid, flags[-3]))
                for flags in (valids, firsts, lasts, are_there)
            ),
        ]
        summand = Signal(signed(LANE_BITS))
        m.d.comb += summand.eq(Mux(are_sums[1], sums[1], dot.sum))
        return (
            summand,
            Mux(lanes.sum_valid, lanes.sum_channel, look_up),
            lanes.busy | are_sums.any() | lane_valids.any(),
        )
