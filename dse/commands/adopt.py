"""A folder in the style of CFU-Playground becomes a CFU family of a study's own."""

import hashlib
import os
import re
import shutil
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path

from contracts.faults import ConfigError, DoesNotBuild, DseError, Then
from contracts.parameter import Value
from dse import program
from dse.commands.adopted_files import (
    FAMILY_FILE,
    HARDWARE,
    KERNELS,
    STUDY_FILE,
    TARGET,
    Proposal,
    copy_texts,
    family_text,
    proposal,
    study_text,
)
from dse.commands.targets import find_targets
from dse.shipped import OUR_MODEL
from hw_templates import cpu
from hw_templates.cfu import BUILT_IN, load_families, on_host
from hw_templates.cfu.amaranth_file import arguments_of
from hw_templates.cfu.inspect_verilog import inspect_cfu
from hw_templates.cfu.verilog_source import modules_in, verilog_files
from runners import ROOT
from runners.job import Job, StageEvent, Workload
from runners.pipeline import Cache, default_root
from runners.stages.all import pipeline_of
from runners.stages.own_source import calling
from runners.tools import child
from runners.workload import workload_model
from sw_templates.tflite_import import load_model
from sw_templates.tflm.find import FoundKernels, find_kernels

_PYTHON = ("cfu.py", "cfu_gen.py")
_BUILT = frozenset({"build", "third_party", "__pycache__"})
_CONTRACT = "tests/cfu/test_cfu_contract.py"


@dataclass(frozen=True, slots=True, kw_only=True)
class Hardware:
    """The CFU of a project.

    Attributes:
        top: Its file.
        texts: All files of it, by their paths.
        parameters: Name to default.
        notes: What a person should know.
    """

    top: str
    texts: Mapping[str, str]
    parameters: Mapping[str, int | str]
    notes: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Adopted:
    """What came of a project.

    Attributes:
        name: Of the family.
        folder: Where it is.
        found: What was found, in sentences.
        guessed: What a person should look at.
        missing: What is not there, or does not work.
        checked: What was run, and how it went.
        is_right: Kernels and hardware gave the reference's bytes, and the contract holds.
        start: The command that starts a study.
    """

    name: str
    folder: Path
    found: tuple[str, ...]
    guessed: tuple[str, ...]
    missing: tuple[str, ...]
    checked: tuple[str, ...]
    is_right: bool
    start: str


def adopt_project(
    folder: Path,
    *,
    out: Path | None,
    model: Path | None,
    report: Callable[[StageEvent], None],
    say: Callable[[str], None],
) -> Adopted:
    """Write a family for the CFU and the kernels of a folder, and check both.

    Args:
        folder: Holds ``cfu.v``, ``cfu.sv`` or ``cfu.py``; nothing outside of it is read.
        out: Where the family goes, a new folder; by default beside the current folder's files, by
            the family's name.
        model: The network to check with and to search for; by default the only ``.tflite`` of the
            folder, else our own.
        report: Told when a stage starts and ends.
        say: Told what is going on.

    Raises:
        ConfigError: There is no CFU, it does not build, or ``out`` is taken.
        DseError: A tool failed.
    """
    if not folder.is_dir():
        raise ConfigError(f"there is no folder {folder}", fix="name the folder that holds cfu.v")
    if model is not None and not model.is_file():
        raise ConfigError(f"there is no file {model}", fix="name a .tflite file with --model")
    folder = folder.resolve()
    name = _family_name(folder.name)
    out = (out or Path(f"{name}-family")).resolve()
    if out.exists() and (not out.is_dir() or any(out.iterdir())):
        raise ConfigError(
            f"{out} is there already, and may have been edited",
            fix="name another folder with --out, or remove it",
        )
    try:
        hardware = _hardware(folder)
    except DoesNotBuild as error:
        raise ConfigError(error.what, error.fix, error.detail) from error
    kernels = find_kernels(folder)
    proposals = [proposal(name, each, value) for each, value in hardware.parameters.items()]
    network = (model or _only_model(folder) or OUR_MODEL).resolve()
    load_model(network)  # says what is wrong with it

    def write() -> None:
        text = family_text(
            name=name,
            project=folder.name,
            top=hardware.top,
            proposals=proposals,
            headers=kernels.headers,
            sources=kernels.sources,
            defines=kernels.defines,
        )
        copy_texts({FAMILY_FILE: text}, out)

    copy_texts(hardware.texts, out / HARDWARE)
    for target, path in kernels.files.items():
        (out / KERNELS / target).parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(path, out / KERNELS / target)
    write()
    copy_texts({STUDY_FILE: study_text(name=name, model=os.path.relpath(network, out))}, out)
    say(f"written to {out}; now it is checked")

    checker = _Checker(out / FAMILY_FILE, name, network, report)
    # as family.py has them until it is written again
    defaults = {each.name: each.default for each in proposals if each.is_searched}
    fault = checker.fault(defaults)
    left_out: list[str] = []
    if fault is None:
        for at, each in enumerate(proposals):
            proposals[at], reasons = checker.without_faults(each, defaults)
            left_out += reasons
        write()
    contract, is_kept = _contract(out / FAMILY_FILE, name, commands=checker.commands)
    found, guessed = _found(hardware, kernels), _guessed(proposals, kernels)
    missing = [
        "no reference model and no C emulation: the Verilog, compiled by Verilator, is the model on"
        " the host, so what it answers is compared with nothing but the network's bytes",
        *([] if kernels.headers else ["no kernels: ours do not use the CFU"]),
        *left_out,
        *([] if fault is None else [f"{fault.kind.value}: {fault.what}\n  fix: {fault.fix}"]),
    ]
    return Adopted(
        name=name,
        folder=out,
        found=found,
        guessed=guessed,
        missing=tuple(missing),
        checked=(*checker.said, contract),
        is_right=fault is None and is_kept,
        start=f"{program.name()} start {os.path.relpath(out / STUDY_FILE)}",
    )


def adopted_text(adopted: Adopted) -> str:
    """Lay out what came of a project."""
    lines = [f"family {adopted.name} in {adopted.folder}"]
    for title, sentences in (
        ("found", adopted.found),
        ("guessed, look at it", adopted.guessed),
        ("missing", adopted.missing),
        ("checked", adopted.checked),
    ):
        if sentences:
            lines += ["", f"{title}:", *(f"  {sentence}" for sentence in sentences)]
    lines += ["", "start a study:", f"  {adopted.start}"]
    return "\n".join(lines)


def _family_name(folder: str) -> str:
    name = re.sub(r"[^a-z0-9_-]+", "-", folder.lower()).strip("-_") or "adopted"
    if not name[0].isalpha():
        name = f"cfu-{name}"
    return f"{name}-own" if name in BUILT_IN or name == "cfu" else name


def _hardware(folder: Path) -> Hardware:
    python = [each for each in _PYTHON if (folder / each).is_file()]
    if python and not _has_verilog(folder):
        return _in_amaranth(folder, python[0])
    facts = inspect_cfu(folder)
    notes = [f"{each} was not read: {facts.source.top} is there" for each in python]
    return Hardware(
        top=facts.source.top,
        texts=facts.source.texts,
        parameters=facts.parameters,
        notes=(*facts.notes, *notes),
    )


def _has_verilog(folder: Path) -> bool:
    """Return whether a file of Verilog in a folder has module ``Cfu``."""
    paths = (folder / name for name in verilog_files(folder, is_deep=True))
    return any(
        "Cfu" in modules_in(path.read_text(encoding="utf-8", errors="replace"))
        for path in paths
        if path.resolve().is_relative_to(folder)
    )


def _in_amaranth(folder: Path, top: str) -> Hardware:
    texts = {}
    for path in sorted(folder.rglob("*.py")):
        name = path.relative_to(folder)
        if any(part.startswith(".") or part in _BUILT for part in name.parts):
            continue
        if not path.resolve().is_relative_to(folder):
            raise ConfigError(
                f"{name.as_posix()} is a link to outside of {folder.name}",
                fix="copy the file into the folder: nothing outside of it is read",
            )
        texts[name.as_posix()] = path.read_text(encoding="utf-8")
    with calling(top):
        parameters = arguments_of(folder / top)
    return Hardware(
        top=top,
        texts=texts,
        parameters=parameters,
        notes=(f"{top} is Python: its code runs whenever the family is used",),
    )


def _only_model(folder: Path) -> Path | None:
    models = [
        path for path in folder.rglob("*.tflite") if path.resolve().is_relative_to(folder.resolve())
    ]
    return models[0] if len(models) == 1 else None


def _found(hardware: Hardware, kernels: FoundKernels) -> tuple[str, ...]:
    parameters = ", ".join(f"{name} = {value}" for name, value in hardware.parameters.items())
    return (
        f"hardware: {hardware.top}"
        + (f" with {', '.join(t for t in hardware.texts if t != hardware.top)}"
           if len(hardware.texts) > 1 else ""),
        f"parameters: {parameters or 'none'}",
        *(f"kernel {kernel}: {path}" for kernel, path in kernels.headers.items()),
        *(f"compiled with them: {path}" for path in kernels.sources),
        *([f"macros of the Makefile: {' '.join(kernels.defines)}"] if kernels.defines else []),
        *hardware.notes,
        *kernels.notes,
    )  # fmt: skip


def _guessed(proposals: list[Proposal], kernels: FoundKernels) -> tuple[str, ...]:
    searched = tuple(
        f"{each.name}: {', '.join(map(str, each.values))} for {each.hardware_name}"
        for each in proposals
        if each.is_searched
    )
    alone = tuple(
        f"{each.hardware_name} stays {each.default}; {FAMILY_FILE} is where to give it more values"
        for each in proposals
        if not each.is_searched
    )
    fixed = (
        ("the kernels know no parameter: values with which they give other bytes are left out",)
        if searched and kernels.headers
        else ()
    )
    return (*searched, *alone, *fixed)


class _Checker:
    """Runs kernels and Verilog on this computer, design by design.

    Args:
        family: The family's file.
        name: Of the family.
        network: A ``.tflite`` file.
        report: Told when a stage starts and ends.

    Attributes:
        said: What was run, and how it went.
        commands: File of the instructions that the kernels gave a design that is right; None where
            there are none.
    """

    def __init__(
        self, family: Path, name: str, network: Path, report: Callable[[StageEvent], None]
    ) -> None:
        content = network.read_bytes()
        workload = Workload(model=network, model_sha256=hashlib.sha256(content).hexdigest())
        target = next(each for each in find_targets(family.parent) if each.name == TARGET)
        core = {each.name: each.default for each in cpu.PARAMETERS}
        self._job = Job(design=core, target=target, workload=workload, families=(str(family),))
        self._name = name
        self._network = network
        self._report = report
        self._cache = Cache(default_root())
        self.said: list[str] = []
        self.commands: Path | None = None

    def fault(self, values: Mapping[str, Value]) -> DseError | None:
        """Return what is wrong with a design; None where nothing is.

        Raises:
            DseError: The machine's or a tool's fault, not one of the design.
        """
        job: Job = replace(self._job, design={**self._job.design, "cfu": self._name, **values})
        try:
            pipeline = pipeline_of(job, cache=self._cache, report=self._report)
            pipeline.get("cfu")
            if load_families(job.families).named(self._name).kernel_headers is not None:
                commands = pipeline.get("cfu-check").folder / on_host.COMMANDS_FILE
                if self.commands is None and commands.is_file() and commands.stat().st_size:
                    self.commands = commands
                pipeline.get("firmware")  # the core's compiler wants more than this computer's
                self._say()
        except DseError as error:
            if error.then is not Then.INFEASIBLE:
                raise
            return error
        return None

    def without_faults(
        self, each: Proposal, defaults: Mapping[str, Value]
    ) -> tuple[Proposal, list[str]]:
        """Return a proposal with those values that work, and why the others do not.

        Args:
            each: The proposal.
            defaults: Of all parameters of the family.
        """
        kept, reasons = [], []
        for value in each.values:
            fault = None
            if value != each.default:
                fault = self.fault({**defaults, each.name: value})
            if fault is None:
                kept.append(value)
            else:
                reasons.append(
                    f"{each.hardware_name} = {value} is left out: {fault.kind.value}: {fault.what}"
                )
        return replace(each, values=tuple(kept)), reasons

    def _say(self) -> None:
        if self.said:
            return
        layers = workload_model(self._job.workload).layers
        headers = load_families(self._job.families).named(self._name).kernel_headers
        assert headers is not None
        used = sorted({layer.kernel for layer in layers} & headers.headers.keys())
        unused = sorted(headers.headers.keys() - set(used))
        self.said.append(
            f"every layer of {self._network.name} is bit-exact with the CFU's Verilog; it has"
            f" {', '.join(used) or 'none of the kernels'}"
            + (
                f", and not {', '.join(unused)}: try --model with a network that has"
                if unused
                else ""
            )
        )


def _contract(family: Path, name: str, *, commands: Path | None) -> tuple[str, bool]:
    """Run the contract tests of a family; return how they went, in words.

    Args:
        family: The family's file.
        name: Of the family.
        commands: File of instructions for its hardware; None for random ones.
    """
    variables = {"CFU_MODULES": str(family)}
    if commands is not None:
        variables["CFU_COMMANDS"] = str(commands)
    settings = " ".join(f"{variable}={value}" for variable, value in variables.items())
    again = f"{settings} python -m pytest {_CONTRACT} -k {name}"
    if not (ROOT / _CONTRACT).is_file():
        return f"contract tests: not run, only a checkout has them: {again}", True
    done = child.output_of(
        [
            *(sys.executable, "-m", "pytest", _CONTRACT, "-q", "-p", "no:cacheprovider"),
            *("-k", name, "--no-header", "-o", "addopts=", "--tb=line"),
        ],
        cwd=ROOT,
        env=variables,
    )
    lines = [line for line in done.stdout.splitlines() if line.strip()]
    said = lines[-1] if lines else "no test ran"
    if done.returncode == 0:
        return f"contract tests: {said}", True
    return f"contract tests: {said}; see them: {again}", False
