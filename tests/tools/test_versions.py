from pathlib import Path

import pytest

from contracts.faults import ToolMissing
from runners.tools import versions


@pytest.fixture(autouse=True)
def ask_again() -> None:
    versions.identity.cache_clear()
    versions.newest_clang.cache_clear()


@pytest.fixture
def programs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder whose programs are found before the real ones."""
    folder = tmp_path / "bin"
    folder.mkdir()
    monkeypatch.setenv("PATH", f"{folder}:/usr/bin:/bin")
    return folder


@pytest.fixture
def fake_verilator(programs: Path) -> Path:
    """A program that is found before the real one; write its script."""
    return programs / "verilator"


def install_clangs(folder: Path, **versions: str) -> None:
    """Install a ``clang++`` for each version, named as distributions name theirs."""
    for suffix, version in versions.items():
        name = "clang++" if suffix == "plain" else f"clang++-{suffix.removeprefix('v')}"
        install(folder / name, f"echo Debian clang version {version}")


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


def test_the_newest_clang_is_taken_and_told(
    programs: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", str(programs))
    install_clangs(programs, v9="9.0.1", v14="14.0.6", v19="19.1.7", plain="14.0.6")
    assert versions.newest_clang() == "clang++-19"
    assert versions.identity("clang") == "Debian clang version 19.1.7"


@pytest.mark.parametrize("plain", ["20.1.2", "19.1.7"])
def test_a_clang_without_a_version_in_its_name_counts_by_what_it_says(
    programs: Path, monkeypatch: pytest.MonkeyPatch, plain: str
) -> None:
    monkeypatch.setenv("PATH", str(programs))
    install_clangs(programs, v19="19.1.7", plain=plain)
    assert versions.identity("clang") == f"Debian clang version {plain}"
    assert versions.newest_clang() == ("clang++" if plain == "20.1.2" else "clang++-19")


def test_a_broken_clang_does_not_hide_one_that_works(
    programs: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", f"{programs}:{programs / 'no-such-folder'}")
    install_clangs(programs, v14="14.0.6")
    install(programs / "clang++", "exit 1")
    assert versions.newest_clang() == "clang++-14"


def test_an_old_or_missing_clang_is_refused(
    programs: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", str(programs))
    with pytest.raises(ToolMissing, match=r"clang\+\+ is not installed"):
        versions.identity("clang")
    versions.newest_clang.cache_clear()
    install_clangs(programs, v13="13.0.1")
    with pytest.raises(ToolMissing, match=r"clang\+\+-13 is version 13\.0\.1, 14 or newer"):
        versions.identity("clang")
