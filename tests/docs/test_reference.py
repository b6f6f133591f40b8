"""The reference says what the code says: a missing row or another default fails here."""

import importlib.util
import json
import re
import tomllib
from pathlib import Path

import click
import pytest
import typer.main
from pydantic import BaseModel
from pydantic_core import PydanticUndefined

from contracts.faults import FaultKind, fault_classes
from contracts.parameter import Parameter, Rule, Value
from dse import study
from dse.config import load_config
from dse.config.errors import read_toml, validated
from dse.config.file import StudyFile, TargetFile
from dse.store import TrialState
from dse.store.schema import metadata
from dse.store.versions import KNOWN
from dse.suggest import algorithm_names
from dse.words import value_text
from hw_templates import cfu, cpu
from runners.fpga import FAMILIES, PARTS, capacity_of
from runners.fpga.cells import ROLES
from runners.measuring.metrics import METRICS
from runners.pipeline import ALL_CORES
from runners.stages.all import STAGES
from sw_templates import options as firmware
from sw_templates.operator_set import find_operators
from tests.docs.pages import ROOT, anchors, links, named_blocks, page_paths, rows, section, table

CLI = "docs/reference/cli.md"
CONFIG = "docs/reference/config.md"
METRICS_PAGE = "docs/reference/metrics.md"
ROLES_HEADING = "## Roles: the same on every part"
PARAMETERS = "docs/reference/parameters.md"
COMMANDS = typer.main.get_command(study.app).commands  # type: ignore[attr-defined]


@pytest.mark.parametrize("page", page_paths(), ids=lambda path: str(path.relative_to(ROOT)))
def test_every_relative_link_resolves(page: Path) -> None:
    broken = []
    for link in links(page):
        name, _, anchor = link.partition("#")
        if "://" in name or name.startswith("mailto:"):
            continue
        target = (page.parent / name).resolve() if name else page
        if not target.exists() or (anchor and anchor not in anchors(target)):
            broken.append(link)
    assert broken == []


def test_the_index_leads_to_every_page() -> None:
    index = ROOT / "docs" / "index.md"
    linked = {(index.parent / link).resolve() for link in links(index)}
    pages = {path for path in (ROOT / "docs").rglob("*.md") if path != index}
    assert pages - linked == set()


@pytest.mark.parametrize("name", COMMANDS)
def test_every_command_and_option_has_its_place(name: str) -> None:
    text = section(CLI, f"### {name}")
    for parameter in COMMANDS[name].params:
        for option in parameter.opts if isinstance(parameter, click.Option) else ():
            assert option == "--help" or option in text
        if isinstance(parameter, click.Argument) and parameter.metavar:
            assert parameter.metavar.partition(".")[0].strip("{}[]") in text


def test_every_exit_code_has_a_row() -> None:
    codes = {value for name, value in vars(study).items() if name.startswith("EXIT_")
             if isinstance(value, int)} | set(study.EXIT_CODE.values())  # fmt: skip
    assert {str(code) for code in codes} <= table(CLI).keys()


def section_of(annotation: object) -> type[BaseModel] | None:
    """Return the section that a field of the config holds, None for a plain value."""
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return annotation
    return None


def config_sections(
    model: type[BaseModel], prefix: str = ""
) -> list[tuple[str, type[BaseModel] | None]]:
    """Return all sections by their name in a file; None for those with free keys."""
    found: list[tuple[str, type[BaseModel] | None]] = []
    for name, field in model.model_fields.items():
        inner = section_of(field.annotation)
        if inner is not None:
            found += [(prefix + name, inner), *config_sections(inner, f"{prefix}{name}.")]
        elif not prefix:
            found.append((name, None))
    return found


@pytest.mark.parametrize(("name", "model"), config_sections(StudyFile))
def test_every_config_key_has_a_row_with_its_default(
    name: str, model: type[BaseModel] | None
) -> None:
    documented = {cells[0]: cells for cells in rows(section(CONFIG, f"## [{name}]"))}
    if model is None:
        return
    keys = {
        key: field
        for key, field in model.model_fields.items()
        if section_of(field.annotation) is None
    }
    assert keys.keys() == documented.keys() - {"key"}
    for key, field in keys.items():
        default = documented[key][2]
        if field.default is PydanticUndefined:
            assert default.startswith("required")
        elif isinstance(field.default, int | float | str):
            assert json.loads(default) == field.default


def declared() -> tuple[dict[str, Parameter], dict[str, str], tuple[Rule, ...]]:
    """Return all parameters, the family that each belongs to, and all rules."""
    parameters = {p.name: p for p in (*cpu.PARAMETERS, *firmware.PARAMETERS)}
    owners: dict[str, str] = {}
    rules = [*cpu.RULES, *firmware.RULES]
    for family in cfu.BUILT_IN.values():
        rules += family.rules
        for parameter in family.parameters:
            parameters[parameter.name] = parameter
            owners[parameter.name] = family.name
    return parameters, owners, tuple(rules)


def test_every_parameter_has_a_row_with_its_values() -> None:
    parameters, owners, _ = declared()
    text = (ROOT / PARAMETERS).read_text().partition("## Rules")[0]
    documented = {cells[0]: cells[1:] for cells in rows(text)}

    def texts(values: tuple[Value, ...]) -> str:
        return ", ".join(map(value_text, values))

    assert documented.pop("cfu")[0] == texts(tuple(cfu.BUILT_IN))
    assert documented.keys() - {"parameter"} == parameters.keys()
    for name, parameter in parameters.items():
        values, default, condition, _ = documented[name]
        assert values == texts(parameter.values)
        assert default == value_text(parameter.default)
        assert (f"cfu = {owners.get(name)}" in condition) == (name in owners)
        for needed in parameter.when:
            assert needed.parameter in condition
        assert bool(condition) == bool(parameter.when or name in owners)


def test_every_rule_has_a_row_with_its_reason() -> None:
    documented = {cells[0]: cells[1] for cells in rows(section(PARAMETERS, "## Rules"))}
    del documented["rule"]
    assert documented == {rule.name: rule.reason for rule in declared()[2]}


def test_every_metric_has_a_row_that_is_its_definition() -> None:
    text = (ROOT / METRICS_PAGE).read_text().partition("## Roles")[0]
    documented = {cells[0]: cells[1:] for cells in rows(text)}
    del documented["metric"]
    assert documented == {
        name: [
            each.unit,
            each.better or "",
            each.since.value,
            each.role or "",
            each.description.replace("`", ""),
        ]
        for name, each in METRICS.items()
    }


def test_every_role_has_a_row_with_what_each_family_counts() -> None:
    documented = {cells[0]: cells[1:] for cells in rows(section(METRICS_PAGE, ROLES_HEADING))}
    assert documented["role"] == [family.name for family in FAMILIES]
    for role in ROLES:
        counted = [
            {f"{r.name}": r.worth for r in family.resources if r.metric.role == role}
            for family in FAMILIES
        ]
        assert [
            {
                words[-1]: float(words[0].replace(",", "")) if len(words) == 3 else 1.0
                for words in (term.split() for term in cell.split(" + "))
            }
            for cell in documented[role]
        ] == counted


def test_every_part_has_a_row_with_what_it_has_of_each_role() -> None:
    documented = {}
    for cells in rows(section(METRICS_PAGE, ROLES_HEADING)):
        for part in cells[0].split(", "):
            documented[part] = cells[1:]
    for part in PARTS:
        assert documented[part] == [f"{capacity_of(part)[role]:,}" for role in ROLES]


def test_every_failure_kind_has_a_row() -> None:
    documented = table("docs/failures.md")
    assert documented.keys() - {"kind"} == set(FaultKind) == set(fault_classes())


def test_every_operator_has_a_row() -> None:
    documented = table("docs/reference/operators.md")
    assert documented.keys() - {"operator"} == find_operators().by_name.keys()


def test_every_stage_has_a_row_with_its_needs() -> None:
    documented = table("docs/reference/cache.md")
    for name, stage in STAGES.items():
        cores = "all" if stage.cores == ALL_CORES else str(stage.cores)
        assert documented[name][1:3] == [cores, f"{stage.memory_bytes / (1 << 30):g}"], name
        needs = tuple(need for need in documented[name][0].split(", ") if need)
        assert sorted(needs) == sorted(stage.needs)


def test_every_table_state_and_schema_has_a_row() -> None:
    documented = table("docs/reference/database.md").keys()
    assert metadata.tables.keys() | set(TrialState) | set(KNOWN) <= documented
    changes = (ROOT / "CHANGELOG.md").read_text()
    assert all(f"schema {version}" in changes for version in KNOWN)


def test_every_part_has_its_capacity() -> None:
    documented = {}
    for cells in rows(section("docs/how-to/describe-a-target.md", "## Parts")):
        documented.update({part.strip(): cells[1:] for part in cells[0].split(",")})
    del documented["part"]
    assert documented == {
        name: [str(count) for count in held.values()] for name, held in PARTS.items()
    }


def test_every_serial_command_and_error_has_a_row() -> None:
    source = (ROOT / "sw_templates" / "program" / "protocol.c.j2").read_text()
    documented = (ROOT / "docs" / "reference" / "serial-protocol.md").read_text()
    for word in re.findall(r'is_word\(command, "([a-z-]+)"\)', source):
        assert re.search(rf"\| `{word}( [^`%]*)?%`", documented), word
    for start in re.findall(r'"(e-\[[A-Za-z\' >=0#.-]+)', source):
        assert start in documented


def test_every_dependency_has_a_row_with_the_locked_version() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    lock = dict(
        re.findall(r"^([a-z0-9-]+)==([^ ]+)", (ROOT / "requirements.lock").read_text(), re.M)
    )
    documented = table("docs/explanation/dependencies.md")
    for requirement in project["dependencies"]:
        name = re.match(r"[A-Za-z0-9-]+", requirement)
        assert name is not None
        assert documented[name[0]][0] == lock[name[0]]
    text = (ROOT / "docs" / "explanation" / "dependencies.md").read_text()
    packages = (ROOT / "setup" / "debian-packages.txt").read_text().splitlines()
    named = [
        name
        for line in packages
        if line and not line.startswith("#")
        for name in line.removesuffix(" ?").split(" | ")
    ]
    named += [re.split("[>=]", line)[0] for line in project["optional-dependencies"]["dev"]]
    needs = [line.removesuffix(" ?").split(" | ") for line in named]
    assert [each for each in needs if not any(f"`{name}`" in text for name in each)] == []


@pytest.mark.parametrize("path", sorted((ROOT / "configs").glob("*.toml")), ids=lambda p: p.name)
def test_every_config_that_comes_with_the_project_loads(path: Path) -> None:
    model = path.parent / tomllib.loads(path.read_text())["workload"]["model"]
    if not model.exists() and "shared" in model.parts:
        pytest.skip(f"{model} is not there: the data of others is not part of this project")
    load_config(path)


@pytest.mark.parametrize("path", sorted((ROOT / "configs" / "targets").glob("*.toml")))
def test_every_target_that_comes_with_the_project_loads(path: Path) -> None:
    validated(TargetFile, read_toml(path)[1], file=path.name)


def test_every_config_on_a_page_loads(tmp_path: Path) -> None:
    for name in ("models", "variants"):
        (tmp_path / name).symlink_to(ROOT / "models")
    (tmp_path / "samples").mkdir()
    files = named_blocks("toml")
    for name, text in {**files, **named_blocks("python")}.items():
        path = tmp_path / name
        path.parent.mkdir(exist_ok=True)
        path.write_text(text)
    for name in files:
        if not name.startswith("targets/"):
            load_config(tmp_path / name)


def test_every_module_that_a_page_runs_exists() -> None:
    for page in page_paths():
        for name in re.findall(r"python -m ([a-z_.]+[a-z_])", page.read_text()):
            assert importlib.util.find_spec(name) is not None, f"{page.name}: {name}"


def test_algorithms_are_those_that_the_config_takes() -> None:
    page = "docs/how-to/search-longer-or-on-more-objectives.md"
    documented = {cells[0].strip('"') for cells in rows(section(page, "## Another algorithm"))}
    assert set(algorithm_names()) == documented - {"suggest.algorithm"}
