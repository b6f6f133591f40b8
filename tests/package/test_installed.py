import hashlib
import sys
import zipfile
from pathlib import Path

import pytest

from dse.config.provenance import source_hash
from tests.package.conftest import ROOMS, ROOT, Installed, Program, tell

pytestmark = [pytest.mark.slow, pytest.mark.timeout(1800)]
MODEL = "models/imgc/imgc_resnet8_int8.tflite"
ONE_TRIAL = f"""
[study]
name = "first"
trials = 1
workers = 1
fidelity = "simulate"

[suggest]
algorithm = "random"

[workload]
model = "{MODEL}"

[target]
name = "ulx3s_85f"

[objectives]
minimise = ["latency_us", "cycles"]

[limits]
cycles = 20_000_000

[space]
icache_bytes = 4096
icache_ways = 1
icache_line_bytes = 32
dcache_bytes = 4096
dcache_ways = 1
dcache_line_bytes = 32
multiplier = "pipelined"
divider = "iterative"
shifter = "full"
branch_prediction = "static"
bypass = true
cfu = "simd"
simd_width = 16
buffer_depth = [512, 2048]
optimisation = "O2"
unroll = 4
"""


def test_the_wheel_has_every_file_of_the_rooms_and_nothing_else(wheel: Path) -> None:
    with zipfile.ZipFile(wheel) as opened:
        held = {name: hashlib.sha256(opened.read(name)).hexdigest() for name in opened.namelist()}
    rooms = {
        path.relative_to(ROOT).as_posix(): hashlib.sha256(path.read_bytes()).hexdigest()
        for room in ROOMS
        for path in (ROOT / room).rglob("*")
        if path.is_file() and not {"__pycache__", "target"}.intersection(path.parts)
    }
    own = {name for name in held if ".dist-info/" not in name}
    shipped = {name for name in own if name.startswith("dse/shipped/")} - rooms.keys()
    assert {name: held[name] for name in own - shipped} == rooms
    for name in ("configs/quick.toml", "configs/targets/ulx3s_85f.toml", MODEL):
        expected = hashlib.sha256((ROOT / name).read_bytes()).hexdigest()
        assert held[f"dse/shipped/{name}"] == expected


def test_from_an_empty_folder_the_program_has_all_that_it_needs(program: Program) -> None:
    version = program("--version")
    assert version.stdout.startswith("soft-soc-dse 0."), version.stderr
    # the same sources have the same hash, so what a checkout has built is not built again
    assert version.stdout.endswith(f"sources {source_hash()[:12]}\n")

    assert "Usage: soft-soc-dse [OPTIONS] COMMAND" in program("--help").stdout
    none = program("list")
    assert none.returncode == 4
    assert "start a study here: soft-soc-dse start CONFIG --db results.db\n" in none.stderr

    asked = program("workload", MODEL)
    assert asked.returncode == 0, asked.stderr
    assert "CONV_2D" in asked.stdout
    space = program("space", "configs/quick.toml")
    assert space.returncode == 0, space.stderr
    assert "152 distinct designs" in space.stdout


def test_a_script_that_the_shell_would_not_find_is_named_by_its_path(
    installed: Installed, tmp_path: Path
) -> None:
    script = str(installed.script)
    said = tell([script, "list"], tmp_path).stderr
    assert f"start a study here: {script} start CONFIG" in said
    module = tell([str(installed.python), "-m", "dse.study", "list"], tmp_path).stderr
    assert "start a study here: python -m dse.study start CONFIG" in module


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_a_shell_completes_commands_and_studies(
    shell: str, installed: Installed, tmp_path: Path
) -> None:
    name = "COMP_WORDS" if shell == "bash" else "_TYPER_COMPLETE_ARGS"
    more = {name: "soft-soc-dse resu", "COMP_CWORD": "1", "_TYPER_COMPLETE_FISH_ACTION": "get-args"}
    done = tell(
        [str(installed.script)],
        tmp_path,
        _SOFT_SOC_DSE_COMPLETE=f"complete_{shell}",
        PATH=installed.path,
        **more,
    )
    assert "resume" in done.stdout, done.stderr


def test_a_trial_runs_from_an_empty_folder(program: Program, tmp_path: Path) -> None:
    (tmp_path / "first.toml").write_text(ONE_TRIAL.replace(MODEL, str(ROOT / MODEL)))
    ended = program("start", "first.toml")
    assert ended.returncode == 0, ended.stderr
    assert "soft-soc-dse show first 1" in ended.stderr
    front = program("front", "first")
    assert front.returncode == 0
    assert sorted(p.name for p in tmp_path.iterdir() if "results" not in p.name) == ["first.toml"]


def test_nothing_of_the_program_lies_in_the_checkout(installed: Installed, tmp_path: Path) -> None:
    asked = "import dse, runners, dse.shipped as s; print(dse.__file__, runners.ROOT, s.FOLDER)"
    said = tell([str(installed.python), "-c", asked], tmp_path).stdout
    assert str(ROOT) not in said
    assert said.count(str(installed.place)) == 3
    assert sys.executable != str(installed.python)
