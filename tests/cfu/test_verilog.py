"""Amaranth to Verilog: the text depends on nothing but the design."""

from collections.abc import Callable
from pathlib import Path

import pytest
from amaranth.back import verilog as amaranth_verilog
from amaranth.back.verilog import YosysError
from amaranth.hdl import ClockDomain, Elaboratable, Module, Signal

from hw_templates.cfu.verilog import convert


def counter(domain_name: str = "sync") -> tuple[Module, list[Signal]]:
    """Return a counter of four bits and its ports."""
    count = Signal(4)
    domain = ClockDomain(domain_name, reset_less=True)
    module = Module()
    module.domains += domain
    module.d[domain_name] += count.eq(count + 1)
    return module, [domain.clk, count]


class _Whole(Elaboratable):
    def __init__(self, module: Module) -> None:
        self._module = module

    def elaborate(self, platform: object) -> Module:
        del platform
        return self._module


@pytest.fixture
def another_yosys(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[[], bool]:
    """Put a newer yosys that refuses everything into the path, and tell whether it was asked."""
    asked = tmp_path / "asked"
    program = tmp_path / "yosys"
    program.write_text(
        f"#!/bin/sh\ntouch {asked}\n[ \"$1\" = -V ] && echo 'Yosys 9.99 (git sha1 0)' || exit 1\n"
    )
    program.chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path), prepend=":")
    monkeypatch.setenv("YOSYS", str(program))
    return asked.exists


def test_a_yosys_of_the_system_changes_nothing(another_yosys: Callable[[], bool]) -> None:
    text = convert(*_named(counter()))
    assert "module Counter(" in text
    assert not another_yosys()


@pytest.mark.slow
def test_the_text_is_the_one_of_amaranths_own_back_end(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AMARANTH_USE_YOSYS", "builtin")
    module, ports = counter()
    theirs = amaranth_verilog.convert(
        _Whole(module), name="Counter", ports=ports, emit_src=False, strip_internal_attrs=True
    )
    assert convert(*_named(counter())) == theirs
    assert convert(*_named(counter())) == theirs


def test_what_yosys_refuses_is_told_in_its_words(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("hw_templates.cfu.verilog._SCRIPT", "read_rtlil design.il\nno_such_pass\n")
    with pytest.raises(YosysError, match="no_such_pass"):
        convert(*_named(counter()))


def _named(design: tuple[Module, list[Signal]]) -> tuple[Module, str, list[Signal]]:
    module, ports = design
    return module, "Counter", ports
