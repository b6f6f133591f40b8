"""Loading families: what is accepted, what is refused with which words, and who sees them."""

import importlib
from dataclasses import replace
from pathlib import Path

import pytest

from contracts.faults import ConfigError
from contracts.parameter import Parameter, Rule
from hw_templates.cfu import BUILT_IN, Families, Family, Values, load_families
from hw_templates.cfu.simd import FAMILY as SIMD


class _Zero:
    def op(self, funct3: int, funct7: int, a: int, b: int) -> int:
        del funct3, funct7, a, b
        return 0


def _text(values: Values) -> str:
    del values
    return "module Cfu(); endmodule"


def _model(values: Values) -> _Zero:
    del values
    return _Zero()


def make(name: str, *parameters: Parameter) -> Family:
    return Family(
        name=name,
        summary="a test",
        parameters=parameters,
        verilog=_text,
        model=_model,
        sources=(Path(__file__),),
    )


def lanes(*values: int, name: str = "lanes") -> Parameter:
    return Parameter(name=name, values=values, default=values[0], description="", ordered=True)


DECLARED = """
from pathlib import Path
from contracts.parameter import Parameter
from hw_templates.cfu import Family, register

class Model:
    def op(self, funct3, funct7, a, b):
        return a

def family(name):
    return Family(
        name=name,
        summary="of a test",
        parameters=(Parameter(name=f"{name}_size", values=(1, 2), default=1, description="d"),),
        verilog=lambda values: "module Cfu(); endmodule",
        model=lambda values: Model(),
        sources=(Path(__file__),),
    )
"""


def written(folder: Path, name: str, text: str) -> str:
    folder.mkdir(exist_ok=True)
    (folder / name).write_text(text)
    return str(folder / name)


def test_the_built_in_families_are_there_from_the_start() -> None:
    assert list(load_families(())) == ["none", "simd", "stream", "engine"]
    assert BUILT_IN.named("none").verilog is None


def test_unknown_family_names_the_known_ones() -> None:
    with pytest.raises(ConfigError, match=r"unknown CFU family 'sind'; there are none, simd"):
        load_families(()).named("sind")


def test_the_same_family_twice_counts_once() -> None:
    assert list(Families([SIMD, SIMD])) == ["simd"]


def test_two_families_of_one_name_are_refused() -> None:
    with pytest.raises(ConfigError, match="two different CFU families of the name 'mine'"):
        Families([make("mine"), make("mine", lanes(1, 2))])


def test_a_shared_parameter_with_the_same_values_is_accepted() -> None:
    assert list(Families([make("one", lanes(1, 2)), make("two", lanes(1, 2))])) == ["one", "two"]


def test_a_shared_parameter_with_other_values_is_refused() -> None:
    with pytest.raises(
        ConfigError,
        match=r"'lanes' of CFU family 'two' has the values \(1, 4\), "
        r"that of family 'one' has \(1, 2\)",
    ):
        Families([make("one", lanes(1, 2)), make("two", lanes(1, 4))])


@pytest.mark.parametrize(
    ("broken", "message"),
    [
        (replace(make("mine"), name="My Cfu"), "name 'My Cfu' does not match"),
        (replace(make("mine"), verilog=None), "a reference model, but no hardware"),
        (replace(make("mine"), sources=()), "names no source files"),
        (make("mine", lanes(1), lanes(2)), "has parameters lanes, lanes"),
        (make("mine", lanes(1, name="cfu")), "has parameters cfu"),
        (
            replace(
                make("mine", lanes(1, 2)),
                rules=(Rule(name="r", reason="", parameters=("width",), holds=bool),),
            ),
            "reads width, which the family does not have",
        ),
    ],
    ids=["name", "model", "sources", "twice", "cfu", "rule"],
)
def test_inconsistent_families_are_refused(broken: Family, message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        Families([broken])


def test_hardware_needs_no_reference_model() -> None:
    family = replace(make("mine"), model=None)
    assert Families([family])["mine"] is family


def test_a_module_is_found_by_path_and_by_name(tmp_path: Path) -> None:
    module = written(tmp_path, "my_cfu.py", DECLARED + "FAMILY = family('mine')\n")
    assert list(load_families([module])) == ["none", "simd", "stream", "engine", "mine"]
    assert load_families(["hw_templates.cfu.simd"])["simd"] is SIMD


def test_a_file_may_hand_on_a_built_in_family(tmp_path: Path) -> None:
    module = written(tmp_path, "again.py", "from hw_templates.cfu.simd import FAMILY\n")
    assert load_families([module])["simd"] is SIMD


def test_what_one_study_loads_no_other_one_sees(tmp_path: Path) -> None:
    mine = written(tmp_path, "mine.py", DECLARED + "FAMILY = family('mine')\n")
    yours = written(tmp_path, "yours.py", DECLARED + "FAMILY = family('yours')\n")

    assert list(load_families([mine])) == ["none", "simd", "stream", "engine", "mine"]
    assert list(load_families([yours])) == ["none", "simd", "stream", "engine", "yours"]
    assert list(load_families(())) == ["none", "simd", "stream", "engine"]


def test_files_of_one_name_in_two_folders_are_two_modules(tmp_path: Path) -> None:
    one = written(tmp_path / "a", "unit.py", DECLARED + "FAMILY = family('one')\n")
    two = written(tmp_path / "b", "unit.py", DECLARED + "FAMILY = family('two')\n")

    assert list(load_families([one, two])) == ["none", "simd", "stream", "engine", "one", "two"]
    assert list(load_families([one])) == ["none", "simd", "stream", "engine", "one"]


def test_a_file_is_imported_once_until_it_changes(tmp_path: Path) -> None:
    log = tmp_path / "log"
    seen = f"with Path({str(log)!r}).open('a') as log: log.write('x')"
    text = f"{DECLARED}\n{seen}\n"
    module = written(tmp_path, "unit.py", text + "FAMILY = family('first')\n")
    assert load_families([module])["first"] is load_families([module])["first"]
    assert log.read_text() == "x"

    written(tmp_path, "unit.py", text + "FAMILY = family('second')\n")
    assert list(load_families([module])) == ["none", "simd", "stream", "engine", "second"]


@pytest.mark.parametrize(
    "text",
    [
        "FAMILIES = (family('one'), family('two'))\n",
        "register(family('one'))\nFAMILY = register(family('two'))\n",
    ],
    ids=["declared", "registered"],
)
def test_a_module_may_bring_several(tmp_path: Path, text: str) -> None:
    module = written(tmp_path, "several.py", DECLARED + text)
    assert set(load_families([module])) == {"none", "simd", "stream", "engine", "one", "two"}
    assert set(load_families([module])) == {"none", "simd", "stream", "engine", "one", "two"}, (
        "and again"
    )
    assert list(load_families(())) == ["none", "simd", "stream", "engine"]


def test_a_module_that_registers_may_be_imported_by_hand(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    written(tmp_path, "registers_by_hand.py", DECLARED + "FAMILY = register(family('mine'))\n")
    monkeypatch.syspath_prepend(str(tmp_path))
    importlib.import_module("registers_by_hand")
    assert "mine" not in load_families(())
    assert "mine" in load_families(["registers_by_hand"])


def test_the_file_that_declares_a_family_is_one_of_its_sources(tmp_path: Path) -> None:
    elsewhere = DECLARED.replace("(Path(__file__),)", f"(Path({str(tmp_path)!r}) / 'unit.v',)")
    module = written(tmp_path, "unit.py", elsewhere + "FAMILY = family('mine')\n")
    assert [path.name for path in load_families([module])["mine"].sources] == ["unit.v", "unit.py"]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("FAMILY = 1\n", "has no CFU family under the name FAMILY"),
        ("x = 1\n", "has no CFU family under the name FAMILY"),
        ("import nothing_of_that_name\n", "cannot be imported: ModuleNotFoundError"),
        ("def (\n", "cannot be imported: SyntaxError"),
    ],
    ids=["no family", "nothing", "import", "syntax"],
)
def test_a_broken_module_is_a_clear_error(tmp_path: Path, text: str, message: str) -> None:
    module = tmp_path / f"broken_{abs(hash(text))}.py"
    module.write_text(text)
    with pytest.raises(ConfigError, match=message):
        load_families([str(module)])


def test_a_missing_module_is_a_clear_error(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="cannot be imported"):
        load_families([str(tmp_path / "missing.py")])
    with pytest.raises(ConfigError, match="cannot be imported"):
        load_families(["no.such.module"])
