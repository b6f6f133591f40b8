"""Whether a results folder is one that MLPerf Tiny takes, as far as its rules say so.

There is no published checker for Tiny. The structure is that of the README of
https://github.com/mlcommons/tiny_results_v1.3; rows for throughput (five, of ten seconds or more)
and the quality of the closed division are those of the runner and the rules in
https://github.com/mlcommons/tiny; keys of a system's description are those of the submissions
published in v1.3.
"""

import json
import re
import statistics
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from contracts.untrusted import parse_json
from dse.output.mlperf_tiny.benchmarks import BENCHMARKS, Benchmark
from dse.output.mlperf_tiny.folder import LEAST_WINDOW_S, SIMULATED
from runners.measuring.session import WINDOWS

DIVISIONS = ("closed", "open")
_BY_FOLDER = {each.folder: each for each in BENCHMARKS.values()}
_STATUS = ("available", "preview", "rdi", "research, development, or internal")
_NEEDED = (
    "Submitter",
    "Division",
    "Status",
    "Board Name",
    "SoC Name",
    "Processor(s) Name",
    "Processor(s) Frequencies",
    "Quantization Method",
)
_KNOWN = (
    "Board Memory capacity (not including SoC, processor, or accelerator)",
    "Board Memory type",
    "SoC Memory capacity (not including processor or accelerator)",
    "SoC Memory type",
    "Accelerator",
    "Accelerator(s) Frequencies",
    "Hardware Notes",
    "Software Notes",
)
_WINDOW = re.compile(
    r"Performance results for window (\d+)\s+# Inferences\s*: (\d+)\s+"
    r"Runtime\s*: ([\d.e-]+) sec\.\s+"
    r"Throughput\s*: ([\d.e+-]+) inf\./sec\."
)
_MEDIAN = re.compile(r"Median throughput is\s+([\d.]+) inf\./sec\.")
_TOP = re.compile(r"Top 1% = ([\d.]+)")
_AUC = re.compile(r"AUC = ([\d.]+)")


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """Something to mend.

    Attributes:
        path: Where, below the folder that was checked.
        what: What is wrong.
        fix: What to do.
    """

    path: str
    what: str
    fix: str


def check_folder(root: Path) -> list[Finding]:
    """Return what is wrong with a results folder; nothing where it may be handed in.

    Args:
        root: Has the folders of the divisions.
    """
    divisions = [root / name for name in DIVISIONS if (root / name).is_dir()]
    if not divisions:
        return [
            Finding(
                path=".",
                what="there is no division: neither a folder closed nor one open",
                fix="name the folder that has one of them",
            )
        ]
    found: list[Finding] = []
    for division in divisions:
        submitters = [path for path in sorted(division.iterdir()) if path.is_dir()]
        if not submitters:
            found.append(
                Finding(path=division.name, what="nobody submits", fix="add a submitter's folder")
            )
        for submitter in submitters:
            found += _Check(root, submitter).findings()
    return found


class _Check:
    """One submitter's folder in one division."""

    def __init__(self, root: Path, top: Path) -> None:
        self._root = root
        self._top = top

    def findings(self) -> list[Finding]:
        return [*self._parts(), *self._systems(), *self._results()]

    def _at(self, path: Path) -> str:
        return path.relative_to(self._root).as_posix()

    def _finding(self, path: Path, what: str, fix: str) -> Finding:
        return Finding(path=self._at(path), what=what, fix=fix)

    def _parts(self) -> Iterator[Finding]:
        for part in ("systems", "code", "results"):
            if not (self._top / part).is_dir():
                yield self._finding(self._top / part, "is missing", "add it")
        if not list((self._top / "systems").glob("*hecklist*")):
            yield self._finding(
                self._top / "systems",
                "has no submission checklist",
                "fill in the round's checklist and put its PDF there",
            )
        for unknown in sorted(self._top.iterdir()):
            if unknown.is_dir() and unknown.name not in ("systems", "code", "results", "models"):
                yield self._finding(unknown, "belongs nowhere", "use systems, code or results")

    def _systems(self) -> Iterator[Finding]:
        results = self._folders(self._top / "results")
        described = {path.stem for path in (self._top / "systems").glob("*.json")}
        for folder in results:
            if folder.name not in described:
                yield self._finding(
                    folder, "its system is not described", f"add systems/{folder.name}.json"
                )
        for path in sorted((self._top / "systems").glob("*.json")):
            yield from self._system(path)
            if path.stem not in {folder.name for folder in results}:
                yield self._finding(path, "has no results", f"add results/{path.stem}")

    def _system(self, path: Path) -> Iterator[Finding]:
        data = _object(path)
        if data is None:
            yield self._finding(path, "is no JSON object", "correct it")
            return
        for key in _NEEDED:
            if not str(data.get(key, "")).strip():
                yield self._finding(path, f"does not say its {key!r}", f"add {key!r}")
        for key in _KNOWN:
            if key not in data:
                yield self._finding(path, f"has no key {key!r}", "add it; it may be empty")
        division, submitter = self._top.parent.name, self._top.name
        if data.get("Division") and str(data["Division"]).lower() != division:
            yield self._finding(
                path, f"is of division {data['Division']!r}", f"say {division!r}, or move it"
            )
        if data.get("Submitter") and str(data["Submitter"]) != submitter:
            yield self._finding(
                path, f"is of submitter {data['Submitter']!r}", f"say {submitter!r}, or move it"
            )
        if data.get("Status") and str(data["Status"]).lower() not in _STATUS:
            yield self._finding(
                path, f"has the status {data['Status']!r}", f"use one of {', '.join(_STATUS)}"
            )
        if SIMULATED in str(data.get("Hardware Notes", "")):
            yield self._finding(
                path,
                "is a simulated board, and results are of hardware",
                "measure the trial on a board: submission with --board",
            )

    def _results(self) -> Iterator[Finding]:
        systems = self._folders(self._top / "results")
        if not systems:
            yield self._finding(self._top / "results", "has no system", "add one")
        for system in systems:
            benchmarks = self._folders(system)
            if not benchmarks:
                yield self._finding(
                    system, "has no benchmark", f"add one of {', '.join(_BY_FOLDER)}"
                )
            for folder in benchmarks:
                benchmark = _BY_FOLDER.get(folder.name)
                if benchmark is None:
                    yield self._finding(
                        folder, "is no benchmark", f"use one of {', '.join(_BY_FOLDER)}"
                    )
                    continue
                yield from self._code(benchmark)
                yield from self._benchmark(folder, benchmark)

    def _code(self, benchmark: Benchmark) -> Iterator[Finding]:
        names = (benchmark.reference, benchmark.folder)
        if not any(
            path.is_file()
            for name in names
            for folder in self._folders(self._top / "code" / name)
            for path in folder.rglob("*")
        ):
            yield self._finding(
                self._top / "code",
                f"has no implementation of {benchmark.reference}",
                f"put it into code/{benchmark.reference}/NAME",
            )

    def _benchmark(self, folder: Path, benchmark: Benchmark) -> Iterator[Finding]:
        for mode in ("performance", "accuracy"):
            for name in ("results.txt", "log.txt"):
                path = folder / mode / name
                # the README of the results says result.txt, the runner writes results.txt
                others = [path, path.with_name(name.replace("results", "result"))]
                if not any(each.is_file() and each.stat().st_size for each in others):
                    yield self._finding(path, "is missing or empty", "run the benchmark")
        yield from self._model(folder, benchmark)
        yield from self._performance(folder / "performance")
        yield from self._accuracy(folder / "accuracy", benchmark)

    def _model(self, folder: Path, benchmark: Benchmark) -> Iterator[Finding]:
        for mode in ("performance", "accuracy"):
            text = _text(folder / mode / "log.txt")
            said = re.findall(r"Device model retrieved: (\S*)", text)
            if text and said != [benchmark.name]:
                yield self._finding(
                    folder / mode / "log.txt",
                    f"the device called its model {', '.join(said) or 'nothing'}",
                    f"build the firmware with serial.model_name = {benchmark.name!r}",
                )

    def _performance(self, folder: Path) -> Iterator[Finding]:
        path = folder / "results.txt"
        text = _summary(folder)
        if not text:
            return
        windows = [
            (int(count), float(runtime), float(rate))
            for _, count, runtime, rate in _WINDOW.findall(text)
        ]
        if len(windows) != WINDOWS:
            yield self._finding(
                path, f"has {len(windows)} windows, not {WINDOWS}", "run the performance mode whole"
            )
        for number, (count, runtime_s, rate) in enumerate(windows, start=1):
            if runtime_s < LEAST_WINDOW_S:
                yield self._finding(
                    path,
                    f"window {number} lasts {runtime_s:g} s, less than {LEAST_WINDOW_S:g} s",
                    "more inferences a window: submission with --window-s 10",
                )
            if runtime_s and abs(count / runtime_s - rate) > 0.001 * rate:
                yield self._finding(
                    path,
                    f"window {number} has {count} inferences in {runtime_s:g} s and a throughput"
                    f" of {rate:g}",
                    "run it again",
                )
        median = _MEDIAN.search(text)
        if median is None:
            yield self._finding(path, "does not say the median throughput", "run it again")
        elif windows:
            true = statistics.median(rate for _, _, rate in windows)
            if abs(float(median[1]) - true) > max(0.001, 0.001 * true):
                yield self._finding(
                    path, f"the median throughput is {true:.3f}, not {median[1]}", "run it again"
                )

    def _accuracy(self, folder: Path, benchmark: Benchmark) -> Iterator[Finding]:
        path = folder / "results.txt"
        text = _summary(folder)
        pattern, name = (_TOP, "Top 1%") if benchmark.metric == "top-1" else (_AUC, "AUC")
        found = pattern.search(text)
        if text and found is None:
            yield self._finding(path, f"does not say {name}", "run the accuracy mode")
        is_closed = self._top.parent.name == "closed"
        if found is not None and is_closed and float(found[1]) < benchmark.target:
            yield self._finding(
                path,
                f"{name} is {found[1]}, the closed division asks for {benchmark.target:g}",
                "submit in the open division, or a better network",
            )
        data = _list(folder / "results.json")
        if data is None:
            return
        files = {str(each.get("file")) for each in data if isinstance(each, dict)}
        if len(files) < benchmark.samples:
            yield self._finding(
                folder / "results.json",
                f"has {len(files)} of the {benchmark.samples} samples",
                "run all of them: submission without --samples",
            )

    def _folders(self, path: Path) -> list[Path]:
        return sorted(each for each in path.iterdir() if each.is_dir()) if path.is_dir() else []


def findings_text(findings: list[Finding]) -> str:
    """Lay out what is to be mended."""
    if not findings:
        return "nothing to mend: structure, rows, quality and descriptions are as the rules say"
    lines = [f"to mend before it is handed in ({len(findings)}):"]
    for each in findings:
        lines += [f"  {each.path}: {each.what}", f"    fix: {each.fix}"]
    return "\n".join(lines)


def _summary(folder: Path) -> str:
    return _text(folder / "results.txt") or _text(folder / "result.txt")


def _text(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8", errors="replace")
    except OSError:
        return ""


def _object(path: Path) -> dict[str, Any] | None:
    try:
        data = parse_json(_text(path))
    except ValueError:
        return None
    return data if isinstance(data, dict) else None


def _list(path: Path) -> list[Any] | None:
    try:
        data = json.loads(_text(path))
    except ValueError:
        return None
    return data if isinstance(data, list) else None
