"""What a compiler, assembler or linker says of somebody's kernels, in words that help."""

import re

from sw_templates.tflm import ADOPTED_FOLDER, missing_symbol, reference_kernels

_SHIM_FIX = (
    "define it in a header beside the kernels, or leave that kernel out of the family's"
    " kernel_headers; docs/how-to/coming-from-cfu-playground.md lists what the shim has"
)
_EXPANDED = re.compile(rf"{ADOPTED_FOLDER}/(\S+?:\d+):\d+: note: in expansion of macro")
_NOT_CONSTANT = re.compile(r"error: (?:impossible constraint in 'asm'|asm operand \d+ probably)")
_ASSEMBLER = re.compile(rf"{ADOPTED_FOLDER}/(\S+?:\d+)(?::\d+)?: (?:Error|error: invalid instr).*")
_OTHER_ARGUMENTS = re.compile(
    r"^(\w+)\.cc:\d+:\d+: error: ((?:cannot convert|no matching function|too (?:many|few)"
    r" arguments|invalid conversion|could not convert|cannot bind).*)",
    re.MULTILINE,
)


def complaint(said: str) -> tuple[str, str] | None:
    """Return what is wrong with kernels, with its place, and what to do; None if that is unclear.

    Args:
        said: Output of the compiler, with that of the programs which it calls.
    """
    if missing := missing_symbol(said):
        where, what = missing
        return (
            f"{where}: {what} is neither in the kernels' folder nor in the shim for TensorFlow Lite"
            " Micro",
            _SHIM_FIX,
        )
    if _NOT_CONSTANT.search(said):
        place = _EXPANDED.search(said)
        return (
            f"{place[1] if place else 'the kernels'}: funct3 or funct7 of an instruction is no"
            " constant, not even after inlining",
            "write it as a constant: it is part of the instruction; choose by switch or if, or by a"
            " template parameter",
        )
    if found := _OTHER_ARGUMENTS.search(said):
        reference = reference_kernels().get(found[1])
        if reference is not None:
            return (
                f"{reference.header}: {reference.function} takes other arguments than TensorFlow"
                f" Lite Micro's: {found[2]}",
                "declare it as TensorFlow Lite Micro of today does",
            )
    if found := _ASSEMBLER.search(said):
        return (
            f"{found[1]}: the assembler of this computer does not take the kernel's own"
            " assembly language",
            "call cfu_op0(funct7, a, b) … or cfu_op(funct3, funct7, a, b): kernels are checked on"
            " this computer, too; other assembly language goes between #ifdef __riscv and #endif",
        )
    return None
