"""``python -m dse.study report``, and the same on the dashboard."""

import json
from pathlib import Path

import pytest

from tests.commands.test_command_line import Shell


@pytest.fixture
def shell(tmp_path: Path) -> Shell:
    return Shell(tmp_path)


@pytest.mark.slow
def test_the_morning_report_as_text_html_markdown_and_json(shell: Shell) -> None:
    shell.run("start", "night.toml", "--trials", "6")
    out, _ = shell.run("report", "night", "--html", "night.html", "--markdown", "night.md")
    data = json.loads(shell.run("report", "night", "--json")[0])

    assert "6 of 6 trials have ended" in out
    assert "python -m dse.study resume night --trials 12" in out
    assert (data["done"], data["expected"], sum(data["ended"].values())) == (6, 6, 6)
    assert data["front"]
    assert (shell.folder / "night.html").read_text().startswith("<!doctype html>")
    assert (shell.folder / "night.md").read_text().startswith("# Study night\n")
    _, err = shell.run("report", "night", "--html", "nowhere/night.html", code=3)
    assert "nowhere/night.html cannot be written" in err
    _, err = shell.run("report", "other", code=3)
    assert "results.db has no study 'other'" in err
