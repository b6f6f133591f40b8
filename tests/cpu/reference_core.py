"""An instruction-set model of RV32IM with the bench's custom function unit: what cores must do."""

from collections.abc import Sequence

MASK = 0xFFFFFFFF
MEMORY_WORDS = 16384


def signed(value: int) -> int:
    return value - (1 << 32) if value & 0x80000000 else value


def _bits(word: int, high: int, low: int) -> int:
    return (word >> low) & ((1 << (high - low + 1)) - 1)


def _extend(value: int, width: int) -> int:
    return (value - (1 << width) if value >> (width - 1) else value) & MASK


class ReferenceCore:
    """Executes until a store to the upper half of the address space.

    Members:
        memory: Words, changed in place.
        executed: Instructions so far.
    """

    def __init__(self, program: Sequence[int]) -> None:
        self.memory = [*program, *([0] * (MEMORY_WORDS - len(program)))]
        self.x = [0] * 32
        self.pc = 0
        self.state = 0
        self.commands = 0
        self.executed = 0

    def run(self, *, max_instructions: int) -> None:
        while self._step():
            self.executed += 1
            assert self.executed < max_instructions, "the program does not end"

    def _step(self) -> bool:
        word = self.memory[self.pc >> 2]
        opcode, rd, funct3 = _bits(word, 6, 0), _bits(word, 11, 7), _bits(word, 14, 12)
        a, b = self.x[_bits(word, 19, 15)], self.x[_bits(word, 24, 20)]
        funct7, immediate = _bits(word, 31, 25), _extend(_bits(word, 31, 20), 12)
        next_pc = self.pc + 4
        result: int | None = None
        match opcode:
            case 0x37:
                result = word & 0xFFFFF000
            case 0x17:
                result = self.pc + (word & 0xFFFFF000)
            case 0x6F:
                offset = (
                    (_bits(word, 31, 31) << 20)
                    | (_bits(word, 19, 12) << 12)
                    | (_bits(word, 20, 20) << 11)
                    | (_bits(word, 30, 21) << 1)
                )
                result, next_pc = next_pc, self.pc + _extend(offset, 21)
            case 0x67:
                result, next_pc = next_pc, (a + immediate) & ~1
            case 0x63:
                offset = (
                    (_bits(word, 31, 31) << 12)
                    | (_bits(word, 7, 7) << 11)
                    | (_bits(word, 30, 25) << 5)
                    | (_bits(word, 11, 8) << 1)
                )
                if _taken(funct3, a, b):
                    next_pc = self.pc + _extend(offset, 13)
            case 0x03:
                result = self._load(funct3, (a + immediate) & MASK)
            case 0x23:
                address = (a + _extend((funct7 << 5) | rd, 12)) & MASK
                if address >> 31:
                    return False
                self._store(funct3, address, b)
            case 0x13:
                # addi has no subtraction: its immediate lies where the others keep funct7
                result = _alu(funct3, funct7 if funct3 in (1, 5) else 0, a, immediate)
            case 0x33:
                result = _muldiv(funct3, a, b) if funct7 == 1 else _alu(funct3, funct7, a, b)
            case 0x0B:
                result = self._cfu(funct3, funct7, a, b)
            case 0x0F | 0x73:
                pass  # fences, and the set-up of interrupts, which the model does not have
            case _:
                raise AssertionError(f"no model of {word:#010x} at {self.pc:#x}")
        if result is not None and rd:
            self.x[rd] = result & MASK
        self.pc = next_pc & MASK
        return True

    def _load(self, funct3: int, address: int) -> int:
        word = self.memory[(address >> 2) % MEMORY_WORDS] >> (8 * (address & 3))
        width = 8 << (funct3 & 3)
        value = word & ((1 << width) - 1)
        return value if funct3 & 4 else _extend(value, width)

    def _store(self, funct3: int, address: int, value: int) -> None:
        index, shift = (address >> 2) % MEMORY_WORDS, 8 * (address & 3)
        mask = ((1 << (8 << funct3)) - 1) << shift
        self.memory[index] = self.memory[index] & ~mask & MASK | (value << shift) & mask

    def _cfu(self, funct3: int, funct7: int, a: int, b: int) -> int:
        count = self.commands
        self.commands = (count + 1) & MASK
        if funct3 == 0:
            return a + ((b << 16 | b >> 16) & MASK) + funct7
        if funct3 != 1:
            return count
        rotated = (self.state << 5 | self.state >> 27) & MASK
        self.state = ((rotated ^ (a + (b << 1))) + funct7) & MASK
        return self.state


def _taken(funct3: int, a: int, b: int) -> bool:
    test = (a == b, signed(a) < signed(b), a < b)[{0: 0, 4: 1, 6: 2}[funct3 & 6]]
    return test != bool(funct3 & 1)


def _alu(funct3: int, funct7: int, a: int, b: int) -> int:
    match funct3:
        case 0:
            return a - b if funct7 & 0x20 else a + b
        case 1:
            return a << (b & 31)
        case 2:
            return int(signed(a) < signed(b))
        case 3:
            return int(a < b)
        case 4:
            return a ^ b
        case 5:
            return (signed(a) if funct7 & 0x20 else a) >> (b & 31)
        case 6:
            return a | b
        case _:
            return a & b


def _muldiv(funct3: int, a: int, b: int) -> int:
    left = a if funct3 in (3, 5, 7) else signed(a)
    right = b if funct3 in (2, 3, 5, 7) else signed(b)
    if funct3 == 0:
        return left * right
    if funct3 < 4:
        return (left * right) >> 32
    quotient = MASK if right == 0 else abs(left) // abs(right)
    if right and (left < 0) != (right < 0):
        quotient = -quotient
    return quotient if funct3 < 6 else left - (right * quotient if right else 0)
