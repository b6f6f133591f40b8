"""How many faults the oracle finds: ``python -m benchmarks.oracle [MODEL ...] [--mutants 60]``.

Faults are put into the C of every design's kernels and of its CFU's model, a token at a time, and
the firmware is run on the host, first with the golden inputs that a simulation has, then, where
these do not show it, with every candidate, as stage ``kernel-check`` does. ``--hardware N`` puts N
faults into the CFU's Verilog and simulates the SoC with the golden inputs. A fault is caught when a
layer's checksum differs, or the program crashes or hangs. One that no candidate shows may be no
fault at all (a bound that is never reached); it is counted apart, and named.
"""

import argparse
import hashlib
import random
import re
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from contracts.faults import DseError, TooSlow, WrongResult
from contracts.parameter import Value
from dse.output.report import table_text
from runners.job import Job, Limits, Target, Workload
from runners.pipeline import ROOT, Cache, default_root
from runners.stages.all import pipeline_of
from runners.stages.firmware import generate_firmware
from runners.stages.golden import read_golden
from runners.workload import workload_model
from sw_templates.build import HOST_NAME, host_link_command, host_object_command
from sw_templates.host import batch_answers, batch_command
from sw_templates.model import Model
from sw_templates.oracle.candidates import candidate_inputs
from sw_templates.reference import Golden, golden_inferences
from tests.fast_design import CPU, FIRMWARE

OWN = ROOT / "models" / "imgc" / "imgc_resnet8_int8.tflite"
DESIGNS: Mapping[str, Mapping[str, Value]] = {
    "none": {"cfu": "none"},
    "simd, registers": {
        "cfu": "simd",
        "simd_width": 4,
        "buffer_depth": 0,
        "hardware_requantisation": False,
    },
    "simd, buffers": {
        "cfu": "simd",
        "simd_width": 16,
        "buffer_depth": 1024,
        "hardware_requantisation": True,
    },
}
_HANGS_S = 60

C_OPERATORS = (
    ("+ for -", re.compile(r"(?<=[\w)\]]) - (?=[\w(])"), " + "),
    ("- for +", re.compile(r"(?<=[\w)\]]) \+ (?=[\w(])"), " - "),
    ("<= for <", re.compile(r" < "), " <= "),
    ("> for >=", re.compile(r" >= "), " > "),
    ("= for +=", re.compile(r" \+= "), " = "),
    ("one more", re.compile(r"(?<![\w.\[{<])(\d+)(?![\w.\]])"), lambda m: str(int(m[1]) + 1)),
    ("a shift by one more", re.compile(r">> (\w+)\b"), r">> (\1 + 1)"),
    ("a statement less", re.compile(r"(?m)^(\s+)[\w\[\]>*.-]+ [+|]?= [^;{]*;$"), r"\1;"),
)
VERILOG_OPERATORS = (
    ("- for +", re.compile(r" \+ (?=[\\$\w])"), " - "),
    ("| for &", re.compile(r" & (?=[\\$\w])"), " | "),
    ("no inversion", re.compile(r"= ~(?=[\\$\w])"), "= "),
    ("!= for ==", re.compile(r" == (?=[\\$\w])"), " != "),
    ("branches swapped", re.compile(r" \? (\S+) : (\S+);"), r" ? \2 : \1;"),
    ("unsigned for signed", re.compile(r"\$signed\(([^()]*)\) \* \$signed"), r"(\1) * $signed"),
    ("a shift less", re.compile(r" >> (?=[\\$\w])"), " >> 1 + "),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Mutant:
    """One changed source.

    Attributes:
        file: Name of the source.
        line: Number of the line.
        what: How it was changed.
        text: All of the changed source.
    """

    file: str
    line: int
    what: str
    text: str


@dataclass(slots=True, kw_only=True)
class Score:
    """What became of a design's mutants on one network."""

    by_golden: int = 0
    by_others: int = 0
    hidden: list[Mutant] = field(default_factory=list)
    invalid: int = 0

    def row(self, model: str, design: str, where: str) -> list[str]:
        """Return the row of the table."""
        counts = (self.by_golden, self.by_others, len(self.hidden), self.invalid)
        return [model, design, where, *map(str, counts)]


def mutants_of(
    file: str, text: str, operators: Sequence[tuple[str, re.Pattern[str], object]]
) -> Iterator[Mutant]:
    """Return every single change of a source by the operators; comments stay as they are."""
    for what, pattern, replacement in operators:
        for found in pattern.finditer(text):
            line_start = text.rfind("\n", 0, found.start()) + 1
            line = text[line_start : text.find("\n", found.start())]
            if re.match(r"\s*(/?\*|//|#|\(\*)", line) or "/*" in line[: found.start() - line_start]:
                continue
            new = replacement(found) if callable(replacement) else found.expand(str(replacement))
            if new == found[0]:
                continue
            number = text.count("\n", 0, found.start()) + 1
            changed = text[: found.start()] + new + text[found.end() :]
            yield Mutant(file=file, line=number, what=what, text=changed)


class Host:
    """A design's firmware on the host, of which one source is exchanged at a time."""

    def __init__(self, job: Job, model: Model, folder: Path) -> None:
        self._model = model
        self._folder = folder
        firmware = generate_firmware(job, soc=None, out=folder)
        self._objects = {name: f"{name}.o" for name in firmware.sources}
        for name, out in self._objects.items():
            self._run(host_object_command(name, out=out))
        own = {f"{layer.kernel}.c" for layer in model.layers}
        family = {name for name in firmware.sources if name.startswith(("simd", "cfu"))}
        self.sources = {
            name: (folder / name).read_text()
            for name in sorted((own | family) & set(firmware.sources))
        }
        self.sources["requantise.h"] = (folder / "requantise.h").read_text()

    def answers(self, mutant: Mutant, inputs: Sequence[bytes]) -> tuple[Golden, ...] | None:
        """Return what a mutant answers; None when it does not: it crashes, hangs, writes nonsense.

        Raises:
            subprocess.CalledProcessError: It does not compile.
        """
        path = self._folder / mutant.file
        right = path.read_text()
        path.write_text(mutant.text)
        try:
            objects = dict(self._objects)
            sources = [mutant.file] if mutant.file in objects else list(self.sources)
            for source in sources:
                if source in objects:
                    objects[source] = f"{source}.mutant.o"
                    self._run(host_object_command(source, out=objects[source]))
            self._run(host_link_command([*objects.values()], out=HOST_NAME))
        finally:
            path.write_text(right)
        try:
            self._run(batch_command(self._folder / HOST_NAME, inputs, folder=self._folder))
            return batch_answers(self._model, self._folder)
        except (subprocess.SubprocessError, DseError):
            return None

    def _run(self, command: Sequence[str]) -> None:
        subprocess.run(
            command,
            cwd=self._folder,
            check=True,
            timeout=_HANGS_S,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )


def job_for(path: Path, design: Mapping[str, Value], families: tuple[str, ...] = ()) -> Job:
    """Return a job that simulates a design on a network."""
    return Job(
        design={**CPU, **FIRMWARE, **design},
        target=Target(name="ulx3s_85f", part="LFE5U-85F", clock_hz=50_000_000),
        workload=Workload(
            model=path.absolute(), model_sha256=hashlib.sha256(path.read_bytes()).hexdigest()
        ),
        limits=Limits(cycles=100_000_000),
        families=families,
    )


def kernel_score(path: Path, design: Mapping[str, Value], *, count: int, seed: int) -> Score:
    """Put faults into the C of a design's kernels and of its CFU's model."""
    job = job_for(path, design)
    model = workload_model(job.workload)
    golden = read_golden(_golden(job))
    inputs = [bytes.fromhex(one["input"]) for one in golden]
    right = golden_inferences(path, model, inputs)
    candidates = candidate_inputs(model, seed=job.workload.seed)
    every = golden_inferences(path, model, candidates)
    score = Score()
    with tempfile.TemporaryDirectory(prefix="oracle-") as folder:
        host = Host(job, model, Path(folder))
        found = [
            mutant
            for name, text in host.sources.items()
            for mutant in mutants_of(name, text, C_OPERATORS)
        ]
        random.Random(seed).shuffle(found)
        tried = 0
        for mutant in found:
            if tried == count:
                break
            try:
                is_caught = host.answers(mutant, inputs) != right
            except subprocess.CalledProcessError:
                score.invalid += 1
                continue
            tried += 1
            if is_caught:
                score.by_golden += 1
            elif host.answers(mutant, candidates) == every:
                score.hidden.append(mutant)
            else:
                score.by_others += 1
    return score


MUTANT_FAMILY = """
import dataclasses
from pathlib import Path
from hw_templates.cfu.simd import FAMILY as SIMD
TEXT = Path(__file__).with_name("mutant.v")
FAMILY = dataclasses.replace(
    SIMD, name="mutant", verilog=lambda _: TEXT.read_text(), sources=(*SIMD.sources, TEXT)
)
"""


def hardware_score(path: Path, design: Mapping[str, Value], *, count: int, seed: int) -> Score:
    """Put faults into the Verilog of a design's CFU and simulate its SoC."""
    cache = Cache(default_root())
    built = pipeline_of(job_for(path, design), cache=cache, report=lambda _: None)
    text = (built.get("cfu").folder / "cfu.v").read_text()
    found = list(mutants_of("cfu.v", text, VERILOG_OPERATORS))
    random.Random(seed).shuffle(found)
    score = Score()
    for mutant in found[:count]:
        with tempfile.TemporaryDirectory(prefix="oracle-") as folder:
            (Path(folder) / "mutant.v").write_text(mutant.text)
            family = Path(folder) / "mutant.py"
            family.write_text(MUTANT_FAMILY)
            job = job_for(path, {**design, "cfu": "mutant"}, families=(str(family),))
            try:
                pipeline_of(job, cache=cache, report=lambda _: None).get("simulate")
            except (WrongResult, TooSlow):
                score.by_golden += 1
            except DseError as error:
                print(f"  {mutant.line}: {mutant.what}: {error}", file=sys.stderr)
                score.invalid += 1
            else:
                score.hidden.append(mutant)
    return score


def _golden(job: Job) -> Path:
    return pipeline_of(job, cache=Cache(default_root()), report=lambda _: None).get("golden").folder


def main() -> None:
    """Print a row for each network, design and place of the faults."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("models", nargs="*", type=Path, default=[OWN])
    parser.add_argument("--mutants", type=int, default=60, help="in the C of each design (60)")
    parser.add_argument("--hardware", type=int, default=0, help="in the Verilog of each CFU (0)")
    parser.add_argument("--seed", type=int, default=1)
    arguments = parser.parse_args()
    rows: list[list[str]] = []
    hidden: list[tuple[str, str, Mutant]] = []
    for path in arguments.models:
        for name, design in DESIGNS.items():
            scores = {"C": kernel_score(path, design, count=arguments.mutants, seed=arguments.seed)}
            if arguments.hardware and design["cfu"] != "none":
                scores["Verilog"] = hardware_score(
                    path, design, count=arguments.hardware, seed=arguments.seed
                )
            for where, score in scores.items():
                rows.append(score.row(path.stem, name, where))
                print("  ".join(rows[-1]), file=sys.stderr, flush=True)
                hidden += [(path.stem, name, mutant) for mutant in score.hidden]
    header = ["model", "design", "in", "golden inputs", "other candidates", "none", "invalid"]
    print(table_text(header, rows, left=3))
    for model, name, mutant in hidden:
        print(f"shown by none: {model}, {name}, {mutant.file}:{mutant.line}: {mutant.what}")


if __name__ == "__main__":
    main()
