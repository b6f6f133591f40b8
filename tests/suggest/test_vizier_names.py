"""Which of Vizier's names are used: public ones, and of the pinned version's private ones these."""

import ast
from importlib.metadata import version
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent.parent
PRIVATE = {
    ("dse/suggest/models.py", "vizier._src.jax", "types"),
    (
        "dse/suggest/models.py",
        "vizier._src.jax.stochastic_process_model",
        "StochasticProcessWithCoroutine",
    ),
    (
        "dse/suggest/models.py",
        "vizier._src.jax.stochastic_process_model",
        "UniformEnsemblePredictive",
    ),
}


def private_imports() -> set[tuple[str, str, str]]:
    found = set()
    for room in ("contracts", "dse", "runners", "benchmarks"):
        for path in (ROOT / room).rglob("*.py"):
            for node in ast.walk(ast.parse(path.read_text())):
                names: list[tuple[str, str]] = []
                if isinstance(node, ast.Import):
                    names = [(alias.name, "") for alias in node.names]
                elif isinstance(node, ast.ImportFrom):
                    names = [(node.module or "", alias.name) for alias in node.names]
                for module, name in names:
                    if "_src" in module.split(".") or name == "_src":
                        found.add((path.relative_to(ROOT).as_posix(), module, name))
    return found


def test_one_file_takes_what_vizier_does_not_make_public_and_nothing_else() -> None:
    assert private_imports() == PRIVATE


def test_the_private_names_are_those_of_the_version_that_is_pinned() -> None:
    pinned = "0.1.24"
    assert version("google-vizier") == pinned
    assert f'"google-vizier[jax,algorithms]=={pinned}"' in (ROOT / "pyproject.toml").read_text()
    assert pinned in (ROOT / "dse/suggest/models.py").read_text()


@pytest.mark.filterwarnings("ignore::DeprecationWarning")  # of Vizier's imports
def test_none_of_them_has_become_public() -> None:
    """When this fails, import the public name."""
    import vizier.jax.models as public
    import vizier.pyvizier.converters as converters

    names = {
        name for _, _, name in PRIVATE - {("dse/suggest/models.py", "vizier._src.jax", "types")}
    }
    assert names.isdisjoint(vars(public))
    assert {"PaddedArray", "ModelInput", "ModelData"}.isdisjoint({*vars(public), *vars(converters)})
