"""The program as a stranger gets it: a wheel of this checkout in an environment of its own."""

import os
import re
import shutil
import subprocess
import sys
import sysconfig
import tomllib
from collections.abc import Callable
from dataclasses import dataclass
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


@dataclass(frozen=True, kw_only=True)
class Installed:
    """Where an installer put the program.

    Attributes:
        place: Folder of its environment.
        bin: Folder that the installer's user has in ``PATH``.
    """

    place: Path
    bin: Path

    @property
    def script(self) -> Path:
        return self.bin / "soft-soc-dse"

    @property
    def python(self) -> Path:
        return self.place / "bin" / "python"

    @property
    def path(self) -> str:
        return f"{self.bin}{os.pathsep}{os.environ['PATH']}"


def with_pip(wheel: Path, folder: Path) -> Installed:
    place = folder / "venv"
    made = tell([sys.executable, "-m", "venv", "--without-pip", str(place)], folder)
    assert made.returncode == 0, made.stderr
    pip = [sys.executable, "-m", "pip", "--python", str(place / "bin" / "python"), "install"]
    done = tell([*pip, "--quiet", "--no-deps", "--no-index", str(wheel)], folder)
    assert done.returncode == 0, done.stderr
    return Installed(place=place, bin=place / "bin")


def with_uv(wheel: Path, folder: Path) -> Installed:
    """As a tool of its own. uv has no ``--no-deps`` here: each dependency is for no system."""
    beside = os.pathsep.join([sysconfig.get_path("scripts"), os.environ["PATH"]])
    uv = shutil.which("uv", path=beside)
    if uv is None:
        pytest.skip("uv is not there: `make setup` installs it")
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    names = [re.split(r"[^A-Za-z0-9-]", each)[0] for each in project["dependencies"]]
    overrides = folder / "overrides.txt"
    overrides.write_text("".join(f"{name} ; sys_platform == 'none'\n" for name in names))
    offline = ("--quiet", "--no-config", "--offline", "--no-index")
    chosen = ("--python", sys.executable, "--overrides", str(overrides))
    done = tell(
        [uv, "tool", "install", *offline, *chosen, str(wheel)],
        folder,
        UV_CACHE_DIR=str(folder / "cache"),
        UV_TOOL_DIR=str(folder / "tools"),
        UV_TOOL_BIN_DIR=str(folder / "bin"),
    )
    assert done.returncode == 0, done.stderr
    return Installed(place=folder / "tools" / "soft-soc-dse", bin=folder / "bin")


@pytest.fixture(scope="session", params=[with_pip, with_uv], ids=["pip", "uv tool"])
def installed(
    wheel: Path, tmp_path_factory: pytest.TempPathFactory, request: pytest.FixtureRequest
) -> Installed:
    """Install the wheel, let it find the packages of this Python, and tell where it is."""
    made: Installed = request.param(wheel, tmp_path_factory.mktemp("installed"))
    version = f"python{sys.version_info.major}.{sys.version_info.minor}"
    packages = made.place / "lib" / version / "site-packages"
    (packages / "shared.pth").write_text(sysconfig.get_path("purelib") + "\n")
    return made


@pytest.fixture
def program(installed: Installed, tmp_path: Path) -> Program:
    """Return a function that runs ``soft-soc-dse`` in an empty folder, found by the shell."""

    def run(*words: str) -> "subprocess.CompletedProcess[str]":
        return tell([str(installed.script), *words], tmp_path, PATH=installed.path)

    return run
