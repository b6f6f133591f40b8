"""Programs of others that speak MLPerf Tiny find what they expect on the simulated board.

Two ways of driving the port are in use: a thread that splits lines and waits for one with
``m-ready`` in it, 31 bytes a command (the mlcommons/tiny runner), and blocking reads up to
``m-ready`` and its line end after a junk command, 32 bytes a command (a course's script).
"""

import queue
import re
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest
import serial

from runners.boards import SimulatedBoard
from runners.boards.mlperf import Device
from runners.tools import run_tool
from sw_templates.generate import generate
from sw_templates.options import PLAIN_KERNELS, FirmwareOptions
from sw_templates.reference import Golden, golden_inferences, random_inputs
from sw_templates.soc_map import SocMap
from tests.firmware.firmware_bench import commands_for, load_bytes, small_network
from tests.soc.soc_bench import Simulator, simulator

pytestmark = pytest.mark.slow


@dataclass(frozen=True, kw_only=True)
class Workload:
    given: bytes
    golden: Golden
    folders: dict[str, Path]


@pytest.fixture(scope="module")
def built() -> Simulator:
    return simulator("sdram")


@pytest.fixture(scope="module")
def workload(tmp_path_factory: pytest.TempPathFactory, built: Simulator) -> Workload:
    """A small network with one firmware for each kind of client, ready to run."""
    folder = tmp_path_factory.mktemp("network")
    path, model = load_bytes(small_network(), folder)
    given = random_inputs(model, count=1, seed=3)[0]
    folders = {}
    for results in ("integers", "floats"):
        options = FirmwareOptions(device_name="NYCU-CAS-LAB", model_name="ic01", results=results)
        firmware = generate(
            model,
            kernels=PLAIN_KERNELS,
            options=options,
            soc=SocMap.from_json(built.soc_json),
            out=folder / results,
        )
        for command in commands_for(firmware, "rv32im", options):
            run_tool(command, cwd=folder / results, log=folder / "log", timeout_s=120)
        binary = (folder / results / "firmware.bin").read_bytes()
        folders[results] = built.prepare(binary, folder / f"run-{results}")
    return Workload(given=given, golden=golden_inferences(path, model, [given])[0], folders=folders)


def port_of(board: SimulatedBoard) -> str:
    """Wait until the board is up, as a person does, and leave the line to another program."""
    Device(board, timeout_s=120, infer_timeout_s=120).connect()
    board._line.close()
    return board._line._name


@pytest.fixture
def integers_port(built: Simulator, workload: Workload) -> Iterator[str]:
    board = SimulatedBoard(built.program, workload.folders["integers"])
    yield port_of(board)
    board.close()


@pytest.fixture
def floats_port(built: Simulator, workload: Workload) -> Iterator[str]:
    board = SimulatedBoard(built.program, workload.folders["floats"])
    yield port_of(board)
    board.close()


def test_blocking_reads_after_a_junk_command(integers_port: str, workload: Workload) -> None:
    with serial.Serial(integers_port, 1_843_200) as port:

        def ask(command: str) -> str:
            port.write(f"{command}%".encode())
            return port.read_until(b"m-ready\r\n").decode()

        ask("xxxxxxxx30")
        time.sleep(0.1)
        port.read_all()
        assert re.search(r"m-name-dut-\[(NYCU-CAS-LAB)\]", ask("name"))
        for _ in range(2):
            port.read_all()
            ask(f"db load {len(workload.given)}")
            for at in range(0, len(workload.given), 32):
                ask(f"db {workload.given[at : at + 32].hex()}")
            answer = ask("infer 1 0")
            begin, end = map(int, re.findall(r"m-lap-us-(\d+)", answer))
            assert 0 < end - begin < 1_000_000
            printed = re.search(r"m-results-\[([-0-9,]+)\]", answer)
            assert printed is not None
            assert [int(n) for n in printed[1].split(",")] == np.frombuffer(
                workload.golden.output, np.int8
            ).tolist()


def test_a_reading_thread_that_splits_lines(floats_port: str, workload: Workload) -> None:
    with serial.Serial(floats_port, 115_200, timeout=0.1) as port:
        lines: queue.Queue[str] = queue.Queue()
        stop = threading.Event()

        def read() -> None:
            text = ""
            while not stop.is_set():
                letter = port.read(1).decode()
                if letter == "\n":
                    lines.put(text)
                    text = ""
                elif letter not in ("", "\r"):
                    text += letter

        reader = threading.Thread(target=read)
        reader.start()

        def ask(command: str) -> list[str]:
            port.write(command.encode())
            port.write(b"%")
            answer = [lines.get(timeout=60)]
            while "m-ready" not in answer[-1]:
                answer.append(lines.get(timeout=60))
            return answer

        try:
            assert "m-name-dut-[NYCU-CAS-LAB]" in ask("name")
            assert "m-model-[ic01]" in ask("profile"), "it looks the benchmark up by this name"
            assert re.fullmatch(r"m-lap-us-\d+", ask("timestamp")[0])
            ask(f"db load {len(workload.given)}")
            for at in range(0, len(workload.given), 31):
                answer = ask("db " + workload.given[at : at + 31].hex())
            assert answer[0] == "m-load-done"
            answer = ask("infer 2 1")
        finally:
            stop.set()
            reader.join()
        assert [line for line in answer if not line.startswith("m-lap")][:-2] == [
            "m-warmup-start-1",
            "m-warmup-done",
            "m-infer-start-2",
            "m-infer-done",
        ]
        values = (np.frombuffer(workload.golden.output, np.int8).astype(int) + 128) / 256
        assert answer[-2] == f"m-results-[{','.join(f'{value:.3f}' for value in values)}]"


def test_our_own_commands(built: Simulator, workload: Workload) -> None:
    """Every layer bit for bit on a real core, and the same cycles in a second run."""
    found = []
    for _ in range(2):
        board = SimulatedBoard(built.program, workload.folders["integers"])
        device = Device(board, timeout_s=120, infer_timeout_s=120)
        assert device.connect() == "NYCU-CAS-LAB"
        device.load(workload.given)
        device.infer()
        layers = device.layers()
        assert device.output() == workload.golden.output
        assert sum(layer.cycles for layer in layers) <= device.cycles()
        assert device.check() == tuple(workload.golden.layer_crcs)
        found.append([layer.cycles for layer in layers])
        board.close()
    assert found[0] == found[1]
