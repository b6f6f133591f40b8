from pathlib import Path

import pytest

from contracts.faults import ToolMissing
from runners.tools import versions


@pytest.fixture(autouse=True)
def ask_again() -> None:
    versions.identity.cache_clear()


@pytest.fixture
def fake_verilator(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A program that is found before the real one; write its script."""
    program = tmp_path / "bin" / "verilator"
    program.parent.mkdir()
    monkeypatch.setenv("PATH", f"{program.parent}:/usr/bin:/bin")
    return program


def install(program: Path, script: str) -> None:
    program.write_text(f"#!/bin/sh\n{script}\n")
    program.chmod(0o755)


def test_every_program_and_package_tells_its_version() -> None:
    found = versions.all_identities()
    assert found["verilator"].startswith("Verilator 5.")
    assert found["amaranth"] == "0.5.10"


def test_an_old_program_is_refused_with_both_versions(fake_verilator: Path) -> None:
    install(fake_verilator, "echo Verilator 4.038 2020-07-11 rev v4.036")
    with pytest.raises(ToolMissing, match=r"verilator is version 4\.038, 5\.6 or newer is needed"):
        versions.identity("verilator")


def test_a_program_that_prints_garbage_is_refused_with_what_it_said(fake_verilator: Path) -> None:
    install(fake_verilator, "echo '%%%%'")
    with pytest.raises(ToolMissing, match="verilator answered '%%%%' when asked for its version"):
        versions.identity("verilator")


def test_a_program_that_fails_is_refused(fake_verilator: Path) -> None:
    install(fake_verilator, "exit 1")
    with pytest.raises(ToolMissing, match="does not tell its version"):
        versions.identity("verilator")


def test_a_package_that_is_not_installed_names_the_command() -> None:
    with pytest.raises(ToolMissing, match=r"no-such-package is not installed\n  fix: run `make"):
        versions.identity("no-such-package")
