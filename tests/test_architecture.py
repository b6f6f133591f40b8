import ast
import functools
import graphlib
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from dse.store import Reader

ROOT = Path(__file__).parent.parent
MAY_IMPORT = {
    "contracts": set(),
    "hw_templates": {"contracts"},
    "sw_templates": {"contracts"},
    "runners": {"contracts", "hw_templates", "sw_templates"},
    "dse": {"contracts", "hw_templates", "sw_templates", "runners"},
}


@functools.cache
def tree_of(path: Path) -> ast.Module:
    """Return what a file says; it is read once, because every test here looks at every file."""
    return ast.parse(path.read_text())


def imported_modules(path: Path) -> Iterator[str]:
    for node in ast.walk(tree_of(path)):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module:
            yield node.module


@pytest.mark.parametrize("room", MAY_IMPORT)
def test_imports_point_one_way(room: str) -> None:
    forbidden = set(MAY_IMPORT) - MAY_IMPORT[room] - {room}
    offences = [
        f"{path.relative_to(ROOT)} imports {module}"
        for path in (ROOT / room).rglob("*.py")
        for module in imported_modules(path)
        if module.split(".")[0] in forbidden
    ]
    assert offences == []


DRIVERS = {"sqlalchemy", "sqlite3", "psycopg", "alembic"}


def outside_the_store() -> Iterator[Path]:
    for room in MAY_IMPORT:
        yield from (p for p in (ROOT / room).rglob("*.py") if ROOT / "dse/store" not in p.parents)


def test_only_the_store_touches_the_database() -> None:
    offences = [
        str(path.relative_to(ROOT))
        for path in outside_the_store()
        if any(module.split(".")[0] in DRIVERS for module in imported_modules(path))
    ]
    assert offences == []


STARTS_CHILDREN = {
    "runners/tools/child.py",
    "hw_templates/cfu/verilog_elaboration.py",  # yosys, while a family makes its Verilog
    "dse/dashboard/vendoring/__main__.py",  # npm, which who changes the charts calls by hand
}


def test_child_processes_are_started_and_killed_in_one_place() -> None:
    own = {"Popen", "run", "call", "check_call", "check_output", "killpg", "posix_spawn"}
    of_os = {"os.fork", "os.system", "os.popen", "os.spawnv", "pty.fork"}
    found = {
        path.relative_to(ROOT).as_posix()
        for room in MAY_IMPORT
        for path in (ROOT / room).rglob("*.py")
        for node in ast.walk(tree_of(path))
        if isinstance(node, ast.Call)
        and isinstance(node.func, ast.Attribute)
        and (
            (node.func.attr in own and ast.unparse(node.func.value) in {"subprocess", "os"})
            or node.func.attr == "prctl"
            or ast.unparse(node.func) in of_os
        )
    }
    assert found == STARTS_CHILDREN


def test_no_match_swallows_a_kind_that_was_forgotten() -> None:
    """A ``case _`` refuses: ``assert_never`` where the kinds are ours, else an exception."""
    swallowing = [
        path.relative_to(ROOT).as_posix()
        for room in MAY_IMPORT
        for path in (ROOT / room).rglob("*.py")
        for node in ast.walk(tree_of(path))
        if isinstance(node, ast.Match)
        for case in node.cases
        if is_wildcard(case) and not refuses(case.body)
    ]
    assert swallowing == []


def is_wildcard(case: ast.match_case) -> bool:
    pattern = case.pattern
    return isinstance(pattern, ast.MatchAs) and pattern.pattern is None and case.guard is None


def refuses(body: list[ast.stmt]) -> bool:
    last = body[-1]
    return isinstance(last, ast.Raise) or "assert_never" in ast.dump(last)


CATCHES_EVERYTHING = {
    "runners/executors/trial_process.py",  # the worker loop: becomes the outcome `bug`
    "dse/dashboard/web/app.py",  # a request ends: logged, and answered with the headers of all
    "dse/campaign/asking.py",  # an algorithm may raise anything: it failed, the study goes on
    "dse/suggest/serving.py",  # a search's process: told to its parent, which raises it
    "dse/suggest/vizier_api/study_file.py",  # Vizier raises what its database does
    "hw_templates/cfu/families.py",  # a user's module may raise anything: a configuration fault
    "sw_templates/operator_set.py",  # so may a user's operator
    "runners/measuring/reader.py",  # the same, for a user's file of metrics
}


def test_unexpected_exceptions_are_caught_only_where_something_foreign_or_whole_ends() -> None:
    catching = [
        path.relative_to(ROOT).as_posix()
        for room in MAY_IMPORT
        for path in (ROOT / room).rglob("*.py")
        for node in ast.walk(tree_of(path))
        if isinstance(node, ast.ExceptHandler)
        and isinstance(node.type, ast.Name)
        and node.type.id == "Exception"
    ]
    assert sorted(catching) == sorted(CATCHES_EVERYTHING), "each once, and nowhere else"


_SQL = re.compile(
    r"\b(SELECT\b.+\bFROM|INSERT\s+INTO|UPDATE\s+\w+\s+SET|DELETE\s+FROM|CREATE\s+TABLE|PRAGMA)\b",
    re.DOTALL,
)


def test_statements_of_sql_are_written_in_the_store_alone() -> None:
    offences = [
        f"{path.relative_to(ROOT)}:{node.lineno}"
        for path in outside_the_store()
        for node in ast.walk(tree_of(path))
        if isinstance(node, ast.Constant)
        and isinstance(node.value, str)
        and _SQL.search(node.value)
    ]
    assert offences == []


def test_the_store_hands_out_no_way_to_send_statements() -> None:
    public = {name for name in dir(Reader) if not name.startswith("_")}
    assert not public & {"rows", "execute", "connection", "engine"}


ROOMS_OF = {
    "dse": "campaign commands config dashboard output pareto program results shipped space store"
    " study suggest words",
    "sw_templates": "ahead arena_use boot_program build constants generate graph host layer layers"
    " memory_plan model network operator_set operators options oracle quantise reference soc_map"
    " tensor tflite_file tflite_import tflite_node tflm workload",
    "runners": "boards executors fpga job measuring pipeline prepare reference samples stages tools"
    " vivado"
    " workload",
}


@pytest.mark.parametrize("room", ROOMS_OF)
def test_a_room_has_few_doors(room: str) -> None:
    found = {
        path.stem
        for path in (ROOT / room).iterdir()
        if path.name != "__init__.py" and (path.suffix == ".py" or (path / "__init__.py").exists())
    }
    assert found == set(ROOMS_OF[room].split()), "say in ARCHITECTURE.md what a new one is for"


def test_one_place_knows_where_the_checkout_is() -> None:
    counting = [
        path.relative_to(ROOT).as_posix()
        for room in ("runners", "dse")
        for path in (ROOT / room).rglob("*.py")
        if re.search(r"__file__\).*(\.parent\.parent|parents\[)", path.read_text())
    ]
    assert counting == ["runners/__init__.py"]


def test_hints_name_the_program_as_it_was_called() -> None:
    """``dse.program.name()`` says it: an installed program has no ``python -m dse.study``."""
    said = "python -m dse.study"
    in_code = [
        f"{path.relative_to(ROOT)}:{node.lineno}"
        for path in (ROOT / "dse").rglob("*.py")
        if path.name != "program.py"
        for node in ast.walk(tree_of(path))
        if isinstance(node, ast.Constant) and isinstance(node.value, str)
        if said in node.value and f"``{said}" not in node.value
    ]
    on_pages = [path.name for path in (ROOT / "dse").rglob("*.html") if said in path.read_text()]
    assert in_code + on_pages == []


def imported_at_start(path: Path) -> Iterator[str]:
    """Yield what a module imports when it is imported: not in functions, not for types alone."""
    waiting: list[ast.stmt] = list(tree_of(path).body)
    while waiting:
        node = waiting.pop()
        if isinstance(node, ast.ImportFrom) and node.module:
            yield node.module
            yield from (f"{node.module}.{alias.name}" for alias in node.names)
        elif isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.If) and "TYPE_CHECKING" not in ast.unparse(node.test):
            waiting += [*node.body, *node.orelse]


def test_no_circle_of_imports() -> None:
    modules = {
        path.relative_to(ROOT)
        .with_suffix("")
        .as_posix()
        .replace("/", ".")
        .removesuffix(".__init__"): path
        for room in MAY_IMPORT
        for path in (ROOT / room).rglob("*.py")
    }
    # a package hands on names of its modules; those do not ask the package for them
    needs = {
        name: {
            other
            for other in imported_at_start(path)
            if other in modules and other != name and not other.startswith(f"{name}.")
        }
        for name, path in modules.items()
    }
    order = graphlib.TopologicalSorter(needs)
    order.prepare()  # CycleError names the circle


CLOCKS = ("monotonic", "perf_counter", "process_time", "time", "thread_time")


def measured_times(tree: ast.AST) -> Iterator[int]:
    """Yield the lines of assertions that something took less than so many seconds."""
    for node in ast.walk(tree):
        if not isinstance(node, ast.Assert):
            continue
        for compared in ast.walk(node.test):
            if not isinstance(compared, ast.Compare):
                continue
            reads = any(
                isinstance(part, ast.BinOp)
                and isinstance(part.op, ast.Sub)
                and any(f"time.{clock}()" in ast.unparse(part) for clock in CLOCKS)
                for part in ast.walk(compared)
            )
            if reads and any(isinstance(op, ast.Lt | ast.LtE) for op in compared.ops):
                yield node.lineno


def test_no_test_fails_on_a_busy_machine_because_something_took_long() -> None:
    """Speed is for `benchmarks/`; that something was waited for at least so long is a fact."""
    found = [
        f"{path.relative_to(ROOT)}:{line}"
        for path in sorted((ROOT / "tests").rglob("*.py"))
        if any(f"time.{clock}()" in path.read_text() for clock in CLOCKS)
        for line in measured_times(tree_of(path))
    ]
    assert found == []
    assert list(measured_times(ast.parse("assert time.monotonic() - began_s < 4"))) == [1]
