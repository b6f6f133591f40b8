"""Every config that comes with the project is read, and its space has as many designs as said."""

import re
from pathlib import Path

import pytest

from dse.config import load_config
from dse.config.assembly import assemble_space

CONFIGS = Path(__file__).parents[2] / "configs"
ROWS = re.findall(
    r"^\| `([\w-]+)` \|.*?\| ([\d,]+) \|", (CONFIGS / "README.md").read_text(), re.MULTILINE
)


def test_every_config_has_a_row() -> None:
    assert sorted(name for name, _ in ROWS) == sorted(path.stem for path in CONFIGS.glob("*.toml"))


@pytest.mark.parametrize(("name", "designs"), ROWS)
def test_a_space_has_as_many_designs_as_its_row_says(name: str, designs: str) -> None:
    _, config = load_config(CONFIGS / f"{name}.toml", with_workload=False)
    assert config.name == name.replace("_", "-")
    assert assemble_space(config, reads_networks=False).count() == int(designs.replace(",", ""))
