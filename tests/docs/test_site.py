"""The documentation as a site: ``make docs``."""

import subprocess
import sys
from pathlib import Path

import pytest

from tests.docs.pages import ROOT


@pytest.mark.slow
def test_the_pages_become_a_site_without_a_warning_and_a_broken_link_is_one(
    tmp_path: Path,
) -> None:
    task = (ROOT / "Makefile").read_text().partition("\ndocs: ")[2].splitlines()[1]
    options = task.partition(" -m sphinx ")[2].split()
    assert options[-3:] == ["build/docs.pages", ".", "build/docs"]
    command = [sys.executable, "-m", "sphinx", *options[:-3]]
    pages, site = tmp_path / "pages", tmp_path / "site"
    built = subprocess.run(
        [*command, pages, ".", site], cwd=ROOT, capture_output=True, text=True, check=False
    )
    assert built.returncode == 0, built.stderr
    assert (site / "docs" / "index.html").exists()
    assert (site / "searchindex.js").stat().st_size > 10_000

    copy = tmp_path / "copy"
    (copy / "docs").mkdir(parents=True)
    (copy / "docs" / "conf.py").write_text((ROOT / "docs" / "conf.py").read_text())
    (copy / "docs" / "index.md").write_text("# Index\n\n[nowhere](gone.md)\n")
    broken = subprocess.run(
        [*command, pages / "broken", ".", tmp_path / "broken"],
        cwd=copy,
        capture_output=True,
        text=True,
        check=False,
    )
    assert broken.returncode != 0
    assert "gone.md" in broken.stderr
