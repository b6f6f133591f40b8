"""Runs descriptors one after the other, and counts how long each takes."""

from amaranth.hdl import Cat, Module, Signal
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out
from amaranth.utils import exact_log2

from hw_templates.cfu.engine.isa import MAX_DESCRIPTORS, MAX_STEPS

MAX_CYCLES = 2 * MAX_STEPS
"""Of a layer: a descriptor of MAX_STEPS has ended before."""
_NUMBER_BITS = exact_log2(MAX_DESCRIPTORS)
_MAX_TILES_IN_FLIGHT = 63


class Control(wiring.Component):
    """The states of a run.

    Args:
        max_cycles: A layer that takes longer ends the run: there was no sense in its descriptor. A
            power of two.

    Members:
        start, first, count (In): Run ``count`` descriptors from ``first`` on.
        running (Out, 1): A run is in progress.
        ends (Out, 1): Steps of its last descriptor are on their way; ``running`` is high, too.
        fetch, fetch_number (Out): Read this descriptor.
        fetched, has_magic (In, 1): It was read, and is one.
        take (Out, 1): What was read is what runs, from the next cycle on.
        prepare (Out, 1): It does.
        prepares (In, 1): Its steps must wait, from the cycle behind ``prepare`` on.
        start_layer (Out, 1): The steps of the layer begin.
        stop_layer (Out, 1): They end early.
        has_steps (In, 1): There are steps to come.
        step, last_step (In, 1): A step is on its way; it is the last one of a tile.
        written (In, 1): A tile was written.
        record, counter, cycles (Out): A counter of a descriptor has this value.
    """

    def __init__(self, *, max_cycles: int) -> None:
        self._max_cycles = max_cycles
        super().__init__(
            {
                "start": In(1),
                "first": In(_NUMBER_BITS),
                "count": In(8),
                "running": Out(1),
                "ends": Out(1),
                "fetch": Out(1),
                "fetch_number": Out(_NUMBER_BITS),
                "take": Out(1),
                "fetched": In(1),
                "has_magic": In(1),
                "prepare": Out(1),
                "prepares": In(1),
                "start_layer": Out(1),
                "stop_layer": Out(1),
                "has_steps": In(1),
                "step": In(1),
                "last_step": In(1),
                "written": In(1),
                "record": Out(1),
                "counter": Out(_NUMBER_BITS + 1),
                "cycles": Out(32),
            }
        )

    def elaborate(self, platform: object) -> Module:
        """Build the state machine and its counters."""
        del platform
        m = Module()
        limit = self._max_cycles
        number, left = Signal(_NUMBER_BITS), Signal(8)
        cycles, steps = Signal(range(limit + 1)), Signal(range(limit + 1))
        is_overdue = cycles[-1]
        in_flight = Signal(range(_MAX_TILES_IN_FLIGHT + 1))
        is_drained = (in_flight == 0) | ((in_flight == 1) & self.written)
        m.d.sync += [
            in_flight.eq(in_flight + (self.step & self.last_step) - self.written),
            steps.eq(steps + self.step),
        ]
        with m.If(~is_overdue):
            m.d.sync += cycles.eq(cycles + 1)
        m.d.comb += self.cycles.eq(cycles)

        with m.FSM():
            with m.State("IDLE"):
                m.d.sync += [
                    number.eq(self.first),
                    left.eq(self.count),
                    cycles.eq(1),
                    steps.eq(0),
                ]
                with m.If(self.start & (self.count != 0)):
                    m.d.comb += [self.fetch.eq(1), self.fetch_number.eq(self.first)]
                    m.d.sync += self.running.eq(1)
                    m.next = "FETCHING"
            with m.State("FETCHING"), m.If(self.fetched):
                m.d.comb += self.take.eq(1)
                with m.If(self.has_magic):
                    m.next = "PREPARE"
                with m.Else():
                    m.d.sync += self.running.eq(0)
                    m.next = "IDLE"
            with m.State("PREPARE"):
                # the next one is read while this one runs
                m.d.comb += [
                    self.prepare.eq(1),
                    self.fetch.eq(1),
                    self.fetch_number.eq(number + 1),
                ]
                m.next = "PREPARING"
            with m.State("PREPARING"), m.If(~self.prepares):
                m.d.comb += self.start_layer.eq(1)
                m.d.sync += self.ends.eq(left == 1)
                m.next = "STEPS"
            with m.State("STEPS"):
                m.d.comb += self.stop_layer.eq(is_overdue)
                with m.If(~self.has_steps):
                    m.next = "DRAIN"
            with m.State("DRAIN"), m.If(is_drained):
                m.d.sync += left.eq(left - 1)
                with m.If(is_overdue):
                    m.d.sync += left.eq(0)
                m.d.comb += [self.record.eq(1), self.counter.eq(Cat(number, 0))]
                m.next = "RECORD_STEPS"
            with m.State("RECORD_STEPS"):
                m.d.comb += [
                    self.record.eq(1),
                    self.counter.eq(Cat(number, 1)),
                    self.cycles.eq(steps),
                ]
                m.d.sync += [number.eq(number + 1), cycles.eq(1), steps.eq(0), self.ends.eq(0)]
                with m.If(left == 0):
                    m.d.sync += self.running.eq(0)
                    m.next = "IDLE"
                with m.Elif(self.fetched & self.has_magic):
                    m.d.comb += self.take.eq(1)
                    m.next = "PREPARE"
                with m.Else():
                    m.next = "FETCHING"
        return m
