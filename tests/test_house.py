"""What an addition may touch, see ARCHITECTURE.md: each is added here from a folder of its own.

Nothing of the project is changed by these tests: where a package looks for files of a kind, the
folder of the test is appended.
"""

import ast
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from unittest import mock

import pytest
import typer

import dse.campaign.checking as checking
import dse.commands.campaigns as campaigns
import dse.suggest.algorithms
import hw_templates.soc.fpga
import runners.executors.kinds
import runners.fpga
from contracts.faults import ConfigError
from contracts.measurement import Fidelity
from dse import study
from dse.config import load_config
from dse.config.provenance import Context
from dse.store import Store, TrialState
from dse.suggest import algorithm_names, make_suggester
from hw_templates.soc.fpga_boards import FPGA_BOARDS
from runners.executors import executor_names, make_executor
from runners.job import Job, Target, Workload
from runners.pipeline import Cache, Pipeline, Stage
from runners.stages.all import STAGES
from runners.stages.flow import flow_text
from tests.campaign.fake_rooms import fake_space
from tests.fake_oracle import SEES_ALL
from tests.test_architecture import MAY_IMPORT, ROOT, imported_modules, tree_of

CONTEXT = Context(key="made up", facts={})
CONFIG = """
[study]
name = "night"
trials = 4
workers = 1
executor = "{executor}"
[suggest]
algorithm = "{algorithm}"
[workload]
model = "net.tflite"
[space]
simd_width = [1, 2, 4, 8]
"""
ALGORITHM = '''
"""A search that begins at the end of the space."""

from dse.suggest import Suggestion

class Backwards:
    name = "backwards"

    def suggest(self, request):
        taken = request.taken()
        numbers = reversed(range(request.space.count()))
        fresh = (d for d in map(request.space.at, numbers) if d not in taken)
        return tuple(
            Suggestion(design=design, suggested_by=self.name)
            for design, _ in zip(fresh, range(request.count))
        )

    def close(self):
        pass

def make(*, timeout_s, compilation_cache):
    return Backwards()
'''
EXECUTOR = '''
"""An executor that runs a job when it is asked for news."""

from importlib import import_module
from tests.fake_oracle import SEES_ALL
from runners.executors import Finished

class Inline:
    def __init__(self, measure):
        module, _, function = measure.partition(":")
        self.measure, self.jobs = getattr(import_module(module), function), []

    def submit(self, ticket, job):
        self.jobs.append((ticket, job))

    def poll(self, timeout_s):
        return tuple(
            Finished(ticket=ticket, outcome=self.measure(job, report=lambda _: None))
            for ticket, job in (self.jobs.pop() for _ in range(len(self.jobs)))
        )

    def cancel(self, ticket):
        self.jobs = [each for each in self.jobs if each[0] != ticket]

    def close(self):
        self.jobs.clear()

def make(measure, *, address):
    return Inline(measure)
'''


THEIRS = (
    "optuna:gp",
    "optuna:tpe",
    "vizier:eagle",
    "vizier:gp-ucb-pe",
    "vizier:grid",
    "vizier:nsga2",
    "vizier:quasi-random",
)
"""Algorithms of others, which stand after ours."""


def add(monkeypatch: pytest.MonkeyPatch, package: object, folder: Path) -> None:
    """Let a package look for its files in one more folder; what was imported is forgotten."""
    monkeypatch.setattr(package, "__path__", [*package.__path__, str(folder)])  # type: ignore[attr-defined]
    for file in folder.glob("*.py"):
        name = f"{package.__name__}.{file.stem}"  # type: ignore[attr-defined]
        monkeypatch.setitem(sys.modules, name, None)  # so that it is taken out again at the end
        del sys.modules[name]


@pytest.fixture
def written(tmp_path: Path) -> Path:
    """A folder with a config's model and one new file of each kind."""
    (tmp_path / "net.tflite").write_bytes(b"net")
    (tmp_path / "algorithms").mkdir()
    (tmp_path / "algorithms" / "backwards.py").write_text(ALGORITHM)
    (tmp_path / "executors").mkdir()
    (tmp_path / "executors" / "inline.py").write_text(EXECUTOR)
    return tmp_path


def write_config(folder: Path, *, algorithm: str = "random", executor: str = "local") -> Path:
    path = folder / "night.toml"
    path.write_text(CONFIG.format(algorithm=algorithm, executor=executor))
    return path


def test_a_search_algorithm_and_an_executor_are_a_file_each(
    written: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    config = write_config(written, algorithm="backwards", executor="inline")
    with pytest.raises(
        ConfigError, match=r"executor is \"inline\".*\n +fix: use one of: 'dask', 'local'"
    ):
        load_config(config)
    add(monkeypatch, dse.suggest.algorithms, written / "algorithms")
    add(monkeypatch, runners.executors.kinds, written / "executors")

    with (
        mock.patch.object(campaigns, "MEASURE", "tests.campaign.fake_rooms:measure"),
        mock.patch.object(campaigns, "assemble_space", fake_space),
        mock.patch.object(checking, "assemble_space", fake_space),
        mock.patch.object(campaigns, "check_network"),
        mock.patch.object(campaigns, "workload_model", return_value=mock.Mock(macs=1000)),
        mock.patch.object(checking, "check_network"),
        mock.patch.object(campaigns, "measure_oracle", return_value=SEES_ALL),
        mock.patch.object(campaigns, "context_of", return_value=CONTEXT),
        Store(written / "results.db") as store,
    ):
        prepared = campaigns.prepare(config, trials=None, workers=None, say=print)
        running = campaigns.Running(is_terminal=False, now_s=0.0, say=print)
        end = campaigns.start_study(prepared, store, running=running)
        trials = [result.trial for result in store.results(end.study.id)]

    space = fake_space(prepared.config)
    last = [space.at(space.count() - n).id for n in range(1, 5)]
    assert [trial.design_id for trial in trials] == last
    assert {trial.suggested_by for trial in trials} == {"backwards"}
    assert {trial.state for trial in trials} <= {TrialState.COMPLETED, TrialState.INFEASIBLE}


def test_a_name_that_no_file_has_is_told_with_all_that_there_are(
    written: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    add(monkeypatch, dse.suggest.algorithms, written / "algorithms")
    add(monkeypatch, runners.executors.kinds, written / "executors")

    ours, theirs = ("vizier", "backwards", "grid", "random"), THEIRS
    assert algorithm_names() == (*ours, *theirs)
    with pytest.raises(
        ConfigError, match=f"fix: use one of: vizier, backwards, grid, random, {', '.join(theirs)}"
    ):
        make_suggester("forwards")
    with pytest.raises(ConfigError, match=r"algorithm is \"forwards\"\n.*'vizier', 'backwards'"):
        load_config(write_config(written, algorithm="forwards"))
    assert executor_names() == ("dask", "inline", "local")
    with pytest.raises(
        ConfigError, match="no executor 'far'\n  fix: use one of: dask, inline, local"
    ):
        make_executor("far", measure="tests.campaign.fake_rooms:measure")


def test_a_config_is_read_without_the_algorithms_that_it_could_name() -> None:
    script = (
        "import sys, pathlib, dse.config\n"
        "dse.config.load_config(pathlib.Path('configs/quick.toml'), with_workload=False)\n"
        "slow = {'jax', 'vizier', 'scipy', 'dse.suggest.algorithms.vizier'}\n"
        "print(*slow & set(sys.modules))\n"
    )
    ended = subprocess.run(
        [sys.executable, "-c", script], cwd=ROOT, capture_output=True, text=True, check=False
    )
    assert (ended.returncode, ended.stdout, ended.stderr) == (0, "\n", "")


def test_a_stage_is_a_file_and_a_row(tmp_path: Path) -> None:
    def build(building: object) -> float:
        (building.out / "report").write_text("12 mW")  # type: ignore[attr-defined]
        return 0.0

    power = Stage(name="power", version=1, needs=(), code=(), inputs=lambda _: {}, build=build)
    stages = {**STAGES, power.name: power}
    job = Job(
        design={},
        target=Target(name="", part="", clock_hz=1_000_000),
        workload=Workload(model=Path(), model_sha256=""),
        fidelity=Fidelity.SIMULATED,
    )
    pipeline = Pipeline(job, stages=stages, cache=Cache(tmp_path), report=lambda _: None)

    assert (pipeline.get("power").folder / "report").read_text() == "12 mW"
    assert flow_text(stages).splitlines() == [*flow_text().splitlines(), "power"]


def test_every_stage_is_made_in_its_own_room_and_stands_in_the_table() -> None:
    made = [
        (path.relative_to(ROOT).as_posix(), node)
        for room in MAY_IMPORT
        for path in (ROOT / room).rglob("*.py")
        for node in ast.walk(tree_of(path))
        if isinstance(node, ast.Call)
        and isinstance(node.func, ast.Name)
        and node.func.id == "Stage"
    ]
    assert [where for where, _ in made if not where.startswith("runners/stages/")] == []
    names = {
        keyword.value.value
        for _, node in made
        for keyword in node.keywords
        if keyword.arg == "name" and isinstance(keyword.value, ast.Constant)
    }
    assert names <= STAGES.keys()
    assert {name for name in STAGES.keys() - names if not name.startswith("synthesise-")} == set()


def test_the_drawing_in_the_architecture_is_the_table_of_stages() -> None:
    assert f"```text\n{flow_text()}\n```" in (ROOT / "ARCHITECTURE.md").read_text()


def test_no_stage_stands_above_what_it_is_built_from() -> None:
    lines = flow_text().splitlines()
    names = [line.split()[0] for line in lines]
    assert sorted(names) == sorted(STAGES)
    for number, name in enumerate(names):
        assert {*STAGES[name].needs, *STAGES[name].may_need} <= set(names[:number])


def test_a_command_is_a_function_and_a_line(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def forget(name: str) -> None:
        """Say that a study is forgotten."""
        if name == "nothing":
            raise ConfigError("there is no study nothing", fix="see `list`")
        typer.echo(f"{name} is forgotten")

    monkeypatch.setattr(study.app, "registered_commands", [*study.app.registered_commands])
    study.app.command()(forget)

    monkeypatch.setattr(sys, "argv", ["study", "forget", "night"])
    with pytest.raises(SystemExit) as ended:
        study.main()
    assert (ended.value.code, capsys.readouterr().out) == (0, "night is forgotten\n")
    monkeypatch.setattr(sys, "argv", ["study", "forget", "nothing"])
    with pytest.raises(SystemExit) as ended:
        study.main()
    assert ended.value.code == 3
    assert "error: there is no study nothing\n  fix: see `list`" in capsys.readouterr().err


def test_what_a_command_does_is_called_by_the_command_line_alone() -> None:
    offences = [
        f"{path.relative_to(ROOT)} imports {module}"
        for path in (ROOT / "dse").rglob("*.py")
        if path.name != "study.py" and "commands" not in path.parts
        for module in imported_modules(path)
        if module.startswith("dse.commands")
    ]
    assert offences == []


def test_an_fpga_family_is_a_folder_and_a_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for folder in ("soc/trion", "tools"):
        (tmp_path / folder).mkdir(parents=True)
    (tmp_path / "soc" / "trion" / "__init__.py").touch()
    (tmp_path / "soc" / "trion" / "platform.py").write_text(
        "class TrionVendor:\n    constraints_file = 'soc.peri.xml'\n\nVENDOR = TrionVendor\n"
    )
    (tmp_path / "tools" / "trion.py").write_text(
        "from runners.fpga.ice40 import Ice40\n"
        "class Trion(Ice40):\n    name = 'trion'\n    parts = {'T20': {'lut4': 19_728}}\n"
        "FAMILIES = (Trion(),)\n"
    )
    add(monkeypatch, hw_templates.soc.fpga, tmp_path / "soc")
    add(monkeypatch, runners.fpga, tmp_path / "tools")

    assert "trion" in hw_templates.soc.fpga.family_names()
    assert hw_templates.soc.fpga.vendor_of("trion").constraints_file == "soc.peri.xml"
    found = {family.name: family for family in runners.fpga.find_families()}
    assert found["trion"].parts == {"T20": {"lut4": 19_728}}
    assert {family.name for family in runners.fpga.FAMILIES} == found.keys() - {"trion"}


OF_A_FAMILY = ("hw_templates/soc/fpga/", "runners/fpga/")
HISTORY = "dse/store/migrations/versions/"
"""A migration says what was true when old rows were written; a new family has none."""


def code_texts(path: Path) -> Iterator[str]:
    """Yield names, imported modules and texts of a file, its docstrings left out."""
    tree = tree_of(path)
    docs = {
        id(node.value)
        for node in ast.walk(tree)
        if isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant)
    }
    for node in ast.walk(tree):
        if isinstance(node, ast.Constant) and isinstance(node.value, str) and id(node) not in docs:
            yield node.value
        elif isinstance(node, ast.Name):
            yield node.id
        elif isinstance(node, ast.Attribute):
            yield node.attr
        elif isinstance(node, ast.ImportFrom | ast.Import):
            yield from (alias.name for alias in node.names)
            yield getattr(node, "module", None) or ""


@pytest.mark.parametrize("family", sorted(hw_templates.soc.fpga.family_names()))
def test_nothing_else_knows_an_fpga_family_by_name(family: str) -> None:
    offences = [
        f"{path.relative_to(ROOT)}: {text[:80]}"
        for room in MAY_IMPORT
        for path in (ROOT / room).rglob("*.py")
        if not path.relative_to(ROOT).as_posix().startswith((*OF_A_FAMILY, HISTORY))
        for text in code_texts(path)
        if family in text.lower()
    ]
    assert offences == []


DEFAULTS = {  # what a job or a config has where nothing is said
    "dse/config/file.py": "ulx3s_85f",
    "runners/job.py": "ulx3s",
}


def test_nothing_else_knows_a_board_by_name() -> None:
    targets = {path.stem for path in (ROOT / "configs" / "targets").glob("*.toml")}
    known = targets | FPGA_BOARDS.keys()
    offences = {
        (path.relative_to(ROOT).as_posix(), text)
        for room in MAY_IMPORT
        for path in (ROOT / room).rglob("*.py")
        for text in code_texts(path)
        if text in known
    }
    assert offences == set(DEFAULTS.items())
