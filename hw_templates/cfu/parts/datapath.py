"""From commands to products, and from results to words: parts of CFUs that the CPU feeds."""

from amaranth.hdl import Cat, Module, Mux, Signal, signed, unsigned
from amaranth.lib import wiring
from amaranth.lib.memory import Memory
from amaranth.lib.wiring import In, Out
from amaranth.utils import exact_log2

from hw_templates.cfu.component import CfuComponent
from hw_templates.cfu.parts.products import product_in_luts
from hw_templates.checks import require_choice

SUM_BITS = 20  # 16 products of int8 pairs
WIDTHS = (1, 2, 4, 8, 16)
"""int8 products side by side, and bytes of a step."""
BUFFER_WORDS = (256, 512, 1024, 2048, 4096)
"""Words of a buffer."""


class DotProduct(wiring.Component):
    """Sums the products of ``width`` int8 pairs, one operation a cycle.

    Args:
        width: Products: 1, 2, 4, 8 or 16; one MULT18X18D each.
        in_luts: Products are made of look-up tables.

    Members:
        a, b (In, 8 * width): Operands, lane 0 in the low byte.
        sum (Out, signed): The sum, ``latency`` cycles behind the operands.

    Attributes:
        products: The product of each lane, one cycle behind the operands.

    Raises:
        ConfigError: ``width`` is not in the list above.
    """

    def __init__(self, *, width: int, in_luts: bool = False) -> None:
        require_choice("DotProduct width", width, WIDTHS)
        self._width = width
        self._in_luts = in_luts
        self.products = [Signal(signed(16), name=f"product_{lane}") for lane in range(width)]
        super().__init__(
            {"a": In(8 * width), "b": In(8 * width), "sum": Out(signed(SUM_BITS))},
        )

    @property
    def latency(self) -> int:
        """Cycles from operands to sum: the products, then up to four summands a stage."""
        return {1: 1, 2: 2, 4: 2, 8: 3, 16: 3}[self._width]

    def elaborate(self, platform: object) -> Module:
        """Build multipliers and adder tree, a register behind each stage."""
        del platform
        m = Module()
        for lane, product in enumerate(self.products):
            a, b = (operand.word_select(lane, 8).as_signed() for operand in (self.a, self.b))
            m.d.sync += product.eq(product_in_luts(m, a, b) if self._in_luts else a * b)
        summands = self.products
        while len(summands) > 1:
            summands = [
                self._registered_sum(m, summands[first : first + 4])
                for first in range(0, len(summands), 4)
            ]
        m.d.comb += self.sum.eq(summands[0])
        return m

    @staticmethod
    def _registered_sum(m: Module, summands: list[Signal]) -> Signal:
        """Add up to four signals in pairs."""
        while len(summands) > 1:
            pairs = []
            for first, second in zip(summands[::2], summands[1::2], strict=True):
                # keep: yosys would merge the tree into compressors, twice as large as carry chains
                pair = Signal(signed(len(first) + 1), attrs={"keep": 1})
                m.d.comb += pair.eq(first + second)
                pairs.append(pair)
            summands = pairs
        result = Signal.like(summands[0])
        m.d.sync += result.eq(summands[0])
        return result


class CommandPort(wiring.Component):
    """Takes commands from the CPU, a cycle each, and answers them in the next cycle.

    Args:
        cfu: The component whose ports are served.

    Members:
        wait (In, 1): The offered command must not be taken yet.
        answer (In, 32): What the offered command will be answered; sampled when it is taken.
        taken (Out, 1): The offered command is taken in this cycle.
        valid (Out, 1): A command was taken in the cycle before; it is in the members below.
        funct3, funct7, a, b (Out): That command.
    """

    def __init__(self, *, cfu: CfuComponent) -> None:
        self._cfu = cfu
        super().__init__(
            {
                "wait": In(1),
                "answer": In(32),
                "taken": Out(1),
                "valid": Out(1),
                "funct3": Out(3),
                "funct7": Out(7),
                "a": Out(32),
                "b": Out(32),
            }
        )

    def elaborate(self, platform: object) -> Module:
        """Build the two registers: the command's and the answer's."""
        del platform
        m = Module()
        cfu = self._cfu
        m.d.comb += [
            cfu.cmd_ready.eq((~cfu.rsp_valid | cfu.rsp_ready) & ~self.wait),
            self.taken.eq(cfu.cmd_valid & cfu.cmd_ready),
        ]
        m.d.sync += self.valid.eq(self.taken)
        with m.If(self.taken):
            m.d.sync += [
                cfu.rsp_valid.eq(1),
                cfu.rsp_payload_outputs_0.eq(self.answer),
                self.funct3.eq(cfu.funct3),
                self.funct7.eq(cfu.funct7),
                self.a.eq(cfu.cmd_payload_inputs_0),
                self.b.eq(cfu.cmd_payload_inputs_1),
            ]
        with m.Elif(cfu.rsp_ready):
            m.d.sync += cfu.rsp_valid.eq(0)
        return m


class ResultWords(wiring.Component):
    """A queue of words in distributed memory. Drops what does not fit, reads 0 when empty.

    Args:
        depth_words: How many can wait, a power of two.

    Members:
        clear (In, 1): Forget everything.
        write, write_data (In, 1 and 32): Append a word.
        read (In, 1): Remove the oldest word.
        head (Out, 32): The oldest word, 0 when there is none.

    Attributes:
        first, behind_last: Where the oldest word is and where the next one will be, modulo twice
            the queue's depth: their difference is how many words wait.
    """

    def __init__(self, *, depth_words: int) -> None:
        self._depth_words = depth_words
        index_bits = exact_log2(depth_words)
        self.first = Signal(index_bits + 1, name="first")
        self.behind_last = Signal(index_bits + 1, name="behind_last")
        super().__init__(
            {
                "clear": In(1),
                "write": In(1),
                "write_data": In(32),
                "read": In(1),
                "head": Out(32),
            }
        )

    def elaborate(self, platform: object) -> Module:
        """Build the queue."""
        del platform
        m = Module()
        index_bits = exact_log2(self._depth_words)
        m.submodules.words = words = Memory(
            shape=unsigned(32),
            depth=self._depth_words,
            init=[],
            attrs={"ram_style": "distributed"},
        )
        write_port = words.write_port()
        read_port = words.read_port(domain="comb")
        first, behind_last = self.first, self.behind_last
        is_empty = first == behind_last
        is_full = behind_last == (first ^ self._depth_words)
        m.d.comb += [
            write_port.en.eq(self.write & ~is_full),
            write_port.addr.eq(behind_last[:index_bits]),
            write_port.data.eq(self.write_data),
            read_port.addr.eq(first[:index_bits]),
            self.head.eq(Mux(is_empty, 0, read_port.data)),
        ]
        with m.If(self.clear):
            m.d.sync += [first.eq(0), behind_last.eq(0)]
        with m.Else():
            m.d.sync += [
                behind_last.eq(behind_last + write_port.en),
                first.eq(first + (self.read & ~is_empty)),
            ]
        return m


class Packer(wiring.Component):
    """Collects int8 results into words, the first one lowest.

    Members:
        clear (In, 1): Forget a word that is not complete.
        valid, result (In): A result.
        is_last (In, 1): It completes its word even if it is not the fourth; the word then holds
            its results in the high bytes and 0 below.
        word_valid, word (Out): The completed word, in the cycle of its last result.
    """

    def __init__(self) -> None:
        super().__init__(
            {
                "clear": In(1),
                "valid": In(1),
                "result": In(8),
                "is_last": In(1),
                "word_valid": Out(1),
                "word": Out(32),
            }
        )

    def elaborate(self, platform: object) -> Module:
        """Build the shift register."""
        del platform
        m = Module()
        waiting = Signal(24)
        count = Signal(2)
        m.d.comb += [
            self.word.eq(Cat(waiting, self.result)),
            self.word_valid.eq(self.valid & (self.is_last | (count == 3))),
        ]
        with m.If(self.clear | self.word_valid):
            m.d.sync += [waiting.eq(0), count.eq(0)]
        with m.Elif(self.valid):
            m.d.sync += [waiting.eq(self.word[8:]), count.eq(count + 1)]
        return m


class StepBuffer(wiring.Component):
    """A memory written by words and read by steps, each side at an address of its own.

    Args:
        depth_words: Words of 32 bits: 256, 512, 1024, 2048 or 4096.
        step_bytes: Bytes of a step: 1, 2, 4, 8 or 16.

    Members:
        restart (In, 1): Write from word 0 on.
        write, is_pair (In, 1): Append ``low`` or, with ``is_pair``, ``low`` and ``high``; a pair
            is written to the even word of the address and the one behind it.
        low, high (In, 32): Words.
        read, step (In): Read the step; never in a cycle with ``write``.
        data (Out, 8 * step_bytes): The step, two cycles behind ``read``.

    Raises:
        ConfigError: An argument is not in its list above.
    """

    def __init__(self, *, depth_words: int, step_bytes: int) -> None:
        require_choice("StepBuffer depth_words", depth_words, BUFFER_WORDS)
        require_choice("StepBuffer step_bytes", step_bytes, WIDTHS)
        self._row_words = max(2, step_bytes // 4)
        self._depth_words = depth_words
        self._step_bytes = step_bytes
        steps = depth_words * 4 // step_bytes
        super().__init__(
            {
                "restart": In(1),
                "write": In(1),
                "is_pair": In(1),
                "low": In(32),
                "high": In(32),
                "read": In(1),
                "step": In(exact_log2(steps)),
                "data": Out(8 * step_bytes),
            }
        )

    def elaborate(self, platform: object) -> Module:
        """Build the memory: rows as wide as a step, two words at least."""
        del platform
        m = Module()
        row_words = self._row_words
        # Reads and writes never meet, so what a read during a write returns is of no interest.
        m.submodules.rows = rows = Memory(
            shape=unsigned(32 * row_words),
            depth=self._depth_words // row_words,
            init=[],
            attrs={"ram_style": "block", "no_rw_check": 1},
        )
        write_port = rows.write_port(granularity=32)
        read_port = rows.read_port()

        word = Signal(exact_log2(self._depth_words))
        in_row = exact_log2(row_words)
        with m.If(self.restart):
            m.d.sync += word.eq(0)
        with m.Elif(self.write):
            m.d.sync += word.eq(word + Mux(self.is_pair, 2, 1))
        m.d.comb += write_port.addr.eq(word[in_row:])
        for lane in range(row_words):
            is_odd = lane % 2 == 1
            is_pair_here = self.is_pair & (word[1:in_row] == lane // 2)
            is_word_here = ~self.is_pair & (word[:in_row] == lane)
            m.d.comb += [
                write_port.en[lane].eq(self.write & (is_pair_here | is_word_here)),
                write_port.data.word_select(lane, 32).eq(
                    Mux(self.is_pair, self.high, self.low) if is_odd else self.low
                ),
            ]

        steps_per_row = row_words * 4 // self._step_bytes
        step_bits = exact_log2(steps_per_row)
        m.d.comb += [read_port.en.eq(self.read), read_port.addr.eq(self.step[step_bits:])]
        if steps_per_row == 1:
            m.d.sync += self.data.eq(read_port.data)
        else:
            lane_read = Signal(step_bits)
            m.d.sync += lane_read.eq(self.step[:step_bits])
            m.d.sync += self.data.eq(read_port.data.word_select(lane_read, 8 * self._step_bytes))
        return m
