"""Writing the folder: systems, code and results, with the files that the runner writes.

The structure is that of the README of https://github.com/mlcommons/tiny_results_v1.3. A result is
``result.txt`` there; the runner's own README and the published submissions have ``results.txt``,
which is what is written here. ``results.json`` beside it has each inference, as the runner's has.
"""

import json
import statistics
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from dse import program
from dse.output.mlperf_tiny.benchmarks import Benchmark
from runners.job import Job
from runners.measuring.session import Session, Window
from runners.samples.files import Samples

SIMULATED = "simulated by Verilator"
"""What the description of a system says whose figures no FPGA gave."""
IMPLEMENTATION = "soft-soc-dse"


@dataclass(frozen=True, slots=True, kw_only=True)
class Handing:
    """What is handed in.

    Attributes:
        benchmark: Which one.
        submitter: The organisation.
        division: ``open`` or ``closed``.
        system: What the system is called: a file name.
        job: What ran.
        samples: What was run.
        session: What the board said.
        correct_percent: Samples classified as labelled; None for anomalies.
        auc: Area under the ROC curve; None where there is none.
        is_simulated: No FPGA was involved.
        stamp: Time as it stands before the lines of a summary.
        command: That wrote the folder.
        code: Files that the implementation consists of: path below its folder, and the file.
        texts: The same for files that are written here.
    """

    benchmark: Benchmark
    submitter: str
    division: str
    system: str
    job: Job
    samples: Samples
    session: Session
    correct_percent: float | None
    auc: float | None
    is_simulated: bool
    stamp: str
    command: str
    code: Mapping[str, Path]
    texts: Mapping[str, str]


def mlperf_files(handing: Handing) -> dict[str, bytes]:
    """Return the files of the folder by their path in it."""
    top = f"{handing.division}/{handing.submitter}"
    results = f"{top}/results/{handing.system}/{handing.benchmark.folder}"
    code = f"{top}/code/{handing.benchmark.reference}/{IMPLEMENTATION}"
    session = handing.session
    head = (
        f"{handing.stamp} Device name retrieved: {session.device}",
        f"{handing.stamp} Device profile retrieved: {session.firmware}",
        f"{handing.stamp} Device model retrieved: {session.model}",
    )
    texts = {
        f"{top}/systems/{handing.system}.json": _json(system_description(handing)),
        f"{top}/README.md": _readme(handing),
        f"{results}/accuracy/results.txt": accuracy_summary(handing),
        f"{results}/accuracy/results.json": _json(accuracy_results(handing)),
        f"{results}/accuracy/log.txt": _lines((*head, *session.log)),
        f"{results}/performance/results.txt": performance_summary(session.windows, handing.stamp),
        f"{results}/performance/results.json": _json(performance_results(handing)),
        f"{results}/performance/log.txt": _lines((*head, *session.window_log)),
        **{f"{code}/{name}": text for name, text in handing.texts.items()},
    }
    files = {name: text.encode() for name, text in texts.items()}
    return files | {f"{code}/{name}": path.read_bytes() for name, path in handing.code.items()}


def performance_summary(windows: Sequence[Window], stamp: str) -> str:
    """Return ``performance/results.txt``: each row, and the median throughput."""
    lines = []
    for number, window in enumerate(windows, start=1):
        met = "met" if window.runtime_s >= LEAST_WINDOW_S else "NOT met"
        lines += [
            f"Performance results for window {number}",
            f"    # Inferences : {window.count}",
            f"    Runtime: {window.runtime_s} sec.",
            f"    Throughput: {window.throughput} inf./sec.",
            f"    Runtime requirements have been {met}.",
        ]
    rule = f"{stamp} ulp-mlperf: {'-' * 57}"
    median = statistics.median(window.throughput for window in windows)
    lines += [
        rule,
        f"{stamp} ulp-mlperf: Median throughput is {median:>10.3f} inf./sec.",
        rule,
    ]
    return _lines(lines)


LEAST_WINDOW_S = 10.0
"""How long a row for throughput must last."""


def accuracy_summary(handing: Handing) -> str:
    """Return ``accuracy/results.txt``."""
    lines = []
    if handing.correct_percent is not None:
        lines.append(f"{handing.stamp} ulp-mlperf: Top 1% = {handing.correct_percent:2.1f}")
    if handing.auc is not None:
        lines.append(f"{handing.stamp} ulp-mlperf: AUC = {handing.auc:.3f}")
    return _lines(lines)


def accuracy_results(handing: Handing) -> list[dict[str, Any]]:
    """Return ``accuracy/results.json``: an object for each inference."""
    answers = iter(handing.session.answers)
    return [
        {
            **_sample(handing, number),
            "infer": {
                "start_time": (answer := next(answers)).begin_us,
                "end_time": answer.end_us,
                "results": list(answer.results),
                "elapsed_time": answer.elapsed_us,
                "total_inferences": 1,
                "iterations": 1,
                "warmups": 0,
            },
            "mode": "a",
        }
        for number, sample in enumerate(handing.samples.samples)
        for _ in sample.inputs
    ]


def performance_results(handing: Handing) -> list[dict[str, Any]]:
    """Return ``performance/results.json``: an object for each row."""
    return [
        {
            **_sample(handing, number),
            "infer": {
                "start_time": window.begin_us,
                "end_time": window.end_us,
                "results": list(window.results),
                "elapsed_time": window.end_us - window.begin_us,
                "total_inferences": 1,
                "iterations": window.count,
                "warmups": window.warmups,
                "throughput": window.throughput,
            },
            "mode": "p",
        }
        for number, window in enumerate(handing.session.windows)
    ]


def _sample(handing: Handing, number: int) -> dict[str, Any]:
    sample = handing.samples.samples[number]
    is_cut = len(sample.windows) > 1
    return {
        "file": Path(sample.name).name,
        "classes": str(handing.samples.classes),
        "class": str(sample.label),
        "bytes_to_send": str(len(sample.windows[0])) if is_cut else None,
        "stride": None,
        "total_length": len(sample.windows) if is_cut else None,
    }


def system_description(handing: Handing) -> dict[str, str]:
    """Return ``systems/NAME.json``; what only the submitter knows is empty."""
    target, design = handing.job.target, handing.job.design
    cfu = str(design.get("cfu", "none"))
    frequency = f"{target.clock_hz / 1e6:.8g} MHz"
    memory = target.memory
    notes = "soft SoC in an FPGA, searched by soft-soc-dse"
    if handing.is_simulated:
        notes = f"{SIMULATED}, not measured on hardware; {notes}"
    kinds = {"on-chip": "block RAM", "sdram": "SDR SDRAM"}
    return {
        "Submitter": handing.submitter,
        "Division": handing.division,
        "Status": "rdi",
        "Board Name": target.board,
        "Board Memory capacity (not including SoC, processor, or accelerator)": (
            f"{memory.size_bytes >> 10} KiB" if memory.kind == "sdram" else ""
        ),
        "Board Memory type": kinds[memory.kind] if memory.kind == "sdram" else "",
        "Board storage capacity": "",
        "Board storage type": "",
        "SoC Name": f"LiteX with VexRiscv on {target.part}",
        "SoC Memory capacity (not including processor or accelerator)": (
            f"{(memory.sram_bytes if memory.kind == 'sdram' else memory.size_bytes) >> 10} KiB"
        ),
        "SoC Memory type": "block RAM",
        "SoC storage capacity": f"{memory.rom_bytes >> 10} KiB",
        "SoC storage type": "boot ROM",
        "Processor(s) Name": "VexRiscv, RV32IM",
        "Processor(s) Frequencies": frequency,
        "Processor memory type and capacity": ", ".join(
            f"{name.removesuffix('_bytes')} {design[name]} B"
            for name in ("icache_bytes", "dcache_bytes")
            if name in design
        ),
        "Processor storage type and capacity": "",
        "Accelerator": "" if cfu == "none" else f"custom function unit {cfu}",
        "Accelerator(s) Frequencies": "" if cfu == "none" else frequency,
        "Accelerator memory type and capacity": "",
        "Accelerator storage type and capacity": "",
        "Hardware Notes": notes,
        "Inference Framework": f"soft-soc-dse {program.version()}",
        "Software Libraries": "",
        "Operating System": "bare metal",
        "Other Software Stack": "",
        "Software Notes": "",
        "Quantization Method": "TensorFlow Lite int8 quantisation",
        "Training framework (open division)": "",
        "ML Model Compiler(s)": f"soft-soc-dse {program.version()}",
        "General Compiler(s)": "riscv64-unknown-elf-gcc",
        "Other Software": "",
        "Training and Quantization Notes": "",
    }


def _readme(handing: Handing) -> str:
    lines = [
        f"# {handing.submitter}: {handing.benchmark.name} on {handing.system}",
        "",
        "Written by",
        "",
        f"    {handing.command}",
        "",
        f"Code: `code/{handing.benchmark.reference}/{IMPLEMENTATION}`: the generated C and the"
        " firmware that ran, the Verilog of CPU and custom function unit, design and config."
        " The same command measures it again.",
        "",
        "To be added by hand: the submission checklist (PDF) beside the system's description.",
    ]
    if handing.is_simulated:
        lines += ["", "These figures are of a simulated board. They are not a result of hardware."]
    return _lines(lines)


def _json(data: Any) -> str:
    return json.dumps(data, indent=1) + "\n"


def _lines(lines: Sequence[str]) -> str:
    return "".join(f"{line}\n" for line in lines)
