"""The folder for MLPerf Tiny: what is written passes the check, and every fault of it is found."""

import json
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from dse.output.mlperf_tiny import BENCHMARKS, Benchmark
from dse.output.mlperf_tiny.check import check_folder
from dse.output.mlperf_tiny.folder import SIMULATED, Handing, mlperf_files
from runners.job import Job, Target, Workload
from runners.measuring.session import Answered, Session, Window
from runners.samples.encoding import Encoding
from runners.samples.files import Sample, Samples

SYSTEM = "board_1"


def handing(
    benchmark: Benchmark, *, division: str = "closed", window_s: float = 11.0, percent: float = 88.0
) -> Handing:
    """A whole result, as if a board had been measured."""
    is_anomaly = benchmark.metric == "auc"
    samples = tuple(
        Sample(name=f"{n}.bin", label=n % 2, windows=(b"a",) * 2, inputs=(b"a",) * 2)
        if is_anomaly
        else Sample(name=f"{n}.bin", label=n % 2, windows=(b"a",), inputs=(b"a",))
        for n in range(benchmark.samples)
    )
    inferences = sum(len(sample.inputs) for sample in samples)
    answer = Answered(begin_us=5, end_us=1005, cycles=50_000, results=(0.25, 0.75), output=b"ab")
    return Handing(
        benchmark=benchmark,
        submitter="we",
        division=division,
        system=SYSTEM,
        job=Job(
            design={"cfu": "simd", "icache_bytes": 4096},
            target=Target(name="ulx3s_85f", part="LFE5U-85F", clock_hz=50_000_000),
            workload=Workload(model=Path("m.tflite"), model_sha256=""),
        ),
        samples=Samples(
            task="anomaly" if is_anomaly else "classification",
            classes=2,
            encoding=Encoding(name="int8", reason="told"),
            samples=samples,
        ),
        session=Session(
            device="dut",
            firmware="fw",
            model=benchmark.name,
            golden=1,
            answers=(answer,) * inferences,
            windows=tuple(
                Window(
                    number=n,
                    count=1000 + n,
                    warmups=1,
                    begin_us=7,
                    end_us=7 + round(1e6 * window_s),
                    results=(0.25, 0.75),
                )
                for n in range(5)
            ),
            layers=(),
            log=("0101.000000 host: name%",),
            window_log=("0101.000000 host: infer 1000 1%",),
        ),
        correct_percent=None if is_anomaly else percent,
        auc=0.9,
        is_simulated=False,
        stamp="0101.000000",
        command="submission one 1",
        code={},
        texts={"design.json": "{}\n"},
    )


def written(root: Path, given: Handing) -> Path:
    for name, content in mlperf_files(given).items():
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_bytes(content)
    (root / given.division / "we" / "systems" / "Submission_Checklist.pdf").write_bytes(b"%PDF")
    return root


@pytest.mark.parametrize("name", BENCHMARKS)
def test_a_whole_result_of_every_benchmark_passes(name: str, tmp_path: Path) -> None:
    assert check_folder(written(tmp_path, handing(BENCHMARKS[name], percent=95.0))) == []


def of_results(change: Callable[[Path], object], *path: str) -> Callable[[Path], object]:
    return lambda top: change(top.joinpath("results", SYSTEM, "ic", *path))


def replaced(old: str, new: str) -> Callable[[Path], object]:
    def change(path: Path) -> None:
        text = path.read_text()
        assert old in text
        path.write_text(text.replace(old, new))

    return change


def in_system(**values: object) -> Callable[[Path], object]:
    def change(top: Path) -> None:
        path = top / "systems" / f"{SYSTEM}.json"
        path.write_text(json.dumps({**json.loads(path.read_text()), **values}))

    return change


FAULTS: list[tuple[Callable[[Path], object], str]] = [
    (lambda top: shutil.rmtree(top / "code"), "is missing"),
    (lambda top: shutil.rmtree(top / "systems"), "is not described"),
    (lambda top: shutil.rmtree(top / "results"), "is missing"),
    (lambda top: (top / "systems" / "Submission_Checklist.pdf").unlink(), "checklist"),
    (lambda top: (top / "notes").mkdir(), "belongs nowhere"),
    (lambda top: (top / "systems" / "other.json").write_text("{}"), "has no results"),
    (lambda top: (top / "systems" / f"{SYSTEM}.json").write_text("["), "no JSON object"),
    (in_system(Submitter="they"), "of submitter 'they'"),
    (in_system(Division="open"), "of division 'open'"),
    (in_system(Status="finished"), "status 'finished'"),
    (in_system(**{"Board Name": " "}), "'Board Name'"),
    (in_system(**{"Hardware Notes": f"{SIMULATED}, somehow"}), "simulated board"),
    (of_results(lambda path: path.rename(path.with_name("ic01"))), "is no benchmark"),
    (of_results(lambda path: path.unlink(), "accuracy", "log.txt"), "missing or empty"),
    (of_results(lambda path: path.write_text(""), "performance", "log.txt"), "missing or empty"),
    (of_results(lambda path: path.unlink(), "performance", "results.txt"), "missing or empty"),
    (of_results(replaced("ic01", "mine"), "accuracy", "log.txt"), "called its model mine"),
    (
        of_results(replaced("window 5", "gap 5"), "performance", "results.txt"),
        "has 4 windows, not 5",
    ),
    (
        of_results(replaced("Runtime: 11.0", "Runtime: 9.0"), "performance", "results.txt"),
        "lasts 9 s, less than 10 s",
    ),
    (
        of_results(replaced("# Inferences : 1001", "# Inferences : 2002"), "performance",
                   "results.txt"),
        "has 2002 inferences in 11 s and a throughput of 91",
    ),
    (
        of_results(replaced("Median throughput is     91.091", "Median throughput is     99.091"),
                   "performance", "results.txt"),
        "the median throughput is 91.091, not 99.091",
    ),
    (
        of_results(replaced("Top 1% = 88.0", "Top 1% = 84.9"), "accuracy", "results.txt"),
        "the closed division asks for 85",
    ),
    (of_results(replaced("Top 1%", "Top"), "accuracy", "results.txt"), "does not say Top 1%"),
    (
        of_results(
            lambda path: path.write_text(json.dumps(json.loads(path.read_text())[:-1])),
            "accuracy", "results.json",
        ),
        "has 199 of the 200 samples",
    ),
]  # fmt: skip


@pytest.mark.parametrize(("change", "told"), FAULTS, ids=[told for _, told in FAULTS])
def test_a_fault_is_found_and_says_what_to_do(
    change: Callable[[Path], object], told: str, tmp_path: Path
) -> None:
    root = written(tmp_path, handing(BENCHMARKS["ic01"]))
    change(root / "closed" / "we")
    findings = check_folder(root)
    assert any(told in finding.what for finding in findings), findings
    assert all(finding.fix for finding in findings)


def test_the_open_division_may_be_less_often_right(tmp_path: Path) -> None:
    root = written(tmp_path, handing(BENCHMARKS["ic01"], division="open", percent=30.0))
    assert check_folder(root) == []


def test_another_folder_is_told_apart(tmp_path: Path) -> None:
    (finding,) = check_folder(tmp_path)
    assert "no division" in finding.what
