"""``python -m benchmarks.fuzz``: a million damaged inputs of what comes from elsewhere.

Answers of a board, configs, designs and spaces in databases, limits that people type, manifests of
artefacts, models. Each input must end in a value or in a named error (``DseError``, or what the
reader documents); anything else is a fault, printed with the input. Inputs are made from right
ones by random damage, reproducible by ``--seed``; model files in depth: ``mutated_models``.
"""

import argparse
import json
import random
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from contracts.faults import DseError
from dse.config import load_config
from dse.config.known_space import known_space, space_json, stored_code
from dse.output.report import table_text
from dse.results.choosing import parse_limit, parse_weight
from dse.space import Design, Space
from runners import ROOT
from runners.boards import mlperf
from runners.pipeline.entries import MANIFEST, judge
from sw_templates.operator_set import find_operators
from sw_templates.tflite_file import parse_tflite
from tests.campaign.fake_rooms import PARAMETERS

HEADER = ("input", "tried", "answered", "refused", "neither", "CPU-s")
_QUICK = ROOT / "configs" / "quick.toml"
_MODEL = ROOT / "models" / "imgc" / "imgc_resnet8_int8.tflite"
_PIECES = (
    *(
        "0",
        "-1",
        "9" * 30,
        "9" * 5000,
        "1e400",
        "nan",
        "inf",
        "-0.0",
        "0x10",
        "1_000",
        "٣",
        "²",
        "½",
    ),
    *("\0", "\r", "\n", "\t", "\u2028", "\ud7ff", "\U0010ffff", "é", " ", ""),
    *(
        "[",
        "]",
        "{",
        "}",
        '"',
        "'",
        "\\",
        ",",
        ":",
        "=",
        "[" * 5000,
        '{"a":' * 3000,
        "null",
        "true",
    ),
    *("../../etc/passwd", "/dev/zero", "%s%n", "__import__('os')", "$(id)", "<script>"),
)
_ANSWERS: Mapping[str, tuple[Callable[[Sequence[str]], object], tuple[str, ...]]] = {
    "profile": (mlperf.parse_profile, ("m-profile-[ULPMark for tinyML]", "m-model-[ic01]")),
    "timestamp": (mlperf.parse_timestamp, ("m-lap-us-123456",)),
    "cycles": (mlperf.parse_cycles, ("m-cycles-3000185",)),
    "results": (mlperf.parse_results, ("m-results-[0.004,-0.5,127,0.992]",)),
    "output": (mlperf.parse_output, ("m-output-[80ff007f]",)),
    "inference": (
        lambda lines: mlperf.parse_inference(lines, count=3, warmups=1),
        (
            *("m-warmup-start-1", "m-warmup-done", "m-infer-start-3", "m-lap-us-10"),
            *("m-lap-us-20", "m-infer-done", "m-results-[0.1,0.9]"),
        ),
    ),
    "layers": (
        mlperf.parse_layers,
        (
            "m-layer-[0,conv2d_0,CONV_2D,1x32x32x16,442368,416474,3568,16384,112]",
            "m-layer-[1,softmax_1,SOFTMAX,1x10,0,4305,10,10,0]",
        ),
    ),
    "check": (mlperf.parse_crcs, ("m-check-done", "m-crc-[0,0123abcd]", "m-crc-[1,ffffffff]")),
}


def damaged(text: str, dice: random.Random) -> str:
    """Return a text with one to three random changes."""
    for _ in range(dice.randint(1, 3)):
        at, end = sorted((dice.randint(0, len(text)), dice.randint(0, len(text))))
        end = min(end, at + dice.choice([0, 1, 2, 8, 1 << 20]))
        piece = dice.choice([dice.choice(_PIECES), chr(dice.randrange(128)), text[at:end]])
        kind = dice.randrange(4)
        if kind == 0:
            text = text[:at] + piece + text[end:]
        elif kind == 1:
            text = text[:at] + piece + text[at:]
        elif kind == 2:
            lines = text.split("\n")
            dice.shuffle(lines)
            text = "\n".join(lines)
        else:
            text = text[:at] + text[end:]
    return text


@dataclass(slots=True, kw_only=True)
class Target:
    """Something that reads what comes from elsewhere.

    Attributes:
        count: How many inputs it gets.
        try_one: Reads one; returns the input for a complaint.
        named: What it may raise.
    """

    count: int
    try_one: Callable[[random.Random, list[object]], None]
    named: tuple[type[BaseException], ...] = (DseError,)


@dataclass(slots=True)
class Tally:
    """How often a target answered, refused, or did neither."""

    answered: int = 0
    refused: int = 0
    faults: dict[str, str] = field(default_factory=dict)


def _board(dice: random.Random, given: list[object]) -> None:
    parse, lines = _ANSWERS[dice.choice(list(_ANSWERS))]
    text = damaged("\n".join(lines), dice)
    given.append((parse, text))
    parse(text.split("\n"))


def _design(dice: random.Random, given: list[object]) -> None:
    text = damaged(Design({"cfu": "simd", "simd_width": 4, "bypass": True}).canonical, dice)
    given.append(text)
    Design.from_canonical(text)


def _typed(dice: random.Random, given: list[object]) -> None:
    text = damaged(
        dice.choice(["latency_us <= 100 ms", "lut4 < 8,000", "fmax_mhz >= 60 MHz"]), dice
    )
    given.append(text)
    parse_limit(text)


def _weight(dice: random.Random, given: list[object]) -> None:
    text = damaged("latency_us=2.5", dice)
    given.append(text)
    parse_weight(text)


def _of_files(folder: Path) -> dict[str, Target]:
    """Return the targets that read files, which are written below a folder."""
    _, config = load_config(_QUICK)
    stored, quick = space_json(Space(PARAMETERS), ()), _QUICK.read_text()
    content, options = _MODEL.read_bytes(), find_operators(()).options
    entry = folder / "stage" / "key"
    entry.mkdir(parents=True)
    (entry / "file").write_text("x")
    manifest = json.dumps(
        {"stage": "stage", "version": 1, "inputs": {"a": [1, None]}, "files": {"file": "00"}}
    )

    def space(dice: random.Random, given: list[object]) -> None:
        text = damaged(stored, dice)
        given.append(text)
        stored_code(text)
        known_space(config, text)

    def toml(dice: random.Random, given: list[object]) -> None:
        text = damaged(quick, dice)
        given.append(text)
        (folder / "x.toml").write_text(text, encoding="utf-8", errors="surrogatepass")
        load_config(folder / "x.toml", with_workload=False)

    def artefact(dice: random.Random, given: list[object]) -> None:
        text = damaged(manifest, dice)
        given.append(text)
        (entry / MANIFEST).write_text(text, encoding="utf-8", errors="surrogatepass")
        judge(entry)

    def model(dice: random.Random, given: list[object]) -> None:
        changed = bytearray(content)
        for _ in range(dice.randint(1, 8)):
            changed[dice.randrange(len(changed))] = dice.choice([0, 1, 0x7F, 0x80, 0xFF])
        given.append("a model")
        parse_tflite(
            bytes(changed[: dice.choice([len(changed), dice.randrange(len(changed))])]),
            "x",
            options,
        )

    return {
        "space of a database": Target(count=50_000, try_one=space),
        "config": Target(count=15_000, try_one=toml),
        "manifest of an artefact": Target(count=50_000, try_one=artefact),
        "model": Target(count=15_000, try_one=model),
    }


def targets(folder: Path) -> dict[str, Target]:
    """Return everything that is tried, by name."""
    return {
        "answer of a board": Target(count=600_000, try_one=_board),
        "design of a database": Target(count=150_000, try_one=_design),
        "limit": Target(count=100_000, try_one=_typed),
        "weight": Target(count=50_000, try_one=_weight),
        **_of_files(folder),
    }


def run(target: Target, *, count: int, dice: random.Random) -> Tally:
    """Try a target so often."""
    tally = Tally()
    for _ in range(count):
        given: list[object] = []
        try:
            target.try_one(dice, given)
        except target.named:
            tally.refused += 1
        except Exception as error:  # noqa: BLE001 - that is what is looked for
            where = error.__traceback__
            while where is not None and where.tb_next is not None:
                where = where.tb_next
            line = "" if where is None else f"{where.tb_frame.f_code.co_name}:{where.tb_lineno}"
            tally.faults.setdefault(f"{type(error).__name__} in {line}", repr(given)[:400])
        else:
            tally.answered += 1
    return tally


@dataclass(frozen=True, slots=True, kw_only=True)
class Tried:
    """What became of the inputs of one target.

    Attributes:
        count: Inputs.
        tally: Their ends.
        spent_s: CPU time.
    """

    count: int
    tally: Tally
    spent_s: float

    @property
    def cells(self) -> list[str]:
        """What ``HEADER`` names from its second column on."""
        ends = (self.tally.answered, self.tally.refused, len(self.tally.faults))
        return [f"{number:,}" for number in (self.count, *ends, round(self.spent_s))]


def tried(*, share: float, seed: int, only: Sequence[str] = ()) -> Iterator[tuple[str, Tried]]:
    """Try each target, or some, and give what became of it."""
    with tempfile.TemporaryDirectory() as folder:
        for name, target in targets(Path(folder)).items():
            if only and name not in only:
                continue
            count, started_s = max(1, int(target.count * share)), time.process_time()
            tally = run(target, count=count, dice=random.Random(seed))
            yield name, Tried(count=count, tally=tally, spent_s=time.process_time() - started_s)


def rows() -> list[list[str]]:
    """Try everything, as often as is usual."""
    return [[name, *found.cells] for name, found in tried(share=1.0, seed=1)]


def main() -> int:
    """Print a row for each target; 1 where one did neither answer nor refuse."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.fuzz", description=__doc__)
    parser.add_argument("--share", type=float, default=1.0, help="of the inputs that are usual")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--only", nargs="*", default=[], metavar="NAME")
    given = parser.parse_args()
    every = {}
    for name, found in tried(share=given.share, seed=given.seed, only=given.only):
        every[name] = found
        for kind, text in found.tally.faults.items():
            print(f"{name}: {kind}: {text}", flush=True)
    print(table_text(list(HEADER), [[name, *found.cells] for name, found in every.items()]))
    faults = sum(len(found.tally.faults) for found in every.values())
    total = sum(found.count for found in every.values())
    print(f"{total:,} inputs, {faults} kinds of fault")
    return 1 if faults else 0


if __name__ == "__main__":
    sys.exit(main())
