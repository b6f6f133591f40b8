"""How many faults the oracle finds: ``python -m benchmarks.oracle [FILE|FOLDER ...]``.

Faults are put into the C of every design's kernels, a token at a time, in lines that the network
executes, and the firmware is run on the host as stage ``kernel-check`` does; and into the Verilog
of its CFU, which meets the kernels as in stage ``cfu-check`` and then, in the SoC, as in
``simulate``. A fault is caught when a layer's checksum differs, or the program crashes or hangs. A
change that leaves the compiled code as it was is none. What nothing shows is named, with the reason
why no input can show it where it is known (``equivalent_mutants.py``).

Each finished mutant is a line of the file ``--done``: a run that was ended goes on, and
``--report`` prints what there is.
"""

import argparse
import hashlib
import json
import random
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from benchmarks.equivalent_mutants import reason_of
from benchmarks.mutants import Mutant
from benchmarks.mutated_hardware import MutatedHardware
from benchmarks.mutated_kernels import MutatedKernels
from benchmarks.networks import models_of
from benchmarks.rounding_ties import may_tie
from contracts.faults import DseError
from contracts.parameter import Value
from dse.output.report import table_text
from runners.job import Job, Limits, Memory, Target, Workload
from runners.pipeline import ROOT, Cache, default_root
from runners.stages.all import pipeline_of
from runners.workload import workload_model
from tests.fast_design import CPU, FIRMWARE

_SHARED = ROOT.parent / "shared" / "data"
OWN = ROOT / "models" / "imgc" / "imgc_resnet8_int8.tflite"
_REGISTERS: Mapping[str, Value] = {
    "cfu": "simd",
    "simd_width": 4,
    "buffer_depth": 0,
    "hardware_requantisation": False,
    "channelwise": False,
}
_BUFFERS: Mapping[str, Value] = {
    "cfu": "simd",
    "simd_width": 16,
    "buffer_depth": 1024,
    "hardware_requantisation": True,
    "channelwise": False,
}
_STREAM: Mapping[str, Value] = {
    "cfu": "stream",
    "stream_products": 8,
    "stream_filter_words": 1024,
    "stream_activation_words": 1024,
    "stream_channelwise": True,
    "stream_lut_products": False,
}
_ENGINE: Mapping[str, Value] = {
    "cfu": "engine",
    "engine_rows": 4,
    "engine_cols": 4,
    "engine_activation_kib": 128,
    "engine_weight_kib": 288,
    "engine_units": 2,
    "engine_packed": True,
    "engine_lut_percent": 0,
    "engine_clock_percent": 100,
    "engine_weight_bits": 8,
}
DESIGNS: Mapping[str, Mapping[str, Value]] = {
    "none": {"cfu": "none"},
    "simd, registers": _REGISTERS,
    "simd, buffers": _BUFFERS,
    "simd, channelwise": {**_BUFFERS, "channelwise": True},
    "stream": _STREAM,
    "engine": _ENGINE,
}
FAMILIES = tuple(dict.fromkeys(str(design["cfu"]) for design in DESIGNS.values()))
VERDICTS: Mapping[str, str] = {
    "golden": "a golden input shows it",
    "others": "another candidate shows it, on the host",
    "alone": "a layer by itself shows it, on inputs of its own, on the host",
    "simulation": "only the simulated SoC shows it",
    "missed": "only what is beyond the bound of cfu-check shows it: not caught",
    "none": "nothing shows it",
    "time": "instructions of the CFU take another time, and answer what is right",
    "unreached": "the changed signal of the CFU is never other than right",
    "in range": "it makes no difference for any sum that this network can have: all were tried",
    "same code": "it compiles to what is right, so it is no fault",
    "invalid": "it does not compile",
}
"""Who shows a mutant."""
MODELS = (OWN, *(_SHARED / name for name in ("models", "imgc", "mlperf_tiny")))
_MOST_TRIED = 4
"""So many times the mutants that are wanted: small networks leave much of a CFU unused."""
_SHOWN_BY_NONE = ("none", "time", "unreached")
MUTANTS, HARDWARE = 50, 15
HEADER = ("network", *FAMILIES, "of them in Verilog", "golden input", "others", "alone")
HEADER += ("simulation", "proved equivalent", "argued equivalent", "missed", "unexplained")
_DONE = Path("oracle.jsonl")
_ALL = "all"
_CAUGHT = ("golden", "others", "alone", "simulation")
_IN_RANGE = "in range"
_NO_FAULT = (_IN_RANGE, "same code", "invalid")


@dataclass(frozen=True, slots=True, kw_only=True)
class Pair:
    """Where faults are put: a network, a design, and which sources of it."""

    model: Path
    design: str
    where: str

    def __str__(self) -> str:
        return f"{self.model.stem}, {self.design}, {self.where}"


class Done:
    """The mutants that are finished, in a file of JSON lines.

    Args:
        path: The file; made when the first one is added.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        lines = path.read_text().splitlines() if path.exists() else []
        self._records: dict[str, dict[str, Any]] = {}
        for line in lines:
            try:
                record = json.loads(line)
            except json.JSONDecodeError:  # a run was ended within its last line
                continue
            self._records[record["key"]] = record

    @property
    def records(self) -> Sequence[dict[str, Any]]:
        """All of them."""
        return [*self._records.values()]

    def get(self, key: str) -> dict[str, Any] | None:
        """Return the record of a mutant, None when it is not finished."""
        return self._records.get(key)

    def add(self, record: dict[str, Any]) -> None:
        """Keep a record."""
        with self._path.open("a") as sink:
            sink.write(f"\n{json.dumps(record)}" if _is_cut(self._path) else json.dumps(record))
            sink.write("\n")
        self._records[record["key"]] = record


def _is_cut(path: Path) -> bool:
    content = path.read_bytes()
    return bool(content) and not content.endswith(b"\n")


def job_for(path: Path, design: Mapping[str, Value]) -> Job:
    """Return a job that simulates a design on a network, from on-chip memory."""
    return Job(
        design={**CPU, **FIRMWARE, **design},
        target=Target(
            name="ulx3s_85f",
            part="LFE5U-85F",
            clock_hz=50_000_000,
            memory=Memory(kind="on-chip", size_bytes=1 << 20, l2_bytes=0),
        ),
        workload=Workload(
            model=path.absolute(), model_sha256=hashlib.sha256(path.read_bytes()).hexdigest()
        ),
        limits=Limits(cycles=200_000_000),
    )


def verdicts(
    pair: Pair, *, count: int, done: Done, simulates: bool = True
) -> Iterator[dict[str, Any]]:
    """Return the records of a pair's mutants until ``count`` of them are faults that can show.

    Fewer where most of those that are tried cannot.
    """
    job = job_for(pair.model, DESIGNS[pair.design])
    cache = Cache(default_root())
    model = workload_model(job.workload)
    facts = {"every_input": model.input_bytes == 1, "may_tie": may_tie(model)}
    with tempfile.TemporaryDirectory(prefix="oracle-") as name:
        folder = Path(name)
        source: MutatedKernels | MutatedHardware
        if pair.where == "C":
            golden = pipeline_of(job, cache=cache, report=lambda _: None).get("golden").folder
            source = MutatedKernels(job=job, golden=golden, folder=folder)
        else:
            source = MutatedHardware(job=job, cache=cache, folder=folder, simulates=simulates)
        found = source.mutants()
        random.Random(str(pair)).shuffle(found)
        faults = 0
        for mutant in found[: _MOST_TRIED * count]:
            if faults == count:
                break
            key = _key(job, pair, mutant)
            record = done.get(key)
            if record is None:
                started_s = time.monotonic()
                record = _record(key, pair, mutant, source.verdict(mutant))
                record |= {**facts, "seconds": round(time.monotonic() - started_s, 2)}
                done.add(record)
            faults += is_fault(record)
            yield record


def is_fault(record: Mapping[str, Any]) -> bool:
    """Tell whether a mutant is caught or must be, as far as anybody knows."""
    is_equivalent = record["verdict"] in _SHOWN_BY_NONE and bool(_reason(record))
    return record["verdict"] not in _NO_FAULT and not is_equivalent


def _key(job: Job, pair: Pair, mutant: Mutant) -> str:
    parts = (job.workload.model_sha256, pair.design, pair.where, mutant.file, mutant.text)
    return hashlib.sha256("\0".join(parts).encode()).hexdigest()[:24]


def _record(key: str, pair: Pair, mutant: Mutant, verdict: str) -> dict[str, Any]:
    return {
        "key": key,
        "model": pair.model.stem,
        "design": pair.design,
        "where": pair.where,
        "file": mutant.file,
        "line": mutant.line,
        "code": mutant.code,
        "what": mutant.what,
        "verdict": verdict,
    }


def pairs_of(models: Sequence[Path], designs: Sequence[str]) -> list[Pair]:
    """Return what faults are put into; networks of little work first."""
    by_macs = []
    for path in models:
        try:
            model = workload_model(job_for(path, DESIGNS["none"]).workload)
        except DseError as error:
            print(f"{path.stem}: {error}", file=sys.stderr)
            continue
        by_macs.append((model.macs, path))
    return [
        Pair(model=path, design=design, where=where)
        for _, path in sorted(by_macs)
        for design in designs
        for where in (("C",) if DESIGNS[design]["cfu"] == "none" else ("C", "Verilog"))
    ]


def page_rows(records: Sequence[dict[str, Any]]) -> list[list[str]]:
    """Return the rows of ``HEADER``: of each network what was caught of what was tried."""
    rows = []
    for model in (*sorted({record["model"] for record in records}), _ALL):
        mine = [record for record in records if model in (record["model"], _ALL)]
        cells = []
        for family in FAMILIES:
            faults = [each for each in mine if family_of(each) == family and is_fault(each)]
            caught = sum(each["verdict"] in _CAUGHT for each in faults)
            cells.append(f"{caught} of {len(faults)}" if faults else "–")
        faults = [each for each in mine if is_fault(each)]
        verdicts = Counter(each["verdict"] for each in faults)
        no_faults = [
            each
            for each in mine
            if each["verdict"] in (*_SHOWN_BY_NONE, _IN_RANGE) and not is_fault(each)
        ]
        proved = sum(each["verdict"] == _IN_RANGE or each["every_input"] for each in no_faults)
        in_verilog = sum(each["where"] == "Verilog" for each in faults)
        equivalent = (proved, len(no_faults) - proved)
        unexplained = sum(verdicts[each] for each in _SHOWN_BY_NONE)
        counts = (in_verilog, *(verdicts[each] for each in _CAUGHT), *equivalent)
        rows.append([model, *cells, *map(str, (*counts, verdicts["missed"], unexplained))])
    return rows


def family_of(record: Mapping[str, Any]) -> str:
    """Return the family of CFUs that a mutant is of."""
    return str(DESIGNS[record["design"]]["cfu"])


def survivors(records: Sequence[dict[str, Any]]) -> Iterator[str]:
    """Say of each mutant that was not caught why, as far as it is known."""
    grouped: dict[tuple[str, ...], list[dict[str, Any]]] = {}
    for record in records:
        if record["verdict"] in (*_SHOWN_BY_NONE, "missed"):
            key = (*(record[name] for name in ("verdict", "file", "code", "what")), _reason(record))
            grouped.setdefault(key, []).append(record)
    for (verdict, file, code, what, known), each in sorted(grouped.items()):
        where = ", ".join(dict.fromkeys(f"{one['model']} ({one['design']})" for one in each))
        reason = known if verdict in _SHOWN_BY_NONE else ""
        title = f"{'equivalent' if reason else 'NOT CAUGHT'}: {file}: {what}: {code}"
        yield f"{title}\n    in {where}\n    {reason or VERDICTS[verdict]}"


def _reason(record: Mapping[str, Any]) -> str:
    return reason_of(
        model=record["model"],
        file=record["file"],
        code=record["code"],
        what=record["what"],
        every_input=record["every_input"],
        may_tie=record.get("may_tie", True),
        verdict=record["verdict"],
    )


def main() -> None:
    """Print a row for each network, then what was not caught."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("models", nargs="*", type=Path, metavar="FILE|FOLDER")
    parser.add_argument("--mutants", type=int, default=MUTANTS, help="faults in a family (50)")
    parser.add_argument(
        "--hardware", type=int, default=HARDWARE, help="of them in its CFU's Verilog (15)"
    )
    parser.add_argument("--designs", nargs="*", choices=[*DESIGNS], default=[*DESIGNS])
    parser.add_argument("--done", type=Path, default=_DONE, metavar="FILE")
    parser.add_argument(
        "--no-simulation",
        action="store_true",
        help="do not simulate the SoC with what nothing else shows: it counts as not caught",
    )
    parser.add_argument("--report", action="store_true", help="print what is done, and do nothing")
    given = parser.parse_args()
    done = Done(given.done)
    if given.report:
        print_report(done.records)
        return
    models = models_of(given.models or [path for path in MODELS if path.exists()])
    records = run(
        models,
        given.designs,
        mutants=given.mutants,
        hardware=given.hardware,
        done=done,
        simulates=not given.no_simulation,
    )
    print_report(records)


def run(
    models: Sequence[Path],
    designs: Sequence[str],
    *,
    mutants: int,
    hardware: int,
    done: Done,
    simulates: bool = True,
) -> list[dict[str, Any]]:
    """Put faults into designs, those that are not finished, and return the records of all.

    Args:
        models: Networks.
        designs: Of ``DESIGNS``.
        mutants: Faults in a family, on each network.
        hardware: How many of them are in Verilog.
        done: What is finished.
        simulates: Whether the SoC is simulated with what nothing else shows of the hardware.
    """
    pairs = pairs_of(models, designs)
    wanted = {pair: _wanted(pair, designs, mutants=mutants, hardware=hardware) for pair in pairs}
    left = sum(wanted.values())
    records: list[dict[str, Any]] = []
    started_s = time.monotonic()
    fresh_faults = 0
    for pair in pairs:
        left_of_pair = wanted[pair]
        try:
            for record in verdicts(pair, count=wanted[pair], done=done, simulates=simulates):
                records.append(record)
                if not is_fault(record):
                    continue
                left_of_pair, left = left_of_pair - 1, left - 1
                fresh_faults += 1
                eta_s = left * (time.monotonic() - started_s) / fresh_faults
                print(
                    f"{pair}: {record['verdict']}: {record['file']}:{record['line']}:"
                    f" {record['what']}; {left} left, about {eta_s / 60:.0f} min",
                    file=sys.stderr,
                    flush=True,
                )
        except DseError as error:
            print(f"{pair}: {error}", file=sys.stderr)
        left -= left_of_pair  # there are no more, or it cannot be measured
    return records


def _wanted(pair: Pair, designs: Sequence[str], *, mutants: int, hardware: int) -> int:
    """Return how many faults a pair gets: those of a family are divided over its designs."""
    family = DESIGNS[pair.design]["cfu"]
    if family == "none":
        return mutants
    in_family = sum(DESIGNS[design]["cfu"] == family for design in designs)
    return -(-(hardware if pair.where == "Verilog" else mutants - hardware) // in_family)


def print_report(records: Sequence[dict[str, Any]]) -> None:
    """Print the table, then what was not caught."""
    print(table_text([*HEADER], page_rows(records)))
    for text in survivors(records):
        print(f"\n{text}")


if __name__ == "__main__":
    main()
