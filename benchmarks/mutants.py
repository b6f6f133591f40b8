"""Faults for ``benchmarks.oracle``: single changes of C and of Verilog, a token at a time."""

import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

from hw_templates.cfu.engine.isa import DESCRIPTOR_WORDS, Kind, Word

Replacement = str | Callable[["re.Match[str]"], str]


@dataclass(frozen=True, slots=True, kw_only=True)
class Mutant:
    """One changed source.

    Attributes:
        file: Name of the source.
        line: Number of the line.
        code: What stands in the line when it is right.
        what: How it was changed.
        text: All of the changed source.
    """

    file: str
    line: int
    code: str
    what: str
    text: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Operator:
    """One kind of change.

    Attributes:
        what: For people.
        pattern: Where it can be made.
        replacement: What stands there then: a template of ``re.Match.expand``, or a function.
    """

    what: str
    pattern: re.Pattern[str]
    replacement: Replacement


def _operator(what: str, pattern: str, replacement: Replacement) -> Operator:
    return Operator(what=what, pattern=re.compile(pattern), replacement=replacement)


def _some_byte(found: "re.Match[str]") -> int:
    """Return a byte that depends on the place, so that not all mutants take the same one."""
    return found.start() * 37 % 256


def _product_wrong_for_one(found: "re.Match[str]") -> str:
    one, other = found[1], found[2]
    return f"$signed({one}) * $signed({other}) + $signed({{1'b0, {one} == 8'd{_some_byte(found)}}})"


def _sum_wrong_for_one(found: "re.Match[str]") -> str:
    one, other = found[1], found[2]
    where = f"{{1'b0, $signed({one}) == {_some_byte(found) - 128}}}"
    return f"= $signed({one}) + $signed({other}) + $signed({where});"


C_OPERATORS = (
    _operator("+ for -", r"(?<=[\w)\]]) - (?=[\w(])", " + "),
    _operator("- for +", r"(?<=[\w)\]]) \+ (?=[\w(])", " - "),
    _operator("<= for <", r" < ", " <= "),
    _operator("> for >=", r" >= ", " > "),
    _operator("= for +=", r" \+= ", " = "),
    _operator("one more", r"(?<![\w.\[{<])(\d+)(?![\w.\]])", lambda m: str(int(m[1]) + 1)),
    _operator("a shift by one more", r">> (\w+)\b", r">> (\1 + 1)"),
    _operator("a statement less", r"(?m)^(\s+)[\w\[\]>*.-]+ [+|]?= [^;{]*;$", r"\1;"),
)
VERILOG_OPERATORS = (
    _operator("- for +", r" \+ (?=[\\$\w])", " - "),
    _operator("| for &", r" & (?=[\\$\w])", " | "),
    _operator("& for |", r"(?<=\S) +\| (?=[\\$\w])", " & "),
    _operator("no inversion", r"= ~ ?(?=[\\$\w])", "= "),
    _operator("!= for ==", r" == (?=[\\$\w])", " != "),
    _operator("another code", r"== (\d)'h(\d);", lambda m: f"== {m[1]}'h{int(m[2]) ^ 1};"),
    _operator("branches swapped", r" \? (\S+) +: ([^;]+);", r" ? \2 : \1 ;"),
    _operator("unsigned for signed", r"\$signed\(([^()]*)\) \* \$signed", r"(\1) * $signed"),
    _operator("a shift less", r" >> (?=[\\$\w])", " >> 1 + "),
    _operator(
        "one more for one value of a factor",
        r"\$signed\((\w+\[\d+:\d+\])\) \* \$signed\((\w+\[\d+:\d+\])\)",
        _product_wrong_for_one,
    ),
    _operator(
        "one more for one value of a summand",
        r"= \$signed\(([^(){}]+)\) \+ \$signed\(([^(){}]+)\);",
        _sum_wrong_for_one,
    ),
    _operator("a condition inverted", r"(?<=if )\((\\\$\d+ |\w+)\)(?= begin\n)", r"(!\1)"),
    _operator("a register is not written", r"(?m)^(\s+)[^\s;]+ +<= [^;]*;$", r"\1;"),
)
_PROGRAM = re.compile(r"static const uint32_t engine_program\[\d+\] = \{([^}]*)\}")
_NUMBER = re.compile(r"\b(\d+)u\b")
_NOT_OF_ADD = (Word.INPUT_SIZE, Word.WINDOW, Word.PADDING, Word.WEIGHTS)
_OF_ADD_ALONE = tuple(word for word in Word if word >= Word.SECOND_INPUT)
_ASSIGNED = re.compile(r"\s*assign ([^=]+) = (.+);")
_WRITTEN = re.compile(r"\s*(\S+) +<= (.+);")
_COMMENT = re.compile(r"\s*(/?\*|//|#|\(\*)")


def mutants_of(file: str, text: str, operators: Sequence[Operator]) -> Iterator[Mutant]:
    """Return every single change of a source by the operators; comments stay as they are."""
    for operator in operators:
        for found in operator.pattern.finditer(text):
            start = found.start() + len(found[0]) - len(found[0].lstrip())
            line_start = text.rfind("\n", 0, start) + 1
            line = text[line_start : text.find("\n", start)]
            if _COMMENT.match(line) or "/*" in line[: start - line_start]:
                continue
            replacement = operator.replacement
            new = replacement(found) if callable(replacement) else found.expand(replacement)
            if new != found[0]:
                yield Mutant(
                    file=file,
                    line=text.count("\n", 0, start) + 1,
                    code=line.strip(),
                    what=operator.what,
                    text=text[: found.start()] + new + text[found.end() :],
                )


def program_mutants(file: str, text: str) -> list[Mutant]:
    """Return a changed bit of each word of a unit's descriptors that is not 0 and that is read.

    Args:
        file: Name of the C source.
        text: The source; in others than those of ``engine`` there is no such table.
    """
    table = _PROGRAM.search(text)
    if table is None:
        return []
    words = list(_NUMBER.finditer(text, table.start(1), table.end(1)))
    found = []
    for number, word in enumerate(words):
        value, place = int(word[1]), number % DESCRIPTOR_WORDS
        is_add = int(words[number - place][1]) & 3 == Kind.ADD
        if value == 0 or place in (_NOT_OF_ADD if is_add else _OF_ADD_ALONE):
            continue
        changed = value ^ 1 << word.start() * 7 % value.bit_length()
        start = text.rfind("\n", 0, word.start()) + 1
        found.append(
            Mutant(
                file=file,
                line=text.count("\n", 0, word.start()) + 1,
                code=text[start : text.find("\n", start)].strip(),
                what=f"a bit of {Word(place).name} of a descriptor: {changed} for {value}",
                text=f"{text[: word.start()]}{changed}u{text[word.end() :]}",
            )
        )
    return found


def watched(right: str, mutant: Mutant) -> str | None:
    """Return right Verilog that prints ``reached`` once the mutant would have another value there.

    Args:
        right: The source.
        mutant: What was changed in it.

    Returns:
        None where the change is none of a wire, or of a register that is always written.
    """
    lines = right.splitlines()
    here, before = lines[mutant.line - 1], lines[mutant.line - 2]
    changed = mutant.text.splitlines()[mutant.line - 1]
    old, new = _ASSIGNED.fullmatch(here), _ASSIGNED.fullmatch(changed)
    written = _WRITTEN.fullmatch(here)
    wire = ""
    if old and new:
        # a wire of its own: the width and the sign of an expression depend on where it stands
        wire = f"  wire [$bits({old[1]})-1:0] mutant__;\n  assign mutant__ = {new[2]};\n"
        differs = f"{old[1]} !== mutant__"
    elif written and before.strip() == "always @(posedge clk)":
        differs = f"{written[1]} !== ({written[2]})"
    else:
        return None
    watch = (
        f"{wire}  reg reached__ = 0;\n  always @(posedge clk) if (!reached__ && {differs})"
        ' begin reached__ <= 1; $display("reached"); end'
    )
    return "\n".join([*lines[: mutant.line], watch, *lines[mutant.line :]]) + "\n"
