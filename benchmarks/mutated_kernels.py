"""Faults in the C of a design's kernels, for ``benchmarks.oracle``: run as kernel-check does."""

import json
import random
import subprocess
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from benchmarks.mutants import C_OPERATORS, Mutant, mutants_of, program_mutants
from benchmarks.rounding_proof import HEADER, is_same_for_all
from contracts.faults import Bug, DseError
from runners.job import Job
from runners.stages.design import family_of
from runners.stages.firmware import generate_firmware
from runners.stages.golden import read_candidates, read_golden, read_lone
from runners.workload import workload_model
from sw_templates.build import HOST_NAME, host_link_command, host_object_command
from sw_templates.generate import EMULATION
from sw_templates.host import batch_answers, batch_command, lone_answers, lone_command
from sw_templates.oracle.lone_layers import LoneInput, lone_inputs
from sw_templates.reference import Golden

_COMPILER_LIMIT_S = 300.0
_HANGS_FACTOR, _HANGS_LEAST_S = 10, 5.0
"""A program that takes so many times longer than the right one is taken for hung."""
_NO_STATEMENT_BEFORE = (";", "{", "}", ":", "*/")


def run_quietly(
    command: Sequence[str], folder: Path, *, limit_s: float = _COMPILER_LIMIT_S
) -> None:
    """Run a command in a folder.

    Raises:
        subprocess.SubprocessError: It failed, or took very long.
    """
    subprocess.run(
        command,
        cwd=folder,
        check=True,
        timeout=limit_s,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )


@dataclass(slots=True, kw_only=True)
class MutatedKernels:
    """A design's firmware on the host, of which one source is exchanged at a time.

    Attributes:
        job: The design and the network.
        golden: Artefact folder of stage ``golden``.
        folder: To work in; must exist.
    """

    job: Job
    golden: Path
    folder: Path
    _objects: dict[str, str] = field(init=False)
    _candidates: tuple[tuple[bytes, Golden], ...] = field(init=False)
    _count_golden: int = field(init=False)
    _lone: tuple[LoneInput, ...] = field(init=False)
    _lone_right: tuple[int | None, ...] = field(init=False)
    _limit_s: float = field(init=False, default=_COMPILER_LIMIT_S)

    def __post_init__(self) -> None:
        firmware = generate_firmware(self.job, soc=None, out=self.folder)
        self._objects = {name: f"{name}.o" for name in firmware.sources}
        for name, out in self._objects.items():
            run_quietly(host_object_command(name, out=out), self.folder)
        self._candidates = read_candidates(self.golden)
        self._count_golden = len(read_golden(self.golden))
        workload = self.job.workload
        self._lone = lone_inputs(workload_model(workload), seed=workload.seed)
        self._lone_right = read_lone(self.golden)
        run_quietly(host_link_command([*self._objects.values()], out=HOST_NAME), self.folder)
        started_s = time.monotonic()
        if self._is_wrong(self._candidates) or self._is_wrong_alone():
            raise Bug("the right kernels are wrong", fix="look into kernel-check")
        took_s = time.monotonic() - started_s
        self._limit_s = _HANGS_LEAST_S + _HANGS_FACTOR * took_s

    def mutants(self) -> list[Mutant]:
        """Return all changes of lines that some candidate executes."""
        executed = self._executed()
        found = []
        for name in sorted(executed):
            text = (self.folder / name).read_text()
            code = [
                mutant
                for mutant in mutants_of(name, text, C_OPERATORS)
                if mutant.line in executed[name]
            ]
            program = program_mutants(name, text)
            # as many words of a unit's program as changes of code, at most: there are thousands
            random.Random(name).shuffle(program)
            found += code + program[: len(code)]
        return found

    def verdict(self, mutant: Mutant) -> str:
        """Return who shows a mutant, as ``oracle.VERDICTS`` says."""
        path = self.folder / mutant.file
        right = path.read_text()
        path.write_text(mutant.text)
        try:
            objects = dict(self._objects)
            for source in [mutant.file] if mutant.file in objects else self._kernels():
                objects[source] = f"{source}.mutant.o"
                run_quietly(host_object_command(source, out=objects[source]), self.folder)
        except subprocess.SubprocessError:
            return "invalid"
        finally:
            path.write_text(right)
        if all(self._content(objects[name]) == self._content(right) for name, right in self._all()):
            return "same code"
        run_quietly(host_link_command([*objects.values()], out=HOST_NAME), self.folder)
        if self._is_wrong(self._candidates[: self._count_golden]):
            return "golden"
        if self._is_wrong(self._candidates[self._count_golden :]):
            return "others"
        if self._is_wrong_alone():
            return "alone"
        is_proved = mutant.file == HEADER and is_same_for_all(
            workload_model(self.job.workload),
            right=self.folder,
            changed=mutant.text,
            folder=self.folder,
        )
        return "in range" if is_proved else "none"

    def _all(self) -> Sequence[tuple[str, str]]:
        return [*self._objects.items()]

    def _content(self, name: str) -> bytes:
        return (self.folder / name).read_bytes()

    def _is_wrong(self, candidates: Sequence[tuple[bytes, Golden]]) -> bool:
        """A program that crashes, hangs or writes nonsense is wrong, too."""
        inputs = [content for content, _ in candidates]
        try:
            command = batch_command(self.folder / HOST_NAME, inputs, folder=self.folder)
            run_quietly(command, self.folder, limit_s=self._limit_s)
            found = batch_answers(workload_model(self.job.workload), self.folder)
        except (subprocess.SubprocessError, DseError):
            return True
        return found != tuple(right for _, right in candidates)

    def _is_wrong_alone(self) -> bool:
        """Tell whether a layer by itself is wrong, on inputs of its own."""
        try:
            command = lone_command(self.folder / HOST_NAME, self._lone, folder=self.folder)
            run_quietly(command, self.folder, limit_s=self._limit_s)
            found = lone_answers(self.folder, count=len(self._lone))
        except (subprocess.SubprocessError, DseError):
            return True
        compared = zip(found, self._lone_right, strict=True)
        return any(None not in pair and pair[0] != pair[1] for pair in compared)

    def _kernels(self) -> list[str]:
        """Return the sources that a design has its own way with: those of layers and of the CFU."""
        model = workload_model(self.job.workload)
        own = {f"{layer.kernel}.c" for layer in model.layers}
        kernels = family_of(self.job).kernels
        family = set() if kernels is None else {file.stem for file in kernels.folder.glob("*.c.j2")}
        return sorted((own | family - {EMULATION}) & self._objects.keys())

    def _executed(self) -> Mapping[str, set[int]]:
        """Return the lines of kernels that are executed with all candidates, as gcov counts."""
        coverage = ("--coverage", "-O0")
        objects = []
        for name in self._objects:
            command = host_object_command(name, out=f"{name}.covered.o")
            is_kernel = name in self._kernels()
            run_quietly([*command, *coverage] if is_kernel else command, self.folder)
            objects.append(f"{name}.covered.o")
        run_quietly([*host_link_command(objects, out="covered"), "--coverage"], self.folder)
        inputs = [content for content, _ in self._candidates]
        run_quietly(batch_command(self.folder / "covered", inputs, folder=self.folder), self.folder)
        counts: dict[str, dict[int, int]] = {}
        for notes in self.folder.glob("*.gcda"):
            told = subprocess.run(
                ["gcov", "--json-format", "--stdout", notes.name],
                cwd=self.folder,
                check=True,
                capture_output=True,
            )
            for file in json.loads(told.stdout)["files"]:
                lines = counts.setdefault(file["file"], {})
                for line in file["lines"]:
                    number = line["line_number"]
                    lines[number] = max(lines.get(number, 0), line["count"])
        wanted = (*self._kernels(), HEADER)
        return {
            name: _whole_statements((self.folder / name).read_text(), lines)
            for name, lines in counts.items()
            if name in wanted
        }


def _whole_statements(text: str, counts: Mapping[int, int]) -> set[int]:
    """Return the executed lines; those without a count belong to the statement before them."""
    executed: set[int] = set()
    before = ";"
    for number, line in enumerate(text.splitlines(), 1):
        is_continued = number - 1 in executed and not before.endswith(_NO_STATEMENT_BEFORE)
        if counts.get(number, 0) > 0 or (number not in counts and is_continued):
            executed.add(number)
        before = line.rstrip()
    return executed
