"""The generator of VexRiscv cores: a Maven project in ``maven/`` and how to use it.

The Scala sources of VexRiscv come unmodified from the wheel ``pythondata-cpu-vexriscv``; ours add
the port of the custom function unit, a fetch bridge and the assembly from options. Nothing here
runs a program. A runner makes two stages of it:

The generator, once, keyed by ``source_digest()`` and the versions of Maven and Java::

    copy_project(scratch)                       # the source tree is never built in
    run(maven_command(scratch), cwd=scratch)    # 2 min and 130 MB of downloads the first time
    collect_jars(scratch, out)                  # out/cores.jar, out/lib/*.jar: 40 MB

A core, once per configuration, keyed by ``config.canonical_json()`` and ``source_digest()``::

    options = scratch / "core.properties"
    options.write_text(options_text(config))
    run(generator_command(jar_dir, options, out), cwd=scratch)    # out/VexRiscv.v: 1.3 s, 250 MB

The same configuration gives the same bytes, alone or in a batch. ``generator_batch_command`` makes
many cores in one Java machine at 0.3 CPU-seconds each.
"""

import hashlib
import importlib.util
import shutil
from collections.abc import Sequence
from functools import cache
from pathlib import Path

from contracts.faults import ToolMissing
from hw_templates.cpu.config import CacheConfig, CpuConfig

PROJECT = Path(__file__).parent / "maven"
_WHEEL_PACKAGE = "pythondata_cpu_vexriscv"
_WHEEL_SOURCES = Path("verilog/ext/VexRiscv/src/main/scala")
_MAIN_CLASS = "softsoc.GenerateCore"
_SHORT_RUN = ("-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1")  # 1.1 instead of 2.7 CPU-seconds


def vexriscv_sources() -> Path:
    """Return the folder of VexRiscv's Scala sources in the installed wheel.

    Raises:
        ToolMissing: The wheel is not installed or has no such folder.
    """
    spec = importlib.util.find_spec(_WHEEL_PACKAGE)
    if spec is not None and spec.origin is not None:
        sources = Path(spec.origin).parent / _WHEEL_SOURCES
        if sources.is_dir():
            return sources
    raise ToolMissing(
        f"the Scala sources of VexRiscv ({_WHEEL_PACKAGE}/{_WHEEL_SOURCES}) are not installed",
        fix="install the packages of requirements.lock",
    )


@cache
def source_digest() -> str:
    """Return a hash of everything that the generated Verilog depends on besides its options.

    Computed once per process from the contents of our project and of the wheel's sources.
    """
    digest = hashlib.sha256()
    for root in (PROJECT, vexriscv_sources()):
        for file in sorted(path for path in root.rglob("*") if path.suffix in (".scala", ".xml")):
            content = hashlib.sha256(file.read_bytes()).hexdigest()
            digest.update(f"{file.relative_to(root).as_posix()} {content}\n".encode())
    return digest.hexdigest()


def copy_project(scratch: Path) -> None:
    """Copy the Maven project into the existing folder ``scratch``."""
    shutil.copytree(PROJECT, scratch, dirs_exist_ok=True)


def maven_command(project_dir: Path, *, offline: bool = False) -> list[str]:
    """Return the command that compiles a copy of the project; it writes below ``target/``.

    Repositories and mirrors are those of the user's own Maven settings.

    Args:
        project_dir: Where ``copy_project`` put the project.
        offline: Whether to use only what earlier builds have downloaded.
    """
    return [
        "mvn",
        "--batch-mode",
        "--no-transfer-progress",
        *(["--offline"] if offline else []),
        f"--file={project_dir / 'pom.xml'}",
        f"-Dvexriscv.sources={vexriscv_sources()}",
        "package",
    ]


def collect_jars(project_dir: Path, out: Path) -> None:
    """Copy what ``maven_command`` built from ``project_dir`` into the existing folder ``out``."""
    target = project_dir / "target"
    shutil.copy2(target / "cores.jar", out / "cores.jar")
    shutil.copytree(target / "lib", out / "lib", dirs_exist_ok=True)


def options_text(config: CpuConfig) -> str:
    """Return the options file of a core: one ``key=value`` a line."""
    options = {
        **_cache_options("icache", config.icache),
        **_cache_options("dcache", config.dcache),
        "multiplier": config.multiplier,
        "divider": config.divider,
        "shifter": config.shifter,
        "branch_prediction": config.branch_prediction,
        "bypass": str(config.bypass).lower(),
        "branch_stage": config.branch_stage,
        "relaxed_fetch": str(config.relaxed_fetch).lower(),
        "cfu": str(config.cfu).lower(),
    }
    return "".join(f"{key}={value}\n" for key, value in options.items())


def generator_command(jar_dir: Path, options: Path, out: Path) -> list[str]:
    """Return the command that writes ``out/VexRiscv.v``, a module named ``VexRiscv``.

    Args:
        jar_dir: Where ``collect_jars`` put the generator.
        options: File with ``options_text``.
        out: Folder; made when missing.
    """
    return generator_batch_command(jar_dir, [(options, out)])


def generator_batch_command(jar_dir: Path, cores: Sequence[tuple[Path, Path]]) -> list[str]:
    """Return the command that generates many cores from pairs of options file and folder.

    It goes on after a core that fails and then ends with exit code 1.
    """
    return [
        "java",
        "-Xss8m",
        "-Xmx256m",
        *_SHORT_RUN,
        "-cp",
        f"{jar_dir / 'cores.jar'}:{jar_dir / 'lib'}/*",
        _MAIN_CLASS,
        *(str(path) for pair in cores for path in pair),
    ]


def _cache_options(prefix: str, config: CacheConfig | None) -> dict[str, int]:
    if config is None:
        return {f"{prefix}_bytes": 0}
    return {
        f"{prefix}_bytes": config.bytes,
        f"{prefix}_ways": config.ways,
        f"{prefix}_line_bytes": config.line_bytes,
    }
