"""Random programs that mix a custom function unit's operations with everything that can stall."""

import itertools
import random

DATA_ORIGIN = 0x4000
DATA_BYTES = 0x4000
_DATA = range(5, 18)  # registers that the programs compute in
_ALU = ("add", "sub", "sll", "slt", "sltu", "xor", "srl", "sra", "or", "and")
_ALU_IMMEDIATE = ("addi", "slti", "sltiu", "xori", "ori", "andi")
_MULTIPLY = ("mul", "mulh", "mulhsu", "mulhu")
_DIVIDE = ("div", "divu", "rem", "remu")
_BRANCH = ("beq", "bne", "blt", "bge", "bltu", "bgeu")


# Timer interrupts are counted in mscratch, so that they leave no trace elsewhere.
INTERRUPT_SET_UP = (
    "csrw mscratch, x0",
    "la x31, on_interrupt",
    "csrw mtvec, x31",
    "li x31, 0x80",
    "csrw mie, x31",
    "csrsi mstatus, 8",
)
INTERRUPT_HANDLER = (
    ".balign 4",
    "on_interrupt:",
    "csrrw x31, mscratch, x31",
    "addi x31, x31, 1",
    "csrrw x31, mscratch, x31",
    "mret",
)
INTERRUPTS_WORD = (DATA_ORIGIN + DATA_BYTES - 4) // 4
"""Where a program leaves how many interrupts it took; the model leaves something else there."""


def cfu(funct3: int, funct7: int, rd: int, rs1: int, rs2: int) -> str:
    """Return the assembler line of one custom operation."""
    return f".insn r CUSTOM_0, {funct3}, {funct7}, x{rd}, x{rs1}, x{rs2}"


def random_program(
    seed: int, *, multiplier: bool, divider: bool, with_cfu: bool, items: int = 350, rounds: int = 8
) -> str:
    """Return assembler text that ends by storing its registers and stopping the bench.

    Args:
        seed: Equal seeds give equal programs.
        multiplier: Whether to multiply.
        divider: Whether to divide.
        with_cfu: Whether to use the custom function unit.
        items: About how many instructions a round has.
        rounds: How often they are executed, each time elsewhere in the data.
    """
    rng = random.Random(seed)
    labels = (f"label_{number}" for number in itertools.count())

    def register() -> int:
        return rng.choice(_DATA)

    def item() -> list[str]:
        rd, a, b = register(), register(), register()
        kinds = ["alu", "alu", "immediate", "shift", "load", "load", "store", "branch", "call"]
        kinds += ["cfu"] * 6 * with_cfu + ["cfu_pair", "load_cfu", "branch_cfu"] * with_cfu
        kinds += ["multiply"] * 2 * multiplier + ["divide"] * divider
        kinds += ["divide_cfu"] * 2 * (divider and with_cfu)
        operation = cfu(rng.choice((0, 1, 1, 2)), rng.randrange(128), register(), a, b)
        offset = rng.randrange(0, 256) * 4
        match rng.choice(kinds):
            case "alu":
                return [f"{rng.choice(_ALU)} x{rd}, x{a}, x{b}"]
            case "immediate":
                return [f"{rng.choice(_ALU_IMMEDIATE)} x{rd}, x{a}, {rng.randrange(-2048, 2048)}"]
            case "shift":
                return [f"{rng.choice(('slli', 'srli', 'srai'))} x{rd}, x{a}, {rng.randrange(32)}"]
            case "load":
                name, step = rng.choice((("lw", 4), ("lh", 2), ("lhu", 2), ("lb", 1), ("lbu", 1)))
                return [f"{name} x{rd}, {offset + rng.randrange(0, 4, step)}(x20)"]
            case "store":
                name, step = rng.choice((("sw", 4), ("sh", 2), ("sb", 1)))
                return [f"{name} x{a}, {offset + rng.randrange(0, 4, step)}(x20)"]
            case "branch":
                skipped = item() if rng.random() < 0.5 else [f"xori x{rd}, x{a}, 5"]
                label = next(labels)
                branch = f"{rng.choice(_BRANCH)} x{a}, x{b}, {label}"
                return [branch, *skipped, f"{label}:"]
            case "call":
                return [f"jal x1, function_{rng.randrange(3)}"]
            case "cfu":
                return [operation]
            case "cfu_pair":
                return [operation, cfu(1, rng.randrange(128), rd, rd, a), cfu(0, 3, b, rd, a)]
            case "load_cfu":
                return [f"lw x{a}, {offset}(x20)", f"lw x{rd}, {offset ^ 64}(x20)", operation]
            case "branch_cfu":
                label = next(labels)
                return [f"{rng.choice(_BRANCH)} x{a}, x{b}, {label}", operation, f"{label}:"]
            case "multiply":
                return [f"{rng.choice(_MULTIPLY)} x{rd}, x{a}, x{b}"]
            case "divide":
                return [f"{rng.choice(_DIVIDE)} x{rd}, x{a}, x{b}"]
            case _:
                return [f"{rng.choice(_DIVIDE)} x{rd}, x{a}, x{b}", operation]

    lines = [".globl _start", "_start:", f"li x20, {DATA_ORIGIN}", f"li x21, {rounds}"]
    lines += INTERRUPT_SET_UP
    lines += [f"li x{number}, {rng.getrandbits(32):#x}" for number in _DATA]
    lines += ["round:"]
    for _ in range(items):
        lines += item()
    lines += [
        f"addi x20, x20, {rng.randrange(16, 400) * 4}",
        f"li x22, {DATA_ORIGIN + DATA_BYTES // 2 - 1}",
        "and x20, x20, x22",
        f"li x22, {DATA_ORIGIN}",
        "or x20, x20, x22",
        "addi x21, x21, -1",
        "beqz x21, finish",
        "j round",
    ]
    for number in range(3):
        operation = cfu(1, number, 5, 6, 7) if with_cfu else "xor x5, x6, x7"
        lines += [f"function_{number}:", operation, "add x6, x5, x8", "ret"]
    lines += ["finish:", f"li x22, {DATA_ORIGIN + DATA_BYTES - 256}"]
    lines += [f"sw x{number}, {4 * number}(x22)" for number in _DATA]
    lines += ["csrci mstatus, 8", "csrr x31, mscratch", "sw x31, 252(x22)"]
    if with_cfu:
        lines += [cfu(2, 0, 5, 0, 0), "sw x5, 0(x22)"]
    return "\n".join([*lines, "j stop", *INTERRUPT_HANDLER, "stop:", STOP])


STOP = "li x31, 0x80000000\nsw x0, 0(x31)\nhang: j hang\n"
"""Assembler text that ends a simulation."""
