"""A simulator whose serial line is as slow, and as unforgiving, as a real one.

The project's simulator gives a byte when the firmware asks for it. Here one comes every so many
cycles whether it is wanted or not, into the UART's queue of 16 bytes, and is lost when that is
full. Its clock may run on while nothing comes, so that the boot program's patience ends.
"""

from functools import cache
from pathlib import Path
from tempfile import mkdtemp

from hw_templates.soc import simulation
from hw_templates.soc.config import SocConfig
from runners.job import Job, Target, Workload
from runners.pipeline import Cache, default_root
from runners.stages.all import pipeline_of
from runners.stages.simulator import SIMULATOR
from runners.tools import newest_clang, run_tool
from tests.fast_design import CPU, FIRMWARE
from tests.soc.soc_bench import CORE_WITHOUT_CFU, generate, runtime, scratch

_CHANGES = {
    "            if (soc_.serial_source_valid) [[unlikely]] {\n": """\
            if (soc_.serial_source_ready && soc_.serial_source_valid) [[unlikely]] {
                next_out_ = cycles_ + byte_cycles;
""",
    "            if (soc_.serial_starved) [[unlikely]] {\n                feed();\n": """\
            soc_.serial_source_ready = cycles_ >= next_out_;
            if (cycles_ >= next_in_) [[unlikely]] {
                next_in_ = cycles_ + byte_cycles;
                if (!never_waits && soc_.serial_starved && !soc_.serial_source_valid)
                    serial_.wait_for_input();
                if (serial_.available()) {
                    soc_.serial_sink_data = serial_.get();
                    soc_.serial_sink_valid = 1;
                    if (!soc_.serial_sink_ready)
                        std::fprintf(stderr, "lost a byte\\n");
                }
""",
    "    uint64_t cycles_ = 0;\n": """\
    uint64_t cycles_ = 0;
    uint64_t next_in_ = 0;
    uint64_t next_out_ = 0;
""",
}


@cache
def paced_simulator(
    config: SocConfig, *, byte_cycles: int, core: Path = CORE_WITHOUT_CFU, waits: bool = True
) -> Path:
    """Build it for a core without CFU; return the program."""
    folder = Path(mkdtemp(dir=scratch()))
    soc = generate(config, folder / "soc")
    model = folder / "model"
    model.mkdir()
    for name, source in {"soc.v": soc / "soc.v", "VexRiscv.v": core}.items():
        (folder / name).write_text(simulation.without_public(source.read_text()))
    text = (simulation.CPP_FOLDER / "main.cpp").read_text()
    for old, new in _CHANGES.items():
        assert text.count(old) == 1, old
        text = text.replace(old, new)
    constants = (
        f"constexpr uint64_t byte_cycles = {byte_cycles};\n"
        f"constexpr bool never_waits = {str(not waits).lower()};\n"
    )
    text = text.replace("namespace {", f"{constants}\nnamespace {{", 1)
    log = folder / "log"
    run_tool(
        simulation.verilate_command(["soc.v", "VexRiscv.v"], "model"),
        cwd=folder,
        log=log,
        timeout_s=300,
    )
    unit = simulation.simulator_unit([path.name for path in model.glob("*.cpp")])
    (model / "main.cpp").write_text(text)  # found before the project's own
    (model / "unit.cc").write_text(unit)
    root = Path((runtime() / "verilator_root").read_text().split()[-1])
    run_tool(
        simulation.compile_command(
            "unit.cc",
            compiler=newest_clang(),
            verilator_root=root,
            runtime=runtime(),
            out=folder / SIMULATOR,
        ),
        cwd=model,
        log=log,
        timeout_s=300,
    )
    return folder / SIMULATOR


@cache
def slowest_core() -> Path:
    """The slowest core that the generator makes: no caches, no multiplier, a shift a cycle."""
    design = {
        **CPU,
        **FIRMWARE,
        "icache_bytes": 0,
        "dcache_bytes": 0,
        "multiplier": "none",
        "divider": "none",
        "shifter": "iterative",
        "branch_prediction": "none",
        "bypass": False,
        "cfu": "none",
    }
    for name in (
        *("icache_ways", "icache_line_bytes", "branch_stage", "relaxed_fetch"),
        *("dcache_ways", "dcache_line_bytes"),
    ):
        del design[name]
    job = Job(
        design=design,
        target=Target(name="none", part="LFE5U-25F", clock_hz=50_000_000),
        workload=Workload(model=Path("none"), model_sha256=""),
    )
    pipeline = pipeline_of(job, cache=Cache(default_root()), report=lambda _: None)
    return pipeline.get("cpu").folder / "VexRiscv.v"
