"""The program as a stranger gets it: a wheel of this checkout in an environment of its own."""

import os
import shutil
import subprocess
import sys
import sysconfig
from collections.abc import Callable
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
ROOMS = ("contracts", "dse", "hw_templates", "runners", "sw_templates")
_PROJECT = (*ROOMS, "configs", "models", "setup", "tests")
_FILES = ("pyproject.toml", "setup.py", "MANIFEST.in", "README.md", "LICENSE")

Program = Callable[..., "subprocess.CompletedProcess[str]"]


def tell(words: list[str], cwd: Path, **more: str) -> "subprocess.CompletedProcess[str]":
    """Run a program without a word of this checkout in its environment."""
    env = {k: v for k, v in os.environ.items() if k not in ("PYTHONPATH", "VIRTUAL_ENV")}
    return subprocess.run(
        words, cwd=cwd, env={**env, **more}, capture_output=True, text=True, check=False
    )


@pytest.fixture(scope="session")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Build the wheel as pip does, from a copy: a build leaves folders behind."""
    source = tmp_path_factory.mktemp("source")
    ignored = shutil.ignore_patterns("__pycache__", "*.pyc", "target")
    for name in _PROJECT:
        shutil.copytree(ROOT / name, source / name, ignore=ignored)
    for name in _FILES:
        shutil.copyfile(ROOT / name, source / name)
    out = tmp_path_factory.mktemp("wheel")
    pip = [sys.executable, "-m", "pip", "wheel", "--no-deps", "--no-build-isolation", "--no-index"]
    built = tell([*pip, "--quiet", "--wheel-dir", str(out), "."], source)
    assert built.returncode == 0, built.stderr
    (found,) = out.glob("*.whl")
    return found


@pytest.fixture(scope="session")
def installed(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Install the wheel beside the packages of this Python, and return its ``bin``."""
    place = tmp_path_factory.mktemp("installed") / "venv"
    made = tell([sys.executable, "-m", "venv", "--without-pip", str(place)], wheel.parent)
    assert made.returncode == 0, made.stderr
    version = f"python{sys.version_info.major}.{sys.version_info.minor}"
    packages = place / "lib" / version / "site-packages"
    (packages / "shared.pth").write_text(sysconfig.get_path("purelib") + "\n")
    pip = [sys.executable, "-m", "pip", "--python", str(place / "bin" / "python"), "install"]
    done = tell([*pip, "--quiet", "--no-deps", "--no-index", str(wheel)], wheel.parent)
    assert done.returncode == 0, done.stderr
    return place / "bin"


@pytest.fixture
def program(installed: Path, tmp_path: Path) -> Program:
    """Return a function that runs ``soft-soc-dse`` in an empty folder, found by the shell."""
    path = f"{installed}{os.pathsep}{os.environ['PATH']}"

    def run(*words: str) -> "subprocess.CompletedProcess[str]":
        return tell([str(installed / "soft-soc-dse"), *words], tmp_path, PATH=path)

    return run
