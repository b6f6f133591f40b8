"""The benchmarks of the first hour: what a new study tries, what commands cost, what is checked."""

from pathlib import Path
from unittest import mock

from benchmarks import checks, commands
from benchmarks import first_designs as benchmark
from benchmarks.first_designs import FIRST, HEADER, Verdict, first_designs, read, table
from dse.commands.new import new_study
from dse.config import load_config
from dse.config.assembly import assemble_space
from dse.shipped import OUR_MODEL
from dse.study import app
from runners.job import Job
from tests.docs.pages import ROOT

FITS, LOST, LATE = "fits", "does-not-fit: 3 of 2", "too-slow-to-build: 900 s"


def verdict(
    number: int, what: str, *, target: str = "small", network: str = "ad01_int8"
) -> Verdict:
    return Verdict(target=target, network=network, design=str(number), what=what)


def test_a_row_counts_what_does_not_fit_of_each_network_and_of_all() -> None:
    found = [verdict(n, what) for n, what in enumerate((FITS, LOST, LATE), start=1)]
    found.append(verdict(1, LOST, network="kws_ref_model"))
    found.append(verdict(1, FITS, target="large"))
    by_name = {row[0]: dict(zip(HEADER, row, strict=True)) for row in table(found)}
    assert list(by_name) == ["large", "small"]
    assert by_name["small"]["ad"] == "1 of 3"
    assert by_name["small"]["kws"] == "1 of 1"
    assert by_name["small"]["vww"] == "-"
    assert by_name["small"]["does not fit"] == "2 of 4"


def test_there_are_no_verdicts_before_the_first_run(tmp_path: Path) -> None:
    assert list(read(tmp_path / "none.csv")) == []


def test_the_first_designs_are_those_of_a_new_study(tmp_path: Path) -> None:
    path = tmp_path / "s.toml"
    new_study(path, model=OUR_MODEL, target="ulx3s_25f")
    config = load_config(path)[1]
    found = first_designs(config)
    assert len(set(found)) == FIRST
    assert found[0] == assemble_space(config).default()


def test_a_verdict_is_of_a_design_and_not_of_its_place(tmp_path: Path) -> None:
    """What a study begins with changes; what was found of other designs does not count then."""
    path, done = tmp_path / "s.toml", tmp_path / "done.csv"
    new_study(path, model=OUR_MODEL, target="ulx3s_25f")
    designs = first_designs(load_config(path)[1])
    tried: list[str] = []

    def fake(job: Job) -> str:
        tried.append(str(job.design["cfu"]))
        return FITS

    with (
        mock.patch.object(benchmark, "MLPERF_TINY", {"ours": "ic"}),
        mock.patch.object(benchmark, "model_named", return_value=OUR_MODEL),
        mock.patch.object(benchmark, "verdict", fake),
    ):
        first = list(benchmark.measure(["ulx3s_25f"], done=done))
        again = list(benchmark.measure(["ulx3s_25f"], done=done))
        with mock.patch.object(benchmark, "first_designs", return_value=designs[:2]):
            fewer = list(benchmark.measure(["ulx3s_25f"], done=done))
    assert [each.design for each in first] == [design.id for design in designs]
    assert again == first
    assert fewer == first[:2]
    assert len(tried) == FIRST


def test_what_is_timed_are_commands_and_what_is_checked_are_tests() -> None:
    known = {
        command.name or command.callback.__name__.replace("_", "-")
        for command in app.registered_commands
        if command.callback is not None
    }
    assert {name for name in commands.COMMANDS if not name.startswith("-")} <= known
    assert all((ROOT / path).is_file() for path in checks.CHECKS.values())
