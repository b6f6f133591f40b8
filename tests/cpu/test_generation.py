import re
import subprocess
from pathlib import Path

import pytest

from contracts.faults import ToolCrashed
from hw_templates.cpu import CpuConfig, generator_batch_command, generator_command, options_text
from runners.tools import run_tool
from tests.cpu.core_bench import design, generate_cores
from tests.cpu.legal_designs import pairwise_designs

pytestmark = pytest.mark.slow

WISHBONE_SIGNALS = [
    "CYC",
    "STB",
    "ACK",
    "WE",
    "ADR",
    "DAT_MISO",
    "DAT_MOSI",
    "SEL",
    "ERR",
    "CTI",
    "BTE",
]
WISHBONE = {f"{bus}Wishbone_{signal}" for bus in ("iBus", "dBus") for signal in WISHBONE_SIGNALS}
SYSTEM = {"clk", "reset", "externalResetVector", "timerInterrupt", "softwareInterrupt"}
SYSTEM |= {"externalInterruptArray"}
COMMAND = ("valid", "ready", "payload_function_id", "payload_inputs_0", "payload_inputs_1")
CFU = {f"CfuPlugin_bus_cmd_{signal}" for signal in COMMAND}
CFU |= {f"CfuPlugin_bus_rsp_{signal}" for signal in ("valid", "ready", "payload_outputs_0")}
WIDTHS = {"iBusWishbone_ADR": 30, "dBusWishbone_ADR": 30, "externalInterruptArray": 32}
WIDTHS |= {"CfuPlugin_bus_cmd_payload_function_id": 10, "dBusWishbone_SEL": 4}


def ports(verilog: str) -> dict[str, int]:
    """Return the width of each port of the module VexRiscv."""
    header = re.search(r"^module VexRiscv \((.*?)\);", verilog, re.DOTALL | re.MULTILINE)
    assert header is not None
    found = re.findall(r"(?:input|output)\s+(?:reg\s+)?(?:\[(\d+):0\]\s+)?(\w+)", header[1])
    return {name: int(high or 0) + 1 for high, name in found}


def test_designs_across_the_whole_space_elaborate_and_lint(jars: Path, tmp_path: Path) -> None:
    designs = pairwise_designs(seed=1)
    assert len(designs) >= 40
    configs = {
        f"core{n}": CpuConfig.from_values({**values, "cfu": "simd" if n % 2 else "none"})
        for n, values in enumerate(designs)
    }
    for name, core in generate_cores(jars, configs, tmp_path).items():
        verilog = core.read_text()
        widths = ports(verilog)
        assert widths.keys() == WISHBONE | SYSTEM | (CFU if configs[name].cfu else set()), name
        assert all(widths[port] == WIDTHS[port] for port in WIDTHS.keys() & widths.keys()), name
        assert "verilator public" not in verilog
        lint = ["verilator", "--lint-only", "-Wno-WIDTH", "--top-module", "VexRiscv", str(core)]
        done = subprocess.run(lint, capture_output=True, text=True, check=False)
        assert (done.returncode, done.stderr) == (0, ""), (name, configs[name])


@pytest.mark.parametrize("dcache_bytes", [0, 4096])
def test_whether_the_core_takes_an_answer_is_decided_by_a_register(
    dcache_bytes: int, jars: Path, tmp_path: Path
) -> None:
    config = CpuConfig.from_values(design(dcache_bytes=dcache_bytes, cfu="simd"))
    verilog = generate_cores(jars, {"core": config}, tmp_path)["core"].read_text()
    driver = re.search(r"assign CfuPlugin_bus_rsp_ready = \(! (\w+)\);", verilog)
    assert driver is not None
    assert re.search(rf"^  reg +{driver[1]};", verilog, re.MULTILINE)
    assert re.search(rf"^ +{driver[1]} <= ", verilog, re.MULTILINE)  # clocked


def test_same_design_gives_same_bytes_alone_and_in_a_batch(jars: Path, tmp_path: Path) -> None:
    values = (design(), design(icache_bytes=0, branch_prediction="dynamic", cfu="none"))
    configs = {f"core{n}": CpuConfig.from_values(value) for n, value in enumerate(values)}
    batch = generate_cores(jars, configs, tmp_path / "batch")
    for name, config in configs.items():
        alone = tmp_path / name
        alone.mkdir()
        options = alone / "options"
        options.write_text(options_text(config))
        run_tool(
            generator_command(jars, options, alone), cwd=alone, log=alone / "log", timeout_s=120
        )
        assert (alone / "VexRiscv.v").read_bytes() == batch[name].read_bytes()


def test_a_core_that_cannot_be_made_is_named_and_does_not_stop_the_others(
    jars: Path, tmp_path: Path
) -> None:
    good, bad = tmp_path / "good.properties", tmp_path / "bad.properties"
    good.write_text(options_text(CpuConfig.from_values(design())))
    bad.write_text(good.read_text().replace("shifter=full", "shifter=fast"))
    command = generator_batch_command(jars, [(bad, tmp_path / "bad"), (good, tmp_path / "good")])
    with pytest.raises(ToolCrashed):
        run_tool(command, cwd=tmp_path, log=tmp_path / "log", timeout_s=120)
    assert "shifter=fast; allowed: iterative, full" in (tmp_path / "log").read_text()
    assert not (tmp_path / "bad/VexRiscv.v").exists()
    assert (tmp_path / "good/VexRiscv.v").exists()
